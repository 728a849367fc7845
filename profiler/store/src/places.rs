//! Variables at breakpoints, as those who append know them: each is kept once in the file, and a call names it by its
//! number. Rows are only ever added, so a number that is known stays what it was. Not here: reading them (`shared`).

use rusqlite::{Connection, TransactionBehavior};
use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};
use trace::{Breakpoint, Observed};

/// Who calls may choose names: the fields of a JSON body are variables. Beyond so many, names are kept with each call.
const MOST: usize = 20_000;

/// A longer name is kept with each call, bytes.
const LONGEST: usize = 256;

/// The numbers of those known so far.
#[derive(Debug, Default)]
pub(crate) struct Places {
    numbers: HashMap<Breakpoint, HashMap<String, i64>>,
    known: usize,
    /// Whether those of the file are here.
    read: bool,
}

/// The numbers of what a call has observed, in its order; `None` where its names are kept with the call.
pub(crate) type Numbers = Rc<[Option<i64>]>;

impl Places {
    /// The numbers of these.
    pub(crate) fn numbers(&self, observed: &[Observed]) -> Numbers {
        observed.iter().map(|one| self.number(one)).collect()
    }

    /// The number of a variable at its breakpoint, where it has one.
    fn number(&self, observed: &Observed) -> Option<i64> {
        let here = self.numbers.get(&observed.breakpoint)?;
        here.get(&observed.variable).copied()
    }

    /// Gives numbers to those that have none, as far as there are any left.
    pub(crate) fn learn<'o>(
        &mut self,
        connection: &mut Connection,
        observed: impl Iterator<Item = &'o Observed>,
    ) -> rusqlite::Result<()> {
        let mut unknown: Vec<&Observed> = observed
            // First: of nearly all the number is known.
            .filter(|observed| self.number(observed).is_none())
            .filter(|observed| observed.variable.len() <= LONGEST)
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        if !self.read {
            self.read_all(connection)?;
            unknown.retain(|observed| self.number(observed).is_none());
        }
        let mut seen = HashSet::new();
        let mut chosen = self.numbers.get(&Breakpoint::Input).map_or(0, HashMap::len);
        unknown.retain(|observed| {
            let is_new = seen.insert((&observed.breakpoint, &observed.variable));
            // Names that calls have chosen leave some numbers to those of the guests.
            let is_chosen = observed.breakpoint == Breakpoint::Input;
            let has_room = is_new && (!is_chosen || chosen < MOST / 2);
            chosen += usize::from(has_room && is_chosen);
            has_room
        });
        unknown.truncate(MOST.saturating_sub(self.known));
        if unknown.is_empty() {
            return Ok(());
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut added = Vec::with_capacity(unknown.len());
        {
            // Another process may have added it meanwhile.
            let mut insert = transaction.prepare_cached(
                "INSERT INTO places (variable, breakpoint) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET variable = ?1 RETURNING id",
            )?;
            for observed in unknown {
                let breakpoint = serde_json::to_string(&observed.breakpoint)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
                let row = (&observed.variable, breakpoint);
                added.push((observed, insert.query_row(row, |row| row.get(0))?));
            }
        }
        transaction.commit()?;
        for (observed, number) in added {
            self.add(
                observed.variable.clone(),
                observed.breakpoint.clone(),
                number,
            );
        }
        Ok(())
    }

    fn read_all(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare("SELECT variable, breakpoint, id FROM places")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let breakpoint = row.get_ref("breakpoint")?.as_str()?;
            // What makes no sense gives no number.
            if let Ok(breakpoint) = serde_json::from_str(breakpoint) {
                self.add(row.get("variable")?, breakpoint, row.get("id")?);
            }
        }
        self.read = true;
        Ok(())
    }

    fn add(&mut self, variable: String, breakpoint: Breakpoint, number: i64) {
        let here = self.numbers.entry(breakpoint).or_default();
        if here.insert(variable, number).is_none() {
            self.known += 1;
        }
    }
}
