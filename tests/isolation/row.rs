//! What a row of the matrix is, what came of trying it, and who refused.

use std::{future::Future, pin::Pin};

use hwc_schemas::wire::{Answer, Command, Fetch, Fetched, Sealed};

use crate::{
    cast::{Ids, Seat},
    line::Message,
    world::World,
};

/// One thing to try.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// What it is, in words.
    pub(crate) name: &'static str,
    /// How it is done.
    pub(crate) deed: Deed,
    /// Whose right it is.
    pub(crate) own: Own,
    /// What it changes where it is somebody's right.
    pub(crate) touches: Touches,
    /// How the run without permissions shows that the attempt bites.
    pub(crate) control: Control,
}

/// How something is tried. Texts may hold `{me}`, `{other}` and the like: see [`World::fill`].
#[derive(Clone, Copy)]
pub(crate) enum Deed {
    /// One message. Without a reply subject of its own it asks for the answer in its own inbox.
    Says {
        to: &'static str,
        reply: &'static str,
        headers: &'static [(&'static str, &'static str)],
        body: &'static str,
    },
    /// A subscription, and then something happens that it could hear.
    Listens { to: &'static str, queue: &'static str },
    /// A command through one's own door.
    Submits(fn(&Ids, Seat) -> Command<Sealed>),
    /// A fetch through one's own door.
    Fetches(fn(&Ids, Seat) -> Fetch),
    /// Anything else.
    Does(fn(&World, Seat) -> Doing<'_>),
}

/// What becomes of a [`Deed::Does`].
pub(crate) type Doing<'a> = Pin<Box<dyn Future<Output = Evidence> + Send + 'a>>;

/// Whose right something is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// Nobody may.
    Nobodys,
    /// Everybody may, each in what is their own.
    Everybodys,
    /// These may.
    Of(&'static [Seat]),
    /// The board may, for it only looks.
    TheBoards,
}

impl Own {
    pub(crate) fn is(self, seat: Seat) -> bool {
        match self {
            Self::Nobodys => false,
            Self::Everybodys => seat != Seat::Nobody,
            Self::Of(seats) => seats.contains(&seat),
            Self::TheBoards => seat == Seat::Board,
        }
    }
}

/// What a rightful deed may change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touches {
    /// Nothing that the broker keeps.
    Nothing,
    /// How far one's own tasks are read.
    OwnReading,
    /// One's own tasks.
    OwnTasks,
    /// Whatever the law says; but no settings and nobody's reading.
    WhatTheLawSays,
}

impl Touches {
    pub(crate) fn allows(self, what: &str, me: &str) -> bool {
        let reading = what == format!("TASKS/{me}");
        match self {
            Self::Nothing => false,
            Self::OwnReading => reading,
            Self::OwnTasks => {
                reading || what == "TASKS" || what.starts_with(&format!("TASKS at hwc.task.{me}."))
            }
            Self::WhatTheLawSays => {
                !what.contains('/') && !what.ends_with(" of TASKS") && !what.ends_with(" of JOURNAL")
            }
        }
    }
}

/// How the run without permissions shows that an attempt bites.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    /// It takes effect.
    Works,
    /// It takes effect, and this is part of it.
    Shows(&'static str),
    /// The same for somebody in the server's own account.
    WorksInTheSystem,
    /// The same on a broker that asks nobody's name.
    WorksWithoutNames,
    /// Nothing forbids it, but nothing comes of it either: this server has nothing there.
    LetThrough,
    /// The server forbids it to everybody, permissions or not.
    ForbiddenToAll,
    /// The row itself holds somebody whose right it is, or somebody who is only too early or too late.
    InTheRow,
    /// Another row has the same, with somebody whose right it is.
    InAnotherRow,
}

/// What came of trying something.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    /// Why the broker let nobody in.
    pub(crate) not_admitted: Option<String>,
    /// What the broker said to it.
    pub(crate) denied: Vec<String>,
    /// What came back.
    pub(crate) answers: Vec<Message>,
    /// What a subscription heard that was not its own.
    pub(crate) overheard: usize,
    /// Where in the engine's account it came out.
    pub(crate) arrived: Vec<String>,
    /// In whose inbox something came that they had not asked for.
    pub(crate) strays: Vec<String>,
    /// What is not as it was.
    pub(crate) changed: Vec<String>,
    /// Anything else that happened.
    pub(crate) effects: Vec<String>,
}

/// Who refused, or whose right it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The broker lets nobody in.
    NotAdmitted,
    /// The broker: no permission.
    Permission,
    /// The broker: nothing of that name in this account.
    NoSuchService,
    /// The broker: more than it takes.
    Limit,
    /// The law, with its code.
    Law(String),
    /// Let in as oneself, and it reached nothing that is another's.
    Own,
    /// The board's right: it is answered, and nothing is changed.
    Looks,
    /// Nobody refused, and there was nothing there to reach.
    ReachedNothing,
    /// It took effect.
    Breach(String),
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAdmitted => write!(f, "broker: not admitted"),
            Self::Permission => write!(f, "broker: permission"),
            Self::NoSuchService => write!(f, "broker: no such service"),
            Self::Limit => write!(f, "broker: limit"),
            Self::Law(code) => write!(f, "law: {code}"),
            Self::Own => write!(f, "own"),
            Self::Looks => write!(f, "looks"),
            Self::ReachedNothing => write!(f, "reaches nothing"),
            Self::Breach(what) => write!(f, "**BREACH: {what}**"),
        }
    }
}

/// Who refused, from what was seen.
pub(crate) fn verdict(row: &Row, me: &str, own: bool, evidence: &Evidence) -> Verdict {
    let effects = effects(row, me, own, evidence);
    if !effects.is_empty() {
        return Verdict::Breach(effects.join("; "));
    }
    if let Some(why) = &evidence.not_admitted {
        let admission = ["Authorization Violation", "Authentication Timeout"];
        return if admission.iter().any(|one| why.contains(one)) {
            Verdict::NotAdmitted
        } else {
            Verdict::Breach(format!("it ended in {why}"))
        };
    }
    if let Some(said) = evidence.denied.first() {
        return if said.contains("Permissions Violation") { Verdict::Permission } else { Verdict::Limit };
    }
    if evidence.answers.iter().any(Message::nobody_serves) {
        return Verdict::NoSuchService;
    }
    if evidence.answers.iter().any(|answer| answer.headers.starts_with("NATS/1.0 409")) {
        return Verdict::Limit;
    }
    match evidence.answers.iter().find_map(|answer| refusal(&answer.body)) {
        Some(code) => Verdict::Law(code),
        None if own && row.own == Own::TheBoards => {
            if evidence.answers.iter().any(tells) {
                Verdict::Looks
            } else {
                Verdict::ReachedNothing
            }
        }
        None if own => Verdict::Own,
        None => Verdict::ReachedNothing,
    }
}

/// Everything that happened and should not have, where it is not somebody's own.
fn effects(row: &Row, me: &str, own: bool, evidence: &Evidence) -> Vec<String> {
    let mut effects = evidence.effects.clone();
    let touches = if own { row.touches } else { Touches::Nothing };
    let changed = evidence.changed.iter().filter(|what| !touches.allows(what, me));
    effects.extend(changed.map(|what| format!("changes {what}")));
    let doors = [
        format!("hwc.submit.{me}"),
        format!("hwc.fetch.{me}"),
        format!("hwc.ask.{me}"),
        format!("hwc.directory.{me}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.TASKS.{me}"),
    ];
    let asks = |subject: &String| own && me == Seat::Board.name() && is_a_question(subject);
    let elsewhere = evidence.arrived.iter().filter(|subject| !doors.contains(subject) && !asks(subject));
    effects.extend(elsewhere.map(|subject| format!("arrives at {subject}")));
    let strays = evidence.strays.iter().filter(|whose| *whose != me);
    effects.extend(strays.map(|whose| format!("reaches the inbox of {whose}")));
    if evidence.overheard > 0 {
        effects.push("listens in".to_owned());
    }
    if !own && evidence.answers.iter().any(tells) {
        effects.push("is answered".to_owned());
    }
    effects.sort();
    effects.dedup();
    effects
}

/// Whether a subject is one at which a board may ask, and where nothing is changed whatever is said there.
fn is_a_question(subject: &str) -> bool {
    let Some(question) = subject.strip_prefix("$JS.API.") else { return false };
    let about = ["STREAM.INFO.", "STREAM.MSG.GET.", "CONSUMER.INFO.TASKS."];
    let whole =
        ["INFO", "STREAM.NAMES", "STREAM.LIST", "CONSUMER.LIST.TASKS", "CONSUMER.INFO.BREACHES.telling"];
    whole.contains(&question) || about.iter().any(|one| question.starts_with(one))
}

/// What shows in the run without permissions that something got through. Own or not is no question there.
pub(crate) fn bites(row: &Row, me: &str, evidence: &Evidence) -> Vec<String> {
    if evidence.not_admitted.is_some() || !evidence.denied.is_empty() {
        return Vec::new();
    }
    effects(row, me, false, evidence)
}

/// Whether an answer is more than a refusal: also an error tells something if it says where a stream ends.
fn tells(answer: &Message) -> bool {
    if answer.nobody_serves() || refusal(&answer.body).is_some() {
        return false;
    }
    let no = ["\"error\":", "NATS/1.0 404", "NATS/1.0 408", "NATS/1.0 409", "NATS/1.0 400"];
    let refused = no.iter().any(|one| answer.body.contains(one) || answer.headers.starts_with(one));
    !refused || answer.body.contains("wrong last sequence")
}

/// The code with which the law refused.
fn refusal(body: &str) -> Option<String> {
    let answer = serde_json::from_str::<Answer>(body).ok();
    let fetched = serde_json::from_str::<Fetched>(body).ok();
    match (answer, fetched) {
        (Some(Answer::Refused { refusal }), _) | (_, Some(Fetched::Refused { refusal })) => {
            Some(refusal.code().to_owned())
        }
        _ => None,
    }
}

const fn row(name: &'static str, deed: Deed) -> Row {
    Row { name, deed, own: Own::Nobodys, touches: Touches::Nothing, control: Control::Works }
}

/// A message.
pub(crate) const fn says(name: &'static str, to: &'static str) -> Row {
    row(name, Deed::Says { to, reply: "", headers: &[], body: "x" })
}

/// A call of JetStream's API.
pub(crate) const fn calls(name: &'static str, to: &'static str, body: &'static str) -> Row {
    row(name, Deed::Says { to, reply: "", headers: &[], body })
}

/// A subscription.
pub(crate) const fn listens(name: &'static str, to: &'static str) -> Row {
    row(name, Deed::Listens { to, queue: "" })
}

/// A command.
pub(crate) const fn submits(name: &'static str, command: fn(&Ids, Seat) -> Command<Sealed>) -> Row {
    row(name, Deed::Submits(command)).touching(Touches::WhatTheLawSays).shown_by(Control::InTheRow)
}

/// A fetch.
pub(crate) const fn fetches(name: &'static str, fetch: fn(&Ids, Seat) -> Fetch) -> Row {
    row(name, Deed::Fetches(fetch)).touching(Touches::WhatTheLawSays).shown_by(Control::InTheRow)
}

/// Anything else.
pub(crate) const fn does(name: &'static str, deed: fn(&World, Seat) -> Doing<'_>) -> Row {
    row(name, Deed::Does(deed))
}

impl Row {
    /// With this reply subject.
    pub(crate) const fn replying(mut self, to: &'static str) -> Self {
        if let Deed::Says { reply, .. } = &mut self.deed {
            *reply = to;
        }
        self
    }

    /// With these headers.
    pub(crate) const fn with(mut self, more: &'static [(&'static str, &'static str)]) -> Self {
        if let Deed::Says { headers, .. } = &mut self.deed {
            *headers = more;
        }
        self
    }

    /// With this body.
    pub(crate) const fn saying(mut self, text: &'static str) -> Self {
        if let Deed::Says { body, .. } = &mut self.deed {
            *body = text;
        }
        self
    }

    /// Among others who do the same work.
    pub(crate) const fn among(mut self, group: &'static str) -> Self {
        if let Deed::Listens { queue, .. } = &mut self.deed {
            *queue = group;
        }
        self
    }

    /// Everybody's right, each in what is their own.
    pub(crate) const fn own(mut self, touches: Touches) -> Self {
        self.own = Own::Everybodys;
        self.touches = touches;
        self.control = Control::InTheRow;
        self
    }

    /// The right of these.
    pub(crate) const fn of(mut self, seats: &'static [Seat]) -> Self {
        self.own = Own::Of(seats);
        self
    }

    /// Everybody may say it; what is tried is where the answer goes.
    pub(crate) const fn quietly(self) -> Self {
        self.own(Touches::Nothing).shown_by(Control::Works)
    }

    /// The board's right, and nobody else's.
    pub(crate) const fn looked(mut self) -> Self {
        self.own = Own::TheBoards;
        self
    }

    /// What a rightful deed may change.
    const fn touching(mut self, touches: Touches) -> Self {
        self.touches = touches;
        self
    }

    /// How the run without permissions shows that it bites.
    pub(crate) const fn shown_by(mut self, control: Control) -> Self {
        self.control = control;
        self
    }
}
