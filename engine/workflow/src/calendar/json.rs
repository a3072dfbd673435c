//! A JSON document of somebody else's, read with care: every error says where, and nothing of what stands there.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// One step down into a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Field(&'static str),
    Item(usize),
}

/// A value that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    path: Vec<Step>,
    pub(super) problem: &'static str,
}

impl Broken {
    /// Line and column, both from 1, of the end of the value, or, if it is missing, of where it should have been.
    pub(super) fn position(&self, bytes: &[u8]) -> (usize, usize) {
        let mut document = serde_json::Deserializer::from_slice(bytes);
        match Seek(&self.path).deserialize(&mut document) {
            Ok(()) => (1, 1),
            Err(stopped) => (stopped.line().max(1), stopped.column().max(1)),
        }
    }
}

/// The way to it, as in `[0].content[1].vacations[3].regions[0].startdate`, numbers from 0.
impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str("document");
        }
        for (depth, step) in self.path.iter().enumerate() {
            match step {
                Step::Field(name) if depth == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Item(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A value in a document, and the way to it.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    value: &'a Value,
    path: Vec<Step>,
}

impl<'a> Node<'a> {
    /// The document.
    pub(super) const fn root(value: &'a Value) -> Self {
        Self { value, path: Vec::new() }
    }

    /// This value is wrong.
    pub(super) fn broken(&self, problem: &'static str) -> Broken {
        Broken { path: self.path.clone(), problem }
    }

    fn below(&self, step: Step, value: &'a Value) -> Self {
        Self { value, path: self.path.iter().copied().chain([step]).collect() }
    }

    /// A field of an object. Other fields are nobody's business.
    pub(super) fn field(&self, name: &'static str) -> Result<Self, Broken> {
        let fields = self.value.as_object().ok_or_else(|| self.broken("not an object"))?;
        let field = fields.get(name).map(|value| self.below(Step::Field(name), value));
        field.ok_or_else(|| self.below(Step::Field(name), self.value).broken("missing"))
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Result<Vec<Self>, Broken> {
        let items = self.value.as_array().ok_or_else(|| self.broken("not a list"))?;
        Ok(items.iter().enumerate().map(|(index, value)| self.below(Step::Item(index), value)).collect())
    }

    /// The items of a list, or the one that stands there without a list around it.
    pub(super) fn one_or_more(&self) -> Result<Vec<Self>, Broken> {
        if self.value.is_object() { Ok(vec![self.clone()]) } else { self.items() }
    }

    /// A text without the spaces around it.
    pub(super) fn text(&self) -> Result<&'a str, Broken> {
        self.value.as_str().map(str::trim).ok_or_else(|| self.broken("not a text"))
    }
}

/// Walks down a path and stops with an error at its end: the parser then says the line and the column.
struct Seek<'p>(&'p [Step]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something else")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if let Some((Step::Item(index), rest)) = self.0.split_first() {
            for _ in 0..*index {
                items.next_element::<IgnoredAny>()?;
            }
            items.next_element_seed(Seek(rest))?;
        }
        Err(A::Error::custom("here"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        if let Some((Step::Field(name), rest)) = self.0.split_first() {
            while let Some(key) = fields.next_key::<std::borrow::Cow<'de, str>>()? {
                if key == *name {
                    fields.next_value_seed(Seek(rest))?;
                } else {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Err(A::Error::custom("here"))
    }
}
