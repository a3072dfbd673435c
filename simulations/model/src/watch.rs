//! What must never happen, seen from the events alone: written from the rules, and not from the law's own states.

use hwc_schemas::{Organisation, SignalNumber};
use hwc_workflow::{Event, Fact};
use jiff::Timestamp;

/// What is known of one child from its events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Child {
    /// The schools that it was routed to, one for each round, and whether it was delivered there.
    rounds: Vec<(Organisation, bool)>,
    place: Place,
    acknowledged: bool,
    purged: bool,
}

/// Where a child's letter is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Place {
    /// With no school, or not any more.
    #[default]
    Nowhere,
    /// With the school of the last round.
    There,
    /// There, and opened.
    Opened,
}

/// Watches one incident's log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Watch {
    recorded: bool,
    screened: bool,
    over: bool,
    children: Vec<Child>,
}

impl Watch {
    /// One event more. Says what is wrong with it.
    pub(crate) fn see(&mut self, event: &Event, delivery_from: Timestamp) -> Result<(), &'static str> {
        if self.over {
            return Err("something happened after the incident was purged");
        }
        match &event.fact {
            Fact::Recorded { .. } if self.recorded => return Err("the report was recorded twice (R9)"),
            Fact::Recorded { .. } => self.recorded = true,
            Fact::Screened => self.screened = true,
            Fact::Expanded { found, .. } | Fact::Joined { found } => {
                if !self.screened {
                    return Err("a child became known before the screening (R3)");
                }
                self.children.extend(found.iter().map(|_| Child::default()));
            }
            Fact::IncidentPurged => {
                if self.children.iter().any(|child| !child.purged) {
                    return Err("the incident was purged before each of its signals was (R23)");
                }
                self.over = true;
            }
            fact => {
                if let Some(number) = fact.number() {
                    self.of_child(number, event, delivery_from)?;
                }
            }
        }
        Ok(())
    }

    fn of_child(&mut self, number: SignalNumber, event: &Event, from: Timestamp) -> Result<(), &'static str> {
        let screened = self.screened;
        let child = self.children.get_mut(number.index()).ok_or("an event of a child that nobody found")?;
        if child.purged {
            return Err("something happened to a signal that was purged");
        }
        match &event.fact {
            Fact::Routed { school, .. } => {
                child.place = Place::Nowhere;
                child.rounds.push((school.clone(), false));
            }
            Fact::Delivered { .. } => {
                if !screened {
                    return Err("delivered before the screening (R3)");
                }
                if event.at < from {
                    return Err("delivered before the hour of delivery (R19)");
                }
                child.rounds.last_mut().ok_or("delivered to no school (R12)")?.1 = true;
                child.place = Place::There;
            }
            Fact::Opened { .. } if child.place == Place::Nowhere => {
                return Err("opened, and no school has it");
            }
            Fact::Opened { .. } => child.place = Place::Opened,
            Fact::Acknowledged { .. } if child.acknowledged => return Err("acknowledged twice (R20)"),
            Fact::Acknowledged { .. } if child.place != Place::Opened => {
                return Err("acknowledged by a school that has not opened it (R20)");
            }
            Fact::Acknowledged { .. } => (child.acknowledged, child.place) = (true, Place::Nowhere),
            Fact::Returned { .. } if child.place != Place::Opened => {
                return Err("returned by a school that has not opened it (R24)");
            }
            Fact::Returned { .. }
            | Fact::Recalled { .. }
            | Fact::Withheld { .. }
            | Fact::Expired { .. }
            | Fact::LookUpAgain { .. } => child.place = Place::Nowhere,
            Fact::Purged { .. } => child.purged = true,
            _ => {}
        }
        Ok(())
    }

    /// Whether a child's letter was ever delivered to this school in this round (R12).
    pub(crate) fn was_delivered(&self, child: u16, round: u16, school: &Organisation) -> bool {
        let child = self.children.get(usize::from(child));
        let round = child.and_then(|child| child.rounds.get(usize::from(round.saturating_sub(1))));
        round.is_some_and(|(to, delivered)| *delivered && to == school)
    }

    /// Whether this school's own letter lies there for it now: delivered in this round, not taken back, not over.
    pub(crate) fn is_due(&self, child: u16, round: u16, school: &Organisation) -> bool {
        let now = self.children.get(usize::from(child));
        let current =
            now.is_some_and(|now| now.place != Place::Nowhere && now.rounds.len() == usize::from(round));
        current && self.was_delivered(child, round, school)
    }

    pub(crate) const fn screened(&self) -> bool {
        self.screened
    }

    pub(crate) fn found(&self) -> usize {
        self.children.len()
    }

    /// How often a child was routed.
    pub(crate) fn rounds(&self, child: u16) -> u16 {
        let rounds = self.children.get(usize::from(child)).map_or(0, |child| child.rounds.len());
        u16::try_from(rounds).unwrap_or(u16::MAX)
    }

    pub(crate) fn acknowledged(&self, child: u16) -> bool {
        self.children.get(usize::from(child)).is_some_and(|child| child.acknowledged)
    }
}
