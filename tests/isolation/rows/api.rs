//! JetStream's API and the server's own: no organisation has any of it, and a board what changes nothing.

use crate::{
    cast::Seat,
    row::{Control, Row, calls, says},
};

pub(crate) const CONSUMERS: &[Row] = &[
    calls(
        "make a consumer of another's tasks",
        "$JS.API.CONSUMER.CREATE.TASKS.mine-{me}.hwc.task.{other}.*",
        r#"{"stream_name":"TASKS","config":{"name":"mine-{me}","filter_subject":"hwc.task.{other}.*","ack_policy":"explicit"}}"#,
    )
    .shown_by(Control::LetThrough),
    calls(
        "make a consumer of the journal",
        "$JS.API.CONSUMER.CREATE.JOURNAL.mine-{me}.jrn.>",
        r#"{"stream_name":"JOURNAL","config":{"name":"mine-{me}","filter_subject":"jrn.>","ack_policy":"none"}}"#,
    ),
    calls(
        "make a durable consumer of payloads, in the old form",
        "$JS.API.CONSUMER.DURABLE.CREATE.PAY_{generation}.mine-{me}",
        r#"{"stream_name":"PAY_{generation}","config":{"durable_name":"mine-{me}","ack_policy":"none"}}"#,
    ),
    calls(
        "make a passing consumer of payloads that pushes to one's inbox",
        "$JS.API.CONSUMER.CREATE.PAY_{generation}",
        r#"{"stream_name":"PAY_{generation}","config":{"deliver_subject":"_INBOX_{me}.pushed","ack_policy":"none"}}"#,
    ),
    calls(
        "point one's own consumer at another's tasks",
        "$JS.API.CONSUMER.CREATE.TASKS.{me}",
        r#"{"stream_name":"TASKS","config":{"durable_name":"{me}","filter_subject":"hwc.task.nobody.*","ack_policy":"explicit","ack_wait":30000000000,"max_ack_pending":100000,"max_waiting":64,"max_batch":256,"max_expires":30000000000,"max_deliver":-1}}"#,
    ),
    calls("ask how another's consumer is", "$JS.API.CONSUMER.INFO.TASKS.{other}", "").looked(),
    calls("ask how one's own consumer is", "$JS.API.CONSUMER.INFO.TASKS.{me}", "").of(&[Seat::Board]),
    calls("ask which consumers there are", "$JS.API.CONSUMER.NAMES.TASKS", "{}"),
    calls("ask for all consumers", "$JS.API.CONSUMER.LIST.TASKS", "{}").looked(),
    calls("delete another's consumer", "$JS.API.CONSUMER.DELETE.TASKS.{other}", ""),
    calls("delete one's own consumer", "$JS.API.CONSUMER.DELETE.TASKS.{me}", ""),
    calls(
        "pause another's consumer",
        "$JS.API.CONSUMER.PAUSE.TASKS.{other}",
        r#"{"pause_until":"2199-01-01T00:00:00Z"}"#,
    ),
    calls("set another's consumer back", "$JS.API.CONSUMER.RESET.TASKS.{other}", ""),
    calls("unpin another's consumer", "$JS.API.CONSUMER.UNPIN.TASKS.{other}", r#"{"group":"g"}"#)
        .shown_by(Control::LetThrough),
    calls("have another's consumer change its leader", "$JS.API.CONSUMER.LEADER.STEPDOWN.TASKS.{other}", "")
        .shown_by(Control::LetThrough),
];

pub(crate) const STREAMS: &[Row] = &[
    calls("ask which streams there are", "$JS.API.STREAM.NAMES", "{}").looked(),
    calls("ask for all streams", "$JS.API.STREAM.LIST", "{}").looked(),
    calls("ask how the tasks are", "$JS.API.STREAM.INFO.TASKS", r#"{"subjects_filter":">"}"#).looked(),
    calls("ask how the journal is", "$JS.API.STREAM.INFO.JOURNAL", "").looked(),
    calls("read another's task by its number", "$JS.API.STREAM.MSG.GET.TASKS", r#"{"seq":30}"#).looked(),
    calls(
        "read another's task by its subject",
        "$JS.API.STREAM.MSG.GET.TASKS",
        r#"{"last_by_subj":"hwc.task.{other}.>"}"#,
    )
    .looked(),
    calls("read another's payload by its number", "$JS.API.STREAM.MSG.GET.PAY_{generation}", r#"{"seq":1}"#)
        .looked(),
    calls(
        "read another's payload by its subject",
        "$JS.API.STREAM.MSG.GET.PAY_{generation}",
        r#"{"last_by_subj":"{payload}"}"#,
    )
    .looked(),
    calls("read the journal", "$JS.API.STREAM.MSG.GET.{segment}", r#"{"seq":1}"#).looked(),
    calls("read a payload directly, by its number", "$JS.API.DIRECT.GET.PAY_{generation}", r#"{"seq":1}"#)
        .shown_by(Control::LetThrough),
    calls("read a payload directly, by its subject", "$JS.API.DIRECT.GET.PAY_{generation}.{payload}", "")
        .shown_by(Control::LetThrough),
    calls("read another's task directly", "$JS.API.DIRECT.GET.TASKS.{their-subject}", "")
        .shown_by(Control::LetThrough),
    calls("delete another's task", "$JS.API.STREAM.MSG.DELETE.TASKS", r#"{"seq":3}"#),
    calls("delete another's payload", "$JS.API.STREAM.MSG.DELETE.PAY_{generation}", r#"{"seq":1}"#),
    calls("delete an event", "$JS.API.STREAM.MSG.DELETE.JOURNAL", r#"{"seq":1}"#),
    calls("purge another's tasks", "$JS.API.STREAM.PURGE.TASKS", r#"{"filter":"hwc.task.{other}.>"}"#),
    calls("purge the journal", "$JS.API.STREAM.PURGE.JOURNAL", ""),
    calls("delete the tasks", "$JS.API.STREAM.DELETE.TASKS", ""),
    calls("delete a generation of payloads", "$JS.API.STREAM.DELETE.PAY_{generation}", ""),
    calls(
        "make a stream that keeps every command",
        "$JS.API.STREAM.CREATE.MINE",
        r#"{"name":"MINE","subjects":["hwc.submit.*"],"storage":"memory","no_ack":true}"#,
    ),
    calls(
        "make a stream that repeats everybody's knocks in one's inbox",
        "$JS.API.STREAM.CREATE.MINE",
        r#"{"name":"MINE","subjects":["hwc.fetch.*"],"storage":"memory","no_ack":true,"republish":{"src":"hwc.fetch.*","dest":"_INBOX_{me}.copy"}}"#,
    ),
    calls(
        "make a mirror of the journal",
        "$JS.API.STREAM.CREATE.MINE",
        r#"{"name":"MINE","storage":"memory","mirror":{"name":"JOURNAL"}}"#,
    ),
    calls(
        "make a stream with payloads as its source",
        "$JS.API.STREAM.CREATE.MINE",
        r#"{"name":"MINE","storage":"memory","sources":[{"name":"PAY_{generation}"}]}"#,
    ),
    calls(
        "make a key-value bucket",
        "$JS.API.STREAM.CREATE.KV_mine",
        r#"{"name":"KV_mine","subjects":["$KV.mine.>"],"storage":"memory","max_msgs_per_subject":1}"#,
    ),
    calls(
        "change the settings of a stream",
        "$JS.API.STREAM.UPDATE.COUNT",
        r#"{"name":"COUNT","subjects":["count.>","hwc.submit.*"],"storage":"memory","allow_msg_counter":true}"#,
    ),
    calls(
        "take a snapshot of the journal",
        "$JS.API.STREAM.SNAPSHOT.JOURNAL",
        r#"{"deliver_subject":"_INBOX_{me}.snapshot","no_consumers":true}"#,
    ),
    calls(
        "restore a stream of one's own making",
        "$JS.API.STREAM.RESTORE.MINE",
        r#"{"config":{"name":"MINE","subjects":["mine"],"storage":"file","retention":"limits"},"state":{}}"#,
    ),
    calls("remove a replica", "$JS.API.STREAM.PEER.REMOVE.TASKS", r#"{"peer":"x"}"#)
        .shown_by(Control::LetThrough),
    calls("have a stream change its leader", "$JS.API.STREAM.LEADER.STEPDOWN.TASKS", "")
        .shown_by(Control::LetThrough),
    calls("ask what the account has", "$JS.API.INFO", "").looked(),
    says("answer in flow control's place", "$JS.FC.TASKS.{other}.x").shown_by(Control::LetThrough),
];

pub(crate) const SERVER: &[Row] = &[
    calls("ask the servers who they are", "$SYS.REQ.SERVER.PING", "").shown_by(Control::WorksInTheSystem),
    calls("ask the server for its settings", "$SYS.REQ.SERVER.PING.VARZ", "")
        .shown_by(Control::WorksInTheSystem),
    calls("ask the server who is connected", "$SYS.REQ.SERVER.PING.CONNZ", "")
        .shown_by(Control::WorksInTheSystem),
    calls("ask the server for its streams", "$SYS.REQ.SERVER.PING.JSZ", "")
        .shown_by(Control::WorksInTheSystem),
    calls("ask who is in the engine's account", "$SYS.REQ.ACCOUNT.ENGINE.CONNZ", "")
        .shown_by(Control::WorksInTheSystem),
    calls("ask how many are in another's account", "$SYS.REQ.ACCOUNT.{other}.STATZ", "")
        .shown_by(Control::LetThrough),
    calls("have the server read its settings again", "$SYS.REQ.SERVER.PING.RELOAD", "")
        .shown_by(Control::LetThrough),
    calls("put somebody out", "$SYS.REQ.SERVER.PING.KICK", r#"{"cid":5}"#).shown_by(Control::LetThrough),
    calls("change an account", "$SYS.REQ.CLAIMS.UPDATE", "{}").shown_by(Control::LetThrough),
    calls("remove a server from the group", "$JS.API.SERVER.REMOVE", r#"{"peer":"x"}"#)
        .shown_by(Control::LetThrough),
    calls("purge an account", "$JS.API.ACCOUNT.PURGE.ENGINE", "").shown_by(Control::LetThrough),
    calls("ask the broker who one is", "$SYS.REQ.USER.INFO", ""),
];
