//! Who takes part: a role and a code, written `school-01AA00`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What an organisation does in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "contract", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reports incidents (R4, R8).
    Police,
    /// Screens and expands (R9).
    VeiligThuis,
    /// Knows the school and routes (R10).
    Municipality,
    /// Opens and acknowledges (R20).
    School,
}

impl Role {
    /// Every role, in the order of the chain.
    pub const ALL: [Self; 4] = [Self::Police, Self::VeiligThuis, Self::Municipality, Self::School];

    /// The role's name in subjects, files and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Police => "police",
            Self::VeiligThuis => "veilig-thuis",
            Self::Municipality => "municipality",
            Self::School => "school",
        }
    }

    /// To whom an organisation of this role seals; a school seals to nobody.
    pub const fn seals_to(self) -> Option<Self> {
        match self {
            Self::Police => Some(Self::VeiligThuis),
            Self::VeiligThuis => Some(Self::Municipality),
            Self::Municipality => Some(Self::School),
            Self::School => None,
        }
    }
}

/// One organisation: its role and its code within the role (a police district, a Veilig Thuis region, a CBS
/// municipality code, a school's BRIN and location). At most 32 letters and digits: one subject token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Organisation {
    role: Role,
    code: Box<str>,
}

/// Text that names no organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an organisation: wanted ROLE-CODE, as in school-01AA00, the code 1 to 32 letters and digits")]
pub struct OrganisationError;

impl Organisation {
    /// Checks the code and makes the name.
    pub fn new(role: Role, code: &str) -> Result<Self, OrganisationError> {
        let fits = (1..=32).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric());
        if fits { Ok(Self { role, code: code.into() }) } else { Err(OrganisationError) }
    }

    /// What it does.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Its code within its role.
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for Organisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.role.as_str(), self.code)
    }
}

impl fmt::Debug for Organisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Organisation {
    type Err = OrganisationError;
    fn from_str(text: &str) -> Result<Self, OrganisationError> {
        let (role, code) = text.rsplit_once('-').ok_or(OrganisationError)?;
        let role = Role::ALL.into_iter().find(|r| r.as_str() == role).ok_or(OrganisationError)?;
        Self::new(role, code)
    }
}

impl Serialize for Organisation {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Organisation {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_written_and_read_back() {
        for role in Role::ALL {
            let one = Organisation::new(role, "0855").unwrap();
            assert_eq!(one.to_string().parse::<Organisation>(), Ok(one));
        }
    }

    #[test]
    fn a_code_that_would_break_out_of_its_subject_token_is_refused() {
        for bad in ["", "a.b", "a b", "*", ">", "a-b", "é", &"a".repeat(33)] {
            assert_eq!(Organisation::new(Role::School, bad), Err(OrganisationError));
        }
    }
}
