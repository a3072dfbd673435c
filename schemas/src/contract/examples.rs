//! One example of every message. Documentation and tests share them; nobody in them exists.

use serde::Serialize;
use serde_json::Value;

use crate::{
    ask::{Ask, Held, Progress, Told, Whereabouts},
    breach::WhatHappened,
    ids::{BreachReportId, IncidentId, KeyId, PayloadId, SignalId, SignalNumber},
    key::{Digits, KeyKind, SignedKey},
    letter::{Hop, Letter, Plaintext, Referral, Sealable as _},
    organisation::Organisation,
    outcome::{Recalled, ScreenedOut, Withheld},
    person::{Child, DateOfBirth},
    report::{Address, Kind, Mention, MunicipalityCode, Occurred, Presence, Relation, Report},
    wire::{
        Answer, Command, Expansion, Fetch, Fetched, Finding, Interval, Notice, Refusal, RouteWhy, Screening,
        Sealed, Task,
    },
};

/// A message as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The name of its schema.
    pub of: &'static str,
    /// Its own name.
    pub name: &'static str,
    /// The message.
    pub value: Value,
}

const INCIDENT: IncidentId = IncidentId::from_uuid(uuid::uuid!("0192f1c2d3e4475865a6b7c8d9e0f102"));
const PAYLOAD: PayloadId = PayloadId::from_uuid(uuid::uuid!("7f1d0e5a9c3b48d2a6e47b1c90fd2e38"));
const BREACH_REPORT: BreachReportId =
    BreachReportId::from_uuid(uuid::uuid!("5d3c0b7e41f24a96b8e2d01c7f6a9358"));
const KEY: KeyId = KeyId::from_uuid(uuid::uuid!("a56145270ce6b3bebd1dd012b7394867"));
const WEEKLY_KEY: KeyId = KeyId::from_uuid(uuid::uuid!("0ee9a1c47d5b4f6288a3d2e1f4c5b6a7"));
const SIGNAL: SignalId = SignalId { incident: INCIDENT, number: SignalNumber::FIRST };

/// Every example: at least one for each variant that a client meets.
pub fn examples() -> Vec<Example> {
    let mut all = Vec::new();
    all.extend(commands());
    all.extend(tasks());
    all.extend(fetches());
    all.extend(asks());
    all.extend(keys());
    all.extend(contents());
    all
}

fn example(of: &'static str, name: &'static str, message: &impl Serialize) -> Example {
    // Ids, words and times: there is nothing in it that JSON cannot say.
    Example { of, name, value: serde_json::to_value(message).unwrap_or_default() }
}

/// The beginning of a seal, which is too long to be shown whole.
fn sealed() -> Sealed {
    Sealed::new([1].into_iter().chain(0x10..0x50).collect())
}

fn organisation(name: &str) -> Option<Organisation> {
    name.parse().ok()
}

fn commands() -> Vec<Example> {
    let (Some(municipality), Some(school)) =
        (organisation("municipality-0855"), organisation("school-01AA00"))
    else {
        return Vec::new();
    };
    let command = |name, command: Command<Sealed>| example("command", name, &command);
    let expansion = Expansion {
        first: 0,
        findings: vec![
            Finding::Refer { municipality, referral: sealed() },
            Finding::ScreenedOut { reason: ScreenedOut::NotOfAge },
            Finding::NotParticipating,
        ],
        complete: true,
        interval: Interval { seconds: 5_400, date_only: false },
    };
    let answer = |name, answer: Answer| example("answer", name, &answer);
    vec![
        command(
            "record",
            Command::Record { incident: INCIDENT, day: jiff::civil::date(2026, 11, 22), report: sealed() },
        ),
        command("screen", Command::Screen { incident: INCIDENT, screening: Screening::Qualifies }),
        command(
            "screen-out",
            Command::Screen { incident: INCIDENT, screening: Screening::NotDomesticViolence { children: 2 } },
        ),
        command("expand", Command::Expand { incident: INCIDENT, expansion }),
        command("route", Command::Route { signal: SIGNAL, round: 1, school, letter: sealed() }),
        command(
            "withhold",
            Command::Withhold { signal: SIGNAL, round: 1, reason: Withheld::EnrolmentUnknown },
        ),
        command("acknowledge", Command::Acknowledge { signal: SIGNAL, round: 1 }),
        command("return", Command::Return { signal: SIGNAL, round: 1 }),
        command("recall", Command::Recall { signal: SIGNAL, reason: Recalled::WrongSchool }),
        answer("recorded", Answer::Recorded),
        answer("already-recorded", Answer::AlreadyRecorded),
        answer("refused", Answer::Refused { refusal: Refusal::NotOpened }),
        answer("try-later", Answer::TryLater),
    ]
}

fn tasks() -> Vec<Example> {
    let task = |name, task: Task| example("task", name, &task);
    let due = jiff::Timestamp::constant(1_795_418_100, 0);
    vec![
        task("screen", Task::Screen { incident: INCIDENT }),
        task("look-up", Task::LookUp { incident: INCIDENT }),
        task("route", Task::Route { signal: SIGNAL, round: 1, why: RouteWhy::New }),
        task("read", Task::Read { signal: SIGNAL, round: 1 }),
        task("notice", Task::Notice { signal: SIGNAL, round: 1, notice: Notice::RemindContact, due }),
    ]
}

fn fetches() -> Vec<Example> {
    let Some(from) = organisation("municipality-0855") else { return Vec::new() };
    vec![
        example("fetch", "report", &Fetch::Report { incident: INCIDENT }),
        example("fetch", "referral", &Fetch::Referral { signal: SIGNAL, round: 1 }),
        example("fetch", "letter", &Fetch::Letter { signal: SIGNAL, round: 1 }),
        example("fetched", "payload", &Fetched::Payload { from, sealed: sealed() }),
        example("fetched", "refused", &Fetched::Refused { refusal: Refusal::Gone }),
        example("fetched", "try-later", &Fetched::TryLater),
    ]
}

fn asks() -> Vec<Example> {
    let Some(from) = organisation("municipality-0855") else { return Vec::new() };
    let held = Held {
        payload: PAYLOAD,
        incident: INCIDENT,
        number: Some(SignalNumber::FIRST),
        round: Some(1),
        hop: Hop::Letter,
        from,
        due: true,
        until: jiff::Timestamp::constant(1_797_840_000, 0),
    };
    vec![
        example("ask", "holdings", &Ask::Holdings { after: None }),
        example("ask", "reports", &Ask::Reports { incidents: vec![INCIDENT] }),
        example("told", "reports", &Told::Reports { reports: vec![Progress::Screened] }),
        example("ask", "signals", &Ask::Signals { signals: vec![SIGNAL] }),
        example("told", "signals", &Told::Signals { signals: vec![Whereabouts::Opened] }),
        example(
            "ask",
            "report-breach",
            &Ask::ReportBreach {
                id: BREACH_REPORT,
                what: WhatHappened::StolenDevice,
                day: jiff::civil::date(2026, 11, 18),
            },
        ),
        example("told", "breach-kept", &Told::BreachKept { already: false }),
        example("told", "too-many-breaches", &Told::Refused { refusal: Refusal::TooManyBreaches }),
        example("told", "holdings", &Told::Holdings { held: vec![held], more: false }),
        example("told", "refused", &Told::Refused { refusal: Refusal::Malformed }),
        example("told", "try-later", &Told::TryLater),
    ]
}

/// Keys that are left for others to seal to. The digits of keys and signatures are made up: `SEAL.md` has some that fit.
fn keys() -> Vec<Example> {
    let Some(school) = organisation("school-01AA00") else { return Vec::new() };
    let key = |id, kind| SignedKey { id, kind, key: Digits([0x5a; 32]), signature: Digits([0xc3; 64]) };
    let one_time = key(KEY, KeyKind::OneTime);
    let weekly = key(WEEKLY_KEY, KeyKind::Weekly { made: jiff::civil::date(2026, 11, 22) });
    let refusal = Refusal::KeyUsed;
    vec![
        example("ask", "leave-keys", &Ask::LeaveKeys { keys: vec![one_time, weekly] }),
        example("ask", "withdraw-keys", &Ask::WithdrawKeys { keys: vec![KEY] }),
        example("ask", "keys", &Ask::Keys { mine: vec![KEY, WEEKLY_KEY] }),
        example("ask", "key-of", &Ask::KeyOf { organisation: school }),
        example("told", "done", &Told::Done),
        example("told", "keys", &Told::Keys { stock: vec![WEEKLY_KEY], living: Some(vec![KEY]) }),
        example("told", "key-of", &Told::KeyOf { one_time: Some(one_time), weekly: Some(weekly) }),
        example("answer", "key-used", &Answer::Refused { refusal }),
    ]
}

/// What is inside a seal, for the one who can open it.
fn contents() -> Vec<Example> {
    let content = |of, plain: &Plaintext| Example {
        of,
        name: "content",
        value: serde_json::from_slice(plain.as_bytes()).unwrap_or_default(),
    };
    let born = DateOfBirth::new(jiff::civil::date(2016, 2, 3));
    let Ok(child) = Child::new("Noor", Some("van der"), "Voorbeeld", born) else { return Vec::new() };
    let municipality = MunicipalityCode::parse("0855").ok();
    let Ok(address) = Address::new("5038AA", 12, "", "", municipality) else { return Vec::new() };
    let report = Report {
        reported_at: jiff::Timestamp::constant(1_795_327_200, 0),
        occurred: Occurred::At(jiff::Timestamp::constant(1_795_321_800, 0)),
        kind: Kind::DomesticViolence,
        address,
        mentions: vec![Mention {
            child: child.clone(),
            presence: Presence::Present,
            relation: Relation::Resident,
        }],
    };
    vec![
        content("report", &report.to_plaintext()),
        content("referral", &Referral { child: child.clone(), sister: false }.to_plaintext()),
        content("letter", &Letter { child }.to_plaintext()),
    ]
}
