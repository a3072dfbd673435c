//! The contract's JSON Schemas, for what an adapter says at its doors.

use std::collections::BTreeMap;

use hwc_jetstream::DoorName;
use jsonschema::Validator;
use serde_json::Value;

/// The schemas of the doors.
pub(crate) struct Schemas {
    command: Kind,
    fetch: Kind,
    ask: Kind,
}

/// One schema, which is one of several by a tag.
struct Kind {
    file: &'static str,
    whole: Validator,
    /// Each of the several by itself, so that what does not fit can be named.
    each: BTreeMap<String, Validator>,
}

impl Kind {
    fn read(file: &'static str, text: &str) -> Option<Self> {
        let schema: Value = serde_json::from_str(text).ok()?;
        let whole = jsonschema::validator_for(&schema).ok()?;
        let mut each = BTreeMap::new();
        for one in schema.get("oneOf")?.as_array()? {
            let tag = one.pointer(&format!("/properties/{file}/const")).and_then(Value::as_str)?;
            let mut one = one.clone();
            let all = one.as_object_mut()?;
            all.insert("definitions".to_owned(), schema.get("definitions").cloned().unwrap_or_default());
            each.insert(tag.to_owned(), jsonschema::validator_for(&one).ok()?);
        }
        Some(Self { file, whole, each })
    }

    /// The place that does not fit; none if all does.
    fn misfit(&self, body: &Value) -> Option<String> {
        let whole = self.whole.validate(body).err()?;
        let tag = body.get(self.file).and_then(Value::as_str);
        let one = tag.and_then(|tag| self.each.get(tag)?.validate(body).err()).unwrap_or(whole);
        let place = one.instance_path().to_string();
        let place = if place.is_empty() { "the whole".to_owned() } else { place };
        Some(format!("{place} does not fit schemas/json/{}.json", self.file))
    }
}

impl Schemas {
    /// The committed ones; none if this program was built with broken ones.
    pub(crate) fn committed() -> Option<Self> {
        Some(Self {
            command: Kind::read("command", include_str!("../../../schemas/json/command.json"))?,
            fetch: Kind::read("fetch", include_str!("../../../schemas/json/fetch.json"))?,
            ask: Kind::read("ask", include_str!("../../../schemas/json/ask.json"))?,
        })
    }

    /// Why a message does not fit; none if it does. Nothing that stood in it is repeated, but for its places.
    pub(crate) fn unfit(&self, door: DoorName, what: &str, bytes: &[u8]) -> Option<String> {
        let Ok(body) = serde_json::from_slice::<Value>(bytes) else {
            return Some(format!("at the door {}: not JSON", door.as_str()));
        };
        let kind = match door {
            DoorName::Submit => &self.command,
            DoorName::Fetch => &self.fetch,
            DoorName::Ask => &self.ask,
            DoorName::Directory => {
                let fits = body
                    .as_object()
                    .is_some_and(|all| all.len() == 1 && all.get("than").is_some_and(Value::is_u64));
                return (!fits).then(|| "directory: wanted {\"than\":SERIAL}".to_owned());
            }
        };
        kind.misfit(&body).map(|misfit| format!("{what} at the door {}: {misfit}", door.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named_by_door_and_place_and_not_repeated() {
        let schemas = Schemas::committed().unwrap();
        let good = r#"{"command":"acknowledge","signal":"0192f1c2d3e4475865a6b7c8d9e0f102-1","round":1}"#;
        let unfit = |door, text: &str| schemas.unfit(door, "acknowledge", text.as_bytes());
        assert_eq!(unfit(DoorName::Submit, good), None);
        let said = unfit(DoorName::Submit, &good.replace(":1}", ":\"Kanarie\"}")).unwrap();
        assert!(said.contains(": /round does not fit schemas/json/command.json"), "{said}");
        assert!(!said.contains("Kanarie"), "{said}");
        assert!(unfit(DoorName::Submit, "Kanarie").is_some_and(|said| said.contains("not JSON")));
        assert_eq!(unfit(DoorName::Directory, r#"{"than":3}"#), None);
        assert!(unfit(DoorName::Directory, r#"{"newer":3}"#).is_some());
        assert!(unfit(DoorName::Fetch, good).is_some());
    }
}
