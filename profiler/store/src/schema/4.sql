-- Version 4: a variable at a breakpoint, kept once and named by its number. Their names are longer than what is observed.
-- Observations that begin with `[{` are of before and say the names themselves; so does an observation for which there is
-- no number here.
CREATE TABLE places (
    id         INTEGER PRIMARY KEY,
    variable   TEXT NOT NULL,
    -- JSON.
    breakpoint TEXT NOT NULL,
    UNIQUE (variable, breakpoint)
) STRICT;

-- What has become of calls that were folded: those of one module on one day, in a few numbers. Sizes are bytes, durations
-- nanoseconds; of memory only calls that succeeded tell, for the others needed more than they had.
CREATE TABLE folded (
    name       TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    -- Days since 1970-01-01 UTC.
    day        INTEGER NOT NULL,
    calls      INTEGER NOT NULL,
    succeeded  INTEGER NOT NULL,
    limited    INTEGER NOT NULL,
    timed_out  INTEGER NOT NULL,
    -- Sums, which may be beyond integers.
    cpu        REAL    NOT NULL,
    wall       REAL    NOT NULL,
    needed     REAL    NOT NULL,
    needed_min INTEGER,
    needed_max INTEGER,
    PRIMARY KEY (name, digest, day)
) STRICT, WITHOUT ROWID;
