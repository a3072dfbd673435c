//! Every name on the broker, in one place. None holds anything about a person.

use std::fmt;

use hwc_journal::Generation;
use hwc_schemas::{IncidentId, Organisation, PayloadId};

/// What an organisation calls its door for commands.
pub(crate) const SUBMIT: &str = "submit";
/// What an organisation calls its door for payloads.
pub(crate) const FETCH: &str = "fetch";
/// What an organisation calls its door for questions about itself.
pub(crate) const ASK: &str = "ask";
/// What an organisation calls its door for the directory of organisations.
pub(crate) const DIRECTORY: &str = "directory";
/// What an organisation calls its door for tasks.
pub(crate) const NEXT: &str = "next";

/// The stream of incidents.
pub(crate) const JOURNAL: &str = "JOURNAL";
/// What the streams of all segments of the journal begin with.
pub(crate) const SEGMENTS: &str = "JRN_";
/// The stream of the lease.
pub(crate) const LEAD: &str = "LEAD";
/// The stream of tasks.
pub(crate) const TASKS: &str = "TASKS";

/// The stream of breach records.
pub(crate) const BREACHES: &str = "BREACHES";

/// The stream of the counts.
pub(crate) const COUNTS: &str = "COUNTS";

/// The subjects of all months' counts.
pub(crate) const ALL_COUNTS: &str = "hwc.counts.*";

/// The subject of a month's counts.
pub(crate) fn counts(month: &str) -> String {
    format!("hwc.counts.{month}")
}

/// The month whose counts a subject is.
pub(crate) fn month_of(subject: &str) -> Option<&str> {
    subject.strip_prefix("hwc.counts.")
}

/// The stream of public keys that organisations left.
pub(crate) const KEYS: &str = "KEYS";

/// The subject of a key that an organisation left, or of all keys, or of all organisations.
pub(crate) fn key(organisation: impl fmt::Display, id: impl fmt::Display) -> String {
    format!("key.{organisation}.{id}")
}

/// Who tells the project leader of breach records: the stream's consumer.
pub(crate) const TELLING: &str = "telling";

/// Where the next breach record is pulled of which the project leader was not told.
pub(crate) fn untold() -> String {
    format!("$JS.API.CONSUMER.MSG.NEXT.{BREACHES}.{TELLING}")
}

/// The subject of breach records.
pub(crate) const fn breach() -> &'static str {
    "hwc.breach"
}

/// Where an organisation's commands arrive in the engine's account.
pub(crate) fn submit(organisation: impl fmt::Display) -> String {
    format!("hwc.submit.{organisation}")
}

/// Where an organisation's fetches arrive in the engine's account.
pub(crate) fn fetch(organisation: impl fmt::Display) -> String {
    format!("hwc.fetch.{organisation}")
}

/// Where an organisation's questions about itself arrive in the engine's account.
pub(crate) fn ask(organisation: impl fmt::Display) -> String {
    format!("hwc.ask.{organisation}")
}

/// Where an organisation asks for the directory, in the engine's account, and a board whether an engine is there.
pub(crate) fn directory(organisation: impl fmt::Display) -> String {
    format!("hwc.directory.{organisation}")
}

/// The subject of one task of an organisation: its id as one token.
pub(crate) fn task(organisation: &Organisation, id: &str) -> String {
    format!("hwc.task.{organisation}.{}", id.replace('.', "_"))
}

/// The subjects of all tasks of an organisation, or of all.
pub(crate) fn tasks(organisation: impl fmt::Display) -> String {
    format!("hwc.task.{organisation}.*")
}

/// Where an organisation's tasks are pulled.
pub(crate) fn next(organisation: &Organisation) -> String {
    format!("$JS.API.CONSUMER.MSG.NEXT.{TASKS}.{organisation}")
}

/// Where an organisation's tasks are acknowledged.
pub(crate) fn acknowledgements(organisation: &Organisation) -> String {
    format!("$JS.ACK.{TASKS}.{organisation}.>")
}

/// The same where the server's flag `js_ack_fc_v2` is on: with the domain, none, and the server's hash of `ENGINE`. Neither
/// may be a wildcard: `$JS.ACK.*.*.TASKS.<A>.>` also matches what another organisation's consumer listens to.
pub(crate) fn acknowledgements_v2(organisation: &Organisation) -> String {
    format!("$JS.ACK._.6LvWHe4E.{TASKS}.{organisation}.>")
}

/// The namespace of the answers to an organisation, or to a board.
pub(crate) fn inbox(whose: impl fmt::Display) -> String {
    format!("_INBOX_{whose}")
}

/// The subject of the lease.
pub(crate) const fn lead() -> &'static str {
    "hwc.lead"
}

/// The subject of the message that means nothing, by which the journal shows that it hears us.
pub(crate) const fn barrier() -> &'static str {
    "jrn.barrier.b"
}

/// What a segment of the journal, one token, listens to while this epoch's leader has the pen.
pub(crate) fn pen(epoch: u64, segment: impl fmt::Display) -> String {
    format!("lead.{epoch}.{segment}.*.*")
}

/// Where this epoch's leader writes what is to lie at this subject in a segment of the journal.
pub(crate) fn written_by(epoch: u64, segment: impl fmt::Display, subject: &str) -> String {
    format!("lead.{epoch}.{segment}.{}", subject.strip_prefix("jrn.").unwrap_or(subject))
}

/// The events of every incident.
pub(crate) const ALL_EVENTS: &str = "jrn.*.e";

/// The tombstone of every incident.
pub(crate) const ALL_TOMBSTONES: &str = "jrn.*.t";

/// Everything of every incident.
pub(crate) const ALL_OF_THE_JOURNAL: &str = "jrn.*.*";

/// What a segment that takes no more listens to.
pub(crate) fn closed_segment(segment: impl fmt::Display) -> String {
    format!("closed.{segment}")
}

/// The subject of an incident's events.
pub(crate) fn events(incident: IncidentId) -> String {
    format!("jrn.{incident}.e")
}

/// The subject of an incident's tombstone.
pub(crate) fn tombstone(incident: IncidentId) -> String {
    format!("jrn.{incident}.t")
}

/// Everything of an incident: what an append is guarded by.
pub(crate) fn incident(incident: IncidentId) -> String {
    format!("jrn.{incident}.>")
}

/// The stream of a generation.
pub(crate) fn generation(generation: Generation) -> String {
    format!("{GENERATIONS}{generation}")
}

/// What the streams of all generations begin with.
pub(crate) const GENERATIONS: &str = "PAY_";

/// The subject of a ciphertext.
pub(crate) fn payload(generation: Generation, payload: PayloadId) -> String {
    format!("pay.{generation}.{payload}")
}

/// The subjects of all ciphertexts of a generation.
pub(crate) fn payloads(generation: Generation) -> String {
    format!("pay.{generation}.*")
}

/// What a generation listens to when it takes no more.
pub(crate) fn closed(generation: Generation) -> String {
    format!("closed.{generation}")
}
