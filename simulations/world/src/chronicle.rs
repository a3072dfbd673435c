//! What happens in a simulated world, in the order in which it truly happens: what a checker or a report is made from.
//!
//! It is written where things take effect: by the simulated broker, by the keys, by the people. The engines do not write
//! it, so an engine that is wrong cannot make it say otherwise.

use std::collections::BTreeSet;

use hwc_relay::Census;
use hwc_schemas::{
    IncidentId, Organisation, PayloadId, SignalId, SignalNumber,
    letter::Hop,
    wire::{Answer, Task},
};
use hwc_workflow::{Breach, Event};
use jiff::Timestamp;

use crate::truth::{Invented, ReportNumber};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When, by the world's own clock. The clocks of engines and organisations may be wrong.
    pub at: Timestamp,
    /// What.
    pub what: Happened,
}

/// Which of the engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EngineNumber(pub u8);

/// How a ciphertext came to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// The law's duty, or what was stored in vain.
    Erased,
    /// The sweeper took it for an orphan.
    Swept,
    /// The broker dropped it at its ceiling.
    Ceiling,
    /// The storage lost it.
    Lost,
}

/// What somebody got to read after opening a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A police report.
    Report(ReportNumber),
    /// One child, to its municipality; and whether it was told of a sister signal (R9).
    Referral(Invented, bool),
    /// One child, to its school.
    Letter(Invented),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Happened {
    // What organisations do and hear.
    /// The police took up a report, and will send it until it is answered. The same report may be taken up again later.
    Reporting {
        /// Which.
        report: ReportNumber,
        /// The incident that its reference stands for.
        incident: IncidentId,
    },
    /// The police heard the answer to a report.
    ReportAnswered {
        /// Which.
        report: ReportNumber,
        /// The incident.
        incident: IncidentId,
        /// What the engine said.
        answer: Answer,
    },
    /// Veilig Thuis found a child: the signal of this number is about it. Said again when it screens again after a crash.
    Found {
        /// Which signal.
        signal: SignalId,
        /// The child, as the report or the register spells it.
        child: Invented,
        /// Whether it was found in the register and not named in the report.
        sibling: bool,
    },
    /// A task reached an organisation. It may come more than once.
    Tasked {
        /// Whom.
        to: Organisation,
        /// What it was asked, or told.
        task: Task,
    },
    /// An organisation got a payload, and opened it.
    Opened {
        /// Who.
        by: Organisation,
        /// The incident.
        incident: IncidentId,
        /// The child's number; none for a report.
        number: Option<SignalNumber>,
        /// What it read.
        content: Content,
    },
    /// A payload was given out that does not open where it went: it was sealed to somebody else, or is not what it should be.
    GivenUnopened {
        /// To whom it was given.
        to: Organisation,
        /// The leg it was sealed for, as far as its seal says.
        hop: Hop,
        /// Whom it was sealed to.
        sealed_to: Organisation,
    },
    /// An organisation heard the answer to a command that it submitted for a task of its own.
    Answered {
        /// Who.
        to: Organisation,
        /// The incident.
        incident: IncidentId,
        /// The command's name, as in `route`.
        command: &'static str,
        /// What the engine said.
        answer: Answer,
    },

    // What became durable at the broker.
    /// These events became durable, at once and in this order. Their own times are by the clock of the engine that wrote them.
    Durable {
        /// Whose.
        incident: IncidentId,
        /// Who wrote them.
        by: EngineNumber,
        /// The events.
        events: Vec<Event>,
    },
    /// The incident's tombstone became durable; its events are gone.
    Forgotten {
        /// Whose.
        incident: IncidentId,
    },
    /// A ciphertext became durable.
    Stored {
        /// Which.
        payload: PayloadId,
        /// For which incident.
        incident: IncidentId,
        /// The leg it is sealed for.
        hop: Hop,
        /// Who can open it.
        sealed_to: Organisation,
    },
    /// A ciphertext is gone.
    Gone {
        /// Which.
        payload: PayloadId,
        /// How.
        how: Gone,
    },
    /// A task lies at the broker for an organisation.
    Offered {
        /// For whom.
        to: Organisation,
        /// What.
        task: Task,
    },
    /// The broker stops, or is there again: while it is off nothing happens to what it holds.
    BrokerIs {
        /// Whether it runs.
        up: bool,
    },
    /// A ciphertext left the broker for whoever asked.
    Given {
        /// Which.
        payload: PayloadId,
        /// Whose.
        incident: IncidentId,
    },
    /// A task is gone from the broker: its organisation settled it.
    Settled {
        /// Whose it was.
        to: Organisation,
        /// Which.
        task: Task,
    },
    /// The broker lost a task that nobody had settled: it is offered again if it is still owed. Or an engine took it back.
    TaskLost {
        /// Whose it was.
        to: Organisation,
        /// Which.
        task: Task,
    },
    /// A breach record was kept (R24).
    BreachKept {
        /// What it says.
        breach: Breach,
    },

    /// An engine leads, and has done everything that it does before it offers or gives anything.
    Leads {
        /// Which.
        by: EngineNumber,
    },

    // What those who watch are told.
    /// An engine told its watchers that these events happened.
    Noted {
        /// Which engine.
        by: EngineNumber,
        /// Whose.
        incident: IncidentId,
        /// The events.
        events: Vec<Event>,
    },
    /// An engine that leads and has nothing under way says how much is where.
    Counted {
        /// Which engine.
        by: EngineNumber,
        /// Its count.
        census: Census,
    },

    // What goes wrong, for whoever reads the story.
    /// The storage lost what it had acknowledged, of these incidents.
    StorageLied {
        /// Whose events or ciphertexts.
        incidents: BTreeSet<IncidentId>,
    },
    /// Somebody put an old copy of the broker's folder back. Of these incidents it holds something else than what was there.
    /// What that comes to follows at once, as after a storage that lied.
    PutBack {
        /// Whose events, ciphertexts or tasks.
        incidents: BTreeSet<IncidentId>,
    },
    /// A task lies at the broker again that was settled or taken back: an old copy was put back.
    CameBack {
        /// For whom.
        to: Organisation,
        /// What.
        task: Task,
    },
    /// After the storage lied: so many events of the incident's log are there, counted from the first that became durable;
    /// what came after is lost, its tombstone too. Without such an entry the log is as it was. A ciphertext whose erasing was
    /// lost is `Stored` again.
    Left {
        /// Whose log.
        incident: IncidentId,
        /// How many of its events.
        events: usize,
    },
    /// A fault, in words; none of a person. Whatever can make an engine do something twice is one: a crash, an overtaken
    /// leader, a message lost, late or doubled.
    Fault(String),
    /// From here on nothing goes wrong any more, everybody is there, and everything must come to its end.
    Healed,
    /// What is there, wherever it is, when nothing is left to happen.
    Holds(Box<Holdings>),
    /// Nothing is left to happen.
    Over,
}

/// What is there of whom, wherever it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Holdings {
    /// At the broker: incidents of which there are events.
    pub logs: BTreeSet<IncidentId>,
    /// At the broker: incidents of which there is a tombstone, and since when.
    pub tombstones: Vec<(IncidentId, Timestamp)>,
    /// At the broker: ciphertexts, and whose they are.
    pub payloads: Vec<(PayloadId, IncidentId)>,
    /// At the broker: tasks.
    pub tasks: Vec<(Organisation, Task)>,
    /// In the hands of organisations.
    pub in_hand: Vec<(Organisation, String)>,
    /// In the engines, by number.
    pub engines: Vec<(EngineNumber, EngineHolds)>,
    /// Which engine led last.
    pub led_last: Option<EngineNumber>,
}

/// What an engine has of whom.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EngineHolds {
    /// In its memory.
    pub known: Vec<IncidentId>,
    /// In its state folder: incidents that ended, and the day that it noted for each, from 1970.
    pub incidents: Vec<(IncidentId, i32)>,
    /// In its state folder: ciphertexts that were erased, and the day.
    pub payloads: Vec<(PayloadId, i32)>,
    /// The day, from 1970, on which it was started last.
    pub started_on: i32,
}
