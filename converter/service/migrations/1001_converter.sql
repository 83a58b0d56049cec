-- Documents, lots and returns: ids, codes, digests and numbers only, nothing about a person.

CREATE TABLE document (
    scan_id       TEXT PRIMARY KEY,
    state         TEXT NOT NULL,
    round         INTEGER NOT NULL,
    lot_id        TEXT,
    digest        TEXT,
    form          TEXT NOT NULL,
    application   TEXT NOT NULL,
    municipality  TEXT NOT NULL,
    pages         TEXT NOT NULL,
    page_count    INTEGER NOT NULL,
    waiting_since INTEGER NOT NULL,
    -- The last event told about the document, so that it can be told again.
    news          TEXT,
    news_at       INTEGER
);
CREATE INDEX document_waiting ON document (application, waiting_since) WHERE state = 'pending';

-- News that arrived before the document itself.
CREATE TABLE early_news (
    scan_id TEXT PRIMARY KEY,
    kind    TEXT NOT NULL
);

CREATE TABLE lot (
    id          TEXT PRIMARY KEY,
    day         TEXT NOT NULL,
    serial      INTEGER NOT NULL,
    number      TEXT NOT NULL UNIQUE,
    form        TEXT NOT NULL,
    state       TEXT NOT NULL,
    contractor  TEXT,
    lease_until INTEGER,
    sealed_at   INTEGER NOT NULL,
    due         TEXT NOT NULL,
    manifest    TEXT NOT NULL,
    UNIQUE (day, serial)
);
CREATE INDEX lot_open ON lot (sealed_at) WHERE state <> 'closed';

CREATE TABLE lot_document (
    lot_id  TEXT NOT NULL REFERENCES lot (id),
    scan_id TEXT NOT NULL REFERENCES document (scan_id),
    place   INTEGER NOT NULL,
    round   INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (lot_id, scan_id)
);
CREATE INDEX lot_document_scan ON lot_document (scan_id);

CREATE TABLE lot_return (
    id          TEXT PRIMARY KEY,
    lot_id      TEXT NOT NULL REFERENCES lot (id),
    contractor  TEXT NOT NULL,
    digest      TEXT NOT NULL,
    extent      TEXT NOT NULL,
    size_bytes  INTEGER NOT NULL,
    state       TEXT NOT NULL,
    -- The finding that made the return unreadable as a whole.
    why         TEXT,
    -- Forms that do not say which document they are.
    nameless    INTEGER NOT NULL DEFAULT 0,
    received_at INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    retry_at    INTEGER NOT NULL,
    UNIQUE (lot_id, contractor, digest, extent)
);
CREATE INDEX lot_return_waiting ON lot_return (received_at) WHERE state = 'received';

CREATE TABLE verdict (
    return_id TEXT NOT NULL REFERENCES lot_return (id),
    place     INTEGER NOT NULL,
    scan_id   TEXT NOT NULL,
    round     INTEGER NOT NULL,
    verdict   TEXT NOT NULL,
    findings  TEXT NOT NULL,
    PRIMARY KEY (return_id, place)
);
