//! The contract's JSON Schemas, for what an adapter says at its doors.

use hwc_jetstream::DoorName;
use jsonschema::Validator;
use serde_json::Value;

/// The schemas of the doors.
pub(crate) struct Schemas {
    command: Validator,
    fetch: Validator,
    ask: Validator,
}

impl Schemas {
    /// The committed ones; none if this program was built with broken ones.
    pub(crate) fn committed() -> Option<Self> {
        let read = |text: &str| {
            let schema: Value = serde_json::from_str(text).ok()?;
            jsonschema::validator_for(&schema).ok()
        };
        Some(Self {
            command: read(include_str!("../../../schemas/json/command.json"))?,
            fetch: read(include_str!("../../../schemas/json/fetch.json"))?,
            ask: read(include_str!("../../../schemas/json/ask.json"))?,
        })
    }

    /// Why a message does not fit; none if it does. Nothing that stood in it is repeated, but for its places.
    pub(crate) fn unfit(&self, door: DoorName, what: &str, bytes: &[u8]) -> Option<String> {
        let Ok(body) = serde_json::from_slice::<Value>(bytes) else {
            return Some(format!("at the door {}: not JSON", door.as_str()));
        };
        let schema = match door {
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
        let error = schema.validate(&body).err()?;
        let place = error.instance_path().to_string();
        let place = if place.is_empty() { "the whole".to_owned() } else { place };
        let of = schema_of(door);
        Some(format!("{what} at the door {}: {place} does not fit schemas/json/{of}.json", door.as_str()))
    }
}

const fn schema_of(door: DoorName) -> &'static str {
    match door {
        DoorName::Submit => "command",
        DoorName::Fetch => "fetch",
        DoorName::Ask | DoorName::Directory => "ask",
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
        assert!(said.contains("command.json") && !said.contains("Kanarie"), "{said}");
        assert!(unfit(DoorName::Submit, "Kanarie").is_some_and(|said| said.contains("not JSON")));
        assert_eq!(unfit(DoorName::Directory, r#"{"than":3}"#), None);
        assert!(unfit(DoorName::Directory, r#"{"newer":3}"#).is_some());
        assert!(unfit(DoorName::Fetch, good).is_some());
    }
}
