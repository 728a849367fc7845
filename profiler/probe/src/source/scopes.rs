//! Walks the entries of debug information and collects functions, where they were inlined, and their variables.
//!
//! Entries are visited in the order in which they are stored, with an explicit stack of what is open: however deep a
//! hostile module nests them, nothing here recurses. References to other entries are followed a bounded number of times.

use super::{
    lines::{FileId, UnitFiles},
    location::{Located, Surroundings, Unreadable, locate},
};
use crate::{
    inspect::{
        demangle,
        dwarf_types::{Entry, Types},
    },
    module::Slice,
    program::{Op, Program},
};
use gimli::{AttributeValue, DebuggingInformationEntry, Dwarf, Unit, UnitOffset};
use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    ops::Range,
    rc::Rc,
};

/// A function, or a place at which one was inlined.
pub(crate) struct Instance {
    /// The function of the module that it is, or is in.
    pub(crate) function: u32,
    /// Its name in the source, without type parameters.
    pub(crate) name: Rc<str>,
    /// Where it is declared.
    pub(crate) file: Option<FileId>,
    /// Whether that is a file of the user's.
    pub(crate) is_users: bool,
    pub(crate) inlined: bool,
    /// The instance that it was inlined into, as a position.
    pub(crate) parent: Option<usize>,
    /// The line from which it is called there.
    pub(crate) call: Option<(FileId, u32)>,
    /// Its code.
    pub(crate) ranges: Vec<Range<u32>>,
    pub(crate) variables: Vec<Local>,
}

/// A parameter or a local variable.
pub(crate) struct Local {
    pub(crate) name: String,
    /// The line of its declaration; 0 where that is not known.
    pub(crate) line: u32,
    pub(crate) is_parameter: bool,
    /// Where its name is known.
    pub(crate) scope: Vec<Range<u32>>,
    /// Its type: a unit and an entry in it.
    pub(crate) ty: Option<(usize, UnitOffset)>,
    /// Where it is, by ranges of addresses.
    pub(crate) places: Vec<(Range<u32>, Result<Located, Unreadable>)>,
}

/// Whether one of the ranges contains an address.
pub(crate) fn covers(ranges: &[Range<u32>], address: u32) -> bool {
    ranges.iter().any(|range| range.contains(&address))
}

/// What is read from.
pub(crate) struct Reader<'r, 'a> {
    pub(crate) dwarf: &'r Dwarf<Slice<'a>>,
    pub(crate) units: &'r [Unit<Slice<'a>>],
    pub(crate) types: &'r Types<'r, 'a>,
    pub(crate) files: &'r [UnitFiles],
    pub(crate) paths: &'r [String],
    /// Function indices by address.
    pub(crate) starts: &'r HashMap<u64, u32>,
    /// Whether variables of libraries are wanted too.
    pub(crate) everything: bool,
    /// Names of variables of the user's functions, those that the compiler has kept nothing of included.
    pub(crate) named: RefCell<BTreeSet<String>>,
    /// By entry of its declaration: what is known of a function that was inlined, often at hundreds of places.
    pub(crate) declared: RefCell<HashMap<(usize, UnitOffset), Declared>>,
}

/// A function as its source declares it.
#[derive(Clone)]
pub(crate) struct Declared {
    name: Rc<str>,
    file: Option<FileId>,
}

/// Instances that are kept at most; more than any program has.
const MOST_INSTANCES: usize = 1_000_000;
/// Ranges that a scope or a variable may have.
const MOST_RANGES: usize = 4_096;

/// An entry whose children are being visited.
enum Open {
    Namespace(String),
    /// An instance, by its position.
    Instance(usize),
    Block(Vec<Range<u32>>),
    /// A function without code: what is inside is described where it was inlined. Whether it is the user's.
    Abstract(bool),
}

struct Walk {
    /// With the depth at which each was found.
    open: Vec<(isize, Open)>,
    frame_base: Option<Program>,
}

impl Walk {
    fn instance(&self) -> Option<usize> {
        self.open.iter().rev().find_map(|(_, open)| match open {
            Open::Instance(position) => Some(Some(*position)),
            Open::Abstract(_) => Some(None),
            Open::Namespace(_) | Open::Block(_) => None,
        })?
    }

    /// Whether what is visited belongs to the description of a function of the user's that was inlined.
    fn is_in_users_abstract(&self) -> bool {
        let mut open = self.open.iter().rev();
        let inner = open.find(|(_, open)| !matches!(open, Open::Block(_)));
        matches!(inner, Some((_, Open::Abstract(true))))
    }

    fn namespaces(&self) -> String {
        let names = self.open.iter().filter_map(|(_, open)| match open {
            Open::Namespace(name) => Some(name.as_str()),
            _ => None,
        });
        names.collect::<Vec<&str>>().join("::")
    }
}

impl<'a> Reader<'_, 'a> {
    /// The instances of one unit. Damage ends it; what was read before stays.
    pub(crate) fn unit(&self, unit: usize, instances: &mut Vec<Instance>) {
        let _ = self.try_unit(unit, instances);
    }

    fn try_unit(&self, unit: usize, instances: &mut Vec<Instance>) -> gimli::Result<()> {
        let mut entries = self.units[unit].entries_raw(None)?;
        let mut entry = DebuggingInformationEntry::null();
        let mut walk = Walk {
            open: Vec::new(),
            frame_base: None,
        };
        while !entries.is_empty() {
            let depth = entries.next_depth();
            while walk.open.last().is_some_and(|(opened, _)| *opened >= depth) {
                walk.open.pop();
            }
            if instances.len() >= MOST_INSTANCES {
                break;
            }
            if !entries.read_entry(&mut entry)? {
                continue;
            }
            if let Some(open) = self.visit(unit, &entry, &mut walk, instances) {
                walk.open.push((depth, open));
            }
        }
        Ok(())
    }

    fn visit(
        &self,
        unit: usize,
        entry: &Entry<'a>,
        walk: &mut Walk,
        instances: &mut Vec<Instance>,
    ) -> Option<Open> {
        match entry.tag() {
            gimli::DW_TAG_namespace
            | gimli::DW_TAG_structure_type
            | gimli::DW_TAG_class_type
            | gimli::DW_TAG_union_type
            | gimli::DW_TAG_enumeration_type => {
                let name = self.types.name_of(unit, entry).unwrap_or_default();
                Some(Open::Namespace(name))
            }
            gimli::DW_TAG_subprogram => Some(match self.subprogram(unit, entry, walk) {
                Some(instance) => {
                    instances.push(instance);
                    Open::Instance(instances.len() - 1)
                }
                None => Open::Abstract(self.is_users(unit, entry)),
            }),
            gimli::DW_TAG_inlined_subroutine => {
                let outer = walk.instance()?;
                let function = instances[outer].function;
                let mut instance = self.instance(unit, entry, walk, function);
                instance.inlined = true;
                instance.parent = Some(outer);
                instance.call = self.call(unit, entry);
                instances.push(instance);
                Some(Open::Instance(instances.len() - 1))
            }
            gimli::DW_TAG_lexical_block => {
                walk.instance()?;
                Some(Open::Block(self.ranges(unit, entry)))
            }
            gimli::DW_TAG_variable | gimli::DW_TAG_formal_parameter => {
                if walk.is_in_users_abstract() {
                    let name = self.types.name_of(unit, entry);
                    self.named.borrow_mut().extend(name);
                }
                let instance = walk.instance()?;
                if !instances[instance].is_users && !self.everything {
                    return None;
                }
                let scope = walk.open.iter().rev().find_map(|(_, open)| match open {
                    Open::Block(ranges) => Some(ranges.clone()),
                    Open::Instance(position) => Some(instances[*position].ranges.clone()),
                    _ => None,
                })?;
                let local = self.local(unit, entry, walk, scope)?;
                instances[instance].variables.push(local);
                None
            }
            _ => None,
        }
    }

    /// A function with code in this module. The linker gives those that it removed an address that no function has.
    fn subprogram(&self, unit: usize, entry: &Entry<'a>, walk: &mut Walk) -> Option<Instance> {
        let low = entry.attr_value(gimli::DW_AT_low_pc)?;
        let low = self.dwarf.attr_address(&self.units[unit], low).ok()??;
        let function = *self.starts.get(&low)?;
        walk.frame_base = match entry.attr_value(gimli::DW_AT_frame_base) {
            Some(AttributeValue::Exprloc(expression)) => {
                match locate(expression, &self.around(unit, None)) {
                    Ok(Located::Value(program) | Located::Memory(program)) => Some(program),
                    _ => None,
                }
            }
            _ => None,
        };
        Some(self.instance(unit, entry, walk, function))
    }

    fn instance(&self, unit: usize, entry: &Entry<'a>, walk: &Walk, function: u32) -> Instance {
        let origin = self.types.origin(unit, entry);
        let known = origin.and_then(|origin| self.declared.borrow().get(&origin).cloned());
        let declared = known.unwrap_or_else(|| {
            let declared = self.declared(unit, entry, walk);
            if let Some(origin) = origin {
                self.declared.borrow_mut().insert(origin, declared.clone());
            }
            declared
        });
        let path = declared.file.map_or("", |file| self.paths[file.0].as_str());
        Instance {
            function,
            name: declared.name,
            file: declared.file,
            is_users: trace::is_users_file(path),
            inlined: false,
            parent: None,
            call: None,
            ranges: self.ranges(unit, entry),
            variables: Vec::new(),
        }
    }

    /// Whether a function is declared in a file of the user's.
    fn is_users(&self, unit: usize, entry: &Entry<'a>) -> bool {
        let file = self
            .attribute(unit, entry, gimli::DW_AT_decl_file)
            .and_then(|(unit, value)| self.file(unit, value));
        file.is_some_and(|file| trace::is_users_file(&self.paths[file.0]))
    }

    fn declared(&self, unit: usize, entry: &Entry<'a>, walk: &Walk) -> Declared {
        let file = self
            .attribute(unit, entry, gimli::DW_AT_decl_file)
            .and_then(|(unit, value)| self.file(unit, value));
        Declared {
            name: self.function_name(unit, entry, walk).into(),
            file,
        }
    }

    fn file(&self, unit: usize, value: AttributeValue<Slice<'a>>) -> Option<FileId> {
        match value {
            AttributeValue::FileIndex(number) => self.files[unit].get(number),
            other => self.files[unit].get(other.udata_value()?),
        }
    }

    /// Where an inlined function is called from.
    fn call(&self, unit: usize, entry: &Entry<'a>) -> Option<(FileId, u32)> {
        let file = self.file(unit, entry.attr_value(gimli::DW_AT_call_file)?)?;
        let line = entry.attr_value(gimli::DW_AT_call_line)?.udata_value()?;
        Some((file, u32::try_from(line).ok()?))
    }

    /// The name of a function as its users write it: from the symbol, which has its whole path, else as declared.
    fn function_name(&self, unit: usize, entry: &Entry<'a>, walk: &Walk) -> String {
        let symbol = self
            .attribute(unit, entry, gimli::DW_AT_linkage_name)
            .and_then(|(unit, value)| {
                let text = self.dwarf.attr_string(&self.units[unit], value).ok()?;
                Some(demangle(&String::from_utf8_lossy(text.slice())))
            });
        let name = symbol.unwrap_or_else(|| {
            let name = self.types.name_of(unit, entry).unwrap_or_default();
            let space = walk.namespaces();
            if space.is_empty() {
                name
            } else {
                format!("{space}::{name}")
            }
        });
        without_type_parameters(&name)
    }

    /// An attribute of an entry, its own or that of where it was declared first, with the unit that it belongs to.
    fn attribute(
        &self,
        mut unit: usize,
        entry: &Entry<'a>,
        name: gimli::DwAt,
    ) -> Option<(usize, AttributeValue<Slice<'a>>)> {
        if let Some(value) = entry.attr_value(name) {
            return Some((unit, value));
        }
        let mut at = self.types.origin(unit, entry)?;
        for _ in 0..3 {
            unit = at.0;
            let entry = self.units[unit].entry(at.1).ok()?;
            if let Some(value) = entry.attr_value(name) {
                return Some((unit, value));
            }
            at = self.types.origin(unit, &entry)?;
        }
        None
    }

    fn ranges(&self, unit: usize, entry: &Entry<'a>) -> Vec<Range<u32>> {
        let mut ranges = Vec::new();
        let Ok(mut found) = self.dwarf.die_ranges(&self.units[unit], entry) else {
            return ranges;
        };
        while let Ok(Some(range)) = found.next() {
            if let (Ok(begin), Ok(end)) = (u32::try_from(range.begin), u32::try_from(range.end))
                && begin < end
                && begin < u32::MAX - 1
                && ranges.len() < MOST_RANGES
            {
                ranges.push(begin..end);
            }
        }
        ranges
    }

    fn local(
        &self,
        unit: usize,
        entry: &Entry<'a>,
        walk: &Walk,
        scope: Vec<Range<u32>>,
    ) -> Option<Local> {
        let name = self
            .types
            .name_of(unit, entry)
            .filter(|name| !name.is_empty())?;
        let line = self
            .attribute(unit, entry, gimli::DW_AT_decl_line)
            .and_then(|(_, value)| value.udata_value());
        Some(Local {
            name,
            line: line.and_then(|line| u32::try_from(line).ok()).unwrap_or(0),
            is_parameter: entry.tag() == gimli::DW_TAG_formal_parameter,
            ty: self.types.type_offset(unit, entry),
            places: self.places(unit, entry, walk, &scope),
            scope,
        })
    }

    fn places(
        &self,
        unit: usize,
        entry: &Entry<'a>,
        walk: &Walk,
        scope: &[Range<u32>],
    ) -> Vec<(Range<u32>, Result<Located, Unreadable>)> {
        let everywhere = |place: Result<Located, Unreadable>| {
            let ranges = scope.iter().cloned();
            ranges.map(|range| (range, place.clone())).collect()
        };
        if let Some(value) = self.attribute(unit, entry, gimli::DW_AT_const_value) {
            let number = value
                .1
                .sdata_value()
                .or_else(|| value.1.udata_value().map(|v| v as i64));
            let constant = number.and_then(|number| Program::new(vec![Op::Const(number)]));
            return everywhere(
                constant
                    .map(Located::Value)
                    .ok_or(Unreadable::NotUnderstood),
            );
        }
        let around = self.around(unit, walk.frame_base.as_ref());
        match entry.attr_value(gimli::DW_AT_location) {
            None => Vec::new(),
            Some(AttributeValue::Exprloc(expression)) => everywhere(locate(expression, &around)),
            Some(list) => {
                let mut places = Vec::new();
                let list = self.dwarf.attr_locations(&self.units[unit], list);
                let Ok(Some(mut list)) = list else {
                    return places;
                };
                while let Ok(Some(item)) = list.next() {
                    if let (Ok(begin), Ok(end)) = (
                        u32::try_from(item.range.begin),
                        u32::try_from(item.range.end),
                    ) && begin < end
                        && places.len() < MOST_RANGES
                    {
                        places.push((begin..end, locate(item.data, &around)));
                    }
                }
                places
            }
        }
    }

    fn around<'s>(&'s self, unit: usize, frame_base: Option<&'s Program>) -> Surroundings<'s> {
        Surroundings {
            encoding: self.units[unit].encoding(),
            frame_base,
            address: Box::new(move |index| self.dwarf.address(&self.units[unit], index).ok()),
        }
    }
}

/// `reader::read` of `reader::read<std::fs::File>`, `reader::read::<File>` and `reader::read(int)`.
pub(crate) fn without_type_parameters(name: &str) -> String {
    // Names of implementations begin with one: `<reader::Lines as Iterator>::next`.
    let mut out = String::with_capacity(name.len());
    let mut depth = 0usize;
    for (at, letter) in name.char_indices() {
        match letter {
            '<' if at == 0 => out.push(letter),
            '<' => depth += 1,
            '>' if depth > 0 && !name[..at].ends_with('-') => depth -= 1,
            '(' if depth == 0 && at > 0 && !name.starts_with('<') => break,
            _ if depth == 0 => out.push(letter),
            _ => {}
        }
    }
    out.replace("::::", "::").trim_end_matches("::").to_owned()
}

#[cfg(test)]
mod tests {
    use super::without_type_parameters;

    #[test]
    fn type_parameters_are_left_out_of_names() {
        for (name, short) in [
            ("a::read<std::fs::File>", "a::read"),
            ("a::read::<std::fs::File>", "a::read"),
            ("ns::f(int, char)", "ns::f"),
            (
                "<a::Lines as Iterator>::next",
                "<a::Lines as Iterator>::next",
            ),
            ("a::Table<K, V>::insert", "a::Table::insert"),
        ] {
            assert_eq!(without_type_parameters(name), short);
        }
    }
}
