//! What an organisation is told when it asks about itself.

use std::time::Instant;

use hwc_jetstream::{Holder, SealedStore};
use hwc_relay::Relay;
use hwc_schemas::{
    IncidentId, KeyId, Organisation, PayloadId, SignalId,
    ask::{
        Ask, HELD_PER_ANSWER_MAX, Held, KEYS_PER_QUESTION_MAX, Progress, REPORTS_PER_QUESTION_MAX,
        SIGNALS_PER_QUESTION_MAX, Told, Whereabouts,
    },
    key::SignedKey,
    outcome::Outcome,
    wire::Refusal,
};
use hwc_telemetry::{ReplyKind, RequestKind};
use hwc_workflow::{Incident, law::Phase, state::SignalState};

use crate::{
    reported::{Report, Reports},
    stock::{Places, Stock},
    telling::Telling,
};

/// A question, with what was known of the answer at the moment it was asked.
pub(crate) struct Question {
    from: Organisation,
    request: RequestKind,
    about: About,
}

enum About {
    /// That was all.
    Answered(Told),
    Keys {
        mine: Vec<KeyId>,
        places: Places,
    },
    Leave(Vec<SignedKey>, Instant),
    Withdraw(Vec<KeyId>),
    Breach(Report),
}

impl Question {
    /// Looks at what is known at this moment.
    pub(crate) fn of(from: Organisation, ask: Result<Ask, Refusal>, relay: &Relay, stock: &Stock) -> Self {
        let request = ask.as_ref().map_or(RequestKind::UnreadableAsk, RequestKind::of_ask);
        let about = ask.and_then(|ask| About::of(&from, ask, relay, stock));
        let about = about.unwrap_or_else(|refusal| About::Answered(Told::Refused { refusal }));
        Self { from, request, about }
    }

    /// Asks the broker for whatever else there is to know, or has it done; and at last whether it was still ours to say.
    pub(crate) async fn answer(
        self,
        stock: &Stock,
        store: &SealedStore,
        reports: &Reports,
        holder: &Holder,
        telling: &Telling,
    ) -> Told {
        let from = &self.from;
        let told = match self.about {
            About::Answered(told) => told,
            About::Keys { mine, places } => stock.keys(from, mine, places, store).await,
            About::Leave(keys, asked_at) => stock.leave(from, keys, asked_at).await,
            About::Withdraw(keys) => stock.withdraw(from, keys).await,
            About::Breach(report) => reports.keep(from, report).await,
        };
        let told = match holder.confirm().await {
            Ok(()) => told,
            Err(fault) => {
                tracing::warn!(%fault, "it is not sure that we lead, so nothing is told");
                Told::TryLater
            }
        };
        telling.replied(from, self.request, ReplyKind::of_told(&told));
        told
    }
}

impl About {
    fn of(from: &Organisation, ask: Ask, relay: &Relay, stock: &Stock) -> Result<Self, Refusal> {
        let within =
            |keys: usize| if keys > KEYS_PER_QUESTION_MAX { Err(Refusal::Malformed) } else { Ok(()) };
        Ok(match ask {
            Ask::Holdings { after } => Self::Answered(holdings(relay, from, after)),
            Ask::Reports { incidents } if incidents.len() > REPORTS_PER_QUESTION_MAX => {
                return Err(Refusal::Malformed);
            }
            Ask::Reports { incidents } => Self::Answered(Told::Reports {
                reports: incidents.iter().map(|incident| progress(relay, from, *incident)).collect(),
            }),
            Ask::Signals { signals } if signals.len() > SIGNALS_PER_QUESTION_MAX => {
                return Err(Refusal::Malformed);
            }
            Ask::Signals { signals } => Self::Answered(Told::Signals {
                signals: signals.iter().map(|signal| whereabouts(relay, from, *signal)).collect(),
            }),
            Ask::KeyOf { organisation } => Self::Answered(stock.key_of(from, &organisation)),
            Ask::Keys { mine } => {
                within(mine.len())?;
                Self::Keys { mine, places: stock.look(relay) }
            }
            Ask::LeaveKeys { keys } => {
                within(keys.len())?;
                Self::Leave(keys, Instant::now())
            }
            Ask::WithdrawKeys { keys } => {
                within(keys.len())?;
                Self::Withdraw(keys)
            }
            Ask::ReportBreach { id, what, day } => Self::Breach(Report { id, what, day }),
        })
    }
}

fn holdings(relay: &Relay, asker: &Organisation, after: Option<PayloadId>) -> Told {
    let mut held: Vec<_> = relay
        .holdings()
        .filter(|(_, holding, _)| holding.to == *asker && after.is_none_or(|after| holding.payload > after))
        .map(|(incident, holding, until)| Held {
            payload: holding.payload,
            incident,
            number: holding.number,
            round: holding.round,
            hop: holding.hop,
            from: holding.from,
            due: holding.due,
            until,
        })
        .collect();
    held.sort_unstable_by_key(|held| held.payload);
    let more = held.len() > HELD_PER_ANSWER_MAX;
    held.truncate(HELD_PER_ANSWER_MAX);
    Told::Holdings { held, more }
}

/// How far a report of the asker's is. One that nobody screened in time ended.
fn progress(relay: &Relay, asker: &Organisation, incident: IncidentId) -> Progress {
    relay.incident(incident).map_or(Progress::Unknown, |incident| progress_of(incident, asker))
}

fn progress_of(incident: &Incident, asker: &Organisation) -> Progress {
    match incident.phase() {
        _ if incident.police() != Some(asker) => Progress::Unknown,
        Phase::Recorded => Progress::Waiting,
        Phase::Screened | Phase::Expanded | Phase::ScreenedOut => Progress::Screened,
        _ => Progress::Unknown,
    }
}

/// Where a signal of the asker's is. Nobody but its municipality is told.
fn whereabouts(relay: &Relay, asker: &Organisation, signal: SignalId) -> Whereabouts {
    let Some(Incident::Expanded(expanded)) = relay.incident(signal.incident) else {
        return Whereabouts::Unknown;
    };
    expanded.signal(signal.number).map_or(Whereabouts::Unknown, |one| whereabouts_of(&one.state, asker))
}

fn whereabouts_of(state: &SignalState, asker: &Organisation) -> Whereabouts {
    let (of, at) = match state {
        SignalState::Referred(one) => (Some(&one.municipality), Whereabouts::Here),
        SignalState::Routed(one) => (Some(&one.municipality), Whereabouts::Held),
        SignalState::Delivered(one) if one.opened_at.is_some() => {
            (Some(&one.routed.municipality), Whereabouts::Opened)
        }
        SignalState::Delivered(one) => (Some(&one.routed.municipality), Whereabouts::Delivered),
        SignalState::Acknowledged(one) => (Some(&one.municipality), Whereabouts::Acknowledged),
        SignalState::Ended(one) => (
            one.municipality.as_ref(),
            match one.outcome {
                Outcome::Acknowledged => Whereabouts::Acknowledged,
                Outcome::Recalled(_) => Whereabouts::Recalled,
                Outcome::Expired(_) => Whereabouts::Expired,
                Outcome::Withheld(_) => Whereabouts::Withheld,
                Outcome::ScreenedOut(_) => Whereabouts::Unknown,
            },
        ),
        // Whose it was is forgotten.
        SignalState::Purged(_) => (None, Whereabouts::Unknown),
    };
    if of == Some(asker) { at } else { Whereabouts::Unknown }
}

#[cfg(test)]
mod tests {
    use hwc_workflow::state::{Closed, ClosedHow, Recorded};
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_report_waits_until_it_is_screened_and_is_nobody_s_but_its_sender_s_to_ask_about() {
        let organisation = |name: &str| name.parse::<Organisation>().unwrap();
        let (police, veilig_thuis) = (organisation("police-a"), organisation("veilig-thuis-a"));
        let recorded = Incident::Recorded(Recorded {
            recorded_at: Timestamp::UNIX_EPOCH,
            police: police.clone(),
            veilig_thuis: veilig_thuis.clone(),
            report: PayloadId::from_uuid(Uuid::nil()),
            trace: None,
        });
        let closed = |how| {
            let (police, veilig_thuis) = (police.clone(), veilig_thuis.clone());
            Incident::Closed(Closed { how, police, veilig_thuis, trace: None, erasing: Vec::new() })
        };
        assert_eq!(progress_of(&recorded, &police), Progress::Waiting);
        let screened_out = closed(ClosedHow::NotDomesticViolence { children: 1 });
        assert_eq!(progress_of(&screened_out, &police), Progress::Screened);
        assert_eq!(progress_of(&closed(ClosedHow::NotScreened), &police), Progress::Unknown);
        assert_eq!(progress_of(&Incident::Purged, &police), Progress::Unknown);
        for stranger in [organisation("police-b"), veilig_thuis.clone()] {
            assert_eq!(progress_of(&recorded, &stranger), Progress::Unknown);
            assert_eq!(progress_of(&screened_out, &stranger), Progress::Unknown);
        }
    }

    #[test]
    fn how_a_signal_ended_is_told_to_its_municipality_alone_and_only_until_it_is_forgotten() {
        use hwc_schemas::outcome::{Expired, Recalled, Withheld};
        use hwc_workflow::state::Ended;
        let own: Organisation = "municipality-0855".parse().unwrap();
        let ended =
            |outcome| SignalState::Ended(Ended { outcome, municipality: Some(own.clone()), opened: false });
        let cases = [
            (Outcome::Recalled(Recalled::WrongSchool), Whereabouts::Recalled),
            (Outcome::Expired(Expired::NotAcknowledged), Whereabouts::Expired),
            (Outcome::Withheld(Withheld::EnrolmentUnknown), Whereabouts::Withheld),
            (Outcome::Acknowledged, Whereabouts::Acknowledged),
        ];
        for (outcome, told) in cases {
            assert_eq!(whereabouts_of(&ended(outcome), &own), told);
            for stranger in ["municipality-0785", "school-01AA00", "veilig-thuis-a"] {
                let stranger = stranger.parse().unwrap();
                assert_eq!(whereabouts_of(&ended(outcome), &stranger), Whereabouts::Unknown);
            }
            assert_eq!(whereabouts_of(&SignalState::Purged(outcome), &own), Whereabouts::Unknown);
        }
    }
}
