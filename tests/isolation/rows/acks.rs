//! Tasks: to take another's, to settle another's.

use crate::row::{Control, Row, Touches, calls, says};

const ONE: &str = r#"{"batch":1,"expires":300000000}"#;

pub(crate) const ROWS: &[Row] = &[
    calls("pull another's tasks", "$JS.API.CONSUMER.MSG.NEXT.TASKS.{other}", ONE),
    calls("pull one's own tasks, by the engine's name for it", "$JS.API.CONSUMER.MSG.NEXT.TASKS.{me}", ONE),
    calls("pull another's tasks, behind one's own door", "next.{other}", ONE).shown_by(Control::LetThrough),
    calls("pull everybody's tasks", "$JS.API.CONSUMER.MSG.NEXT.TASKS.*", ONE).shown_by(Control::LetThrough),
    calls("pull one's own tasks", "{next}", ONE).own(Touches::OwnReading),
    calls("pull more at once than the broker gives", "{next}", r#"{"batch":100000,"expires":300000000}"#)
        .own(Touches::Nothing),
    calls("pull for longer than the broker waits", "{next}", r#"{"batch":1,"expires":86400000000000}"#)
        .own(Touches::Nothing),
    says("acknowledge for another", "{their-task}").saying("+ACK"),
    says("put back for another", "{their-task}").saying("-NAK"),
    says("put away for another", "{their-task}").saying("+TERM"),
    says("say for another that one is at it", "{their-task}").saying("+WPI"),
    says("acknowledge for another and take their next", "{their-task}").saying("+NXT"),
    says("acknowledge for another, in the server's other form", "$JS.ACK._.6LvWHe4E.TASKS.{other}.1.1.1.1.0")
        .saying("+ACK")
        .shown_by(Control::LetThrough),
    says("acknowledge for another, between the two forms", "$JS.ACK.TASKS.{other}.TASKS.{me}.1.1.0")
        .saying("+ACK")
        .shown_by(Control::LetThrough),
    says("acknowledge another's task by its number, as one's own", "{misnumbered}")
        .saying("+ACK")
        .own(Touches::Nothing),
    says("put another's task away by its number, as one's own", "{misnumbered}")
        .saying("+TERM")
        .own(Touches::Nothing),
    says("acknowledge one's own, and have the next sent to another's inbox", "{held-4}")
        .saying("+NXT")
        .replying("_INBOX_{other}.forged")
        .own(Touches::OwnTasks)
        .shown_by(Control::Shows("reaches the inbox of {other}")),
    says("acknowledge one's own, in the server's other form", "$JS.ACK._.6LvWHe4E.TASKS.{me}.1.1.1.1.0")
        .saying("+ACK")
        .own(Touches::OwnTasks),
    says("acknowledge one's own", "{held}").saying("+ACK").own(Touches::OwnTasks),
    says("put back one's own", "{held-2}").saying("-NAK").own(Touches::OwnTasks),
    says("say that one is at it", "{held-3}").saying("+WPI").own(Touches::OwnTasks),
];
