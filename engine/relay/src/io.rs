//! What goes into the driver and what comes out.

use hwc_journal::{Append, Commit, History, Location, Markers, Position, codec::CodecError};
use hwc_schemas::{
    IncidentId, Organisation, PayloadId, TraceId,
    wire::{Answer, Command, Fetch, Refusal, Sealed},
};
use hwc_workflow::{Duty, Event, OutOfOrder, Step};
use jiff::Timestamp;

/// The caller's own number for a request, given back with its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Something outside did not work; it says nothing about what was to be done. The driver tries again or reads back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble;

/// Something arrived.
#[derive(Debug)]
pub enum Input {
    /// An organisation submits a command. Its ciphertexts lie beside it, each under an id of its own.
    Submit {
        /// To answer by.
        ticket: Ticket,
        /// Who, as the broker proved.
        from: Organisation,
        /// What.
        command: Command<PayloadId>,
        /// The ciphertexts.
        payloads: Vec<(PayloadId, Sealed)>,
        /// The trace of an incident that begins with it, from the caller's dice.
        trace: Option<TraceId>,
    },
    /// An organisation asks for a payload.
    Fetch {
        /// To answer by.
        ticket: Ticket,
        /// Who, as the broker proved.
        from: Organisation,
        /// What.
        fetch: Fetch,
    },
    /// An incident's log was read: asked for by [`Output::Load`], or at the start.
    Loaded {
        /// Which.
        incident: IncidentId,
        /// What it holds.
        history: Result<History, Trouble>,
    },
    /// Ciphertexts are durable.
    Stored {
        /// For which incident.
        incident: IncidentId,
        /// Where they lie.
        places: Result<Vec<(PayloadId, Location)>, Trouble>,
    },
    /// Ciphertexts are not stored: one of them is sealed to a key that is used up or not there. Nobody needs to try it again.
    KeyUsed {
        /// For which incident.
        incident: IncidentId,
    },
    /// An append was answered, or its outcome could not be found out.
    Appended {
        /// Which incident.
        incident: IncidentId,
        /// What became of it.
        outcome: Result<Append, Trouble>,
    },
    /// The tombstone was answered.
    Forgotten {
        /// Which incident.
        incident: IncidentId,
        /// What became of it.
        outcome: Result<Append, Trouble>,
    },
    /// A duty was performed, or not.
    Performed {
        /// Which incident.
        incident: IncidentId,
        /// Which duty.
        duty: Duty,
        /// Whether it worked.
        outcome: Result<(), Trouble>,
    },
    /// Offer again every task that is owed and was offered: one that got lost comes back, one that waits is not doubled.
    /// Not the notices, which are told once.
    OfferAgain,
    /// Time passed.
    Tick,
    /// Whatever did not work is to be tried again now: for a program whose clock stands still while it waits.
    TryAgain,
}

/// Something is to be done.
#[derive(Debug, Clone)]
pub enum Output {
    /// Read an incident's log.
    Load {
        /// Which.
        incident: IncidentId,
    },
    /// Make ciphertexts durable. Nothing points to them yet.
    Store {
        /// For which incident.
        incident: IncidentId,
        /// The ciphertexts.
        payloads: Vec<(PayloadId, Sealed)>,
        /// To whom each of them is sealed, in the same order.
        receivers: Vec<Organisation>,
        /// The broker itself drops them then, whatever happens to us (R23).
        ceiling: Timestamp,
    },
    /// Append to an incident's log.
    Append {
        /// Which.
        incident: IncidentId,
        /// Where its log must end.
        expected: Position,
        /// What.
        commit: Commit,
    },
    /// Write the tombstone, then erase the incident's events.
    Forget {
        /// Which.
        incident: IncidentId,
        /// Where its log must end.
        expected: Position,
        /// What its ciphertexts began with; the tombstone keeps them.
        markers: Markers,
    },
    /// Perform a duty; its event is durable.
    Perform {
        /// For which incident.
        incident: IncidentId,
        /// What.
        duty: Duty,
        /// For an erasure: where the ciphertext lies.
        location: Option<Location>,
    },
    /// Erase a ciphertext that was stored and then not needed; a sweeper would find it if this got lost.
    Discard {
        /// Which.
        payload: PayloadId,
        /// Where it lies.
        location: Location,
    },
    /// Answer a request.
    Reply {
        /// Whose.
        ticket: Ticket,
        /// What.
        reply: Reply,
    },
    /// Events became durable: for whoever watches. No watcher is ever waited for.
    Noted {
        /// Which incident.
        incident: IncidentId,
        /// Its trace.
        trace: Option<TraceId>,
        /// The events.
        events: Vec<Event>,
        /// The edges of the law that were walked with them.
        steps: Vec<Step>,
    },
    /// The journal holds what cannot have happened or cannot be read; the incident is left alone until somebody has looked.
    Alarm {
        /// Which incident.
        incident: IncidentId,
        /// What is wrong.
        problem: Problem,
    },
}

/// Why an incident is left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Its log holds what cannot have happened.
    #[error(transparent)]
    OutOfOrder(#[from] OutOfOrder),
    /// Its log holds a record that cannot be read, so what it points to is not known either.
    #[error(
        "a record of the journal cannot be read, so nothing that nobody points to is erased until it can: {0}"
    )]
    Unreadable(#[from] CodecError),
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To a command.
    Command(Answer),
    /// To a fetch: read this ciphertext and give it.
    Release {
        /// Which.
        payload: PayloadId,
        /// Where it lies.
        location: Location,
        /// Who sealed it.
        from: Organisation,
    },
    /// To a fetch: no.
    NotDue(Refusal),
    /// To a fetch: ask again.
    TryLater,
}

/// Bounds. Hitting one is a clear answer, never a loss.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Incidents in memory at once.
    pub incidents_max: usize,
    /// Requests that may wait for one incident.
    pub waiting_per_incident_max: usize,
    /// How often a request is tried before its sender is asked to come back.
    pub attempts_max: u32,
    /// How long to wait before trying something again, in seconds.
    pub retry_after_seconds: i64,
    /// How long an append can be under way of which nobody knows what became, in seconds.
    pub under_way_max_seconds: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            incidents_max: 200_000,
            waiting_per_incident_max: 64,
            attempts_max: 5,
            retry_after_seconds: 2,
            under_way_max_seconds: 120,
        }
    }
}
