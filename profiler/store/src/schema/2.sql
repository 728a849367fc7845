-- Version 2: what a call ran on, what was armed and what that cost; pages really written to; stacks.

-- The same for thousands of calls, so each is kept once.
CREATE TABLE machines (
    id        INTEGER PRIMARY KEY,
    processor TEXT NOT NULL,
    kernel    TEXT NOT NULL,
    engine    TEXT NOT NULL,
    UNIQUE (processor, kernel, engine)
) STRICT;
CREATE TABLE armed (
    id     INTEGER PRIMARY KEY,
    -- JSON.
    probes TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO machines (id, processor, kernel, engine) VALUES (1, '', '', '');
INSERT INTO armed (id, probes) VALUES (1, '[]');

-- Made anew, because columns can only be added behind the long ones, and those would then be read on the way.
CREATE TABLE calls_2 (
    -- Never given twice, so that an id a user has written down stays the call it was.
    id                  INTEGER PRIMARY KEY AUTOINCREMENT,
    function            INTEGER NOT NULL REFERENCES functions (id),
    input_label         TEXT    NOT NULL,
    input_digest        TEXT    NOT NULL,
    started_unix_ms     INTEGER NOT NULL,
    limit_memory        INTEGER NOT NULL,
    limit_timeout       INTEGER NOT NULL,
    outcome             TEXT    NOT NULL,
    exit_code           INTEGER,
    failure             TEXT,
    committed_start     INTEGER NOT NULL,
    committed_peak      INTEGER NOT NULL,
    needed              INTEGER NOT NULL,
    refused_count       INTEGER NOT NULL,
    heap                TEXT    NOT NULL,
    live_peak           INTEGER,
    live_at_end         INTEGER,
    allocated_total     INTEGER,
    allocations         INTEGER,
    wall                INTEGER NOT NULL,
    cpu                 INTEGER NOT NULL,
    bytes_in            INTEGER NOT NULL,
    bytes_out           INTEGER NOT NULL,
    contended           INTEGER NOT NULL,
    runtime_base        INTEGER NOT NULL,
    machine             INTEGER NOT NULL REFERENCES machines (id),
    armed               INTEGER NOT NULL REFERENCES armed (id),
    probe_hits          INTEGER NOT NULL,
    probe_host_calls    INTEGER NOT NULL,
    -- Seconds; null where it is no number. Of any type, because a column of floating-point numbers loses the sign of zero.
    probe_cpu           ANY,
    touched_at_end      INTEGER,
    touched_unavailable TEXT,
    -- JSON. The large ones come last: a row is read from its front, and overflow pages behind it are then left alone.
    refusals            TEXT    NOT NULL,
    observations        TEXT    NOT NULL,
    timeline            TEXT    NOT NULL,
    heap_profile        TEXT,
    cpu_profile         TEXT
) STRICT;

INSERT INTO calls_2
SELECT
    id, function, input_label, input_digest, started_unix_ms, limit_memory, limit_timeout, outcome, exit_code, failure,
    committed_start, committed_peak, needed, refused_count, heap, live_peak, live_at_end, allocated_total, allocations,
    wall, cpu, bytes_in, bytes_out, contended, runtime_base, 1, 1, 0, 0, 0.0, NULL, NULL, refusals, observations,
    timeline, NULL, NULL
FROM calls;

-- Numbers of calls that were removed are not given again either.
DELETE FROM sqlite_sequence WHERE name = 'calls_2';
INSERT INTO sqlite_sequence (name, seq) SELECT 'calls_2', seq FROM sqlite_sequence WHERE name = 'calls';
DROP TABLE calls;
ALTER TABLE calls_2 RENAME TO calls;

-- An index also holds the row id, so this one serves "the newest calls of a function" without sorting.
CREATE INDEX calls_by_function ON calls (function);
