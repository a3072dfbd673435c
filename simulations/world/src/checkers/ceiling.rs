//! No payload lives longer than the ceiling, whatever is down.

use std::collections::{BTreeSet, HashMap};

use hwc_schemas::{IncidentId, PayloadId};
use hwc_workflow::Fact;
use jiff::{SignedDuration, Timestamp};

use super::{Checker, ON_ITS_WAY_MAX, demand};
use crate::{
    chronicle::{Entry, Happened},
    truth::Truth,
};

/// The hard ceiling on a payload's age (R23).
///
/// It demands, of dishonest parties and lying storage too, that no ciphertext is there, and that nobody opens anything of an
/// incident, later than `payload_ceiling_days` days of 24 hours after it was recorded by the time in its first event; a
/// ciphertext without a recorded incident counts from when it was stored. To this comes what clocks are wrong, and
/// [`ON_ITS_WAY_MAX`]: what is left of its time is reckoned before a ciphertext is on its way to the broker.
///
/// While the broker is off nobody can drop anything; it does so the moment it runs again, before anybody is given anything.
///
/// An incident that was recorded anew because the storage lost its log counts anew; the ciphertexts of before do not.
#[derive(Default)]
pub struct Ceiling {
    recorded: HashMap<IncidentId, Timestamp>,
    /// Until when each ciphertext may be there, and in how many copies it is.
    there: HashMap<PayloadId, (Timestamp, u32)>,
    due: BTreeSet<(Timestamp, PayloadId)>,
    is_off: bool,
    /// When the broker was last there again.
    back_at: Option<Timestamp>,
}

impl Checker for Ceiling {
    fn name(&self) -> &'static str {
        "ceiling"
    }

    fn see(&mut self, entry: &Entry, truth: &Truth) -> Result<(), String> {
        if let Happened::BrokerIs { up } = entry.what {
            self.back_at = up.then_some(entry.at);
            self.is_off = !up;
        }
        // What the broker drops as it starts is dropped at that very moment.
        let starts = self.is_off || self.back_at == Some(entry.at);
        if let Some((until, payload)) = self.due.first().filter(|_| !starts) {
            demand(entry.at <= *until, || format!("{payload} is there past its ceiling"))?;
        }
        let days = SignedDuration::from_hours(24 * i64::from(truth.policy.payload_ceiling_days));
        let until = |since: Timestamp| since + days + truth.clock_error_max + ON_ITS_WAY_MAX;
        match &entry.what {
            Happened::Stored { payload, incident, .. } => {
                let until = until(*self.recorded.get(incident).unwrap_or(&entry.at));
                let there = self.there.entry(*payload).or_insert((until, 0));
                there.1 += 1;
                self.due.insert((there.0, *payload));
            }
            Happened::Gone { payload, .. } => self.gone(*payload),
            Happened::Durable { incident, events, .. } => {
                for event in events {
                    if let Fact::Recorded { report, .. } = &event.fact {
                        self.recorded.insert(*incident, event.at);
                        if let Some(counted) = self.there.get_mut(report) {
                            self.due.remove(&(counted.0, *report));
                            counted.0 = until(event.at);
                            self.due.insert((counted.0, *report));
                        }
                    }
                }
            }
            Happened::Left { incident, events: 0 } => {
                self.recorded.remove(incident);
            }
            Happened::Opened { by, incident, .. } => {
                let late = self.recorded.get(incident).is_some_and(|since| entry.at > until(*since));
                demand(!late, || format!("{by} opens something of {incident} past its ceiling"))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, _: &Truth) -> Result<(), String> {
        Ok(())
    }
}

impl Ceiling {
    fn gone(&mut self, payload: PayloadId) {
        let Some((until, copies)) = self.there.get_mut(&payload) else { return };
        *copies -= 1;
        if *copies == 0 {
            self.due.remove(&(*until, payload));
            self.there.remove(&payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::letter::Hop;

    use super::{
        super::story::{DAVIDS, Story, VT, david, number, payload},
        *,
    };
    use crate::chronicle::{Content, Gone};

    fn judged(story: &Story) -> Result<(), String> {
        story.judged(Ceiling::default())
    }

    #[test]
    fn in_an_ordinary_world_nothing_meets_its_ceiling() {
        assert_eq!(judged(&Story::ordinary()), Ok(()));
    }

    #[test]
    fn a_ciphertext_that_outlives_its_ceiling_is_noticed() {
        let mut story = Story::until_delivered();
        // 28 days, half a minute of clocks, a minute on its way.
        assert_eq!(judged(story.at("2026-12-17 06:46:30").fault()), Ok(()));
        assert!(judged(story.at("2026-12-17 06:46:31").fault()).unwrap_err().contains("past its ceiling"));
    }

    #[test]
    fn a_second_copy_that_outlives_its_ceiling_is_noticed() {
        let mut story = Story::new();
        story.reported().stored(1, Hop::Report, VT);
        story.happens(Happened::Gone { payload: payload(1), how: Gone::Erased }).at("2026-12-17 06:46:31");
        assert!(judged(story.fault()).unwrap_err().contains("past its ceiling"));
        story.entries.pop();
        story.at("2026-12-17 06:46:30").happens(Happened::Gone { payload: payload(1), how: Gone::Swept });
        assert_eq!(judged(story.at("2026-12-17 06:46:31").fault()), Ok(()));
    }

    #[test]
    fn a_ciphertext_of_no_incident_has_a_ceiling_too() {
        let mut story = Story::new();
        story.at("2026-11-19 06:45").stored(9, Hop::Report, VT).at("2026-12-17 06:46:31");
        assert!(judged(story.fault()).unwrap_err().contains("past its ceiling"));
    }

    #[test]
    fn a_broker_that_was_off_at_the_ceiling_drops_it_the_moment_it_runs_again() {
        let back = |drops: bool| {
            let mut story = Story::until_delivered();
            story.happens(Happened::BrokerIs { up: false }).at("2026-12-18 06:45").fault();
            story.at("2026-12-20 06:45").happens(Happened::BrokerIs { up: true });
            for n in (2..=5).filter(|_| drops) {
                story.happens(Happened::Gone { payload: payload(n), how: Gone::Ceiling });
            }
            judged(story.at("2026-12-20 06:45:01").fault())
        };
        assert_eq!(back(true), Ok(()));
        assert!(back(false).unwrap_err().contains("past its ceiling"));
    }

    #[test]
    fn an_incident_whose_log_was_lost_counts_anew() {
        let mut story = Story::new();
        story.reported().happens(Happened::Gone { payload: payload(1), how: Gone::Lost });
        let number = super::super::story::incident(1);
        story.happens(Happened::StorageLied { incidents: [number].into() });
        story.happens(Happened::Left { incident: number, events: 0 });
        story.at("2026-12-19 06:45").stored(9, Hop::Report, VT).at("2026-12-20 06:45").fault();
        assert_eq!(judged(&story), Ok(()));
    }

    #[test]
    fn a_letter_that_is_opened_past_its_ceiling_is_noticed() {
        let mut story = Story::until_delivered();
        for n in 2..=5 {
            story.happens(Happened::Gone { payload: payload(n), how: Gone::Ceiling });
        }
        story.at("2026-12-17 06:46:31").opened(DAVIDS, Some(number(1)), Content::Letter(david()));
        assert!(judged(&story).unwrap_err().contains("opens something"));
    }
}
