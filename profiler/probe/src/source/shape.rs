//! What is inside a type: the numbers that can be reached from a variable, and how.
//!
//! Members are followed through structures and pointers, breadth first, so that what is near is found before a limit is
//! met. Types whose shape depends on their value (enumerations with contents) are not looked into.

use crate::{
    ValueType,
    inspect::dwarf_types::{Entry, Type, Types, base_type, is_other_name, is_pointer, unsigned},
    module::Slice,
};
use gimli::{Unit, UnitOffset};
use std::{collections::VecDeque, rc::Rc};

/// A number inside a variable.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    /// How it is written after the variable's name: `len`, `table.rows`; empty for the variable itself.
    pub(crate) path: String,
    /// Offsets in bytes: the first from the beginning of the variable; each one more from where the pointer found there
    /// points to.
    pub(crate) offsets: Vec<u64>,
    pub(crate) ty: ValueType,
    /// Whether it is an address.
    pub(crate) is_pointer: bool,
}

/// What is known of a type.
#[derive(Debug)]
pub(crate) struct Shape {
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) leaves: Vec<Leaf>,
}

/// Members looked at per type.
const MOST_MEMBERS: usize = 160;
/// Pointers followed one after another.
const MOST_POINTERS: usize = 2;
/// Structures inside of structures.
const DEEPEST: usize = 7;
/// What the number of elements is called inside of Rust's collections.
const LENGTHS: [&str; 3] = ["len", "length", "items"];
/// Rust's collections, and what refers to their elements.
const COLLECTIONS: [&str; 12] = [
    "Vec<",
    "String",
    "VecDeque<",
    "HashMap<",
    "HashSet<",
    "BTreeMap<",
    "BTreeSet<",
    "BinaryHeap<",
    "LinkedList<",
    "PathBuf",
    "OsString",
    "&",
];

pub(crate) struct Shapes<'r, 'a> {
    units: &'r [Unit<Slice<'a>>],
    types: &'r Types<'r, 'a>,
}

/// A member that is still to be looked into.
struct Pending {
    path: String,
    offsets: Vec<u64>,
    at: (usize, UnitOffset),
    depth: usize,
    /// Whether it is what a pointer points to, itself.
    behind_pointer: bool,
}

impl<'r, 'a> Shapes<'r, 'a> {
    pub(crate) fn new(units: &'r [Unit<Slice<'a>>], types: &'r Types<'r, 'a>) -> Shapes<'r, 'a> {
        Shapes { units, types }
    }

    /// What is inside the type at an entry.
    pub(crate) fn of(&self, at: (usize, UnitOffset)) -> Rc<Shape> {
        let mut shape = Shape {
            size: self.size_of(at).unwrap_or(0),
            leaves: Vec::new(),
        };
        let mut pending = VecDeque::from([Pending {
            path: String::new(),
            offsets: vec![0],
            at,
            depth: 0,
            behind_pointer: false,
        }]);
        let mut looked_at = 0;
        while let Some(next) = pending.pop_front() {
            looked_at += 1;
            if looked_at > MOST_MEMBERS {
                break;
            }
            self.look_into(next, &mut shape.leaves, &mut pending);
        }
        add_wrapped(&mut shape);
        if self.is_collection(at) {
            add_length(&mut shape.leaves);
        }
        Rc::new(shape)
    }

    /// Whether a type, or what it points to, has a number of elements: one of Rust's collections, strings and slices.
    fn is_collection(&self, at: (usize, UnitOffset)) -> bool {
        let mut at = at;
        for _ in 0..=MOST_POINTERS {
            let Some((resolved, entry)) = self.resolved(at) else {
                return false;
            };
            let name = self.types.name_of(resolved.0, &entry).unwrap_or_default();
            let is_structure = entry.tag() == gimli::DW_TAG_structure_type;
            if is_structure && COLLECTIONS.iter().any(|known| name.starts_with(known)) {
                return true;
            }
            match self.types.type_offset(resolved.0, &entry) {
                Some(target) => at = target,
                None => return false,
            }
        }
        false
    }

    fn look_into(&self, this: Pending, leaves: &mut Vec<Leaf>, pending: &mut VecDeque<Pending>) {
        let Some((at, entry)) = self.resolved(this.at) else {
            return;
        };
        let mut leaf = |ty, is_pointer| {
            leaves.push(Leaf {
                path: this.path.clone(),
                offsets: this.offsets.clone(),
                ty,
                is_pointer,
            });
        };
        match entry.tag() {
            gimli::DW_TAG_base_type => {
                // Behind a pointer to bytes is the first of many.
                let first_of_many = this.behind_pointer && byte_size(&entry) == Some(1);
                if !first_of_many && let Type::Scalar(ty) = base_type(&entry, byte_size(&entry)) {
                    leaf(ty, false);
                }
            }
            // An enumeration without contents is a number.
            gimli::DW_TAG_enumeration_type => {
                if let Some(ty) = byte_size(&entry).and_then(unsigned) {
                    leaf(ty, false);
                }
            }
            tag if is_pointer(tag) => {
                leaf(ValueType::U32, true);
                if this.offsets.len() <= MOST_POINTERS
                    && let Some(target) = self.types.type_offset(at.0, &entry)
                {
                    let mut offsets = this.offsets;
                    offsets.push(0);
                    pending.push_back(Pending {
                        path: this.path,
                        offsets,
                        at: target,
                        depth: this.depth,
                        behind_pointer: true,
                    });
                }
            }
            gimli::DW_TAG_structure_type | gimli::DW_TAG_class_type if this.depth < DEEPEST => {
                pending.extend(self.members(at, &this).unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Follows names that only stand for other types.
    fn resolved(&self, at: (usize, UnitOffset)) -> Option<((usize, UnitOffset), Entry<'a>)> {
        let mut at = at;
        for _ in 0..12 {
            let entry = self.units.get(at.0)?.entry(at.1).ok()?;
            if !is_other_name(entry.tag()) {
                return Some((at, entry));
            }
            at = self.types.type_offset(at.0, &entry)?;
        }
        None
    }

    fn size_of(&self, at: (usize, UnitOffset)) -> Option<u64> {
        let (_, entry) = self.resolved(at)?;
        if is_pointer(entry.tag()) {
            return Some(4);
        }
        byte_size(&entry)
    }

    fn members(&self, at: (usize, UnitOffset), of: &Pending) -> gimli::Result<Vec<Pending>> {
        let mut tree = self.units[at.0].entries_tree(Some(at.1))?;
        let mut children = tree.root()?.children();
        let mut members = Vec::new();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            if entry.tag() == gimli::DW_TAG_variant_part {
                return Ok(Vec::new());
            }
            // A bit field is no whole number of bytes.
            if entry.tag() != gimli::DW_TAG_member
                || entry.attr_value(gimli::DW_AT_data_bit_offset).is_some()
                || entry.attr_value(gimli::DW_AT_bit_size).is_some()
                || members.len() >= MOST_MEMBERS
            {
                continue;
            }
            let Some(ty) = self.types.type_offset(at.0, entry) else {
                continue;
            };
            let name = self.types.name_of(at.0, entry).unwrap_or_default();
            // Rust calls the members of tuples `__0`; their users call them `0`.
            let name = name
                .strip_prefix("__")
                .filter(|n| is_number(n))
                .unwrap_or(&name);
            let offset = entry
                .attr_value(gimli::DW_AT_data_member_location)
                .and_then(|value| value.udata_value())
                .unwrap_or(0);
            let mut offsets = of.offsets.clone();
            if let Some(last) = offsets.last_mut() {
                *last = last.saturating_add(offset);
            }
            members.push(Pending {
                path: match (of.path.as_str(), name) {
                    (path, "") => path.to_owned(),
                    ("", name) => name.to_owned(),
                    (path, name) => format!("{path}.{name}"),
                },
                offsets,
                at: ty,
                depth: of.depth + 1,
                behind_pointer: false,
            });
        }
        Ok(members)
    }
}

fn byte_size(entry: &Entry<'_>) -> Option<u64> {
    entry.attr_value(gimli::DW_AT_byte_size)?.udata_value()
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// What wraps a single number is that number: `AtomicU32`, `Wrapping<usize>`, a newtype.
fn add_wrapped(shape: &mut Shape) {
    let direct: Vec<&Leaf> = shape
        .leaves
        .iter()
        .filter(|l| l.offsets.len() == 1)
        .collect();
    if let [only] = direct.as_slice()
        && !only.path.is_empty()
        && !only.is_pointer
        && u64::from(only.ty.size()) == shape.size
    {
        let whole = Leaf {
            path: String::new(),
            ..(*only).clone()
        };
        shape.leaves.insert(0, whole);
    }
}

/// `len` of what has a number of elements somewhere inside: `String`, `&str`, slices, `HashMap`, references to these.
fn add_length(leaves: &mut Vec<Leaf>) {
    if leaves.iter().any(|leaf| leaf.path == "len") {
        return;
    }
    let found = leaves.iter().find(|leaf| {
        let name = leaf.path.rsplit('.').next().unwrap_or_default();
        !leaf.is_pointer && LENGTHS.contains(&name)
    });
    if let Some(found) = found {
        let length = Leaf {
            path: "len".to_owned(),
            ..found.clone()
        };
        leaves.insert(0, length);
    }
}
