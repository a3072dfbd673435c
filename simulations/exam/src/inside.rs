//! What was inside a seal, looked at: the exam's children are invented, so it may.

use std::collections::BTreeSet;

use hwc_schemas::letter::{Hop, PlainError, Plaintext, Sealable};
use serde_json::Value;

/// A content as it was sealed, and as it is read.
pub(crate) struct Inside<T> {
    /// As it is read.
    pub(crate) read: T,
    /// The places of what is in it and should not be.
    pub(crate) more: BTreeSet<String>,
}

impl<T: Sealable> Sealable for Inside<T> {
    const HOP: Hop = T::HOP;

    fn to_plaintext(&self) -> Plaintext {
        self.read.to_plaintext()
    }

    fn from_plaintext(plain: &Plaintext) -> Result<Self, PlainError> {
        let read = T::from_plaintext(plain)?;
        let given: Value = serde_json::from_slice(plain.as_bytes()).map_err(|_| PlainError::Malformed)?;
        let wanted: Value =
            serde_json::from_slice(read.to_plaintext().as_bytes()).map_err(|_| PlainError::Malformed)?;
        let mut more = BTreeSet::new();
        beyond("", &given, &wanted, &mut more);
        Ok(Self { read, more })
    }
}

/// The places that one value has and the other does not.
fn beyond(place: &str, given: &Value, wanted: &Value, more: &mut BTreeSet<String>) {
    match (given, wanted) {
        (Value::Object(given), Value::Object(wanted)) => {
            for (key, value) in given {
                let place = format!("{place}/{key}");
                match wanted.get(key) {
                    Some(wanted) => beyond(&place, value, wanted, more),
                    // Said to be absent is as good as absent.
                    None if value.is_null() || value.as_str() == Some("") => {}
                    None => {
                        more.insert(place);
                    }
                }
            }
        }
        (Value::Array(given), Value::Array(wanted)) => {
            for (given, wanted) in given.iter().zip(wanted) {
                beyond(place, given, wanted, more);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::letter::Letter;

    use super::*;

    fn inside(text: &str) -> Result<BTreeSet<String>, PlainError> {
        let plain = Plaintext::from_opened(text.as_bytes().to_vec().into());
        Inside::<Letter>::from_plaintext(&plain).map(|inside| inside.more)
    }

    #[test]
    fn what_is_not_in_the_schema_is_named_by_its_place() {
        let letter = r#"{"child":{"given_names":"Noor","prefix":null,"surname":"Kanarie","date_of_birth":"2016-02-03"},"codeword":"Handle with Care"}"#;
        assert_eq!(inside(letter).map(|more| more.len()), Ok(0));
        let told = letter.replace("\"codeword\"", "\"what_happened\":\"much\",\"codeword\"");
        assert_eq!(inside(&told), Ok(BTreeSet::from(["/what_happened".to_owned()])));
        let within = letter.replace("\"surname\"", "\"bsn\":\"1\",\"surname\"");
        assert_eq!(inside(&within), Ok(BTreeSet::from(["/child/bsn".to_owned()])));
        assert!(inside("{}").is_err());
    }
}
