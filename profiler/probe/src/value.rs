//! Types of observed values and how 64 raw bits or a few bytes of memory become a number.
//! Scalars only: strings, structures and references are never observed.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use wasm_encoder::ValType;

/// The type of an observed scalar, as in Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ValueType {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

impl ValueType {
    /// Every type, in the order in which they are offered to users.
    pub const ALL: [ValueType; 11] = [
        ValueType::U8,
        ValueType::I8,
        ValueType::U16,
        ValueType::I16,
        ValueType::U32,
        ValueType::I32,
        ValueType::U64,
        ValueType::I64,
        ValueType::F32,
        ValueType::F64,
        ValueType::Bool,
    ];

    /// The name a user writes: `u32`.
    pub fn name(self) -> &'static str {
        match self {
            ValueType::Bool => "bool",
            ValueType::I8 => "i8",
            ValueType::U8 => "u8",
            ValueType::I16 => "i16",
            ValueType::U16 => "u16",
            ValueType::I32 => "i32",
            ValueType::U32 => "u32",
            ValueType::I64 => "i64",
            ValueType::U64 => "u64",
            ValueType::F32 => "f32",
            ValueType::F64 => "f64",
        }
    }

    /// Bytes a value takes in linear memory.
    pub fn size(self) -> u32 {
        match self {
            ValueType::Bool | ValueType::I8 | ValueType::U8 => 1,
            ValueType::I16 | ValueType::U16 => 2,
            ValueType::I32 | ValueType::U32 | ValueType::F32 => 4,
            ValueType::I64 | ValueType::U64 | ValueType::F64 => 8,
        }
    }

    /// Whether the bits of a value are those of an `f64` (an `f32` is promoted before it is reported).
    pub fn is_float(self) -> bool {
        matches!(self, ValueType::F32 | ValueType::F64)
    }

    /// Whether negative values exist.
    pub fn is_signed(self) -> bool {
        matches!(
            self,
            ValueType::I8 | ValueType::I16 | ValueType::I32 | ValueType::I64
        )
    }

    /// The number that 64 reported bits mean: integers sign- or zero-extended, floats as the bits of an `f64`.
    /// Integers are exact up to 2^53.
    pub fn decode(self, bits: i64) -> f64 {
        if self.is_float() {
            f64::from_bits(bits as u64)
        } else if self.is_signed() {
            bits as f64
        } else {
            bits as u64 as f64
        }
    }

    /// The number stored little endian at the beginning of `memory`; `None` where that is shorter than
    /// [`ValueType::size`].
    pub fn read(self, memory: &[u8]) -> Option<f64> {
        let mut raw = [0; 8];
        let size = self.size() as usize;
        raw[..size].copy_from_slice(memory.get(..size)?);
        let wide = u64::from_le_bytes(raw);
        Some(match self {
            ValueType::F32 => f64::from(f32::from_bits(wide as u32)),
            ValueType::F64 => f64::from_bits(wide),
            _ if self.is_signed() => {
                let unused = 64 - 8 * self.size();
                (((wide << unused) as i64) >> unused) as f64
            }
            _ => wide as f64,
        })
    }

    /// The type assumed for a WebAssembly value of which nothing else is known; `None` for vectors and references.
    pub(crate) fn of_wasm(wasm: wasmparser::ValType) -> Option<ValueType> {
        match wasm {
            wasmparser::ValType::I32 => Some(ValueType::I32),
            wasmparser::ValType::I64 => Some(ValueType::I64),
            wasmparser::ValType::F32 => Some(ValueType::F32),
            wasmparser::ValType::F64 => Some(ValueType::F64),
            wasmparser::ValType::V128 | wasmparser::ValType::Ref(_) => None,
        }
    }

    /// The WebAssembly type that carries such a value in locals, globals and on the operand stack.
    pub(crate) fn carrier(self) -> ValType {
        match self {
            ValueType::I64 | ValueType::U64 => ValType::I64,
            ValueType::F32 => ValType::F32,
            ValueType::F64 => ValType::F64,
            _ => ValType::I32,
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Text that names no type of value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a type: expected u8, i8, u16, i16, u32, i32, u64, i64, f32, f64 or bool")]
pub struct ParseValueTypeError(String);

impl FromStr for ValueType {
    type Err = ParseValueTypeError;

    fn from_str(text: &str) -> Result<ValueType, ParseValueTypeError> {
        // Pointer-sized integers are 32 bits wide in every guest whose statics are read.
        let text = match text {
            "usize" => "u32",
            "isize" => "i32",
            other => other,
        };
        ValueType::ALL
            .into_iter()
            .find(|value_type| value_type.name() == text)
            .ok_or_else(|| ParseValueTypeError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_reported_bits_mean_the_same_number() {
        for (value_type, bytes, bits, expected) in [
            (ValueType::I8, &[0xff][..], -1, -1.0),
            (ValueType::U8, &[0xff], 255, 255.0),
            (ValueType::I16, &[0, 0x80], -32768, -32768.0),
            (ValueType::U32, &[0xff; 4], 0xffff_ffff, 4_294_967_295.0),
            (ValueType::I32, &[0xfe, 0xff, 0xff, 0xff], -2, -2.0),
            (ValueType::U64, &[0xff; 8], -1, u64::MAX as f64),
            (
                ValueType::F32,
                &1.5f32.to_le_bytes(),
                1.5f64.to_bits() as i64,
                1.5,
            ),
            (
                ValueType::F64,
                &(-2.5f64).to_le_bytes(),
                (-2.5f64).to_bits() as i64,
                -2.5,
            ),
        ] {
            assert_eq!(value_type.read(bytes), Some(expected), "{value_type}");
            assert_eq!(value_type.decode(bits), expected, "{value_type}");
            assert_eq!(value_type.read(&bytes[1..]), None, "{value_type}");
        }
    }
}
