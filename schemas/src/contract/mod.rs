//! The wire types as documents for other languages: JSON Schemas, an `AsyncAPI` 3 document, and examples. Derived from the types
//! themselves; what is committed in `json/`, `asyncapi.json` and `examples/` is held to them by a test.

mod asyncapi;
mod examples;
mod primitives;

use std::collections::BTreeMap;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::{
    ask::{Ask, Told},
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
    value
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
