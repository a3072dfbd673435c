//! The cases of the exam, as data: what is done, whom it concerns, the rule behind it, and what to do when it fails. Pure.

use hwc_schemas::Role;

/// Everybody.
const ALL: &[Role] = &[Role::Police, Role::VeiligThuis, Role::Municipality, Role::School];
/// Who has tasks and is sealed to.
const RECEIVERS: &[Role] = &[Role::VeiligThuis, Role::Municipality, Role::School];
/// Who seals.
const SENDERS: &[Role] = &[Role::Police, Role::VeiligThuis, Role::Municipality];

/// One case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// Its name, as in `--only NAME`.
    pub name: &'static str,
    /// What is expected, in a sentence.
    pub about: &'static str,
    /// The rule: an R-number of `docs/rules.md`, or the page that says it.
    pub rule: &'static str,
    /// What to do when it fails.
    pub advice: &'static str,
    /// Whom it concerns.
    pub of: &'static [Role],
}

impl Case {
    /// Its number: its place among all cases, which stays.
    pub fn number(&self) -> usize {
        CASES.iter().position(|case| case.name == self.name).map_or(0, |place| place + 1)
    }

    /// The case of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CASES.iter().find(|case| case.name == name)
    }

    /// Whether it is only put to whoever says how long it may take.
    pub fn takes_patience(&self) -> bool {
        self.name == "key-destroyed"
    }

    /// Whether it is put to an organisation of this role.
    pub fn concerns(&self, role: Role) -> bool {
        self.of.contains(&role)
    }
}

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It did what it should.
    Passed,
    /// It did not: what was seen.
    Failed(String),
    /// It could not be seen: why.
    NotShown(String),
    /// Whoever holds the exam left it out.
    LeftOut,
}

impl Verdict {
    /// In a word or two.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "FAILED",
            Self::NotShown(_) => "not shown",
            Self::LeftOut => "left out",
        }
    }

    /// What was seen, or why nothing was.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Failed(why) | Self::NotShown(why) => Some(why),
            Self::Passed | Self::LeftOut => None,
        }
    }
}

/// All cases, in the order in which they are put. New ones come at the end of their part; a number is never used again.
pub const CASES: [Case; 30] = [
    Case {
        name: "first",
        about: "A plain matter: it takes its turn, and the engine records it.",
        rule: "schemas/README.md, 2 to 6",
        advice: "Does it connect with the keys and the broker of the credentials file? Its own log should say.",
        of: ALL,
    },
    Case {
        name: "content",
        about: "What it seals opens for the receiver, is about the right child, and says nothing more than the schema has.",
        rule: "R1; engine/vault/SEAL.md",
        advice: "Compare with schemas/examples and the worked example of the seal; leave out every field that is not in the schema.",
        of: SENDERS,
    },
    Case {
        name: "asked-first",
        about: "A letter is fetched when a contact asks for it, not before: to fetch it is to open it.",
        rule: "R24; schemas/README.md, 4",
        advice: "Show that a signal waits, and fetch when somebody presses.",
        of: &[Role::School],
    },
    Case {
        name: "right-school",
        about: "Each child's letter goes to the school at which the table has it.",
        rule: "R12",
        advice: "Load tables/enrolments.csv of the exam's folder into your register, and match by R16.",
        of: &[Role::Municipality],
    },
    Case {
        name: "secret",
        about: "A child with a secret enrolment is withheld as enrolment_secret; no school is named anywhere.",
        rule: "R13",
        advice: "Withhold it before the school is looked at.",
        of: &[Role::Municipality],
    },
    Case {
        name: "unknown-pupil",
        about: "A child that nothing in the register resembles is withheld as enrolment_unknown.",
        rule: "R12, R16",
        advice: "Nothing near it in the register: say so, and wait for nobody.",
        of: &[Role::Municipality],
    },
    Case {
        name: "in-doubt",
        about: "Of a child that only nearly matches a pupil nothing is decided: a person must look.",
        rule: "R16",
        advice: "Never guess. Keep the task, and show the case to a person.",
        of: &[Role::Municipality],
    },
    Case {
        name: "not-violence",
        about: "A report of another kind ends at the screening; no child is referred.",
        rule: "R3",
        advice: "Submit `screen` with the verdict not_domestic_violence and the number of children named.",
        of: &[Role::VeiligThuis],
    },
    Case {
        name: "sibling",
        about: "A child that is registered at the address and was not named is referred too, each child once.",
        rule: "R9",
        advice: "Load tables/residents.csv of the exam's folder into whatever you look households up in.",
        of: &[Role::VeiligThuis],
    },
    Case {
        name: "answer-lost",
        about: "The answer to a command gets lost: the very same is said again.",
        rule: "schemas/README.md, 10: no answer means that you do not know",
        advice: "Keep the bytes of the command until it is answered, and submit them again after some seconds. Do not seal anew.",
        of: ALL,
    },
    Case {
        name: "try-later",
        about: "Told to try later, it tries again, a moment longer each time, and does not hammer.",
        rule: "schemas/refusals/try_later.md",
        advice: "Wait a moment, twice as long each time up to some seconds, with some chance in it.",
        of: ALL,
    },
    Case {
        name: "slow",
        about: "An answer takes seven seconds: the outcome is the same, and nothing else is said meanwhile.",
        rule: "schemas/README.md, 10",
        advice: "Wait, or say the very same again. Say +WPI on the task's reply subject while you work.",
        of: ALL,
    },
    Case {
        name: "unknown-fields",
        about: "Answers, payloads and tasks have fields that nobody knows: they are passed over.",
        rule: "schemas/README.md, 10 and 12",
        advice: "Let your JSON reader pass over what it does not know.",
        of: ALL,
    },
    Case {
        name: "unknown-task",
        about: "A task of a later version is left alone: not acknowledged, not answered; others go on.",
        rule: "schemas/README.md, 10",
        advice: "Acknowledge only what you did. A task that you cannot read may come again later.",
        of: RECEIVERS,
    },
    Case {
        name: "unknown-refusal",
        about: "A refusal that it does not know keeps the task; when it comes again it is done.",
        rule: "schemas/refusals/README.md",
        advice: "Only gone and already_decided end a task. After any other refusal do not acknowledge, and do not say the same at once again.",
        of: RECEIVERS,
    },
    Case {
        name: "refused-report",
        about: "A report that is refused is not sent without end.",
        rule: "schemas/refusals/README.md",
        advice: "A refusal is an answer: set the report aside for a person. Only try_later is tried again.",
        of: &[Role::Police],
    },
    Case {
        name: "redelivery",
        about: "The same task comes twice, or the same report is sent twice: it has one effect.",
        rule: "R9; schemas/README.md, 10: a task comes at least once",
        advice: "A task's id is in ce-id, an incident's follows from the report's reference: the same work has the same id.",
        of: ALL,
    },
    Case {
        name: "ended",
        about: "The task of a signal that ended comes again: nothing is opened or decided, and the task is let go.",
        rule: "R21; schemas/refusals/gone.md",
        advice: "On gone acknowledge the task and show nothing.",
        of: RECEIVERS,
    },
    Case {
        name: "spoiled",
        about: "A seal with one wrong byte opens for nobody: nothing is decided, and the task is kept.",
        rule: "engine/vault/SEAL.md, Opening",
        advice: "Refuse whatever does not open, all for the same reason; do not acknowledge the task.",
        of: RECEIVERS,
    },
    Case {
        name: "key-used",
        about: "Refused because its key was used, it seals to another key and submits again.",
        rule: "schemas/refusals/key_used.md",
        advice: "Ask key_of again, seal anew, submit. This one refusal is tried again.",
        of: SENDERS,
    },
    Case {
        name: "forged-key",
        about: "A key that its owner did not sign is not sealed to.",
        rule: "engine/vault/SEAL.md, Keys that are left; docs/keys.md",
        advice: "Check each key's signature against the directory; if it fails seal to the weekly key or to the one in the directory.",
        of: SENDERS,
    },
    Case {
        name: "keys-left",
        about: "Keys that it leaves are signed by it, each is left once, and it opens what is sealed to them.",
        rule: "engine/vault/SEAL.md, Keys that are left; docs/keys.md",
        advice: "Leave keys at the start, with the private halves on disk before; never the same twice, not even when no answer came.",
        of: RECEIVERS,
    },
    Case {
        name: "key-destroyed",
        about: "Some time after a signal ended its key is gone: the old ciphertext, laid before it again, opens no more.",
        rule: "R21, R23; docs/keys.md, The life of a one-time key",
        advice: "Ask every minute which of your keys something is sealed to, and destroy the private halves of the others.",
        of: RECEIVERS,
    },
    Case {
        name: "crash-at-fetch",
        about: "Killed with kill -9 while it fetches, and started again: the outcome is the same.",
        rule: "R23; docs/people.md: killed at any moment",
        advice: "Keep nothing that you could not lose but keys; acknowledge a task last.",
        of: RECEIVERS,
    },
    Case {
        name: "crash-before",
        about: "Killed when its command was sent and not taken, and started again: the outcome is the same.",
        rule: "schemas/README.md, 10",
        advice: "Acknowledge a task, and let go of a report, only when the command was answered.",
        of: ALL,
    },
    Case {
        name: "crash-after",
        about: "Killed when its command was taken and not answered, and started again: one effect.",
        rule: "schemas/README.md, 10",
        advice: "The task comes again; already_recorded, gone and already_decided all mean that it is done.",
        of: ALL,
    },
    Case {
        name: "broker-away",
        about: "The broker goes away and comes back: it connects again by itself and goes on.",
        rule: "schemas/README.md, 2",
        advice: "Reconnect for ever, and pull anew: a pull that was open is forgotten.",
        of: ALL,
    },
    Case {
        name: "schema",
        about: "Everything that it said at its doors fits the schemas.",
        rule: "schemas/json",
        advice: "The message and the place in it are named; schemas/examples has one of each.",
        of: ALL,
    },
    Case {
        name: "once",
        about: "What was answered is not said again without cause.",
        rule: "schemas/README.md, 10",
        advice: "Once a command is answered recorded, acknowledge the task and forget it.",
        of: ALL,
    },
    Case {
        name: "nothing-leaked",
        about: "No name and no date of birth of the exam's children in what it wrote: output, logs, state, messages, file names.",
        rule: "R22; schemas/README.md, 10: print nothing that was sealed",
        advice: "The file, the place in it and the disguise are named. Log ids, never contents; keep a letter in memory only.",
        of: ALL,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_case_has_a_name_of_its_own_a_rule_and_somebody_whom_it_concerns() {
        let names: BTreeSet<_> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), CASES.len());
        for (place, case) in CASES.iter().enumerate() {
            assert_eq!(case.number(), place + 1);
            assert!(!case.of.is_empty() && !case.rule.is_empty() && !case.advice.is_empty(), "{}", case.name);
        }
    }

    #[test]
    fn what_is_seen_at_the_end_is_judged_at_the_end() {
        let last: Vec<_> = CASES[CASES.len() - 3..].iter().map(|case| case.name).collect();
        assert_eq!(last, ["schema", "once", "nothing-leaked"]);
    }
}
