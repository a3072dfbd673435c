//! To listen where others speak.

use crate::row::{Control, Row, Touches, listens};

pub(crate) const ROWS: &[Row] = &[
    listens("to everything", ">"),
    listens("to every subject of three words", "*.*.*"),
    listens("to all doors for commands", "hwc.submit.*"),
    listens("to all doors for commands, in the engine's place", "hwc.submit.*").among("engines"),
    listens("to another's door for commands", "hwc.submit.{other}"),
    listens("to all doors for payloads", "hwc.fetch.*"),
    listens("to all doors for the directory", "hwc.directory.*"),
    listens("to another's tasks", "hwc.task.{other}.*"),
    listens("to one's own tasks, past the pull", "hwc.task.{me}.*"),
    listens("to everything of the relay", "hwc.>"),
    listens("to the journal", "jrn.>"),
    listens("to whoever leads", "lead.>"),
    listens("to payloads", "pay.>"),
    listens("to breach records", "hwc.breach"),
    listens("to another's inbox", "_INBOX_{other}.>"),
    listens("to the engine's inbox", "_INBOX.>"),
    listens("to answers on their way", "_R_.>"),
    listens("to calls of JetStream's API", "$JS.API.>"),
    listens("to acknowledgements", "$JS.ACK.>"),
    listens("to JetStream's advisories", "$JS.EVENT.ADVISORY.>"),
    listens("to the server's events", "$SYS.>").shown_by(Control::WorksInTheSystem),
    listens("to who connects to the engine's account", "$SYS.ACCOUNT.ENGINE.>").shown_by(Control::LetThrough),
    listens("at one's own door, in the engine's place", "submit").shown_by(Control::LetThrough),
    listens("to one's own inbox", "_INBOX_{me}.>").own(Touches::Nothing),
];
