//! What an organisation does with a signal, and where its register of processing activities says why it may.

use std::{collections::BTreeMap, fmt};

use hwc_schemas::Role;

/// One step of processing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Police: a child was named in a report to Veilig Thuis (R8).
    Report,
    /// Veilig Thuis: a report was opened and its household looked up (R3, R9). Its children are not told apart yet.
    Screen,
    /// Veilig Thuis: a child counts, and was referred to its municipality (R9).
    Refer,
    /// Veilig Thuis: a child was looked at, and is not referred (R2, R6, R7, R15).
    ScreenOut,
    /// Municipality: a child was looked for in the register (R12, R16).
    LookUp,
    /// Municipality: passed on to a school (R12).
    Route,
    /// Municipality: not passed on (R11 to R16).
    Withhold,
    /// Municipality or Veilig Thuis: called back (R24).
    Recall,
    /// School: opened (R20).
    Open,
    /// School: received (R20).
    Acknowledge,
    /// School: returned; it is not their pupil (R24).
    Return,
}

impl Step {
    /// What an organisation of this role does. Its register must have an activity for each.
    pub const fn of(role: Role) -> &'static [Self] {
        match role {
            Role::Police => &[Self::Report],
            Role::VeiligThuis => &[Self::Screen, Self::Refer, Self::ScreenOut, Self::Recall],
            Role::Municipality => &[Self::LookUp, Self::Route, Self::Withhold, Self::Recall],
            Role::School => &[Self::Open, Self::Acknowledge, Self::Return],
        }
    }

    /// The word, in the file of activities and in a line of the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Screen => "screen",
            Self::Refer => "refer",
            Self::ScreenOut => "screen_out",
            Self::LookUp => "look_up",
            Self::Route => "route",
            Self::Withhold => "withhold",
            Self::Recall => "recall",
            Self::Open => "open",
            Self::Acknowledge => "acknowledge",
            Self::Return => "return",
        }
    }

    /// The step that this one goes on from, where the same organisation did it with the same signal.
    pub(crate) const fn after(self) -> Option<Self> {
        match self {
            Self::Route | Self::Withhold => Some(Self::LookUp),
            Self::Acknowledge | Self::Return => Some(Self::Open),
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Bytes of a URI, at most.
const URI_BYTES_MAX: usize = 512;

/// Not the URI of an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the URI of an activity: it begins with https://, http:// or urn:, has at most {URI_BYTES_MAX} characters and no spaces"
)]
pub struct NotAUri;

/// Whether a text can be the URI of an activity.
pub fn check_uri(text: &str) -> Result<(), NotAUri> {
    let begins = ["https://", "http://", "urn:"]
        .iter()
        .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
    if begins && plain && text.len() <= URI_BYTES_MAX { Ok(()) } else { Err(NotAUri) }
}

/// A step that the register says nothing of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the register has no activity for {0}")]
pub struct NoActivity(pub Step);

/// An organisation's own activities: for each of its steps a URI in its register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activities {
    role: Role,
    uris: BTreeMap<Step, String>,
}

impl Activities {
    /// The activities of an organisation with this role; every step of it has one.
    pub fn new(role: Role, uris: BTreeMap<Step, String>) -> Result<Self, NoActivity> {
        match Step::of(role).iter().find(|step| !uris.contains_key(step)) {
            Some(step) => Err(NoActivity(*step)),
            None => Ok(Self { role, uris }),
        }
    }

    /// Whose role they are of.
    pub const fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn uri(&self, step: Step) -> Option<&str> {
        self.uris.get(&step).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_a_role_must_have_an_activity() {
        for role in [Role::Police, Role::VeiligThuis, Role::Municipality, Role::School] {
            let all: BTreeMap<_, _> =
                Step::of(role).iter().map(|step| (*step, format!("https://example.nl/{step}"))).collect();
            assert_eq!(Activities::new(role, all.clone()).unwrap().role(), role);
            for step in Step::of(role) {
                let mut but_one = all.clone();
                but_one.remove(step);
                assert_eq!(Activities::new(role, but_one), Err(NoActivity(*step)));
            }
        }
    }

    #[test]
    fn an_activity_is_a_uri_and_nothing_else() {
        for good in ["https://example.nl/verwerkingen/12", "urn:nl:register:7", "http://127.0.0.1/1?a=b#c"] {
            assert_eq!(check_uri(good), Ok(()), "{good}");
        }
        let long = format!("https://{}", "x".repeat(URI_BYTES_MAX));
        for bad in
            ["", "https://", "12", "ftp://example.nl", "https://a b", "https://a\n", "urn:\"", long.as_str()]
        {
            assert_eq!(check_uri(bad), Err(NotAUri), "{bad}");
        }
    }
}
