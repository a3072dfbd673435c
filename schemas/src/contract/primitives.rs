//! What is text on the wire and a type of its own here.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{
    ids::{BreachReportId, IncidentId, KeyId, PayloadId, SignalId, SignalNumber},
    key::Digits,
    organisation::Organisation,
    wire::{Sealed, limits::SEALED_BYTES_MAX},
};

macro_rules! text {
    ($name:ident, $schema:expr) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

text!(
    IncidentId,
    json_schema!({
        "type": "string",
        "pattern": "^[0-9a-f]{32}$",
        "description": "One report: 128 bits that the sender derives with a key of its own from its own reference.",
    })
);
text!(
    PayloadId,
    json_schema!({ "type": "string", "pattern": "^[0-9a-f]{32}$", "description": "One ciphertext, random." })
);
text!(
    KeyId,
    json_schema!({
        "type": "string",
        "pattern": "^[0-9a-f]{32}$",
        "description": "One public key that an organisation left, random.",
    })
);
text!(
    BreachReportId,
    json_schema!({
        "type": "string",
        "pattern": "^[0-9a-f]{32}$",
        "description": "One report of a breach, random: the same again is the same report.",
    })
);
text!(
    SignalId,
    json_schema!({
        "type": "string",
        "pattern": "^[0-9a-f]{32}-[1-9][0-9]{0,4}$",
        "description": "One child of one incident: the incident's id and the child's number.",
    })
);
text!(
    SignalNumber,
    json_schema!({ "type": "integer", "minimum": 1, "maximum": 65_535, "description": "A child's place, from 1." })
);
text!(
    Organisation,
    json_schema!({
        "type": "string",
        "pattern": "^(police|veilig-thuis|municipality|school)-[A-Za-z0-9]{1,32}$",
        "description": "Who takes part: its role and its code.",
    })
);
text!(
    Sealed,
    json_schema!({
        "type": "string",
        "contentEncoding": "base64",
        "maxLength": SEALED_BYTES_MAX.div_ceil(3) * 4,
        "description": "A ciphertext, sealed as SEAL.md says.",
    })
);

impl<const BYTES: usize> JsonSchema for Digits<BYTES> {
    fn schema_name() -> Cow<'static, str> {
        format!("Digits{BYTES}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": format!("^[0-9a-f]{{{}}}$", 2 * BYTES),
            "description": "Bytes as hexadecimal digits.",
        })
    }
}
