//! Who has a credential: an organisation, an engine, or a board.

use std::{fmt, str::FromStr};

use hwc_jetstream::BoardName;
use hwc_schemas::Organisation;
use serde::{Deserialize, Serialize};

/// Whoever may connect to the broker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// One of the engines, which share an account.
    Engine(EngineName),
    /// A board, which has an account of its own and may look and nothing else.
    Board(BoardName),
    /// An organisation, which has an account of its own.
    Organisation(Organisation),
}

/// What an engine is called, as in `engine-one`: 1 to 32 letters and digits after `engine-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EngineName(Box<str>);

/// Text that names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "wanted an organisation such as school-01AA00, an engine such as engine-one or a board such as board-one: 1 to 32 letters and digits after the last dash"
)]
pub struct MemberError;

impl FromStr for EngineName {
    type Err = MemberError;
    fn from_str(text: &str) -> Result<Self, MemberError> {
        let name = text.strip_prefix("engine-").unwrap_or(text);
        let fits = (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
        if fits { Ok(Self(name.into())) } else { Err(MemberError) }
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "engine-{}", self.0)
    }
}

impl FromStr for Member {
    type Err = MemberError;
    fn from_str(text: &str) -> Result<Self, MemberError> {
        if text.starts_with("engine-") {
            return text.parse().map(Self::Engine);
        }
        if text.starts_with(BoardName::BEGINNING) {
            return text.parse().map(Self::Board).map_err(|_| MemberError);
        }
        text.parse().map(Self::Organisation).map_err(|_| MemberError)
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(engine) => engine.fmt(f),
            Self::Board(board) => board.fmt(f),
            Self::Organisation(organisation) => organisation.fmt(f),
        }
    }
}

impl Serialize for Member {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_written_and_read_back_and_nothing_else_is_one() {
        for name in ["engine-one", "board-one", "school-01AA00", "veilig-thuis-region"] {
            assert_eq!(name.parse::<Member>().unwrap().to_string(), name);
        }
        for bad in [
            "",
            "engine-",
            "board-",
            "board-a-b",
            "engine-a-b",
            "engine-a/b",
            "one",
            "../school-1",
            "broker",
            "school-01AA00\n",
        ] {
            assert!(bad.parse::<Member>().is_err(), "{bad}");
        }
    }
}
