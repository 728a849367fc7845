//! Removing calls. What they have come to goes with them; folding keeps it (`fold`).

use crate::{PruneError, Store, spans};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::path::Path;

/// Which calls stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So many of each function name, those recorded last, whatever version of the module they are of.
    NewestPerFunction(usize),
    /// Those started at this moment or later, milliseconds since 1970-01-01 UTC.
    StartedSince(u64),
}

impl Store {
    /// Removes all calls but those kept, gives their space back to the file system, and returns how many were removed.
    /// Numbers of calls that stay do not change, and those of calls that went are not given again.
    pub fn prune(&mut self, keep: Keep) -> Result<usize, PruneError> {
        remove(&mut self.connection, keep).map_err(|source| explain(&self.path, source))
    }
}

pub(crate) fn explain(path: &Path, source: rusqlite::Error) -> PruneError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::ReadOnly) => PruneError::ReadOnly { path },
        _ => PruneError::Database { path, source },
    }
}

fn remove(connection: &mut Connection, keep: Keep) -> rusqlite::Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let removed = match keep {
        Keep::NewestPerFunction(newest) => transaction.execute(
            "DELETE FROM calls WHERE id IN (
                SELECT id FROM (
                    SELECT calls.id, row_number() OVER (PARTITION BY name ORDER BY calls.id DESC) AS age
                    FROM calls JOIN functions ON functions.id = calls.function
                ) WHERE age > ?1
            )",
            [i64::try_from(newest).unwrap_or(i64::MAX)],
        )?,
        Keep::StartedSince(unix_ms) => transaction.execute(
            "DELETE FROM calls WHERE started_unix_ms < ?1",
            [i64::try_from(unix_ms).unwrap_or(i64::MAX)],
        )?,
    };
    spans::count_again(&transaction)?;
    for unused in [
        "DELETE FROM functions WHERE id NOT IN (SELECT function FROM spans)",
        "DELETE FROM machines WHERE id NOT IN (SELECT machine FROM calls)",
        "DELETE FROM armed WHERE id NOT IN (SELECT armed FROM calls)",
    ] {
        transaction.execute(unused, ())?;
    }
    transaction.commit()?;
    give_space_back(connection)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
    Ok(removed)
}

/// What rows have left.
pub(crate) fn give_space_back(connection: &Connection) -> rusqlite::Result<()> {
    // One page per row that this statement returns. Readers may hold the log open; then the file shrinks later.
    let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut pages = vacuum.query(())?;
    while pages.next()?.is_some() {}
    drop(pages);
    drop(vacuum);
    Ok(())
}
