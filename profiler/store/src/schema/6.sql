-- Version 6: from phase to phase. Of a name, whatever module it had: calls that were folded or removed do not take it with them.
CREATE TABLE phase_changes (
    function TEXT    NOT NULL,
    unix_ms  INTEGER NOT NULL,
    phase    TEXT    NOT NULL,
    why      TEXT    NOT NULL
) STRICT;

CREATE INDEX phase_changes_by_function ON phase_changes (function);
