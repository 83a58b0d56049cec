-- A scan that was withdrawn may be sent again, byte for byte, and is then a scan of its own. One that was
-- loaded although it was withdrawn keeps its record beside the one sent again. SQLite drops no
-- constraint of a table, so the table is made anew.

CREATE TABLE scan_again (
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
    attempts      INTEGER NOT NULL DEFAULT 0
);
INSERT INTO scan_again
SELECT id, municipality, receipt, received_at, sha256, size_bytes, application, declared_form,
       file_name, state, why, form, pages, page_images, disarmed, findings, stage, stage_rank, round,
       record, news_at, lease_until, attempts
FROM scan;
DROP TABLE scan;
ALTER TABLE scan_again RENAME TO scan;

CREATE INDEX scan_waiting ON scan (received_at) WHERE state = 'received';
CREATE INDEX scan_of_municipality ON scan (municipality, received_at);
CREATE INDEX scan_under_way ON scan (news_at) WHERE state = 'released';
CREATE INDEX scan_withdrawn ON scan (news_at) WHERE state = 'withdrawn';
CREATE INDEX scan_of_bytes ON scan (municipality, sha256);
CREATE UNIQUE INDEX scan_same_bytes ON scan (municipality, sha256)
    WHERE state <> 'withdrawn' AND record IS NULL;
