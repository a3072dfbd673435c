//! What happened, in words: one line for each entry. The people are invented, so their names may be said.

use std::fmt;

use hwc_schemas::{IncidentId, SignalId, wire::Task};
use hwc_workflow::{Event, Fact};

use crate::chronicle::{Content, Entry, Happened};

/// An incident by its first six digits: enough to tell those of one world apart.
fn short(incident: IncidentId) -> String {
    incident.to_string().chars().take(6).collect()
}

fn signal(signal: SignalId) -> String {
    format!("{}-{}", short(signal.incident), signal.number.get())
}

fn task(task: &Task) -> String {
    match task {
        Task::Screen { incident } => format!("screen {}", short(*incident)),
        Task::LookUp { incident } => format!("look up the household of {}", short(*incident)),
        Task::Route { signal: one, round, .. } => format!("route {}, round {round}", signal(*one)),
        Task::Read { signal: one, round } => format!("read {}, round {round}", signal(*one)),
        Task::Notice { signal: one, notice, .. } => format!("notice {} of {}", notice.as_str(), signal(*one)),
    }
}

/// What an event says, without the braces of a program.
fn event(event: &Event) -> String {
    let number = event.fact.number().map(|number| format!(" of child {}", number.get())).unwrap_or_default();
    let fact = match &event.fact {
        Fact::Routed { school, .. } => format!("Routed to {school}"),
        Fact::Withheld { reason, .. } => format!("Withheld ({reason:?})"),
        Fact::Expired { reason, .. } => format!("Expired ({reason:?})"),
        Fact::Recalled { reason, .. } => format!("Recalled ({reason:?})"),
        Fact::Expanded { found, complete, .. } => {
            format!(
                "Expanded, {} children, {}",
                found.len(),
                if *complete { "complete" } else { "not complete" }
            )
        }
        Fact::Joined { found } => format!("Joined by {} children", found.len()),
        Fact::Erased { payload } => {
            format!("Erased {}", payload.to_string().chars().take(6).collect::<String>())
        }
        Fact::Reminded { notice, .. } => format!("Reminded ({})", notice.as_str()),
        fact => {
            let words = format!("{fact:?}");
            words.split([' ', '{']).next().unwrap_or_default().to_owned()
        }
    };
    format!("{fact}{number}")
}

impl fmt::Display for Entry {
    /// The moment in UTC, and what happened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<24} ", self.at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())?;
        match &self.what {
            Happened::Reporting { report, incident } => {
                write!(f, "police take up report {} as {}", report.0, short(*incident))
            }
            Happened::ReportAnswered { report, answer, .. } => {
                write!(f, "police hear of report {}: {answer:?}", report.0)
            }
            Happened::Found { signal: one, child, sibling } => {
                let how = if *sibling { "in the register" } else { "in the report" };
                write!(f, "Veilig Thuis finds {} {how}: {child}", signal(*one))
            }
            Happened::Tasked { to, task: what } => write!(f, "{to} is asked: {}", task(what)),
            Happened::Opened { by, incident, number, content } => {
                let number = number.map(|number| format!("-{}", number.get())).unwrap_or_default();
                write!(f, "{by} opens {}{number}: ", short(*incident))?;
                match content {
                    Content::Report(report) => write!(f, "report {}", report.0),
                    Content::Referral(child, sister) => {
                        write!(
                            f,
                            "referral of {child}{}",
                            if *sister { ", who has a sister signal" } else { "" }
                        )
                    }
                    Content::Letter(child) => write!(f, "letter about {child}"),
                }
            }
            Happened::GivenUnopened { to, hop, sealed_to } => {
                write!(f, "{to} is given a {} that does not open: it is sealed to {sealed_to}", hop.as_str())
            }
            Happened::Answered { to, incident, command, answer } => {
                write!(f, "{to} hears {answer:?} to {command} of {}", short(*incident))
            }
            Happened::Durable { incident, by, events } => {
                let events: Vec<_> = events.iter().map(event).collect();
                write!(f, "DURABLE {} by engine {}: {}", short(*incident), by.0, events.join("; "))
            }
            Happened::Forgotten { incident } => write!(f, "TOMBSTONE of {}", short(*incident)),
            Happened::Stored { payload, incident, hop, sealed_to } => {
                let payload: String = payload.to_string().chars().take(6).collect();
                write!(f, "stored {} {payload} of {} for {sealed_to}", hop.as_str(), short(*incident))
            }
            Happened::Gone { payload, how } => {
                let payload: String = payload.to_string().chars().take(6).collect();
                write!(f, "gone {payload} ({how:?})")
            }
            Happened::Offered { to, task: what } => write!(f, "offered to {to}: {}", task(what)),
            Happened::Settled { to, task: what } => write!(f, "{to} settled: {}", task(what)),
            Happened::BrokerIs { up } => {
                write!(f, "the broker {}", if *up { "runs" } else { "does not run" })
            }
            Happened::Given { payload, incident } => {
                let payload: String = payload.to_string().chars().take(6).collect();
                write!(f, "given {payload} of {}", short(*incident))
            }
            Happened::Leads { by } => write!(f, "engine {} leads", by.0),
            Happened::CameBack { to, task: what } => write!(f, "lies there again for {to}: {}", task(what)),
            Happened::TaskLost { to, task: what } => write!(f, "lost for {to}: {}", task(what)),
            Happened::BreachKept { breach } => {
                write!(f, "breach kept: {:?}{}", breach.kind, if breach.opened { ", opened" } else { "" })
            }
            Happened::Noted { by, incident, events } => {
                write!(f, "engine {} tells {} events of {}", by.0, events.len(), short(*incident))
            }
            Happened::Counted { by, census } => {
                let counts: Vec<_> = census
                    .0
                    .iter()
                    .map(|(phase, standing)| format!("{phase:?} {}", standing.count))
                    .collect();
                write!(f, "engine {} counts {}", by.0, counts.join(", "))
            }
            Happened::StorageLied { incidents } => {
                let incidents: Vec<_> = incidents.iter().copied().map(short).collect();
                write!(f, "*** the storage lost what it had acknowledged of {}", incidents.join(", "))
            }
            Happened::PutBack { incidents } => {
                let incidents: Vec<_> = incidents.iter().copied().map(short).collect();
                write!(
                    f,
                    "*** an old copy of the broker's folder is there, other for {}",
                    incidents.join(", ")
                )
            }
            Happened::Left { incident, events } => {
                write!(f, "*** {events} events are left of {}", short(*incident))
            }
            Happened::Fault(words) => write!(f, "*** {words}"),
            Happened::Healed => f.write_str("*** the world heals"),
            Happened::Holds(holdings) => {
                let (logs, payloads) = (holdings.logs.len(), holdings.payloads.len());
                let (tombstones, tasks) = (holdings.tombstones.len(), holdings.tasks.len());
                write!(
                    f,
                    "there are {logs} logs, {payloads} ciphertexts, {tasks} tasks, {tombstones} tombstones"
                )
            }
            Happened::Over => f.write_str("nothing is left to happen"),
        }
    }
}
