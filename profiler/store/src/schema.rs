//! The versions of the file's schema, and the steps from each to the next. A step that has been released is never
//! edited: a change is a new step at the end of the list, and a stored file of the old version among the tests.

use rusqlite::{Connection, TransactionBehavior};

/// Marks a file as one of recorded calls, in its header (SQLite's `application_id`): the letters `Fthm`.
pub(crate) const APPLICATION_ID: u32 = 0x4674_686d;

/// Step `i` brings a file from version `i` to version `i + 1`; version 0 is an empty file.
pub(crate) const STEPS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
];

/// The newest version understood.
pub(crate) const KNOWN: u32 = STEPS.len() as u32;

/// The version a file is at.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a file to the last of `steps` in one transaction: an interruption leaves the version it had.
pub(crate) fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Read again under the lock: another process may have just done it.
    let from = version(&transaction)?;
    for step in steps.iter().skip(from as usize) {
        transaction.execute_batch(step)?;
    }
    let to = steps.len() as u32;
    if from < to {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", to)?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [&str; 2] = [
        "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1);",
        "ALTER TABLE t ADD COLUMN b INTEGER; UPDATE t SET b = a + 1;",
    ];

    #[test]
    fn only_the_missing_steps_are_taken() {
        let mut connection = Connection::open_in_memory().unwrap();
        for (steps, expected) in [(&STEPS[..1], 1), (&STEPS[..], 2), (&STEPS[..], 2)] {
            migrate(&mut connection, steps).unwrap();
            assert_eq!(version(&connection).unwrap(), expected);
        }
        let row = connection
            .query_row("SELECT a, b FROM t", (), |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
            .unwrap();
        assert_eq!(row, (1, 2));
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &STEPS[..1]).unwrap();
        let broken = [
            STEPS[0],
            "ALTER TABLE t ADD COLUMN b INTEGER; SELECT * FROM missing;",
        ];
        assert!(migrate(&mut connection, &broken).is_err());
        assert_eq!(version(&connection).unwrap(), 1);
        assert!(connection.prepare("SELECT b FROM t").is_err());
    }
}
