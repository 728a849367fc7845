-- Version 1: one row per call. The numbers are columns, so that they can be asked for without decoding anything.
-- Sizes are bytes, durations nanoseconds, moments milliseconds since 1970-01-01 UTC.
CREATE TABLE functions (
    id     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL,
    digest TEXT NOT NULL,
    UNIQUE (name, digest)
) STRICT;

CREATE TABLE calls (
    -- Never given twice, so that an id a user has written down stays the call it was.
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    function        INTEGER NOT NULL REFERENCES functions (id),
    input_label     TEXT    NOT NULL,
    input_digest    TEXT    NOT NULL,
    started_unix_ms INTEGER NOT NULL,
    limit_memory    INTEGER NOT NULL,
    limit_timeout   INTEGER NOT NULL,
    outcome         TEXT    NOT NULL,
    exit_code       INTEGER,
    failure         TEXT,
    committed_start INTEGER NOT NULL,
    committed_peak  INTEGER NOT NULL,
    needed          INTEGER NOT NULL,
    refused_count   INTEGER NOT NULL,
    heap            TEXT    NOT NULL,
    live_peak       INTEGER,
    live_at_end     INTEGER,
    allocated_total INTEGER,
    allocations     INTEGER,
    wall            INTEGER NOT NULL,
    cpu             INTEGER NOT NULL,
    bytes_in        INTEGER NOT NULL,
    bytes_out       INTEGER NOT NULL,
    contended       INTEGER NOT NULL,
    runtime_base    INTEGER NOT NULL,
    -- JSON. The large ones come last: a row is read from its front, and overflow pages behind it are then left alone.
    refusals        TEXT    NOT NULL,
    observations    TEXT    NOT NULL,
    timeline        TEXT    NOT NULL
) STRICT;

-- An index also holds the row id, so this one serves "the newest calls of a function" without sorting.
CREATE INDEX calls_by_function ON calls (function);
