//! From phase to phase: what has become of a function's plan, for longer than one server lives. What the phases are is not known
//! here.

use crate::{AppendError, ReadError, Store, read};
use rusqlite::{Connection, TransactionBehavior, params};
use trace::PhaseChange;

/// Changes kept of a function, the newest.
const KEPT: i64 = 100;

impl Store {
    /// Records that the function of this name has gone from one phase to another, and forgets the oldest change of more than 100.
    pub fn append_phase_change(
        &mut self,
        function: &str,
        change: &PhaseChange,
    ) -> Result<(), AppendError> {
        append(&mut self.connection, function, change).map_err(|source| self.explain_append(source))
    }

    /// The changes of the function of this name, oldest first.
    pub fn phase_changes(&self, function: &str) -> Result<Vec<PhaseChange>, ReadError> {
        let all = self.connection.prepare_cached(
            "SELECT unix_ms, phase, why FROM phase_changes WHERE function = ?1 ORDER BY rowid",
        );
        let changes = all.and_then(|mut all| {
            let changes = all.query_map([function], |row| {
                Ok(PhaseChange {
                    unix_ms: read::unsigned(row, 0)?,
                    to: row.get(1)?,
                    why: row.get(2)?,
                })
            })?;
            changes.collect()
        });
        changes.map_err(|source| read::database(&self.path, source))
    }
}

fn append(
    connection: &mut Connection,
    function: &str,
    change: &PhaseChange,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(
        "INSERT INTO phase_changes VALUES (?1, ?2, ?3, ?4)",
        params![function, change.unix_ms as i64, change.to, change.why],
    )?;
    transaction.execute(
        "DELETE FROM phase_changes WHERE rowid IN (
            SELECT rowid FROM phase_changes WHERE function = ?1 ORDER BY rowid DESC LIMIT -1 OFFSET ?2
        )",
        params![function, KEPT],
    )?;
    transaction.commit()
}
