//! One signal: one child's path. What it still has to let go of lies beside the state it is in.

use hwc_schemas::{
    Organisation, PayloadId,
    outcome::{Outcome, Withheld},
};

use super::{
    Acknowledged, Addressed, Delivered, Ended, OutOfOrder, Qualified, Referred, Routed, misfit, on_the_page,
};
use crate::{
    duty::{Breach, BreachKind},
    event::{Event, Fact, Found},
    law::Phase,
};

/// One child's signal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Signal {
    /// Where it is.
    pub state: SignalState,
    /// Ciphertexts that nobody needs any more.
    pub erasing: Vec<PayloadId>,
    /// Breaches whose record is not durable yet (R24).
    pub breaches: Vec<Breach>,
}

/// Where a signal is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SignalState {
    /// `Expanded`: with its municipality.
    Referred(Referred),
    /// `Routed`: held for the school's day.
    Routed(Routed),
    /// `Delivered`: with its school.
    Delivered(Delivered),
    /// `Acknowledged`: being erased.
    Acknowledged(Acknowledged),
    /// A side exit: being erased.
    Ended(Ended),
    /// `Purged`: nothing is left but how it ended.
    Purged(Outcome),
}

impl Signal {
    /// A child that Veilig Thuis found. Only a screened incident has the witness.
    pub(super) fn found(qualified: Qualified, found: &Found) -> Self {
        let never_referred =
            |outcome| SignalState::Ended(Ended { outcome, municipality: None, opened: false });
        let state = match found {
            Found::Referred { municipality, referral } => {
                SignalState::Referred(Referred::new(qualified, municipality.clone(), *referral))
            }
            Found::ScreenedOut { reason } => never_referred(Outcome::ScreenedOut(*reason)),
            Found::NotParticipating => {
                never_referred(Outcome::Withheld(Withheld::MunicipalityNotParticipating))
            }
        };
        Self { state, erasing: Vec::new(), breaches: Vec::new() }
    }

    /// Where it is on the page of the law.
    pub const fn phase(&self) -> Phase {
        match &self.state {
            SignalState::Referred(_) => Phase::Expanded,
            SignalState::Routed(_) => Phase::Routed,
            SignalState::Delivered(_) => Phase::Delivered,
            SignalState::Acknowledged(_) => Phase::Acknowledged,
            SignalState::Ended(ended) => match ended.outcome {
                Outcome::ScreenedOut(_) => Phase::ScreenedOut,
                Outcome::Withheld(_) => Phase::Withheld,
                Outcome::Recalled(_) => Phase::Recalled,
                Outcome::Expired(_) => Phase::Expired,
                Outcome::Acknowledged => Phase::Acknowledged,
            },
            SignalState::Purged(_) => Phase::Purged,
        }
    }

    /// How it ended, once it has.
    pub const fn outcome(&self) -> Option<Outcome> {
        match &self.state {
            SignalState::Acknowledged(_) => Some(Outcome::Acknowledged),
            SignalState::Ended(ended) => Some(ended.outcome),
            SignalState::Purged(outcome) => Some(*outcome),
            SignalState::Referred(_) | SignalState::Routed(_) | SignalState::Delivered(_) => None,
        }
    }

    /// Every ciphertext that it holds or still has to let go of.
    pub(super) fn payloads(&self) -> Vec<PayloadId> {
        let held = match &self.state {
            SignalState::Referred(r) => vec![r.referral],
            SignalState::Routed(r) => vec![r.referral, r.letter],
            SignalState::Delivered(d) => vec![d.routed.referral, d.routed.letter],
            SignalState::Acknowledged(_) | SignalState::Ended(_) | SignalState::Purged(_) => Vec::new(),
        };
        held.into_iter().chain(self.erasing.iter().copied()).collect()
    }

    /// The signal's own transitions. A refused one leaves the signal as it was.
    pub(super) fn evolve(&mut self, event: &Event) -> Result<(), OutOfOrder> {
        let phase = self.phase();
        on_the_page(phase, &event.fact)?;
        let misfit = misfit(&event.fact, phase);
        let at = event.at;
        let next = match (self.state.clone(), &event.fact) {
            (SignalState::Referred(referred), Fact::Routed { school, letter, .. }) => {
                SignalState::Routed(referred.routed(Addressed::to(school.clone()), *letter, at))
            }
            (SignalState::Routed(routed), Fact::Delivered { .. }) => {
                SignalState::Delivered(routed.delivered(at))
            }
            (SignalState::Routed(routed), Fact::LookUpAgain { .. }) => {
                self.erasing.push(routed.letter);
                SignalState::Referred(routed.looked_up_again())
            }
            (SignalState::Delivered(mut delivered), Fact::Opened { .. }) if delivered.opened_at.is_none() => {
                delivered.opened_at = Some(at);
                SignalState::Delivered(delivered)
            }
            (SignalState::Delivered(mut delivered), Fact::Reminded { notice, due, .. }) => {
                delivered.reminded(*due, *notice);
                SignalState::Delivered(delivered)
            }
            (SignalState::Delivered(delivered), Fact::Acknowledged { .. })
                if delivered.opened_at.is_some() =>
            {
                self.let_go();
                SignalState::Acknowledged(delivered.acknowledged())
            }
            (SignalState::Delivered(delivered), Fact::Returned { .. }) if delivered.opened_at.is_some() => {
                self.breaches.push(Breach { kind: BreachKind::Returned, opened: true, at });
                self.erasing.push(delivered.routed.letter);
                SignalState::Referred(delivered.returned())
            }
            (_, Fact::Recalled { reason, .. }) => {
                let opened = self.opened();
                self.breaches.push(Breach { kind: BreachKind::Recalled(*reason), opened, at });
                self.ended(Outcome::Recalled(*reason))
            }
            (_, Fact::Withheld { reason, .. }) => self.ended(Outcome::Withheld(*reason)),
            (_, Fact::Expired { reason, .. }) => self.ended(Outcome::Expired(*reason)),
            (state, Fact::BreachRecorded { .. }) if !self.breaches.is_empty() => {
                self.breaches.remove(0);
                state
            }
            (_, Fact::Purged { .. }) if self.erasing.is_empty() && self.breaches.is_empty() => {
                SignalState::Purged(self.outcome().ok_or(misfit)?)
            }
            _ => return Err(misfit),
        };
        self.state = next;
        Ok(())
    }

    fn ended(&mut self, outcome: Outcome) -> SignalState {
        self.let_go();
        let (municipality, opened) = (self.municipality().cloned(), self.opened());
        SignalState::Ended(Ended { outcome, municipality, opened })
    }

    /// Whose referral it is or was.
    const fn municipality(&self) -> Option<&Organisation> {
        match &self.state {
            SignalState::Referred(referred) => Some(&referred.municipality),
            SignalState::Routed(routed) => Some(&routed.municipality),
            SignalState::Delivered(delivered) => Some(&delivered.routed.municipality),
            SignalState::Acknowledged(acknowledged) => Some(&acknowledged.municipality),
            SignalState::Ended(ended) => ended.municipality.as_ref(),
            SignalState::Purged(_) => None,
        }
    }

    /// Whether a school has opened the letter of this round.
    const fn opened(&self) -> bool {
        match &self.state {
            SignalState::Delivered(delivered) => delivered.opened_at.is_some(),
            SignalState::Acknowledged(_) => true,
            SignalState::Ended(ended) => ended.opened,
            SignalState::Referred(_) | SignalState::Routed(_) | SignalState::Purged(_) => false,
        }
    }

    /// Everything it holds is to be erased: the municipality's own copy too (R21).
    fn let_go(&mut self) {
        self.erasing = self.payloads();
    }
}
