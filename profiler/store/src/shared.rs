//! What many calls have in common and is kept once: read once, too. Not here: how it gets there (`append`).

use crate::{read::RowError, wire};
use rusqlite::{Connection, OptionalExtension};
use std::{collections::HashMap, sync::Arc};
use trace::{Breakpoint, Machine, Observed, PlannedProbe};

/// Rows already read, by their ids.
pub(crate) struct Shared<'a> {
    connection: &'a Connection,
    machines: HashMap<i64, Machine>,
    armed: HashMap<i64, Arc<[PlannedProbe]>>,
    places: HashMap<i64, (String, Breakpoint)>,
}

impl Shared<'_> {
    pub(crate) fn new(connection: &Connection) -> Shared<'_> {
        Shared {
            connection,
            machines: HashMap::new(),
            armed: HashMap::new(),
            places: HashMap::new(),
        }
    }

    pub(crate) fn machine(&mut self, id: i64) -> Result<Machine, RowError> {
        if let Some(machine) = self.machines.get(&id) {
            return Ok(machine.clone());
        }
        let machine = self
            .connection
            .prepare_cached("SELECT processor, kernel, engine FROM machines WHERE id = ?1")?
            .query_row([id], |row| {
                Ok(Machine {
                    processor: row.get(0)?,
                    kernel: row.get(1)?,
                    engine: row.get(2)?,
                })
            })
            .optional()?
            .ok_or(RowError::Shared("machine"))?;
        self.machines.insert(id, machine.clone());
        Ok(machine)
    }

    pub(crate) fn armed(&mut self, id: i64) -> Result<Arc<[PlannedProbe]>, RowError> {
        if let Some(armed) = self.armed.get(&id) {
            return Ok(armed.clone());
        }
        let text: String = self
            .connection
            .prepare_cached("SELECT probes FROM armed WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?
            .ok_or(RowError::Shared("list of probes"))?;
        let armed: Arc<[PlannedProbe]> = wire::decode_armed(&text)?.into();
        self.armed.insert(id, armed.clone());
        Ok(armed)
    }

    /// The observations of a row, with the names that they have elsewhere.
    pub(crate) fn observations(&mut self, text: &str) -> Result<Vec<Observed>, RowError> {
        match wire::decode_observations(text)? {
            wire::Observations::Named(observed) => Ok(observed),
            wire::Observations::Numbered(observed) => observed
                .into_iter()
                .map(|observed| {
                    let (variable, breakpoint) = match observed.place {
                        wire::PlaceWire::Number(id) => self.place(id)?,
                        wire::PlaceWire::Names(variable, breakpoint) => {
                            (variable.into_owned(), breakpoint.into_owned())
                        }
                    };
                    Ok(observed.values.of(variable, breakpoint))
                })
                .collect(),
        }
    }

    fn place(&mut self, id: i64) -> Result<(String, Breakpoint), RowError> {
        if let Some(place) = self.places.get(&id) {
            return Ok(place.clone());
        }
        let (variable, breakpoint): (String, String) = self
            .connection
            .prepare_cached("SELECT variable, breakpoint FROM places WHERE id = ?1")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or(RowError::Shared("variable"))?;
        let place = (variable, wire::decode_breakpoint(&breakpoint)?);
        self.places.insert(id, place.clone());
        Ok(place)
    }
}
