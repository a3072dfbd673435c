//! The doors of an organisation as an `AsyncAPI` 3 document: what its adapter sends, and what it hears.

use serde_json::{Map, Value, json};

use super::{Example, VERSION, examples};

/// The document. `schemas` are the messages by name.
pub(super) fn document(schemas: &[(&'static str, Value)]) -> Value {
    let examples = examples();
    let messages: Map<_, _> = schemas
        .iter()
        .filter(|(name, _)| ON_THE_WIRE.contains(name))
        .map(|(name, schema)| ((*name).to_owned(), message(name, schema, &examples)))
        .chain(by_hand())
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Handle with Care: the doors of an organisation",
            "version": VERSION,
            "description": DESCRIPTION,
            "license": { "name": "EUPL-1.2" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "region": {
                "host": "broker.example:4222",
                "protocol": "nats",
                "description": "The region's broker: TLS first, a client certificate of the region's own authority, and an NKEY. \
                                The operator hands out all of it.",
                "security": [{ "$ref": "#/components/securitySchemes/certificate" }],
            },
        },
        "channels": channels(),
        "operations": operations(),
        "components": {
            "messages": messages,
            "securitySchemes": {
                "certificate": {
                    "type": "X509",
                    "description": "A client certificate, and the signature of an NKEY over the broker's challenge.",
                },
            },
        },
    })
}

const ON_THE_WIRE: [&str; 7] = ["command", "answer", "task", "fetch", "fetched", "ask", "told"];

const DESCRIPTION: &str = "Who calls is known from the broker's account, never from a message. Each request waits for an answer of \
    its own; one that gets lost is asked again, word for word, which changes nothing. Unknown fields are passed over. What is \
    promised: within a major version nothing is taken away, no field changes its meaning, and nothing that was optional is \
    demanded; new commands, tasks, answers, reasons and fields may come, so pass over fields that you do not know and leave tasks \
    alone that you do not know.";

fn message(name: &str, schema: &Value, examples: &[Example]) -> Value {
    let shown: Vec<_> = examples
        .iter()
        .filter(|example| example.of == name)
        .map(|example| json!({ "name": example.name, "payload": example.value }))
        .collect();
    let mut payload = schema.clone();
    if let Some(object) = payload.as_object_mut() {
        // References within it are looked up within it.
        object.remove("$id");
        object.remove("$schema");
    }
    let inlined = inline(&payload, &payload, 0);
    let mut message = json!({ "name": name, "payload": inlined, "examples": shown });
    if let (true, Some(object)) = (name == "task", message.as_object_mut()) {
        object.insert("headers".to_owned(), cloud_event());
    }
    message
}

/// The attributes of a `CloudEvent` (NL GOV profile 1.0), one header each: binary mode.
fn cloud_event() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "required": ["ce-specversion", "ce-id", "ce-source", "ce-type"],
        "properties": {
            "ce-specversion": { "type": "string", "const": "1.0" },
            "ce-id": text("The task's own id: the same work has the same id, however often it is offered."),
            "ce-source": text("urn:nld:oin:OIN:systeem:NAME: whose engine it is."),
            "ce-type": text("nl.handlewithcare.task.NAME.v1, as in nl.handlewithcare.task.read.v1."),
            "ce-time": text("When it was offered, UTC (RFC 3339)."),
            "ce-datacontenttype": { "type": "string", "const": "application/json" },
            "traceparent": text("Where in the incident's trace it belongs (W3C Trace Context); a hint."),
        },
    })
}

/// Puts in the place of each reference what it refers to, so that the document needs no other.
fn inline(value: &Value, root: &Value, depth: u8) -> Value {
    if let Some(reference) = value.get("$ref").and_then(Value::as_str)
        && let Some(found) = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
        && depth < 16
    {
        return inline(found, root, depth + 1);
    }
    match value {
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| *key != "definitions" && *key != "$defs")
            .map(|(key, value)| (key.clone(), inline(value, root, depth)))
            .collect(),
        Value::Array(all) => all.iter().map(|value| inline(value, root, depth)).collect(),
        other => other.clone(),
    }
}

/// Two messages that are no type of ours: a question to JetStream, and the directory, which is the operator's own text.
fn by_hand() -> impl Iterator<Item = (String, Value)> {
    let next = json!({
        "name": "next",
        "summary": "Asks for the next tasks. `expires` is in nanoseconds.",
        "payload": {
            "type": "object",
            "required": ["batch", "expires"],
            "properties": {
                "batch": { "type": "integer", "minimum": 1, "maximum": 256 },
                "expires": { "type": "integer", "minimum": 1, "maximum": 30_000_000_000_i64 },
            },
        },
        "examples": [{ "name": "five-seconds", "payload": { "batch": 16, "expires": 5_000_000_000_i64 } }],
    });
    let acknowledgement = json!({
        "name": "acknowledgement",
        "summary": "`+ACK` once the command that the task asked for is answered; `+WPI` while it takes longer; `-NAK` to have it again.",
        "contentType": "text/plain",
        "payload": { "type": "string", "enum": ["+ACK", "+WPI", "-NAK"] },
    });
    let newer = json!({
        "name": "newer",
        "summary": "Asks for the directory of public keys, if there is a newer one than this serial.",
        "payload": {
            "type": "object",
            "required": ["than"],
            "properties": { "than": { "type": "integer", "minimum": 0 } },
        },
        "examples": [{ "name": "any", "payload": { "than": 0 } }],
    });
    let directory = json!({
        "name": "directory",
        "summary": "The directory as the operator signed it (docs/operator.md), or nothing if there is no newer one.",
        "payload": { "type": "string" },
    });
    [("next", next), ("acknowledgement", acknowledgement), ("newer", newer), ("directory", directory)]
        .into_iter()
        .map(|(name, message)| (name.to_owned(), message))
}

/// Each door: its name, what is said there, what comes back, what it is for.
const DOORS: [(&str, &str, &str, &str); 5] = [
    ("submit", "command", "answer", "Submit a command, and hear whether it is durable."),
    ("fetch", "fetch", "fetched", "Fetch a ciphertext that is due. For a school this is opening the signal."),
    ("ask", "ask", "told", "Ask something about oneself."),
    ("directory", "newer", "directory", "Ask for the directory of public keys."),
    (
        "next",
        "next",
        "task",
        "Pull the tasks that wait; each comes as a message of its own to the reply subject.",
    ),
];

fn channels() -> Value {
    let message = |name: &str| json!({ "$ref": format!("#/components/messages/{name}") });
    let mut channels: Map<_, _> = DOORS
        .iter()
        .flat_map(|(door, said, heard, what)| {
            [
                (
                    (*door).to_owned(),
                    json!({ "address": door, "description": what, "messages": { *said: message(said) } }),
                ),
                (
                    format!("{door}-reply"),
                    json!({
                        "address": null,
                        "description": "The reply subject of the request, within the organisation's own inbox.",
                        "messages": { *heard: message(heard) },
                    }),
                ),
            ]
        })
        .collect();
    channels.insert(
        "acknowledge".to_owned(),
        json!({
            "address": "$JS.ACK.TASKS.{organisation}.{rest}",
            "description": "The reply subject of a task.",
            "parameters": {
                "organisation": { "description": "As in school-01AA00." },
                "rest": { "description": "What the broker put behind it." },
            },
            "messages": { "acknowledgement": message("acknowledgement") },
        }),
    );
    channels.into()
}

fn operations() -> Value {
    let channel = |name: &str| json!({ "$ref": format!("#/channels/{name}") });
    let message =
        |channel: &str, name: &str| json!({ "$ref": format!("#/channels/{channel}/messages/{name}") });
    let mut operations: Map<_, _> = DOORS
        .iter()
        .map(|(door, said, heard, what)| {
            let reply = format!("{door}-reply");
            let operation = json!({
                "action": "send",
                "summary": what,
                "channel": channel(door),
                "messages": [message(door, said)],
                "reply": {
                    "address": { "location": "$message.header#/replyTo" },
                    "channel": channel(&reply),
                    "messages": [message(&reply, heard)],
                },
            });
            ((*door).to_owned(), operation)
        })
        .collect();
    operations.insert(
        "acknowledge".to_owned(),
        json!({
            "action": "send",
            "summary": "Acknowledge a task once its command is answered.",
            "channel": channel("acknowledge"),
            "messages": [message("acknowledge", "acknowledgement")],
        }),
    );
    operations.into()
}
