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
