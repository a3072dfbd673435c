//! The wire types as documents for other languages: JSON Schemas, an `AsyncAPI` 3 document, and examples. Derived from the types
//! themselves; what is committed in `json/`, `asyncapi.json` and `examples/` is held to them by a test.

mod asyncapi;
mod examples;
mod primitives;

use std::collections::BTreeMap;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::{
    ask::{
        Ask, BREACH_DAYS_MAX, HELD_PER_ANSWER_MAX, KEYS_PER_QUESTION_MAX, REPORTS_PER_QUESTION_MAX,
        SIGNALS_PER_QUESTION_MAX, Told,
    },
    letter::plain::{PlainLetter, PlainReferral},
    report::plain::PlainReport,
    wire::{Answer, Command, Fetch, Fetched, Sealed, Task},
};

pub use examples::{Example, examples};

/// The version of the contract: the first number changes when something that was promised changes.
pub const VERSION: &str = "1.0.0";

/// A message by its name, and what is in it.
fn schemas() -> [(&'static str, Value); 10] {
    [
        ("command", schema::<Command<Sealed>>("command")),
        ("answer", schema::<Answer>("answer")),
        ("task", schema::<Task>("task")),
        ("fetch", schema::<Fetch>("fetch")),
        ("fetched", schema::<Fetched>("fetched")),
        ("ask", schema::<Ask>("ask")),
        ("told", schema::<Told>("told")),
        ("report", schema::<PlainReport<'_>>("report")),
        ("referral", schema::<PlainReferral<'_>>("referral")),
        ("letter", schema::<PlainLetter<'_>>("letter")),
    ]
}

fn schema<T: JsonSchema>(name: &str) -> Value {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    let mut value = schema.to_value();
    if let Some(object) = value.as_object_mut() {
        object.insert(
            "$id".to_owned(),
            json!(format!("https://handle-with-care.example/schemas/1/{name}.json")),
        );
        object.insert("title".to_owned(), json!(name));
    }
    in_plain_words(&mut value);
    value
}

/// What stands as a link in the words of a Rust type, in the words of the contract.
fn plain_word(link: &str) -> Option<String> {
    let bound = match link {
        "BREACH_DAYS_MAX" => BREACH_DAYS_MAX.to_string(),
        "HELD_PER_ANSWER_MAX" => HELD_PER_ANSWER_MAX.to_string(),
        "KEYS_PER_QUESTION_MAX" => KEYS_PER_QUESTION_MAX.to_string(),
        "REPORTS_PER_QUESTION_MAX" => REPORTS_PER_QUESTION_MAX.to_string(),
        "SIGNALS_PER_QUESTION_MAX" => SIGNALS_PER_QUESTION_MAX.to_string(),
        "Sealed" => "sealed".to_owned(),
        "PayloadId" => "payload's id".to_owned(),
        _ => return None,
    };
    Some(bound)
}

/// Writes out the links in descriptions: whoever reads the contract has no Rust at hand.
fn in_plain_words(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get_mut("description") {
                let mut plain = String::with_capacity(text.len());
                for (place, part) in text.split("[`").enumerate() {
                    let (link, rest) = part.split_once("`]").unwrap_or((part, ""));
                    match plain_word(link).filter(|_| place > 0) {
                        Some(word) => plain.extend([word.as_str(), rest]),
                        None if place > 0 => plain.extend(["[`", part]),
                        None => plain.push_str(part),
                    }
                }
                *text = plain;
            }
            object.values_mut().for_each(in_plain_words);
        }
        Value::Array(all) => all.iter_mut().for_each(in_plain_words),
        _ => {}
    }
}

/// Every document, by its path within `schemas/`.
pub fn documents() -> BTreeMap<String, String> {
    let written = |value: &Value| format!("{value:#}\n");
    let schemas = schemas();
    let mut documents: BTreeMap<_, _> =
        schemas.iter().map(|(name, schema)| (format!("json/{name}.json"), written(schema))).collect();
    documents.insert("asyncapi.json".to_owned(), written(&asyncapi::document(&schemas)));
    for example in examples() {
        documents.insert(format!("examples/{}/{}.json", example.of, example.name), written(&example.value));
    }
    documents
}
