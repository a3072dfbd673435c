//! To speak where others speak, and to have an answer sent where one may not speak.

use crate::row::{Control, Row, Touches, calls, says};

pub(crate) const ROWS: &[Row] = &[
    says("another's door for commands", "hwc.submit.{other}"),
    says("one's own door for commands, by the engine's name for it", "hwc.submit.{me}")
        .shown_by(Control::Shows("is answered")),
    says("another's door for commands, behind one's own", "submit.{other}").shown_by(Control::LetThrough),
    says("every door for commands at once", "hwc.submit.*")
        .shown_by(Control::Shows("arrives at hwc.submit.*")),
    says("another's door for payloads", "hwc.fetch.{other}"),
    says("one's own door for payloads, by the engine's name for it", "hwc.fetch.{me}")
        .shown_by(Control::Shows("is answered")),
    says("a task for another", "hwc.task.{other}.forged"),
    says("a task for oneself", "hwc.task.{me}.forged"),
    says("an event in the journal", "{event}"),
    says("a tombstone in the journal", "{tombstone}"),
    says("an event in the journal, past the leader", "jrn.00000000000000000000000000000001.e")
        .shown_by(Control::LetThrough),
    says("the engine's lease", "{lease}"),
    says("another's payload", "{payload}"),
    says("a payload of one's own", "pay.{generation}.00000000000000000000000000000001"),
    says("a breach record", "hwc.breach"),
    says("another's inbox", "_INBOX_{other}.forged"),
    says("the engine's inbox, as JetStream", "_INBOX.forged.x"),
    says("the answer to another's request", "_R_.forged.x"),
    says("an advisory of JetStream", "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.TASKS.{other}")
        .shown_by(Control::LetThrough),
    says("one's own inbox", "_INBOX_{me}.x").shown_by(Control::LetThrough),
    says("another's door for questions", "hwc.ask.{other}").saying(HOLDINGS),
    says("one's own door for questions, by the engine's name for it", "hwc.ask.{me}")
        .saying(HOLDINGS)
        .shown_by(Control::Shows("is answered")),
    says("one's own door for questions", "{ask}").saying(HOLDINGS).own(Touches::Nothing),
    says("a breach, at another's door for questions", "hwc.ask.{other}").saying(BREACH),
    says("a breach, at one's own door for questions", "{ask}").saying(BREACH).own(Touches::WhatTheLawSays),
    says("another's door for the directory", "hwc.directory.{other}").saying(NEWER),
    says("one's own door for the directory, by the engine's name for it", "hwc.directory.{me}")
        .saying(NEWER)
        .looked()
        .shown_by(Control::Shows("is answered")),
    says("one's own door for the directory", "{directory}").saying(r#"{"than":0}"#).own(Touches::Nothing),
    says("one's own door for commands", "{submit}").own(Touches::Nothing),
    says("one's own door for payloads", "{fetch}").own(Touches::Nothing),
];

pub(crate) const REPLIES: &[Row] = &[
    says("of a command, at another's door", "{submit}").replying("hwc.submit.{other}").quietly(),
    says("of a command, in another's inbox", "{submit}").replying("_INBOX_{other}.forged").quietly(),
    says("of a command, as another's task", "{submit}").replying("hwc.task.{other}.forged").quietly(),
    says("of a command, as an event", "{submit}").replying("{event}").quietly(),
    says("of a command, as a call that deletes the tasks", "{submit}")
        .replying("$JS.API.STREAM.DELETE.TASKS")
        .quietly(),
    says("of a command, as another's acknowledgement", "{submit}")
        .replying("{their-task}")
        .shown_by(Control::ForbiddenToAll),
    says("of a command, as an answer to another's request", "{submit}")
        .replying("_R_.forged.x")
        .shown_by(Control::ForbiddenToAll),
    says("of a command, at one's own door again", "{submit}").replying("{submit}").own(Touches::Nothing),
    says("of a fetch, at another's door", "{fetch}").replying("hwc.fetch.{other}").quietly(),
    says("of a fetch, in another's inbox", "{fetch}").replying("_INBOX_{other}.forged").quietly(),
    says("of a fetch, as another's payload", "{fetch}").replying("{payload}").quietly(),
    says("of a fetch, at one's own door for commands", "{fetch}").replying("{submit}").own(Touches::Nothing),
    says("of a question for the directory, at another's door", "{directory}")
        .saying(NEWER)
        .replying("hwc.directory.{other}")
        .quietly(),
    says("of a question for the directory, in another's inbox", "{directory}")
        .saying(NEWER)
        .replying("_INBOX_{other}.forged")
        .quietly(),
    pulls("of a pull, at another's door", "hwc.submit.{other}", "arrives at hwc.task.{me}"),
    pulls("of a pull, in another's inbox", "_INBOX_{other}.forged", "reaches the inbox of {other}"),
    pulls("of a pull, as another's task", "hwc.task.{other}.forged", "arrives at hwc.task.{me}"),
    pulls("of a pull, as an event", "{event}", "JOURNAL"),
    pulls(
        "of a pull, as a call that purges the tasks",
        "$JS.API.STREAM.PURGE.TASKS",
        "arrives at hwc.task.{me}",
    ),
    calls("of a pull, at one's own door for commands", "{next}", PULL)
        .replying("{submit}")
        .own(Touches::OwnReading),
    calls("of a pull, at one's own door for tasks", "{next}", PULL)
        .replying("{next}")
        .own(Touches::OwnReading),
];

/// What is asked at the door for the directory; the answer to this one is always short.
const NEWER: &str = r#"{"than":9}"#;

/// A question that is answered alike for whoever has nothing.
const HOLDINGS: &str = r#"{"ask":"holdings"}"#;

/// A breach that everybody may report, in their own name (R24).
const BREACH: &str =
    r#"{"ask":"report_breach","id":"00000000000000000000000000000009","what":"doubt","day":"2026-11-18"}"#;

const PULL: &str = r#"{"batch":1,"expires":200000000}"#;

/// What JetStream delivers comes under the subject that it was stored under.
const fn pulls(name: &'static str, reply: &'static str, shows: &'static str) -> Row {
    calls(name, "{next}", PULL).replying(reply).own(Touches::OwnReading).shown_by(Control::Shows(shows))
}
