//! Folding old calls: they go, and what they have come to stays, a row for each module and day. A slice at a time, so that
//! whoever appends meanwhile waits for one slice at most.

use crate::{PruneError, ReadError, Store, prune, read, spans};
use rusqlite::{Connection, TransactionBehavior};
use std::time::SystemTime;
use trace::FunctionId;

/// Which calls stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// So many of all, those recorded last.
    Newest(usize),
    /// The first one that started at this moment or later, milliseconds since 1970-01-01 UTC, and all that were recorded
    /// after it.
    Since(u64),
}

/// What the folded calls of one module on one day have come to. Sizes are bytes, durations seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// Name and digest.
    pub function: FunctionId,
    /// The day, as its first moment: milliseconds since 1970-01-01 UTC.
    pub day_unix_ms: u64,
    /// How many there were.
    pub calls: u64,
    /// Those of them that succeeded.
    pub succeeded: u64,
    /// Those that failed after a growth of their memory was refused.
    pub limited: u64,
    /// Those that were stopped at their deadline.
    pub timed_out: u64,
    /// CPU time of all of them.
    pub cpu_seconds: f64,
    /// Wall-clock time of all of them.
    pub wall_seconds: f64,
    /// The least, the mean and the most that one of those needed which succeeded; `None` where none has.
    pub needed: Option<(u64, f64, u64)>,
}

const FOLD: &str = "
    INSERT INTO folded
    SELECT
        name, digest, started_unix_ms / 86400000 AS day, count(*), count(*) FILTER (WHERE outcome = 'succeeded'),
        count(*) FILTER (WHERE outcome = 'limited'), count(*) FILTER (WHERE outcome = 'timed_out'), total(cpu),
        total(wall), total(needed) FILTER (WHERE outcome = 'succeeded'), min(needed) FILTER (WHERE outcome = 'succeeded'),
        max(needed) FILTER (WHERE outcome = 'succeeded')
    FROM calls JOIN functions ON functions.id = calls.function
    WHERE calls.id < ?1
    GROUP BY name, digest, day
    ON CONFLICT DO UPDATE SET
        calls = calls + excluded.calls, succeeded = succeeded + excluded.succeeded, limited = limited + excluded.limited,
        timed_out = timed_out + excluded.timed_out, cpu = cpu + excluded.cpu, wall = wall + excluded.wall,
        needed = needed + excluded.needed,
        needed_min = coalesce(min(needed_min, excluded.needed_min), needed_min, excluded.needed_min),
        needed_max = coalesce(max(needed_max, excluded.needed_max), needed_max, excluded.needed_max)";

impl Store {
    /// Folds the oldest of the calls that are not to stay, at most so many, and gives their space back to the file system.
    /// Returns how many they were: where that is `most`, there may be more. What calls had in common stays, until
    /// [`Store::prune`] is asked.
    pub fn fold(&mut self, stay: Stay, most: usize) -> Result<usize, PruneError> {
        let folded = fold(&mut self.connection, stay, most);
        folded.map_err(|source| prune::explain(&self.path, source))
    }

    /// What calls have come to that were folded, by function name and day.
    pub fn folded(&self, function: Option<&str>) -> Result<Vec<Folded>, ReadError> {
        let all = self.connection.prepare_cached(
            "SELECT
                name, digest, day, calls, succeeded, limited, timed_out, cpu, wall, needed, needed_min, needed_max
            FROM folded WHERE ?1 IS NULL OR name = ?1 ORDER BY name, day, digest",
        );
        let rows = all.and_then(|mut all| {
            let rows = all.query_map([function], |row| {
                let unsigned = |at| read::unsigned(row, at);
                let succeeded = unsigned(4)?;
                let needed: f64 = row.get(9)?;
                let ends: (Option<i64>, Option<i64>) = (row.get(10)?, row.get(11)?);
                Ok(Folded {
                    function: read::function_of(row, 0)?,
                    day_unix_ms: unsigned(2)?.saturating_mul(86_400_000),
                    calls: unsigned(3)?,
                    succeeded,
                    limited: unsigned(5)?,
                    timed_out: unsigned(6)?,
                    cpu_seconds: row.get::<_, f64>(7)? / 1e9,
                    wall_seconds: row.get::<_, f64>(8)? / 1e9,
                    needed: match ends {
                        (Some(least), Some(most)) => {
                            Some((least as u64, needed / succeeded as f64, most as u64))
                        }
                        _ => None,
                    },
                })
            })?;
            rows.collect()
        });
        rows.map_err(|source| read::database(&self.path, source))
    }

    /// Bytes of the file that hold something, the log included, whoever may keep the rest from being given back.
    pub fn used_bytes(&self) -> Result<u64, ReadError> {
        let pragma = |name| -> rusqlite::Result<u64> {
            self.connection
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0).map(|n| n as u64))
        };
        let used = || {
            Ok(
                pragma("page_count")?.saturating_sub(pragma("freelist_count")?)
                    * pragma("page_size")?,
            )
        };
        used().map_err(|source| read::database(&self.path, source))
    }

    /// Number of recorded calls, those that were folded not among them.
    pub fn calls(&self) -> Result<usize, ReadError> {
        spans::calls(&self.connection)
            .map(|calls| calls as usize)
            .map_err(|source| read::database(&self.path, source))
    }
}

fn fold(connection: &mut Connection, stay: Stay, most: usize) -> rusqlite::Result<usize> {
    let signed = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Behind the last one that goes. Only the oldest are looked at, however many there are.
    let end: Option<i64> = match stay {
        Stay::Newest(newest) => {
            let excess = spans::calls(&transaction)?.saturating_sub(signed(newest));
            transaction.query_row(
                "SELECT max(id) + 1 FROM (SELECT id FROM calls ORDER BY id LIMIT ?1)",
                [excess.clamp(0, signed(most))],
                |row| row.get(0),
            )?
        }
        Stay::Since(unix_ms) => transaction.query_row(
            "WITH oldest AS (SELECT id, started_unix_ms AS started FROM calls ORDER BY id LIMIT ?2)
            SELECT max(id) + 1 FROM oldest WHERE id < coalesce(
                (SELECT min(id) FROM oldest WHERE started BETWEEN ?1 AND ?3), 9223372036854775807
            )",
            // What started in the future did so by a clock that was wrong.
            [
                i64::try_from(unix_ms).unwrap_or(i64::MAX),
                signed(most),
                unix_ms_now(),
            ],
            |row| row.get(0),
        )?,
    };
    let Some(end) = end else {
        return Ok(0);
    };
    transaction.execute(FOLD, [end])?;
    let removed = transaction.execute("DELETE FROM calls WHERE id < ?1", [end])?;
    spans::begin_at(&transaction, end)?;
    transaction.commit()?;
    prune::give_space_back(connection)?;
    Ok(removed)
}

fn unix_ms_now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(i64::MAX, |since| since.as_millis() as i64)
}
