-- Uploads, scans and their history. Ids, codes, digests and numbers in the clear; file names sealed.

CREATE TABLE upload (
    id              TEXT PRIMARY KEY,
    municipality    TEXT NOT NULL,
    device          TEXT NOT NULL,
    length          INTEGER NOT NULL,
    declared_sha256 TEXT,
    application     TEXT NOT NULL,
    declared_form   TEXT,
    file_name       BLOB,
    created_at      INTEGER NOT NULL,
    state           TEXT NOT NULL, -- open, complete, removed
    scan            TEXT           -- the scan it became, or the earlier scan of the same bytes
);
CREATE INDEX upload_open ON upload (municipality) WHERE state = 'open';

CREATE TABLE receipt_serial (
    day    TEXT PRIMARY KEY,
    serial INTEGER NOT NULL
);

CREATE TABLE scan (
    id            TEXT PRIMARY KEY,
    municipality  TEXT NOT NULL,
    receipt       TEXT NOT NULL UNIQUE,
    received_at   INTEGER NOT NULL,
    sha256        TEXT NOT NULL,
    size_bytes    INTEGER NOT NULL,
    application   TEXT NOT NULL,
    declared_form TEXT,
    file_name     BLOB,
    state         TEXT NOT NULL, -- received, released, refused, withdrawn
    why           TEXT,
    form          TEXT,
    pages         INTEGER NOT NULL DEFAULT 0,
    page_images   TEXT,
    disarmed      INTEGER NOT NULL DEFAULT 0,
    findings      TEXT,
    stage         TEXT,
    stage_rank    INTEGER NOT NULL DEFAULT 0,
    round         INTEGER NOT NULL DEFAULT 0,
    record        TEXT,
    news_at       INTEGER NOT NULL,
    lease_until   INTEGER NOT NULL DEFAULT 0,
    attempts      INTEGER NOT NULL DEFAULT 0,
    UNIQUE (municipality, sha256)
);
CREATE INDEX scan_waiting ON scan (received_at) WHERE state = 'received';
CREATE INDEX scan_of_municipality ON scan (municipality, received_at);
CREATE INDEX scan_under_way ON scan (news_at) WHERE state = 'released';

CREATE TABLE scan_history (
    scan       TEXT NOT NULL,
    message_id TEXT NOT NULL,
    at         INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    detail     TEXT NOT NULL,
    PRIMARY KEY (scan, message_id)
);
