//! What is looked at of a JSON body: numbers, and the lengths of texts and lists, by the names of fields. It is read in one pass and
//! kept as little more than that: the document as a tree would be many times as large as its text, in memory that nobody has counted.
//! Which names become variables, and how many, is decided in `features`.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::{cell::Cell, fmt};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// `null`, and an object in which there is nothing to be looked at.
    Nothing,
    /// A number, or 1 and 0 for true and false.
    Number(f64),
    /// Bytes of a text, or items of a list.
    Length(usize),
    /// Those fields of an object that were wanted, in their order.
    Fields(Vec<(String, Shape)>),
}

/// What of a document is kept.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'left> {
    /// Whether a field of this name is.
    pub(crate) name: fn(&str) -> bool,
    /// How many more numbers and lengths are.
    pub(crate) left: &'left Cell<usize>,
}

impl Wanted<'_> {
    fn keep(self, shape: Shape) -> Shape {
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                shape
            }
            None => Shape::Nothing,
        }
    }
}

/// The document, where these bytes are one and it is an object or a list: text that merely happens to be a number is none.
pub(crate) fn read(bytes: &[u8], wanted: Wanted) -> Option<Shape> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if !matches!(first, b'{' | b'[') {
        return None;
    }
    let mut document = serde_json::Deserializer::from_slice(bytes);
    let shape = wanted.deserialize(&mut document).ok()?;
    document.end().ok()?;
    Some(shape)
}

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Shape, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Nothing)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Shape, E> {
        Ok(self.keep(Shape::Number(f64::from(u8::from(truth)))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Shape, E> {
        Ok(self.keep(Shape::Number(number as f64)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Shape, E> {
        Ok(self.keep(Shape::Number(number as f64)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Shape, E> {
        Ok(self.keep(Shape::Number(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        Ok(self.keep(Shape::Length(text.len())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut length = 0;
        while items.next_element::<IgnoredAny>()?.is_some() {
            length += 1;
        }
        Ok(self.keep(Shape::Length(length)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut fields: Vec<(String, Shape)> = Vec::new();
        while let Some(name) = map.next_key_seed(Name(self))? {
            let Some(name) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value_seed(self)?;
            // Of two fields of a name the second counts, in the place of the first.
            match fields.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None if value == Shape::Nothing => {}
                None => fields.push((name, value)),
            }
        }
        Ok(match fields.is_empty() {
            true => Shape::Nothing,
            false => Shape::Fields(fields),
        })
    }
}

/// A name of a field, where it is wanted.
struct Name<'left>(Wanted<'left>);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Option<String>, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(name)?;
        Ok((self.0.name)(&name).then(|| name.into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_numbers_and_lengths_in_their_order() {
        let left = Cell::new(0);
        let wanted = Wanted {
            name: |name| name.len() < 4,
            left: &left,
        };
        left.set(5);
        let text = r#" {"z": [1, {"a": "b"}], "none": 1, "o": {"n": null}, "b": true, "a": {"x": -2.5, "t": "äb"}, "b": 7, "c": 1}"#;
        let field = |name: &str, shape| (name.to_owned(), shape);
        let inner = vec![
            field("x", Shape::Number(-2.5)),
            field("t", Shape::Length(3)),
        ];
        let expected = vec![
            field("z", Shape::Length(2)),
            field("b", Shape::Number(7.0)),
            field("a", Shape::Fields(inner)),
        ];
        assert_eq!(read(text.as_bytes(), wanted), Some(Shape::Fields(expected)));
        for none in ["", "7", "\"text\"", "{", "{} {}", "[1,]"] {
            assert_eq!(read(none.as_bytes(), wanted), None, "{none}");
        }
    }
}
