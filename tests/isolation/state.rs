//! Everything that the broker keeps, as text to compare: streams, what lies in them, and who reads them.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};

use crate::line::Line;

/// What is kept, by what it is about.
pub(crate) type State = BTreeMap<String, String>;

/// Takes the broker's state, as whoever owns the account sees it.
pub(crate) async fn taken(engine: &Line) -> State {
    let mut state = State::new();
    let streams = engine.api("STREAM.LIST", json!({})).await;
    for listed in streams["streams"].as_array().into_iter().flatten() {
        let name = listed["config"]["name"].as_str().unwrap_or_default();
        let info = engine.api(&format!("STREAM.INFO.{name}"), json!({ "subjects_filter": ">" })).await;
        if info["error"].is_object() {
            // It went between the two questions; the next look says the same.
            continue;
        }
        state.insert(format!("the settings of {name}"), info["config"].to_string());
        let mut kept = info["state"].clone();
        let subjects = kept["subjects"].take();
        for drop in ["first_ts", "last_ts", "consumer_count"] {
            kept.as_object_mut().unwrap().remove(drop);
        }
        state.insert(name.to_owned(), kept.to_string());
        for (subject, count) in subjects.as_object().into_iter().flatten() {
            state.insert(format!("{name} at {subject}"), count.to_string());
            if name == "IN" {
                let last = engine.api("STREAM.MSG.GET.IN", json!({ "last_by_subj": subject })).await;
                let body = last["message"]["data"].as_str().unwrap_or_default();
                let body = BASE64.decode(body).unwrap_or_default();
                state.insert(format!("what is at {subject}"), String::from_utf8_lossy(&body).into_owned());
            }
        }
        for consumer in consumers(engine, name).await {
            let whose = consumer["name"].as_str().unwrap_or_default();
            state.insert(format!("the settings of {name}/{whose}"), consumer["config"].to_string());
            let kept = json!([
                consumer["delivered"]["stream_seq"],
                consumer["ack_floor"]["stream_seq"],
                consumer["num_ack_pending"],
                consumer["paused"],
            ]);
            state.insert(format!("{name}/{whose}"), kept.to_string());
        }
    }
    state
}

async fn consumers(engine: &Line, stream: &str) -> Vec<Value> {
    let list = engine.api(&format!("CONSUMER.LIST.{stream}"), json!({})).await;
    list["consumers"].as_array().cloned().unwrap_or_default()
}

/// What is not as it was.
pub(crate) fn changed(before: &State, after: &State) -> Vec<String> {
    let mut keys: Vec<_> = before.keys().chain(after.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}
