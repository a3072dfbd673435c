-- What `version` counts is every change of pupils or schools. `traces` is the version of the numbers that rows are found by.
CREATE TABLE register (
    only_one BIGINT PRIMARY KEY CHECK (only_one = 1),
    format BIGINT NOT NULL,
    traces BIGINT NOT NULL,
    version BIGINT NOT NULL
);
INSERT INTO register (only_one, format, traces, version) VALUES (1, 1, 0, 0);

CREATE TABLE imports (
    municipality TEXT PRIMARY KEY,
    imported_at TEXT NOT NULL
);

CREATE TABLE enrolments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    municipality TEXT NOT NULL,
    row_digest BLOB NOT NULL UNIQUE,
    child BIGINT NOT NULL,
    by_given_name BIGINT,
    by_own_surname BIGINT NOT NULL,
    by_whole_surname BIGINT NOT NULL,
    given_names TEXT NOT NULL,
    prefix TEXT NOT NULL,
    surname TEXT NOT NULL,
    born TEXT NOT NULL,
    school TEXT,
    host TEXT,
    secret BIGINT NOT NULL,
    first_day TEXT,
    last_day TEXT
);
CREATE INDEX enrolments_by_given_name ON enrolments (by_given_name);
CREATE INDEX enrolments_by_own_surname ON enrolments (by_own_surname);
CREATE INDEX enrolments_by_whole_surname ON enrolments (by_whole_surname);

CREATE TABLE schools (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    sector TEXT,
    municipality TEXT NOT NULL,
    mailbox TEXT,
    covenant_signed_on TEXT,
    contact TEXT,
    backup TEXT,
    left_on TEXT,
    merged_into TEXT,
    merged_on TEXT
);
