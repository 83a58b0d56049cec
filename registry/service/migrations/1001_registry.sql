-- The registry's tables. Columns ending in _sealed hold personal data, sealed for their row; columns
-- ending in _index hold keyed digests. Everything else is ids, codes and times.

CREATE TABLE account (
    id              TEXT PRIMARY KEY,
    -- Keyed digest of zone, organisation and login: a login is looked up from its own organisation only.
    login_index     TEXT NOT NULL UNIQUE,
    role            TEXT NOT NULL,
    zone            TEXT NOT NULL,
    organisation    TEXT NOT NULL,
    name_sealed     BLOB NOT NULL,
    password_sealed BLOB NOT NULL,
    created_at      INTEGER NOT NULL
);

CREATE TABLE account_grant (
    account_id TEXT NOT NULL REFERENCES account (id),
    programme  TEXT NOT NULL,
    PRIMARY KEY (account_id, programme)
);

-- Failures at signing in, also for logins that do not exist: nobody can tell the two apart.
CREATE TABLE sign_in_failure (
    login_index  TEXT PRIMARY KEY,
    failures     INTEGER NOT NULL,
    locked_until INTEGER NOT NULL,
    last_at      INTEGER NOT NULL
);

CREATE TABLE session (
    -- SHA-256 of the cookie's token. The token itself is stored nowhere.
    token_digest TEXT PRIMARY KEY,
    account_id   TEXT NOT NULL REFERENCES account (id),
    certificate  TEXT NOT NULL,
    opened_at    INTEGER NOT NULL,
    used_at      INTEGER NOT NULL
);

CREATE TABLE person (
    id         TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL
);

CREATE TABLE person_key (
    kind      TEXT NOT NULL,
    key_index TEXT NOT NULL,
    person_id TEXT NOT NULL REFERENCES person (id),
    PRIMARY KEY (kind, key_index, person_id)
);
CREATE INDEX person_key_person ON person_key (person_id, kind);

CREATE TABLE record (
    id             TEXT PRIMARY KEY,
    source         TEXT NOT NULL,
    state          TEXT NOT NULL,
    programme      TEXT NOT NULL,
    number         INTEGER NOT NULL,
    branch         INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    application    TEXT NOT NULL,
    person_id      TEXT NOT NULL REFERENCES person (id),
    -- source = scan
    scan_id        TEXT UNIQUE,
    municipality   TEXT,
    round          INTEGER,
    document       TEXT,
    pages          TEXT,
    page_count     INTEGER NOT NULL DEFAULT 0,
    -- source = online
    account_id     TEXT REFERENCES account (id),
    institution    TEXT,
    entry_token    TEXT,
    -- both
    heading_sealed BLOB NOT NULL,
    answers_sealed BLOB NOT NULL,
    results_sealed BLOB NOT NULL,
    linked_id      TEXT UNIQUE REFERENCES record (id),
    created_at     INTEGER NOT NULL,
    CHECK ((source = 'scan') = (scan_id IS NOT NULL AND municipality IS NOT NULL)),
    CHECK ((source = 'online') = (account_id IS NOT NULL AND institution IS NOT NULL)),
    UNIQUE (account_id, entry_token)
);
CREATE INDEX record_person ON record (person_id);
CREATE INDEX record_municipality ON record (municipality, created_at, id);
CREATE INDEX record_institution ON record (institution, created_at, id);
