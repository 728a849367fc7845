//! Arms what only the debug information knows: source lines, and local variables where they have just been assigned.

use super::{Planner, pattern};
use crate::{
    error::PlanError,
    nearest::nearest,
    slot::{Place, Site, Slot},
    source::{
        Source,
        readable::joined,
        scopes::{Instance, Local},
        shape::Leaf,
        sites::{Arrival, in_words},
    },
};
use std::collections::{BTreeMap, BTreeSet};
use trace::Breakpoint;

/// Places at which one variable is observed at most; what a loop was unrolled to is more.
const MOST_SITES: usize = 256;

impl Planner<'_> {
    /// A line of the source. Where it has no code, the next one that has.
    pub(super) fn arm_line(&mut self, file: &str, line: u32) -> Result<(), PlanError> {
        let Some(source) = self.source else {
            return Err(PlanError::NoDebugInformation {
                what: format!("{file}:{line}"),
            });
        };
        let files = source.files_called(file);
        if files.is_empty() {
            let known = source.instances.iter().filter(|instance| instance.is_users);
            let known: BTreeSet<String> = known
                .filter_map(|instance| Some(source.lines.shown(instance.file?)))
                .collect();
            return Err(PlanError::UnknownFile {
                name: file.to_owned(),
                nearest: some_of(nearest(file, known.iter().map(String::as_str)), &known),
            });
        }
        let with_code = source.lines_with_code(&files);
        let Some(&at) = with_code.range(line..).next() else {
            return Err(PlanError::NoCode {
                file: file.to_owned(),
                line,
                last: with_code.last().copied(),
            });
        };
        if at != line {
            self.note(format!("{file}:{line} has no code: moved to line {at}"));
        }
        let shown = source.lines.shown(files[0]);
        let sites = source.line_sites(&files, at);
        if sites.len() > 1 {
            self.note(format!(
                "{shown}:{at} is at {} places of the code, where it was inlined or spread by the compiler: all are armed",
                sites.len()
            ));
        }
        let breakpoint = Breakpoint::Line {
            file: shown,
            line: at,
        };
        self.arm_sites(source, &breakpoint, &sites)
    }

    fn arm_sites(
        &mut self,
        source: &Source<'_, '_>,
        breakpoint: &Breakpoint,
        sites: &[Arrival],
    ) -> Result<(), PlanError> {
        let mut armed: BTreeMap<String, (Leaf, Vec<Site>)> = BTreeMap::new();
        let mut missed: BTreeMap<String, String> = BTreeMap::new();
        let mut partly: BTreeMap<String, usize> = BTreeMap::new();
        for site in sites {
            let Some(instance) = site.instance else {
                continue;
            };
            for local in source.visible_at(instance, site.address) {
                for (name, leaf) in self.wanted_here(source, local) {
                    match source.fetch(instance, local, leaf, site.address) {
                        Ok(program) => {
                            let (_, sites) = armed
                                .entry(name)
                                .or_insert_with(|| (leaf.clone(), Vec::new()));
                            sites.push(Site {
                                offset: source.offset(site.address),
                                program,
                            });
                        }
                        Err(why) => {
                            *partly.entry(name.clone()).or_default() += 1;
                            let lines = source.readable_lines(instance, local, leaf);
                            missed.entry(name).or_insert_with(|| why.in_words(&lines));
                        }
                    }
                }
            }
        }
        missed.retain(|name, _| !armed.contains_key(name));
        partly.retain(|name, _| armed.contains_key(name));
        for (name, places) in partly {
            self.note(format!(
                "`{name}` at {breakpoint} cannot be read at {places} of its {} places",
                sites.len()
            ));
        }
        // Exported and watched variables can be read anywhere.
        let offsets: Vec<usize> = sites.iter().map(|s| source.offset(s.address)).collect();
        for (variable, value_type) in self.exported_and_wanted() {
            if !armed.contains_key(&variable.name) {
                let place = Place::Anywhere {
                    place: Box::new(self.place(variable)),
                    offsets: offsets.clone(),
                };
                self.add_at_sites(breakpoint, &variable.name, value_type, place);
            }
        }
        let nothing = armed.is_empty() && self.watch.is_empty();
        for (name, (leaf, sites)) in armed {
            self.add_source(breakpoint, &name, &leaf, sites);
        }
        for (name, why) in missed {
            if self.watch.names_exactly(&name) && !self.observes(breakpoint, &name) {
                return Err(PlanError::NotReadable {
                    name,
                    place: breakpoint.to_string(),
                    why,
                });
            }
            self.note(format!("`{name}` at {breakpoint}: {why}"));
        }
        if nothing {
            self.add_at_sites(
                breakpoint,
                super::HITS,
                crate::ValueType::U64,
                Place::Anywhere {
                    place: Box::new(Place::Hits),
                    offsets,
                },
            );
        }
        Ok(())
    }

    /// The numbers inside a variable that are to be observed: those asked for, or without any the variable itself where it is
    /// a number, and its length where it has one.
    fn wanted_here<'s>(
        &self,
        source: &'s Source<'_, '_>,
        local: &Local,
    ) -> Vec<(String, &'s Leaf)> {
        let Some(shape) = source.shape(local) else {
            return Vec::new();
        };
        let mut wanted: Vec<(String, &Leaf)> = Vec::new();
        for leaf in &shape.leaves {
            let name = joined(&local.name, &leaf.path);
            let chosen = if self.watch.is_empty() {
                !leaf.is_pointer && (leaf.path.is_empty() || leaf.path == "len")
            } else if leaf.is_pointer {
                self.watch.names_exactly(&name)
            } else {
                self.watch.names(&name)
            };
            if chosen && !wanted.iter().any(|(other, _)| *other == name) {
                wanted.push((name, leaf));
            }
        }
        wanted
    }

    /// The local variables of the functions that a name or a pattern means, where they have just been assigned. How many
    /// functions there are.
    pub(super) fn arm_locals_of(&mut self, function: &str) -> usize {
        let Some(source) = self.source else { return 0 };
        let found = pattern::instances(source, function);
        self.saw_library |= found.iter().any(|at| !source.instances[*at].is_users);
        self.arm_locals(source, &found, None);
        found.len()
    }

    /// Those of the user's own functions.
    pub(super) fn arm_users_locals(&mut self) {
        let Some(source) = self.source else { return };
        let users = (0..source.instances.len()).filter(|at| source.instances[*at].is_users);
        let users: Vec<usize> = users.collect();
        self.arm_locals(source, &users, None);
    }

    /// `set:FUNCTION.VARIABLE`: whether there is such a variable.
    pub(super) fn arm_set_local(&mut self, name: &str) -> bool {
        let (Some(source), Some((function, variable))) = (self.source, name.split_once('.')) else {
            return false;
        };
        let found = pattern::instances(source, function);
        let before = self.slots.len();
        self.arm_locals(source, &found, Some(variable));
        self.slots.len() > before
    }

    fn arm_locals(&mut self, source: &Source<'_, '_>, instances: &[usize], only: Option<&str>) {
        // One variable of the source is one slot, however often its function was inlined or made for other types.
        let mut armed: BTreeMap<(String, String), (Leaf, Vec<Site>)> = BTreeMap::new();
        let mut missed: BTreeSet<(String, String)> = BTreeSet::new();
        for &at in instances {
            let instance: &Instance = &source.instances[at];
            for local in &instance.variables {
                // `entry:` observes it, after the compiler's lowering, where it cannot be missed.
                let at_entry = local.is_parameter && !instance.inlined;
                if at_entry && only.is_none() && self.watch.is_empty() && is_number(source, local) {
                    continue;
                }
                let wanted = match only {
                    None => self.wanted_here(source, local),
                    Some(only) => source.shape(local).map_or_else(Vec::new, |shape| {
                        let leaves = shape.leaves.iter();
                        let named = leaves.map(|leaf| (joined(&local.name, &leaf.path), leaf));
                        named
                            .filter(|(name, _)| pattern::matches(only, name))
                            .take(8)
                            .collect()
                    }),
                };
                for (name, leaf) in wanted {
                    let key = (instance.name.to_string(), name);
                    let sites = source.assigned(at, local, leaf);
                    if sites.is_empty() {
                        missed.insert(key);
                        continue;
                    }
                    let (first, all) = armed
                        .entry(key)
                        .or_insert_with(|| (leaf.clone(), Vec::new()));
                    if first.ty == leaf.ty {
                        all.extend(sites.into_iter().map(|(address, program)| Site {
                            offset: source.offset(address),
                            program,
                        }));
                    }
                }
            }
        }
        for ((function, name), (leaf, mut sites)) in armed {
            sites.sort_by_key(|site| site.offset);
            sites.dedup_by_key(|site| site.offset);
            if sites.len() > MOST_SITES {
                self.note(format!(
                    "`{name}` of `{function}` is assigned at {} places: the first {MOST_SITES} are observed",
                    sites.len()
                ));
                sites.truncate(MOST_SITES);
            }
            missed.remove(&(function.clone(), name.clone()));
            let breakpoint = Breakpoint::Set(format!("{function}.{name}"));
            self.add_source(&breakpoint, &name, &leaf, sites);
        }
        for (function, name) in missed {
            if self.watch.names_exactly(&name) || only.is_some() {
                self.note(format!(
                    "`{name}` of `{function}` is optimised out: it can be read nowhere"
                ));
            }
        }
    }

    fn add_source(&mut self, breakpoint: &Breakpoint, name: &str, leaf: &Leaf, sites: Vec<Site>) {
        let value_type = self.watch.given_type(name, leaf.ty).unwrap_or(leaf.ty);
        self.add_at_sites(breakpoint, name, value_type, Place::Source { sites });
    }

    fn add_at_sites(
        &mut self,
        breakpoint: &Breakpoint,
        name: &str,
        value_type: crate::ValueType,
        place: Place,
    ) {
        self.add(Slot {
            breakpoint: breakpoint.clone(),
            variable: name.to_owned(),
            mode: self.code_mode,
            value_type,
            place,
            function: None,
            mailbox_offset: None,
        });
    }

    fn observes(&self, breakpoint: &Breakpoint, name: &str) -> bool {
        let mut slots = self.slots.iter();
        slots.any(|slot| slot.breakpoint == *breakpoint && slot.variable == name)
    }

    /// Why a variable that the debug information knows is observed nowhere, if that is so.
    pub(super) fn where_readable(&self, name: &str) -> Option<String> {
        let source = self.source?;
        let mut lines = BTreeSet::new();
        let variable = name.split('.').next().unwrap_or_default();
        let mut is_kept = false;
        let mut known = false;
        let users = source.instances.iter().enumerate();
        for (at, instance) in users.filter(|(_, instance)| instance.is_users) {
            for local in &instance.variables {
                is_kept |= local.name == variable;
                let shape = source.shape(local);
                for leaf in shape.iter().flat_map(|shape| &shape.leaves) {
                    if joined(&local.name, &leaf.path) == name {
                        known = true;
                        lines.extend(source.readable_lines(at, local, leaf));
                    }
                }
            }
        }
        known |= !is_kept && source.named.contains(variable);
        known.then(|| match in_words(&lines) {
            Some(lines) => format!("readable at {lines}"),
            None => "the compiler has optimised it out everywhere".to_owned(),
        })
    }

    /// Names of functions near to one that does not exist, those that were inlined everywhere included.
    pub(super) fn near_inlined(&self, name: &str) -> Vec<String> {
        let instances = self.source.into_iter().flat_map(|source| &source.instances);
        let users = instances.filter(|instance| instance.is_users);
        nearest(name, users.map(|instance| &*instance.name))
    }

    /// Names of local variables and what is inside of them, of the user's functions.
    pub(super) fn local_names(&self) -> BTreeSet<String> {
        let Some(source) = self.source else {
            return BTreeSet::new();
        };
        let users = source.instances.iter().filter(|instance| instance.is_users);
        users
            .flat_map(|instance| &instance.variables)
            .flat_map(|local| {
                let leaves = source.shape(local).map_or(&[][..], |shape| &shape.leaves);
                leaves.iter().map(|leaf| joined(&local.name, &leaf.path))
            })
            .collect()
    }
}

/// The nearest names, or where nothing is near, some that there are.
fn some_of(near: Vec<String>, known: &BTreeSet<String>) -> Vec<String> {
    if near.is_empty() {
        known.iter().take(5).cloned().collect()
    } else {
        near
    }
}

/// Whether a variable is a number itself.
fn is_number(source: &Source<'_, '_>, local: &Local) -> bool {
    let leaves = source.shape(local).map_or(&[][..], |shape| &shape.leaves);
    leaves
        .iter()
        .any(|leaf| leaf.path.is_empty() && !leaf.is_pointer)
}
