//! Which calls are whose: a row for the calls of one function that were recorded one after another, of which there is one at
//! least in each. Not here: the calls themselves.

use crate::Filter;
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
        if let Some(served) = &trace.served
            && ascends(&served.id)
        {
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

/// Whether an id of a request is in the order of time, as those are that we give: UUIDs of version 7. SQL says the same, see
/// `schema/5.sql`.
fn ascends(request: &str) -> bool {
    let has_dash = |at| matches!(at, 8 | 13 | 18 | 23);
    request.chars().count() == 36
        && request.chars().enumerate().all(|(at, letter)| match at {
            14 => letter == '7',
            at => !has_dash(at) || letter == '-',
        })
}

/// The calls among which those are that a filter chooses, as `calls` of a query; and what more it has to ask of them.
pub(crate) fn among(filter: &Filter) -> (String, Vec<&'static str>) {
    let mut of_span = Vec::new();
    let mut of_call = Vec::new();
    if filter.function.is_some() {
        of_span.push("function IN (SELECT id FROM functions WHERE name = :name)");
    }
    if filter.digest.is_some() {
        of_span.push("function IN (SELECT id FROM functions WHERE digest = :digest)");
    }
    if filter.ids.is_some() {
        of_call.push("calls.id IN (SELECT value FROM json_each(:ids))");
    }
    match &filter.request {
        Some(request) if ascends(request) => {
            of_span.push("last_request >= :request AND first_request <= :request");
            // Not by an index that would have to be made for that: by the span.
            of_call.push("+calls.request = :request");
        }
        // The index is that of exactly these.
        Some(_) => of_call.push(
            "calls.request = :request AND request NOT GLOB '????????-????-7???-????-????????????'",
        ),
        None => {}
    }
    if of_span.is_empty() {
        return ("calls".to_owned(), of_call);
    }
    // So many spans as have so many calls, which are no more spans than calls; but where only some calls of a span are chosen.
    let (spans, newest) = match of_call.is_empty() {
        true => (
            "ORDER BY last DESC LIMIT :newest",
            "WHERE :newest < 0 OR newer < :newest",
        ),
        false => ("", ""),
    };
    let of_span = of_span.join(" AND ");
    let calls = format!(
        "(
            SELECT first, last FROM (
                SELECT first, last, sum(calls) OVER (ORDER BY last DESC) - calls AS newer
                FROM (SELECT first, last, calls FROM spans WHERE {of_span} {spans})
            ) {newest}
        ) AS span
        CROSS JOIN calls ON calls.id BETWEEN span.first AND span.last"
    );
    (calls, of_call)
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
    connection.execute(
        "DELETE FROM spans WHERE last = (SELECT min(last) FROM spans) AND calls = 0",
        (),
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
