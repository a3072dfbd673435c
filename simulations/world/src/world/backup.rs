//! Somebody copies the broker's folder, and puts the copy back later; everything of ours is off; what was said is said again.

use jiff::SignedDuration;

use super::{Due, World, engines::OFFER_AGAIN_EVERY, network::Knock};
use crate::{chronicle::Happened, outfit::RequestNumber};

/// How long nothing answers while a copy is put back.
const PUT_BACK_FOR_SECONDS: (i64, i64) = (60, 600);

/// How much later an engine starts that did not lead last, as `docs/erasure.md` tells the operator.
const OTHERS_LATER: SignedDuration = SignedDuration::from_mins(5);

/// Numbers of requests to which nobody waits for an answer.
const NOBODYS: RequestNumber = RequestNumber::MAX;

impl World<'_> {
    pub(super) fn take_a_copy(&mut self) {
        if self.broker.is_up {
            self.copy = Some(self.broker.copy());
        }
    }

    /// Every engine is down, and the copy takes the place of the broker's folder. The engine that led last starts first.
    pub(super) fn put_the_copy_back(&mut self, cut_after: Option<u32>) {
        let Some(copy) = self.copy.take() else { return };
        for number in self.engines.keys().copied().collect::<Vec<_>>() {
            self.engine_dies(number, SignedDuration::ZERO);
        }
        self.stops();
        self.broker.put_back(copy);
        self.start_cut_after = cut_after;
        let (least, most) = PUT_BACK_FOR_SECONDS;
        let back = self.seconds(least, most);
        self.starts_again_after(back);
    }

    /// Broker, engines and organisations are off for so long.
    pub(super) fn all_off(&mut self, length: SignedDuration) {
        self.stop_ours(length);
        self.stops();
        self.starts_again_after(length);
    }

    /// The same with the broker running: it keeps its ceiling alone.
    pub(super) fn ours_off(&mut self, length: SignedDuration) {
        self.stop_ours(length);
        self.engines_start_after(length);
    }

    fn stop_ours(&mut self, length: SignedDuration) {
        for number in self.engines.keys().copied().collect::<Vec<_>>() {
            self.engine_dies(number, SignedDuration::ZERO);
        }
        // Also who would have come back before.
        self.agenda.retain(|due| !matches!(due, Due::Opens { .. }));
        for party in 0..self.parties.len() {
            self.party_dies(party, length);
            self.agenda.put(self.after(length), Due::Opens { party });
        }
    }

    /// Nothing is connected any more, and nothing is on its way.
    fn stops(&mut self) {
        self.broker.is_up = false;
        self.lease = None;
        self.tell(Happened::Fault("the broker is off".to_owned()));
        self.tell(Happened::BrokerIs { up: false });
        self.agenda.retain(|due| {
            !matches!(
                due,
                Due::AtBroker { .. }
                    | Due::AtEngine { .. }
                    | Due::Knock(_)
                    | Due::Settled { .. }
                    | Due::BrokerStarts
            )
        });
    }

    fn starts_again_after(&mut self, back: SignedDuration) {
        self.agenda.put(self.after(back), Due::BrokerStarts);
        self.engines_start_after(back);
    }

    fn engines_start_after(&mut self, back: SignedDuration) {
        self.agenda.retain(|due| !matches!(due, Due::Starts { .. }));
        for engine in self.engines.keys().copied().collect::<Vec<_>>() {
            let first = self.led_last.is_none_or(|last| last == engine);
            let later = if first { SignedDuration::from_secs(1) } else { OTHERS_LATER };
            self.agenda.put(self.after(back + later), Due::Starts { engine });
        }
        self.agenda.put(self.after(back + OFFER_AGAIN_EVERY), Due::OfferAgain);
    }

    /// Everything that was said so far arrives once more. Nobody waits for the answers.
    pub(super) fn say_again(&mut self) {
        for (party, request) in self.overheard.clone() {
            let wait = self.on_the_way();
            let number = NOBODYS;
            self.agenda.put(self.after(wait), Due::Knock(Knock { party, number, request }));
        }
    }
}
