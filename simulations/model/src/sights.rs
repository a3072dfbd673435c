//! What was seen on the way: a check that never sees a conflict says nothing about conflicts.

use hwc_journal::Append;
use hwc_relay::Reply;
use hwc_schemas::wire::Answer as Answered;
use hwc_workflow::{Duty, Fact};

use crate::{
    engine::Asked,
    outside::{Answer, Message},
};

macro_rules! sights {
    ($($name:ident: $text:literal,)+) => {
        /// Something that was seen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Sight {
            $(#[doc = $text] $name,)+
        }

        impl Sight {
            /// Everything that can be seen.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// In words.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

sights! {
    Appended: "an append became durable",
    Conflict: "an append conflicted",
    LateAppend: "a late append became durable",
    LateCiphertext: "a ciphertext was stored late",
    Erased: "a ciphertext was erased",
    Discarded: "a needless ciphertext was discarded",
    Swept: "the sweeper took an orphan",
    Offered: "a task was offered",
    BreachRecorded: "a breach was put on record",
    Tombstone: "the tombstone was written",
    TombstoneConflict: "the tombstone conflicted",
    HalfForgotten: "the tombstone was written and the events stayed",
    Delivered: "a letter was delivered",
    Reminded: "a reminder fell due",
    Acknowledged: "a letter was acknowledged",
    Returned: "a letter was returned",
    Recalled: "a signal was recalled",
    Withheld: "a signal was withheld",
    Expired: "a signal or report expired",
    Released: "a letter was released",
    Recorded: "a command was recorded",
    RecordedBefore: "a command had been recorded before",
    Refused: "a request was refused",
    HostileRefused: "a stranger was refused",
    TryLater: "somebody was asked to come back",
}

/// How often what was seen.
#[derive(Debug, Clone)]
pub struct Sights {
    counts: [u64; Sight::ALL.len()],
}

impl Default for Sights {
    fn default() -> Self {
        Self { counts: [0; Sight::ALL.len()] }
    }
}

impl Sights {
    /// How often this was seen.
    pub fn of(&self, sight: Sight) -> u64 {
        self.counts[sight as usize]
    }

    fn see(&mut self, sight: Sight) {
        self.counts[sight as usize] += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
    }

    pub(crate) fn half(&mut self) {
        self.see(Sight::HalfForgotten);
    }

    pub(crate) fn swept(&mut self) {
        self.see(Sight::Swept);
    }

    pub(crate) fn stray(&mut self, message: &Message, answer: &Answer) {
        match (message, answer) {
            (Message::Append { .. }, Answer::Appended(Append::Appended(_))) => self.see(Sight::LateAppend),
            (Message::Store(_), _) => self.see(Sight::LateCiphertext),
            _ => {}
        }
    }

    pub(crate) fn arrived(&mut self, message: &Message, answer: &Answer) {
        let conflict = *answer == Answer::Appended(Append::Conflict);
        match message {
            Message::Append { .. } if conflict => self.see(Sight::Conflict),
            Message::Append { commit, .. } => {
                self.see(Sight::Appended);
                commit
                    .events
                    .iter()
                    .filter_map(|event| of_fact(&event.fact))
                    .for_each(|sight| self.see(sight));
            }
            Message::Forget { .. } if conflict => self.see(Sight::TombstoneConflict),
            Message::Forget { .. } => self.see(Sight::Tombstone),
            Message::Discard { .. } => self.see(Sight::Discarded),
            Message::Perform { duty, .. } => match duty {
                Duty::Offer { .. } => self.see(Sight::Offered),
                Duty::Erase { .. } => self.see(Sight::Erased),
                Duty::RecordBreach { .. } => self.see(Sight::BreachRecorded),
                Duty::Forget => {}
            },
            Message::Load | Message::Store(_) => {}
        }
    }

    pub(crate) fn replied(&mut self, asked: &Asked, reply: &Reply) {
        self.see(match reply {
            Reply::Command(Answered::Recorded) => Sight::Recorded,
            Reply::Command(Answered::AlreadyRecorded) => Sight::RecordedBefore,
            Reply::Command(Answered::TryLater) | Reply::TryLater => Sight::TryLater,
            Reply::Command(Answered::Refused { .. }) | Reply::NotDue(_) => {
                if asked.ask.is_hostile() {
                    Sight::HostileRefused
                } else {
                    Sight::Refused
                }
            }
            Reply::Release { .. } => Sight::Released,
        });
    }
}

const fn of_fact(fact: &Fact) -> Option<Sight> {
    Some(match fact {
        Fact::Delivered { .. } => Sight::Delivered,
        Fact::Reminded { .. } => Sight::Reminded,
        Fact::Acknowledged { .. } => Sight::Acknowledged,
        Fact::Returned { .. } => Sight::Returned,
        Fact::Recalled { .. } => Sight::Recalled,
        Fact::Withheld { .. } => Sight::Withheld,
        Fact::Expired { .. } | Fact::ReportExpired => Sight::Expired,
        _ => return None,
    })
}
