//! A press of a button on a signal is a ticket: random, good once, and in the session that was shown the button. So no address and
//! no form holds an id, and going back or loading a page again opens nothing.

use std::collections::VecDeque;

use hwc_schemas::SignalId;
use hwc_web::chance::{Chance, NoChance, token};

/// Tickets of one session, at most; the oldest go.
const TICKETS_MAX: usize = 2_000;

/// What a ticket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Press {
    /// To open.
    Open,
    /// To confirm or to give back.
    Decide,
}

/// The tickets of one session.
#[derive(Default)]
pub(crate) struct Tickets(VecDeque<(String, Press, (SignalId, u16))>);

impl Tickets {
    /// A new one.
    pub(crate) fn issue(
        &mut self,
        press: Press,
        round: (SignalId, u16),
        chance: &dyn Chance,
    ) -> Result<String, NoChance> {
        let ticket = token(chance)?.to_string();
        if self.0.len() >= TICKETS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((ticket.clone(), press, round));
        Ok(ticket)
    }

    /// Takes one back; none if there is no such ticket for this, or not any more.
    pub(crate) fn take(&mut self, said: &str, press: Press) -> Option<(SignalId, u16)> {
        let at = self.0.iter().position(|(ticket, is_for, _)| ticket == said && *is_for == press)?;
        self.0.remove(at).map(|(_, _, round)| round)
    }

    /// Takes back every ticket for one signal: it is over.
    pub(crate) fn forget(&mut self, round: (SignalId, u16)) {
        self.0.retain(|(_, _, of)| *of != round);
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::SignalNumber;

    use super::*;

    fn round(number: u32) -> (SignalId, u16) {
        let incident = format!("{number:032x}").parse().unwrap();
        (SignalId { incident, number: SignalNumber::FIRST }, 1)
    }

    #[test]
    fn a_ticket_is_good_once_and_for_what_it_is_for() {
        let mut tickets = Tickets::default();
        let open = tickets.issue(Press::Open, round(1), &hwc_web::OsChance).unwrap();
        let decide = tickets.issue(Press::Decide, round(1), &hwc_web::OsChance).unwrap();
        assert_eq!(tickets.take(&open, Press::Decide), None);
        assert_eq!(tickets.take(&open, Press::Open), Some(round(1)));
        assert_eq!(tickets.take(&open, Press::Open), None);
        tickets.forget(round(1));
        assert_eq!(tickets.take(&decide, Press::Decide), None);
        for number in 0..2_100 {
            tickets.issue(Press::Open, round(number), &hwc_web::OsChance).unwrap();
        }
        assert_eq!(tickets.0.len(), TICKETS_MAX);
    }
}
