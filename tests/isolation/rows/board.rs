//! What somebody could make of a board's questions: where the answer goes, what goes along, and what is asked for beside them. In the
//! engines' account every one of them takes effect.

use crate::{
    cast::Seat,
    row::{Control, Row, calls, says},
};

/// A question is the board's right; what is tried is where the broker says the answer.
const fn asks(name: &'static str, question: &'static str, body: &'static str, reply: &'static str) -> Row {
    calls(name, question, body).replying(reply).of(&[Seat::Board])
}

pub(crate) const ROWS: &[Row] = &[
    asks("have an answer stored as the engine's lease", "$JS.API.INFO", "", "{lease}"),
    asks("have an answer stored as an event", "$JS.API.STREAM.NAMES", "{}", "{event}"),
    asks(
        "have an answer stored as another's task",
        "$JS.API.STREAM.INFO.LEAD",
        "",
        "hwc.task.{other}.forged",
    ),
    asks("have an answer said at another's door", "$JS.API.STREAM.LIST", "{}", "hwc.submit.{other}"),
    asks(
        "have what lies in a stream stored a second time",
        "$JS.API.STREAM.MSG.GET.IN",
        r#"{"last_by_subj":"in.{other}.secret"}"#,
        "in.{other}.forged",
    ),
    asks(
        "have an answer said in another's inbox",
        "$JS.API.CONSUMER.LIST.TASKS",
        "{}",
        "_INBOX_{other}.forged",
    ),
    asks("have an answer call for the end of the tasks", "$JS.API.INFO", "", "$JS.API.STREAM.DELETE.TASKS"),
    says("a trace of a question, stored as the engine's lease", "$JS.API.INFO")
        .with(&[("Nats-Trace-Dest", "{lease}")])
        .saying(""),
    calls(
        "make a consumer that delivers as the engine's lease",
        "$JS.API.CONSUMER.CREATE.IN.scan-{me}.in.{other}.secret",
        r#"{"stream_name":"IN","config":{"name":"scan-{me}","filter_subject":"in.{other}.secret","ack_policy":"none","deliver_subject":"{lease}"}}"#,
    ),
    calls(
        "make a consumer that delivers as an event",
        "$JS.API.CONSUMER.CREATE.IN.scan-{me}.in.{other}.secret",
        r#"{"stream_name":"IN","config":{"name":"scan-{me}","filter_subject":"in.{other}.secret","ack_policy":"none","deliver_subject":"{event}"}}"#,
    ),
    calls(
        "make a consumer that only reads the journal, as an engine's own looks do",
        "$JS.API.CONSUMER.CREATE.JOURNAL.scan-{me}.jrn.*.e",
        r#"{"stream_name":"JOURNAL","config":{"name":"scan-{me}","filter_subject":"jrn.*.e","ack_policy":"none","mem_storage":true}}"#,
    ),
    says("write the engine's lease as an engine does", "{lease}")
        .with(&[("Nats-TTL", "60")])
        .saying(r#"{"engine":"{me}","life":"00000000-0000-0000-0000-000000000001","epoch":null}"#),
    calls("purge the engine's lease", "$JS.API.STREAM.PURGE.LEAD", ""),
    calls("delete the lease's stream", "$JS.API.STREAM.DELETE.LEAD", ""),
    calls("delete what the lease's stream holds", "$JS.API.STREAM.MSG.DELETE.LEAD", r#"{"seq":1}"#),
    calls(
        "give the lease's stream another subject",
        "$JS.API.STREAM.UPDATE.LEAD",
        r#"{"name":"LEAD","subjects":["lost"],"allow_msg_ttl":true}"#,
    ),
    calls("set the reading of breaches back", "$JS.API.CONSUMER.RESET.BREACHES.telling", "")
        .shown_by(Control::LetThrough),
    calls(
        "pull a breach of which the project leader was not told",
        "$JS.API.CONSUMER.MSG.NEXT.BREACHES.telling",
        r#"{"batch":1,"no_wait":true}"#,
    )
    .shown_by(Control::LetThrough),
    says("say that the project leader was told", "$JS.ACK.BREACHES.telling.1.1.1.0.0")
        .saying("+ACK")
        .shown_by(Control::LetThrough),
    says("the door for the directory, of another board", "hwc.directory.board-two").saying(r#"{"than":9}"#),
];
