//! Which trace something belongs to: random numbers that say nothing, written as the W3C's *Trace Context* writes them.
//!
//! One incident is one trace. The engine draws its id when it records the report; it is in no relation to anything outside,
//! and it goes with the incident's events.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ids::IdError;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Takes the bytes from the caller, who owns the dice. All zeros is no id.
            pub fn from_bytes(bytes: [u8; $bytes]) -> Option<Self> {
                (bytes != [0; $bytes]).then_some(Self(bytes))
            }

            /// The id's bytes.
            pub const fn to_bytes(self) -> [u8; $bytes] {
                self.0
            }
        }

        impl fmt::Display for $name {
            /// Lower-case hexadecimal digits.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            /// Reads what is displayed, and nothing else.
            fn from_str(text: &str) -> Result<Self, IdError> {
                let bad = IdError { kind: $kind };
                let digit = |byte: u8| match byte {
                    b'0'..=b'9' => Some(byte - b'0'),
                    b'a'..=b'f' => Some(byte - b'a' + 10),
                    _ => None,
                };
                let mut bytes = [0; $bytes];
                let (pairs, rest) = text.as_bytes().as_chunks::<2>();
                if pairs.len() != $bytes || !rest.is_empty() {
                    return Err(bad);
                }
                for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
                    *byte = digit(*high).ok_or(bad)? << 4 | digit(*low).ok_or(bad)?;
                }
                Self::from_bytes(bytes).ok_or(bad)
            }
        }
    };
}

number!(
    /// The trace of one incident, through every organisation's program.
    TraceId, 16, "trace id"
);
number!(
    /// One stretch of a trace.
    SpanId, 8, "span id"
);

impl Serialize for TraceId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A place in a trace, as it travels beside a message: version 00 of the W3C's `traceparent`, always sampled.
///
/// Whoever reads one believes nothing of it: it may say *below which span* something happened, never which trace it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Traceparent {
    /// Which trace.
    pub trace: TraceId,
    /// Below which span.
    pub span: SpanId,
}

impl Traceparent {
    /// What the header is called.
    pub const HEADER: &str = "traceparent";
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-01", self.trace, self.span)
    }
}

impl FromStr for Traceparent {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bad = IdError { kind: "traceparent" };
        let mut parts = text.split('-');
        let (Some("00"), Some(trace), Some(span), Some(flags), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad);
        };
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if flags.len() != 2 || !flags.bytes().all(hexadecimal) {
            return Err(bad);
        }
        Ok(Self { trace: trace.parse().map_err(|_| bad)?, span: span.parse().map_err(|_| bad)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the W3C's own page.
    const EXAMPLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_reads_back_what_it_writes() {
        let read: Traceparent = EXAMPLE.parse().unwrap();
        assert_eq!(read.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(read.span.to_bytes()[0], 0xb7);
        assert_eq!(read.to_string(), EXAMPLE);
    }

    #[test]
    fn what_is_no_traceparent_is_refused_without_repeating_it() {
        let replaced = |from: &str, to: &str| EXAMPLE.replacen(from, to, 1);
        for bad in [
            String::new(),
            "canary".to_owned(),
            replaced("00-", "01-"),
            replaced("00-", "ff-"),
            replaced("-01", ""),
            replaced("-01", "-1"),
            replaced("-01", "-0G"),
            replaced("0af7", "0AF7"),
            replaced("0af7", "0af"),
            replaced("0af7", "0af78"),
            replaced("b7ad6b7169203331", "0000000000000000"),
            replaced("0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000000"),
            format!("{EXAMPLE}-00"),
            format!(" {EXAMPLE}"),
            format!("{EXAMPLE}é"),
        ] {
            assert_eq!(
                bad.parse::<Traceparent>().unwrap_err().to_string(),
                "not a valid traceparent",
                "{bad}"
            );
        }
    }

    #[test]
    fn a_trace_id_is_one_word_in_json() {
        let id = TraceId::from_bytes([7; 16]).unwrap();
        let written = serde_json::to_string(&id).unwrap();
        assert_eq!(written, format!("\"{}\"", "07".repeat(16)));
        assert_eq!(serde_json::from_str::<TraceId>(&written).unwrap(), id);
        assert_eq!(TraceId::from_bytes([0; 16]), None);
    }
}
