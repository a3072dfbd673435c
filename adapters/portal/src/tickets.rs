//! A press of a button on a signal is a ticket: random, good once, and in the session that was shown the button. So no address and
//! no form holds an id, and going back or loading a page again opens nothing. Who decides presses twice at times, or again because
//! no answer came: it is done once, and both hear what became of it.

use std::collections::VecDeque;

use hwc_schemas::SignalId;
use hwc_web::chance::{Chance, NoChance, token};
use tokio::sync::watch;

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

/// Decisions of one session that are remembered, at most; the oldest go.
const DECIDED_MAX: usize = 64;

/// What is said of a decision: the name of a text; none while it is under way.
pub(crate) type Told = Option<&'static str>;

/// A press that decides.
pub(crate) enum Pressed {
    /// The first: whoever carries it out says what became of it.
    First((SignalId, u16), watch::Sender<Told>),
    /// It was pressed before.
    Again(watch::Receiver<Told>),
    /// There is no such ticket, or not any more.
    Never,
}

/// The tickets of one session.
#[derive(Default)]
pub(crate) struct Tickets {
    open: VecDeque<(String, Press, (SignalId, u16))>,
    decided: VecDeque<(String, watch::Receiver<Told>)>,
}

impl Tickets {
    /// A new one.
    pub(crate) fn issue(
        &mut self,
        press: Press,
        round: (SignalId, u16),
        chance: &dyn Chance,
    ) -> Result<String, NoChance> {
        let ticket = token(chance)?.to_string();
        if self.open.len() >= TICKETS_MAX {
            self.open.pop_front();
        }
        self.open.push_back((ticket.clone(), press, round));
        Ok(ticket)
    }

    /// Takes one back; none if there is no such ticket for this, or not any more.
    pub(crate) fn take(&mut self, said: &str, press: Press) -> Option<(SignalId, u16)> {
        let at = self.open.iter().position(|(ticket, is_for, _)| ticket == said && *is_for == press)?;
        self.open.remove(at).map(|(_, _, round)| round)
    }

    /// What became of one that decided; nothing is done.
    pub(crate) fn decided(&self, said: &str) -> Pressed {
        let decided = self.decided.iter().find(|(ticket, _)| ticket == said);
        decided.map_or(Pressed::Never, |(_, told)| Pressed::Again(told.clone()))
    }

    /// Takes back one that decides.
    pub(crate) fn decide(&mut self, said: &str) -> Pressed {
        if let again @ Pressed::Again(_) = self.decided(said) {
            return again;
        }
        let Some(round) = self.take(said, Press::Decide) else { return Pressed::Never };
        let (tells, told) = watch::channel(None);
        if self.decided.len() >= DECIDED_MAX {
            self.decided.pop_front();
        }
        self.decided.push_back((said.to_owned(), told));
        Pressed::First(round, tells)
    }

    /// Takes back every ticket for one signal: it is over.
    pub(crate) fn forget(&mut self, round: (SignalId, u16)) {
        self.open.retain(|(_, _, of)| *of != round);
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
        assert_eq!(tickets.open.len(), TICKETS_MAX);
    }

    #[test]
    fn who_decides_twice_hears_twice_what_was_done_once() {
        let mut tickets = Tickets::default();
        let ticket = tickets.issue(Press::Decide, round(1), &hwc_web::OsChance).unwrap();
        let open = tickets.issue(Press::Open, round(1), &hwc_web::OsChance).unwrap();
        assert!(matches!(tickets.decided(&ticket), Pressed::Never), "nothing was decided, and nothing is");
        let Pressed::First(of, tells) = tickets.decide(&ticket) else { panic!("it is the first") };
        assert_eq!(of, round(1));
        tickets.forget(of);
        assert!(matches!(tickets.decided(&ticket), Pressed::Again(_)));
        tells.send_replace(Some("acknowledged"));
        let Pressed::Again(told) = tickets.decide(&ticket) else { panic!("it was pressed before") };
        assert_eq!(*told.borrow(), Some("acknowledged"));
        assert!(matches!(tickets.decide(&open), Pressed::Never), "that one opened");
        for number in 0..200 {
            let ticket = tickets.issue(Press::Decide, round(number), &hwc_web::OsChance).unwrap();
            assert!(matches!(tickets.decide(&ticket), Pressed::First(..)));
        }
        assert_eq!(tickets.decided.len(), DECIDED_MAX);
    }
}
