//! Which calls are whose: a row for the calls of one function that were recorded one after another. Not here: asking it,
//! which is part of choosing calls (`read`).

use rusqlite::Connection;
use trace::Trace;

/// A span that is being appended.
pub(crate) struct Span<'a> {
    first: i64,
    last: i64,
    function: i64,
    /// The least and the greatest.
    requests: Option<(&'a str, &'a str)>,
}

impl<'a> Span<'a> {
    /// One without calls, of which the first will have this number.
    pub(crate) fn empty(first: i64, function: i64) -> Span<'a> {
        Span {
            first,
            last: first - 1,
            function,
            requests: None,
        }
    }

    pub(crate) fn is_of(&self, function: i64) -> bool {
        self.function == function
    }

    /// Takes the next call, and returns its number.
    pub(crate) fn take(&mut self, trace: &'a Trace) -> i64 {
        if let Some(served) = &trace.served {
            let id = served.id.as_str();
            let (least, greatest) = self.requests.unwrap_or((id, id));
            self.requests = Some((least.min(id), greatest.max(id)));
        }
        self.last += 1;
        self.last
    }

    pub(crate) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let insert = "
            INSERT INTO spans (last, first, function, calls, first_request, last_request)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (first_request, last_request) = self.requests.unzip();
        let calls = self.last + 1 - self.first;
        connection.prepare_cached(insert)?.execute((
            self.last,
            self.first,
            self.function,
            calls,
            first_request,
            last_request,
        ))?;
        Ok(())
    }
}

/// The number of the next call.
pub(crate) fn next(connection: &Connection) -> rusqlite::Result<i64> {
    // SQLite remembers the greatest `last` there has ever been.
    let next = "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'spans'";
    connection
        .prepare_cached(next)?
        .query_row((), |row| row.get(0))
}

/// Number of recorded calls.
pub(crate) fn calls(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(sum(calls), 0) FROM spans", (), |row| {
        row.get(0)
    })
}

/// All calls before this one have gone.
pub(crate) fn begin_at(connection: &Connection, first: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM spans WHERE last < ?1", [first])?;
    connection.execute(
        "UPDATE spans SET first = ?1, calls = (SELECT count(*) FROM calls WHERE id BETWEEN ?1 AND last)
        WHERE last = (SELECT min(last) FROM spans) AND first < ?1",
        [first],
    )?;
    Ok(())
}

/// Any calls may have gone.
pub(crate) fn count_again(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "UPDATE spans SET calls = (SELECT count(*) FROM calls WHERE id BETWEEN first AND last);
        DELETE FROM spans WHERE calls = 0;",
    )
}
