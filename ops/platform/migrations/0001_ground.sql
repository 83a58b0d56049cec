-- What every component's database stands on: outbox, inbox, audit chain.

CREATE TABLE outbox (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    body       TEXT NOT NULL,
    published  INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX outbox_waiting ON outbox (sequence) WHERE published = 0;

CREATE TABLE inbox (
    message_id TEXT PRIMARY KEY,
    handled_at INTEGER NOT NULL
);

CREATE TABLE audit_entry (
    sequence INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    actor    TEXT NOT NULL,
    action   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    detail   TEXT NOT NULL,
    digest   TEXT NOT NULL
);
CREATE INDEX audit_entry_subject ON audit_entry (subject);

CREATE TABLE audit_head (
    chain   TEXT PRIMARY KEY,
    entries INTEGER NOT NULL,
    digest  TEXT NOT NULL,
    seal    TEXT NOT NULL
);
