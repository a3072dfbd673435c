//! What may happen: a command, a fetch or the passing of time against the state. A refusal is an answer, not a failure.
//!
//! Every decision is followed at once by what time then asks (a signal routed within the window is delivered in the same
//! breath), and by what nobody waits for any more (the last erasure purges).

use hwc_schemas::{
    Organisation, PayloadId, Role, SignalNumber,
    outcome::{Expired, Recalled, ScreenedOut, Withheld},
    wire::{Command, Expansion, Fetch, Finding, Notice, Refusal, Screening, limits},
};
use jiff::Timestamp;

use crate::{
    calendar::Plan,
    context::Context,
    duty::{Done, expires_at, look_up_again_at, next_notice, plan, plan_of},
    event::{Event, Fact, Found},
    state::{ClosedHow, Delivered, Expanded, Incident, Routed, Screened, Signal, SignalState, evolve},
};

/// Who wants what.
#[derive(Debug, Clone, Copy)]
pub enum Act<'a> {
    /// An organisation submits a command; the broker proved who it is.
    Command {
        /// Who.
        from: &'a Organisation,
        /// What.
        command: &'a Command<PayloadId>,
    },
    /// An organisation asks for a payload.
    Fetch {
        /// Who.
        from: &'a Organisation,
        /// What.
        fetch: &'a Fetch,
    },
    /// A duty is done.
    Done(Done),
    /// Time passed.
    Look,
}

/// A payload that is due to whoever asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Which ciphertext.
    pub payload: PayloadId,
    /// Who sealed it.
    pub from: Organisation,
}

/// What may happen: the events to make durable, none when it is so already.
pub fn decide(incident: &Incident, act: Act<'_>, context: &Context<'_>) -> Result<Vec<Event>, Refusal> {
    let facts = match act {
        Act::Command { from, command } => commanded(incident, from, command, context)?,
        Act::Fetch { from, fetch } => opened(incident, from, fetch)?,
        Act::Done(done) => discharged(incident, done),
        Act::Look => Vec::new(),
    };
    Ok(with_consequences(incident, facts, context))
}

/// What is due to whoever asks, at this moment (R21). For a school, [`decide`] comes first: its fetch is an event.
pub fn due(incident: &Incident, from: &Organisation, fetch: &Fetch) -> Result<Due, Refusal> {
    match (fetch, incident) {
        (Fetch::Report { .. }, Incident::Unknown | Incident::Purged | Incident::Closed(_)) => {
            Err(Refusal::Gone)
        }
        (Fetch::Report { .. }, Incident::Recorded(r) | Incident::Screened(Screened { recorded: r, .. })) => {
            theirs(from, &r.veilig_thuis)?;
            Ok(Due { payload: r.report, from: r.police.clone() })
        }
        (Fetch::Report { .. }, Incident::Expanded(expanded)) => {
            theirs(from, &expanded.veilig_thuis)?;
            let payload = expanded.report.ok_or(Refusal::Gone)?;
            Ok(Due { payload, from: expanded.police.clone() })
        }
        (Fetch::Referral { signal, round }, _) => match &signal_of(incident, signal.number)?.1.state {
            SignalState::Referred(referred) => {
                theirs(from, &referred.municipality)?;
                same_round(*round, referred.round)?;
                let from = incident.veilig_thuis().ok_or(Refusal::Gone)?.clone();
                Ok(Due { payload: referred.referral, from })
            }
            _ => Err(Refusal::Gone),
        },
        (Fetch::Letter { signal, round }, _) => {
            let delivered = delivered_to(incident, from, signal.number, *round)?;
            Ok(Due { payload: delivered.routed.letter, from: delivered.routed.municipality.clone() })
        }
    }
}

fn commanded(
    incident: &Incident,
    from: &Organisation,
    command: &Command<PayloadId>,
    context: &Context<'_>,
) -> Result<Vec<Fact>, Refusal> {
    match command {
        Command::Record { report, .. } => record(incident, from, *report, context),
        Command::Screen { screening, .. } => screen(incident, from, *screening),
        Command::Expand { expansion, .. } => expand(incident, from, expansion, context),
        Command::Route { signal, round, school, letter } => {
            route(incident, from, (signal.number, *round), (school, *letter), context)
        }
        Command::Withhold { signal, round, reason } => {
            withhold(incident, from, (signal.number, *round), *reason)
        }
        Command::Acknowledge { signal, round } => acknowledge(incident, from, signal.number, *round),
        Command::Return { signal, round } => give_back(incident, from, signal.number, *round),
        Command::Recall { signal, reason } => recall(incident, from, signal.number, *reason),
    }
}

/// R8, R9: the first submission wins; the same again is answered and not looked at.
fn record(
    incident: &Incident,
    from: &Organisation,
    report: PayloadId,
    context: &Context<'_>,
) -> Result<Vec<Fact>, Refusal> {
    match incident {
        Incident::Unknown => {
            let chain = context.table.of_police(from).ok_or(Refusal::NotYours)?;
            Ok(vec![Fact::Recorded {
                police: from.clone(),
                veilig_thuis: chain.veilig_thuis.clone(),
                report,
            }])
        }
        Incident::Purged if from.role() == Role::Police => Ok(Vec::new()),
        known => theirs(from, known.police().ok_or(Refusal::NotYours)?).map(|()| Vec::new()),
    }
}

/// R3.
fn screen(incident: &Incident, from: &Organisation, screening: Screening) -> Result<Vec<Fact>, Refusal> {
    let veilig_thuis = incident.veilig_thuis().ok_or(Refusal::Gone)?;
    theirs(from, veilig_thuis)?;
    match (incident, screening) {
        (Incident::Recorded(_), Screening::Qualifies) => Ok(vec![Fact::Screened]),
        (Incident::Recorded(_), Screening::NotDomesticViolence { children }) => {
            if usize::from(children) > limits::SIGNALS_PER_INCIDENT_MAX {
                return Err(Refusal::TooManySignals);
            }
            Ok(vec![Fact::NotDomesticViolence { children }])
        }
        (Incident::Screened(_) | Incident::Expanded(_), Screening::Qualifies) => Ok(Vec::new()),
        (Incident::Closed(closed), Screening::NotDomesticViolence { .. })
            if matches!(closed.how, ClosedHow::NotDomesticViolence { .. }) =>
        {
            Ok(Vec::new())
        }
        (Incident::Closed(_), _) => Err(Refusal::Gone),
        _ => Err(Refusal::AlreadyDecided),
    }
}

/// R9: one finding for each child; while the look-up is down the named children go first, the others join once.
fn expand(
    incident: &Incident,
    from: &Organisation,
    expansion: &Expansion<PayloadId>,
    context: &Context<'_>,
) -> Result<Vec<Fact>, Refusal> {
    let veilig_thuis = incident.veilig_thuis().ok_or(Refusal::Gone)?;
    theirs(from, veilig_thuis)?;
    let known = match incident {
        Incident::Recorded(_) => return Err(Refusal::OutOfOrder),
        Incident::Screened(_) => 0,
        Incident::Expanded(expanded) if expanded.report.is_some() && expansion.complete => {
            expanded.signals.len()
        }
        Incident::Expanded(_) => return Ok(Vec::new()),
        Incident::Unknown | Incident::Purged | Incident::Closed(_) => return Err(Refusal::Gone),
    };
    if known + expansion.findings.len() > limits::SIGNALS_PER_INCIDENT_MAX {
        return Err(Refusal::TooManySignals);
    }
    let found = expansion
        .findings
        .iter()
        .map(|finding| match finding {
            Finding::Refer { municipality, referral } if context.table.refers(veilig_thuis, municipality) => {
                Ok(Found::Referred { municipality: municipality.clone(), referral: *referral })
            }
            Finding::Refer { .. } => Err(Refusal::UnknownOrganisation),
            Finding::ScreenedOut { reason: ScreenedOut::NotDomesticViolence } => Err(Refusal::NotYourReason),
            Finding::ScreenedOut { reason } => Ok(Found::ScreenedOut { reason: *reason }),
            Finding::NotParticipating => Ok(Found::NotParticipating),
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(vec![match incident {
        Incident::Expanded(_) => Fact::Joined { found },
        _ => Fact::Expanded { found, complete: expansion.complete, interval: expansion.interval },
    }])
}

/// R12, R14; and R18, R19 at once: what will not be delivered needs no letter.
fn route(
    incident: &Incident,
    from: &Organisation,
    (number, round): (SignalNumber, u16),
    (school, letter): (&Organisation, PayloadId),
    context: &Context<'_>,
) -> Result<Vec<Fact>, Refusal> {
    let (_, signal) = signal_of(incident, number)?;
    match &signal.state {
        SignalState::Referred(referred) => {
            theirs(from, &referred.municipality)?;
            if round < referred.round {
                return Ok(Vec::new());
            }
            same_round(round, referred.round)?;
            if school.role() != Role::School || !context.table.schools.contains(school) {
                return Err(Refusal::UnknownOrganisation);
            }
            let held_since = referred.held_since.unwrap_or(context.now);
            let ceiling = incident.ceiling(context.policy).ok_or(Refusal::Gone)?;
            Ok(vec![match plan(school, context.now, held_since, ceiling, context) {
                Plan::Withhold(reason) => Fact::Withheld { number, reason },
                _ => Fact::Routed { number, school: school.clone(), letter },
            }])
        }
        SignalState::Routed(routed) | SignalState::Delivered(Delivered { routed, .. }) => {
            theirs(from, &routed.municipality)?;
            decided_before(routed, round, || routed.addressed.school() == school)
        }
        SignalState::Acknowledged(_) | SignalState::Ended(_) | SignalState::Purged(_) => Err(Refusal::Gone),
    }
}

/// R11 to R16.
fn withhold(
    incident: &Incident,
    from: &Organisation,
    (number, round): (SignalNumber, u16),
    reason: Withheld,
) -> Result<Vec<Fact>, Refusal> {
    let (_, signal) = signal_of(incident, number)?;
    match &signal.state {
        SignalState::Referred(referred) => {
            theirs(from, &referred.municipality)?;
            if round < referred.round {
                return Ok(Vec::new());
            }
            same_round(round, referred.round)?;
            if !reason.is_the_municipalitys() {
                return Err(Refusal::NotYourReason);
            }
            Ok(vec![Fact::Withheld { number, reason }])
        }
        SignalState::Routed(routed) | SignalState::Delivered(Delivered { routed, .. }) => {
            theirs(from, &routed.municipality)?;
            decided_before(routed, round, || false)
        }
        SignalState::Acknowledged(_) | SignalState::Ended(_) | SignalState::Purged(_) => Err(Refusal::Gone),
    }
}

/// R20: the contact opened it and confirms.
fn acknowledge(
    incident: &Incident,
    from: &Organisation,
    number: SignalNumber,
    round: u16,
) -> Result<Vec<Fact>, Refusal> {
    if let SignalState::Acknowledged(acknowledged) = &signal_of(incident, number)?.1.state {
        return theirs(from, acknowledged.addressed.school()).map(|()| Vec::new());
    }
    let delivered = delivered_to(incident, from, number, round)?;
    delivered.opened_at.ok_or(Refusal::NotOpened)?;
    Ok(vec![Fact::Acknowledged { number }])
}

/// R24: opened, and not our pupil.
fn give_back(
    incident: &Incident,
    from: &Organisation,
    number: SignalNumber,
    round: u16,
) -> Result<Vec<Fact>, Refusal> {
    let delivered = delivered_to(incident, from, number, round)?;
    delivered.opened_at.ok_or(Refusal::NotOpened)?;
    Ok(vec![Fact::Returned { number }])
}

/// R24: in any state before it ended otherwise or is purged.
fn recall(
    incident: &Incident,
    from: &Organisation,
    number: SignalNumber,
    reason: Recalled,
) -> Result<Vec<Fact>, Refusal> {
    let (expanded, signal) = signal_of(incident, number)?;
    let municipality = match &signal.state {
        SignalState::Referred(referred) => &referred.municipality,
        SignalState::Routed(routed) | SignalState::Delivered(Delivered { routed, .. }) => {
            &routed.municipality
        }
        SignalState::Acknowledged(acknowledged) => &acknowledged.municipality,
        SignalState::Ended(ended) if matches!(ended.outcome, hwc_schemas::outcome::Outcome::Recalled(_)) => {
            let caller = matches!(from.role(), Role::Municipality | Role::VeiligThuis);
            return if caller { Ok(Vec::new()) } else { Err(Refusal::NotYours) };
        }
        SignalState::Ended(_) | SignalState::Purged(_) => return Err(Refusal::Gone),
    };
    if from != municipality {
        theirs(from, &expanded.veilig_thuis)?;
    }
    Ok(vec![Fact::Recalled { number, reason, by: from.role() }])
}

/// A school's fetch is an event the first time (R24); everybody else's changes nothing.
fn opened(incident: &Incident, from: &Organisation, fetch: &Fetch) -> Result<Vec<Fact>, Refusal> {
    due(incident, from, fetch)?;
    let Fetch::Letter { signal, round } = fetch else { return Ok(Vec::new()) };
    let delivered = delivered_to(incident, from, signal.number, *round)?;
    let first = delivered.opened_at.is_none();
    Ok(if first { vec![Fact::Opened { number: signal.number }] } else { Vec::new() })
}

/// A duty that was done twice is done.
fn discharged(incident: &Incident, done: Done) -> Vec<Fact> {
    match (done, incident) {
        (Done::Erased(payload), Incident::Expanded(expanded)) => {
            let mut erasing = expanded.signals.iter().flat_map(|s| &s.erasing).chain(&expanded.erasing);
            if erasing.any(|one| *one == payload) { vec![Fact::Erased { payload }] } else { Vec::new() }
        }
        (Done::Erased(payload), Incident::Closed(closed)) if closed.erasing.contains(&payload) => {
            vec![Fact::Erased { payload }]
        }
        (Done::BreachRecorded(number), Incident::Expanded(expanded)) => match expanded.signal(number) {
            Some(signal) if !signal.breaches.is_empty() => vec![Fact::BreachRecorded { number }],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The facts as events, followed by everything that follows from them at this moment.
///
/// It ends: every pass moves a signal forward, and the page of the law has no cycle that needs nobody but the engine.
fn with_consequences(incident: &Incident, facts: Vec<Fact>, context: &Context<'_>) -> Vec<Event> {
    let mut events = Vec::with_capacity(facts.len() + 2);
    let mut state = incident.clone();
    let mut next = facts;
    loop {
        for fact in next {
            let event = Event { at: context.now, fact };
            let Ok(after) = evolve(state, &event) else {
                debug_assert!(false, "decided what the law does not know: {event:?}");
                return events;
            };
            state = after;
            events.push(event);
        }
        next = consequences(&state, context);
        if next.is_empty() {
            return events;
        }
    }
}

/// What is due at this moment without anybody asking.
fn consequences(incident: &Incident, context: &Context<'_>) -> Vec<Fact> {
    let ceiling = incident.ceiling(context.policy).unwrap_or(Timestamp::MAX);
    let reached = context.now >= ceiling;
    match incident {
        Incident::Recorded(_) | Incident::Screened(_) if reached => vec![Fact::ReportExpired],
        Incident::Unknown | Incident::Recorded(_) | Incident::Screened(_) | Incident::Purged => Vec::new(),
        Incident::Closed(closed) if closed.erasing.is_empty() => vec![Fact::IncidentPurged],
        Incident::Closed(_) => Vec::new(),
        Incident::Expanded(expanded) if expanded.is_empty() => vec![Fact::IncidentPurged],
        Incident::Expanded(expanded) => {
            let report = (expanded.report.is_some() && reached).then_some(Fact::ReportExpired);
            let signals = expanded
                .numbered()
                .flat_map(|(number, signal)| consequences_for(number, signal, ceiling, context));
            report.into_iter().chain(signals).collect()
        }
    }
}

fn consequences_for(
    number: SignalNumber,
    signal: &Signal,
    ceiling: Timestamp,
    context: &Context<'_>,
) -> Vec<Fact> {
    match &signal.state {
        SignalState::Referred(_) if context.now >= ceiling => {
            vec![Fact::Expired { number, reason: Expired::NotRouted }]
        }
        SignalState::Referred(_) => Vec::new(),
        SignalState::Routed(routed) => routed_now(number, routed, ceiling, context).into_iter().collect(),
        SignalState::Delivered(delivered) if context.now >= expires_at(delivered, ceiling, context) => {
            vec![Fact::Expired { number, reason: Expired::NotAcknowledged }]
        }
        SignalState::Delivered(delivered) => notices_due(number, delivered, context),
        SignalState::Acknowledged(_) | SignalState::Ended(_)
            if signal.erasing.is_empty() && signal.breaches.is_empty() =>
        {
            vec![Fact::Purged { number }]
        }
        SignalState::Acknowledged(_) | SignalState::Ended(_) | SignalState::Purged(_) => Vec::new(),
    }
}

/// R12, R18, R19.
fn routed_now(
    number: SignalNumber,
    routed: &Routed,
    ceiling: Timestamp,
    context: &Context<'_>,
) -> Option<Fact> {
    match plan_of(routed, ceiling, context) {
        Plan::Withhold(reason) => Some(Fact::Withheld { number, reason }),
        Plan::WaitForCalendar { .. } => None,
        Plan::DeliverAt(at) => match look_up_again_at(routed, at, context) {
            Some(morning) => (context.now >= morning).then_some(Fact::LookUpAgain { number }),
            None => (context.now >= at).then_some(Fact::Delivered { number }),
        },
    }
}

/// R20. After an outage only the latest of each kind is worth sending.
fn notices_due(number: SignalNumber, delivered: &Delivered, context: &Context<'_>) -> Vec<Fact> {
    let mut last = delivered.last_notice();
    let mut due_now: Vec<(Timestamp, Notice)> = Vec::new();
    while let Some((due, notice)) =
        next_notice(delivered, last, context).filter(|(due, _)| *due <= context.now)
    {
        due_now.retain(|(_, one)| *one != notice);
        due_now.push((due, notice));
        last = Some((due, notice));
    }
    due_now.into_iter().map(|(due, notice)| Fact::Reminded { number, notice, due }).collect()
}

fn signal_of(incident: &Incident, number: SignalNumber) -> Result<(&Expanded, &Signal), Refusal> {
    match incident {
        Incident::Expanded(expanded) => Ok((expanded, expanded.signal(number).ok_or(Refusal::Gone)?)),
        Incident::Recorded(_) | Incident::Screened(_) => Err(Refusal::OutOfOrder),
        Incident::Unknown | Incident::Closed(_) | Incident::Purged => Err(Refusal::Gone),
    }
}

/// The delivered signal, if it is this school's and this round's (R21, R24).
fn delivered_to<'a>(
    incident: &'a Incident,
    from: &Organisation,
    number: SignalNumber,
    round: u16,
) -> Result<&'a Delivered, Refusal> {
    match &signal_of(incident, number)?.1.state {
        SignalState::Delivered(delivered) => {
            theirs(from, delivered.routed.addressed.school())?;
            same_round(round, delivered.routed.round)?;
            Ok(delivered)
        }
        SignalState::Routed(routed) if routed.addressed.school() == from => Err(Refusal::OutOfOrder),
        SignalState::Referred(_)
        | SignalState::Routed(_)
        | SignalState::Acknowledged(_)
        | SignalState::Ended(_)
        | SignalState::Purged(_) => Err(Refusal::Gone),
    }
}

fn decided_before(routed: &Routed, round: u16, same: impl FnOnce() -> bool) -> Result<Vec<Fact>, Refusal> {
    if round > routed.round {
        return Err(Refusal::OutOfOrder);
    }
    if round < routed.round || same() { Ok(Vec::new()) } else { Err(Refusal::AlreadyDecided) }
}

fn theirs(from: &Organisation, whose: &Organisation) -> Result<(), Refusal> {
    if from == whose { Ok(()) } else { Err(Refusal::NotYours) }
}

fn same_round(asked: u16, now: u16) -> Result<(), Refusal> {
    match asked.cmp(&now) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(Refusal::Gone),
        std::cmp::Ordering::Greater => Err(Refusal::OutOfOrder),
    }
}
