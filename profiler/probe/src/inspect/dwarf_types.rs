//! What a DWARF type is to a probe: a scalar it can read, an address, a pair of words, or something it cannot use.

use crate::ValueType;
use crate::module::Slice;
use gimli::{AttributeValue, DebuggingInformationEntry, Dwarf, Unit, UnitOffset};

/// A type, as far as a probe is concerned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// A number, also where it is wrapped (`AtomicU32`, an enumeration, a newtype).
    Scalar(ValueType),
    /// An address.
    Pointer,
    /// A structure of exactly two words, which Rust passes as two values: a slice, a string slice.
    Pair(Vec<(String, Type)>),
    /// Takes no room and is not passed at all.
    Nothing,
    /// Anything else, in words a user understands.
    Other,
}

/// How deep wrappers are followed; guards against types that contain themselves.
const DEPTH: usize = 12;

pub(crate) struct Types<'r, 'a> {
    dwarf: &'r Dwarf<Slice<'a>>,
    units: &'r [Unit<Slice<'a>>],
}

pub(crate) type Entry<'a> = DebuggingInformationEntry<Slice<'a>>;

impl<'r, 'a> Types<'r, 'a> {
    pub(crate) fn new(dwarf: &'r Dwarf<Slice<'a>>, units: &'r [Unit<Slice<'a>>]) -> Types<'r, 'a> {
        Types { dwarf, units }
    }

    /// The type that an entry declares to have, itself or where it was declared first.
    pub(crate) fn of_entry(&self, unit: usize, entry: &Entry<'a>) -> Option<Type> {
        let (unit, offset) = self.type_offset(unit, entry)?;
        Some(self.describe(unit, offset, DEPTH))
    }

    /// The name of an entry, its own or that of where it was declared first.
    pub(crate) fn name_of(&self, unit: usize, entry: &Entry<'a>) -> Option<String> {
        if let Some(name) = entry.attr_value(gimli::DW_AT_name) {
            let text = self.dwarf.attr_string(&self.units[unit], name).ok()?;
            return Some(String::from_utf8_lossy(text.slice()).into_owned());
        }
        let (unit, origin) = self.origin(unit, entry)?;
        let entry = self.units[unit].entry(origin).ok()?;
        // Twice is enough: an abstract instance names itself.
        let name = entry.attr_value(gimli::DW_AT_name)?;
        let text = self.dwarf.attr_string(&self.units[unit], name).ok()?;
        Some(String::from_utf8_lossy(text.slice()).into_owned())
    }

    pub(crate) fn origin(&self, unit: usize, entry: &Entry<'a>) -> Option<(usize, UnitOffset)> {
        let value = entry
            .attr_value(gimli::DW_AT_abstract_origin)
            .or_else(|| entry.attr_value(gimli::DW_AT_specification))?;
        self.resolve(unit, value)
    }

    pub(crate) fn type_offset(
        &self,
        unit: usize,
        entry: &Entry<'a>,
    ) -> Option<(usize, UnitOffset)> {
        if let Some(value) = entry.attr_value(gimli::DW_AT_type) {
            return self.resolve(unit, value);
        }
        let (mut unit, mut offset) = self.origin(unit, entry)?;
        for _ in 0..2 {
            let entry = self.units[unit].entry(offset).ok()?;
            if let Some(value) = entry.attr_value(gimli::DW_AT_type) {
                return self.resolve(unit, value);
            }
            (unit, offset) = self.origin(unit, &entry)?;
        }
        None
    }

    pub(crate) fn resolve(
        &self,
        unit: usize,
        value: AttributeValue<Slice<'a>>,
    ) -> Option<(usize, UnitOffset)> {
        match value {
            AttributeValue::UnitRef(offset) => Some((unit, offset)),
            AttributeValue::DebugInfoRef(offset) => {
                let index = self
                    .units
                    .partition_point(|unit| {
                        unit.header
                            .debug_info_offset()
                            .is_some_and(|start| start.0 <= offset.0)
                    })
                    .checked_sub(1)?;
                let offset = offset.to_unit_offset(&self.units[index].header)?;
                Some((index, offset))
            }
            _ => None,
        }
    }

    fn describe(&self, unit: usize, offset: UnitOffset, depth: usize) -> Type {
        let Ok(entry) = self.units[unit].entry(offset) else {
            return Type::Other;
        };
        let size = entry
            .attr_value(gimli::DW_AT_byte_size)
            .and_then(|value| value.udata_value());
        match entry.tag() {
            gimli::DW_TAG_base_type => base_type(&entry, size),
            gimli::DW_TAG_subroutine_type => Type::Pointer,
            tag if is_pointer(tag) => Type::Pointer,
            gimli::DW_TAG_structure_type | gimli::DW_TAG_class_type | gimli::DW_TAG_union_type
                if depth > 0 =>
            {
                self.structure(unit, offset, size.unwrap_or(0), depth - 1)
            }
            gimli::DW_TAG_enumeration_type => self
                .of_entry_within(unit, &entry, depth)
                .filter(|ty| matches!(ty, Type::Scalar(_)))
                .or_else(|| unsigned(size?).map(Type::Scalar))
                .unwrap_or(Type::Other),
            tag if is_other_name(tag) => self
                .of_entry_within(unit, &entry, depth)
                .unwrap_or(Type::Other),
            _ => Type::Other,
        }
    }

    fn of_entry_within(&self, unit: usize, entry: &Entry<'a>, depth: usize) -> Option<Type> {
        let (unit, offset) = self.type_offset(unit, entry)?;
        (depth > 0).then(|| self.describe(unit, offset, depth - 1))
    }

    fn structure(&self, unit: usize, offset: UnitOffset, size: u64, depth: usize) -> Type {
        if size == 0 {
            return Type::Nothing;
        }
        // Neither a scalar nor a pair of words, and looking into all that large structures contain takes long.
        if size > 8 {
            return Type::Other;
        }
        let members = self.members(unit, offset, depth).unwrap_or_default();
        let sized: Vec<&Member> = members
            .iter()
            .filter(|member| member.ty != Type::Nothing)
            .collect();
        match sized.as_slice() {
            // A wrapper is what it wraps, if it wraps all of itself.
            [only] => match &only.ty {
                Type::Scalar(value_type) if u64::from(value_type.size()) == size => only.ty.clone(),
                Type::Pointer if size == 4 => Type::Pointer,
                Type::Pair(_) if size == 8 => only.ty.clone(),
                _ => Type::Other,
            },
            [first, second] if size == 8 && first.at == 0 && second.at == 4 => Type::Pair(vec![
                (first.name.clone(), first.ty.clone()),
                (second.name.clone(), second.ty.clone()),
            ]),
            _ => Type::Other,
        }
    }

    fn members(&self, unit: usize, offset: UnitOffset, depth: usize) -> gimli::Result<Vec<Member>> {
        let mut tree = self.units[unit].entries_tree(Some(offset))?;
        let mut children = tree.root()?.children();
        let mut members = Vec::new();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            if entry.tag() == gimli::DW_TAG_variant_part {
                // The shape depends on the value: not a number.
                return Ok(Vec::new());
            }
            if entry.tag() != gimli::DW_TAG_member {
                continue;
            }
            members.push(Member {
                name: self.name_of(unit, entry).unwrap_or_default(),
                ty: self
                    .of_entry_within(unit, entry, depth)
                    .unwrap_or(Type::Other),
                at: entry
                    .attr_value(gimli::DW_AT_data_member_location)
                    .and_then(|value| value.udata_value())
                    .unwrap_or(0),
            });
        }
        Ok(members)
    }
}

struct Member {
    name: String,
    ty: Type,
    at: u64,
}

/// Whether a type is the address of something.
pub(crate) fn is_pointer(tag: gimli::DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_pointer_type
            | gimli::DW_TAG_reference_type
            | gimli::DW_TAG_rvalue_reference_type
    )
}

/// Whether a type only stands for another one: typedefs, qualifiers, atomics.
pub(crate) fn is_other_name(tag: gimli::DwTag) -> bool {
    matches!(
        tag,
        gimli::DW_TAG_typedef
            | gimli::DW_TAG_const_type
            | gimli::DW_TAG_volatile_type
            | gimli::DW_TAG_restrict_type
            | gimli::DW_TAG_atomic_type
    )
}

pub(crate) fn base_type(entry: &Entry<'_>, size: Option<u64>) -> Type {
    let encoding = match entry.attr_value(gimli::DW_AT_encoding) {
        Some(AttributeValue::Encoding(encoding)) => encoding,
        _ => return Type::Other,
    };
    let value_type = match (encoding, size) {
        (_, Some(0)) => return Type::Nothing,
        (gimli::DW_ATE_boolean, Some(1)) => Some(ValueType::Bool),
        (gimli::DW_ATE_float, Some(4)) => Some(ValueType::F32),
        (gimli::DW_ATE_float, Some(8)) => Some(ValueType::F64),
        (gimli::DW_ATE_signed | gimli::DW_ATE_signed_char, Some(size)) => signed(size),
        (
            gimli::DW_ATE_unsigned
            | gimli::DW_ATE_unsigned_char
            | gimli::DW_ATE_UTF
            | gimli::DW_ATE_boolean,
            Some(size),
        ) => unsigned(size),
        _ => None,
    };
    value_type.map_or(Type::Other, Type::Scalar)
}

fn signed(size: u64) -> Option<ValueType> {
    match size {
        1 => Some(ValueType::I8),
        2 => Some(ValueType::I16),
        4 => Some(ValueType::I32),
        8 => Some(ValueType::I64),
        _ => None,
    }
}

pub(crate) fn unsigned(size: u64) -> Option<ValueType> {
    match size {
        1 => Some(ValueType::U8),
        2 => Some(ValueType::U16),
        4 => Some(ValueType::U32),
        8 => Some(ValueType::U64),
        _ => None,
    }
}
