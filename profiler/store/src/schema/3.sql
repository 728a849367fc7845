-- Version 3: what only a call has that was served. A table beside the calls, because most columns would be empty for the others.
CREATE TABLE served (
    call          INTEGER PRIMARY KEY REFERENCES calls (id),
    -- As the caller knows it.
    request       TEXT    NOT NULL,
    dialect       TEXT    NOT NULL,
    status        INTEGER NOT NULL,
    cold          INTEGER NOT NULL,
    sized_by      TEXT    NOT NULL,
    granted_first INTEGER NOT NULL,
    granted       INTEGER NOT NULL,
    mispredicted  INTEGER NOT NULL,
    queued        INTEGER NOT NULL,
    init          INTEGER NOT NULL,
    total         INTEGER NOT NULL
) STRICT;

CREATE INDEX served_by_request ON served (request);

-- A call that goes takes this along.
CREATE TRIGGER served_with_call AFTER DELETE ON calls BEGIN
    DELETE FROM served WHERE call = old.id;
END;
