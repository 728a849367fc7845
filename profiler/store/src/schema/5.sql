-- Version 5: what nobody asks the database for by name goes into one list, and a row has a third of the columns: with them
-- recording a call took twice the time.
CREATE TABLE calls_5 (
    -- Ascending, given by whoever appends: one more than the last of all spans there have ever been.
    id              INTEGER PRIMARY KEY,
    function        INTEGER NOT NULL REFERENCES functions (id),
    started_unix_ms INTEGER NOT NULL,
    outcome         TEXT    NOT NULL,
    needed          INTEGER NOT NULL,
    live_peak       INTEGER,
    wall            INTEGER NOT NULL,
    cpu             INTEGER NOT NULL,
    machine         INTEGER NOT NULL REFERENCES machines (id),
    armed           INTEGER NOT NULL REFERENCES armed (id),
    -- As the caller knows it; null where it was not served.
    request         TEXT,
    input_label     TEXT    NOT NULL,
    -- JSON: everything else that is one number, or a short text.
    facts           TEXT    NOT NULL,
    -- JSON. The large ones come last: a row is read from its front, and overflow pages behind it are then left alone.
    observations    TEXT    NOT NULL,
    timeline        TEXT    NOT NULL,
    heap_profile    TEXT,
    cpu_profile     TEXT
) STRICT;

INSERT INTO calls_5
SELECT
    id, function, started_unix_ms, outcome, needed, live_peak, wall, calls.cpu, machine, armed, request, input_label,
    json_array(
        input_digest, limit_memory, limit_timeout, exit_code, failure, committed_start, committed_peak, json(refusals),
        refused_count,
        json(CASE heap
            WHEN 'live' THEN json_array(live_peak, live_at_end, allocations)
            WHEN 'allocated_only' THEN json_array(allocated_total, allocations)
            ELSE '[]'
        END),
        bytes_in, bytes_out, json(iif(contended, 'true', 'false')), runtime_base, probe_hits, probe_host_calls,
        -- Text that gives the very same number.
        CASE WHEN probe_cpu IS NULL THEN 'NaN' ELSE format('%!.17g', probe_cpu) END,
        coalesce(touched_unavailable, touched_at_end),
        json(CASE WHEN request IS NOT NULL THEN json_array(
            dialect, status, json(iif(cold, 'true', 'false')), sized_by, granted_first, granted,
            json(iif(mispredicted, 'true', 'false')), queued, init, total
        ) END)
    ),
    observations, timeline, heap_profile, cpu_profile
FROM calls LEFT JOIN served ON served.call = calls.id
ORDER BY id;

-- Calls of one function that were recorded one after another. An index of single calls costs as much as the calls do;
-- this one has a row for each function in a transaction.
CREATE TABLE spans (
    -- The number of the last call. What was here once is remembered, so that no number is given twice.
    last          INTEGER PRIMARY KEY AUTOINCREMENT,
    first         INTEGER NOT NULL,
    function      INTEGER NOT NULL REFERENCES functions (id),
    -- How many there are.
    calls         INTEGER NOT NULL,
    -- The least and the greatest of the ids of requests that we gave, which ascend with time; null where there is none.
    first_request TEXT,
    last_request  TEXT
) STRICT;

INSERT INTO spans
SELECT id, id, function, 1, ours, ours
FROM (SELECT id, function, iif(request GLOB '????????-????-7???-????-????????????', request, NULL) AS ours FROM calls_5) ORDER BY id;
DELETE FROM sqlite_sequence WHERE name = 'spans';
INSERT INTO sqlite_sequence (name, seq) SELECT 'spans', seq FROM sqlite_sequence WHERE name = 'calls';

DROP TABLE served;
DROP TABLE calls;
ALTER TABLE calls_5 RENAME TO calls;

-- An index also holds the row id, so this one serves "the newest calls of a function" without sorting.
CREATE INDEX spans_by_function ON spans (function);
CREATE INDEX spans_by_request ON spans (last_request, first_request);

-- Ids that callers gave are in no order, so each of them has a row. Ours are UUIDs of version 7.
CREATE INDEX calls_by_given_request ON calls (request)
WHERE request NOT GLOB '????????-????-7???-????-????????????';
