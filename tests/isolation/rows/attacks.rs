//! What works on a stream that organisations share, and what becomes of it here.

use serde_json::json;

use crate::{
    cast::Seat,
    line::{Heard, Saying},
    row::{Control, Doing, Row, Touches, calls, does, says},
    run::say,
    world::World,
};

/// Every one of them works in one account without permissions, and each but the header ones even with perfect permissions on
/// subjects: that is why nobody here publishes into a stream.
pub(crate) const SEVEN: &[Row; 7] = &[
    says(
        "1: publish with a reply at another's subject, so that the broker's receipt is stored there",
        "in.{me}.x",
    )
    .replying("in.{other}.forged")
    .shown_by(Control::Shows("what is at in.{other}.forged")),
    calls(
        "2: pull with a reply at a stream's subject, so that the task is stored a second time",
        "$JS.API.CONSUMER.MSG.NEXT.TASKS.{me}",
        r#"{"batch":1,"expires":1000000000}"#,
    )
    .replying("in.{other}.forged")
    .shown_by(Control::Shows("IN at hwc.task.{me}")),
    says("3: a schedule that speaks on another's subject", "in.{me}.schedule")
        .with(&[("Nats-Schedule", "@at {in-two-seconds}"), ("Nats-Schedule-Target", "in.{other}.forged")])
        .saying("forged")
        .shown_by(Control::Shows("what is at in.{other}.forged: forged")),
    says("4: a schedule that copies another's message", "in.{me}.schedule")
        .with(&[
            ("Nats-Schedule", "@every 1s"),
            ("Nats-Schedule-Source", "in.{other}.secret"),
            ("Nats-Schedule-Target", "in.{me}.stolen"),
        ])
        .shown_by(Control::Shows("what is at in.{me}.stolen: the secret of {other}")),
    says("5: a rollup that purges the whole stream", "in.{me}.x")
        .with(&[("Nats-Rollup", "all")])
        .shown_by(Control::Shows("IN at in.{other}.secret")),
    does("6: a message id that another's message will have, so that theirs is dropped", poison)
        .shown_by(Control::Shows("another's message is dropped")),
    says("7: an expected sequence that makes the broker tell another's", "in.{me}.x")
        .with(&[
            ("Nats-Expected-Last-Subject-Sequence", "0"),
            ("Nats-Expected-Last-Subject-Sequence-Subject", "in.{other}.secret"),
        ])
        .shown_by(Control::Shows("is answered")),
];

/// Publishes under a message id; then another's message comes with the same. The stream is made for it and goes again, so
/// that everything is as it was.
fn poison(world: &World, seat: Seat) -> Doing<'_> {
    Box::pin(async move {
        if seat == Seat::Nobody {
            return super::connect::without_a_key(world, seat).await;
        }
        let stream = format!("POISON-{}", seat.name());
        let config =
            json!({ "name": stream, "subjects": [format!("poison.{}.>", seat.name())], "storage": "memory" });
        let made = world.engine.api(&format!("STREAM.CREATE.{stream}"), config).await;
        assert!(made["error"].is_null(), "{made}");
        let saying = |to: &str| Saying {
            to: format!("poison.{}.{to}", seat.name()),
            headers: vec![("Nats-Msg-Id".to_owned(), "case-42".to_owned())],
            ..Saying::default()
        };
        let mut evidence = say(world, seat, saying("of-mine")).await;
        let (from, reply) = (world.engine.mark(), world.engine.new_inbox());
        world.engine.say(&Saying { reply: reply.clone(), ..saying("of-another") }).await;
        let stored = |heard: &Heard| matches!(heard, Heard::Message(message) if message.subject == reply);
        let stored = world.engine.wait(from, stored).await.unwrap();
        if format!("{stored:?}").contains("duplicate") {
            evidence.effects.push("another's message is dropped".to_owned());
        }
        world.engine.api(&format!("STREAM.DELETE.{stream}"), json!({})).await;
        evidence
    })
}

/// At a door there is no stream behind the subject: a header is only a header.
pub(crate) const AT_THE_DOORS: &[Row] = &[
    says("a schedule that speaks at another's door", "{submit}")
        .with(&[("Nats-Schedule", "@at {in-two-seconds}"), ("Nats-Schedule-Target", "hwc.submit.{other}")])
        .own(Touches::Nothing),
    says("a schedule that copies another's tasks", "{submit}")
        .with(&[
            ("Nats-Schedule", "@every 1s"),
            ("Nats-Schedule-Source", "{their-subject}"),
            ("Nats-Schedule-Target", "_INBOX_{me}.stolen"),
        ])
        .own(Touches::Nothing),
    says("a rollup", "{submit}").with(&[("Nats-Rollup", "all")]).own(Touches::Nothing),
    says("a message id", "{submit}").with(&[("Nats-Msg-Id", "{their-task}")]).own(Touches::Nothing),
    says("an expected sequence of another's tasks", "{submit}")
        .with(&[
            ("Nats-Expected-Last-Subject-Sequence", "0"),
            ("Nats-Expected-Last-Subject-Sequence-Subject", "hwc.task.{other}.>"),
        ])
        .own(Touches::Nothing),
    says("a time to live", "{submit}").with(&[("Nats-TTL", "1s")]).own(Touches::Nothing),
    says("an atomic batch", "{submit}")
        .with(&[("Nats-Batch-Id", "b-{me}"), ("Nats-Batch-Sequence", "1"), ("Nats-Batch-Commit", "1")])
        .own(Touches::Nothing),
    says("a counter", "{submit}").with(&[("Nats-Incr", "+5")]).own(Touches::Nothing),
    says("a time to live, in the journal", "{event}").with(&[("Nats-TTL", "1s")]),
    says("a rollup of another's subject", "in.{other}.secret").with(&[("Nats-Rollup", "sub")]),
    says("an atomic batch on another's subject", "in.{other}.x").with(&[
        ("Nats-Batch-Id", "b-{me}"),
        ("Nats-Batch-Sequence", "1"),
        ("Nats-Batch-Commit", "1"),
    ]),
    says("another's counter", "count.{other}").with(&[("Nats-Incr", "+5")]),
    says("an expected sequence of another's tasks, among the tasks", "hwc.task.{me}.x").with(&[
        ("Nats-Expected-Last-Subject-Sequence", "999"),
        ("Nats-Expected-Last-Subject-Sequence-Subject", "hwc.task.{other}.>"),
    ]),
    says("a trace of one's message, sent to another's inbox", "{submit}")
        .with(&[("Nats-Trace-Dest", "_INBOX_{other}.forged")]),
    says("a trace of one's message, sent to another's door", "{submit}")
        .with(&[("Nats-Trace-Dest", "hwc.submit.{other}")]),
    says("a trace of one's message, stored as another's task", "{submit}")
        .with(&[("Nats-Trace-Dest", "hwc.task.{other}.forged")]),
    says("a trace of one's message through the engine's account, to one's own inbox", "{submit}")
        .with(&[("Nats-Trace-Dest", "_INBOX_{me}.trace")])
        .shown_by(Control::LetThrough),
    says("a trace of one's message, sent to one's own door", "{submit}")
        .with(&[("Nats-Trace-Dest", "{submit}")])
        .own(Touches::Nothing),
];
