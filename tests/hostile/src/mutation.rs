//! How valid input is spoiled.

use proptest::{
    prelude::*,
    sample::{Index, select},
};

use crate::CANARY;

/// Longest spoiled input, in bytes: large enough for every repetition, small enough for thousands of cases.
pub const SPOILED_BYTES_MAX: usize = 256 * 1024;

/// One way to spoil an input.
#[derive(Debug, Clone)]
pub enum Mutation {
    /// One bit is another.
    Flip(Index, u8),
    /// The rest is gone.
    Truncate(Index),
    /// A piece is gone.
    Cut(Index, Index),
    /// A piece stands there many times: duplicated keys, lines, rows, records.
    Repeat(Index, Index, u16),
    /// From here on it is another example.
    Splice(Index, Index, Index),
    /// Something stands in between.
    Insert(Index, Vec<u8>),
    /// A value, a key or a word is something else.
    Replace(Index, Vec<u8>),
    /// A whole line is there twice, at two places.
    Copy(Index, Index),
}

/// What stands where something else should: words of each format, numbers of every size, depth, length, bytes that are no text.
fn nasty() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        "null",
        "true",
        "{}",
        "[]",
        "\"\"",
        "0",
        "-1",
        "1.5",
        "1e999",
        "-0",
        "65535",
        "65536",
        "4294967296",
        "9223372036854775808",
        "18446744073709551616",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "\"\\",
        "\"\\u\"",
        "\u{feff}",
        "\u{202e}",
        "nan",
        "inf",
        "0x10",
        "1_000",
        "'''",
        "\"\"\"",
        "[[a]]",
        "[a.b.c]",
        "a.b.c=1",
        "#",
        ",",
        ",,,,",
        "\n\n",
        "\r",
        "\t",
        "\0",
        "2016-02-30",
        "9999-12-31",
        "-009999-01-01",
        "2026-11-19T06:45:00+25:00",
        "+999999-12-31T23:59:59Z",
        "00",
        "1-1",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    all.extend(
        ["[", "{\"a\":", "{a=[", "(", "{\"command\":\"record\",\"x\":"]
            .map(|open| open.repeat(300).into_bytes()),
    );
    all.extend(["9", "a", "\u{e9}", " ", "\\", "\"", "-"].map(|text| text.repeat(5_000).into_bytes()));
    all.extend([&b"\xff\xfe"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf8", b"\x80"].map(<[u8]>::to_vec));
    all.push(CANARY.into());
    all.push(format!("\"{CANARY}\"").into());
    all.push(format!("\"{CANARY}\":\"{CANARY}\",").into());
    all.push(format!("\"{}\"", CANARY.repeat(500)).into());
    all.push(format!("\n{CANARY} = \"{CANARY}\"\n").into());
    all
}

/// Any one mutation.
pub fn any_mutation() -> impl Strategy<Value = Mutation> {
    let place = any::<Index>;
    let piece = || prop_oneof![3 => select(nasty()), 1 => proptest::collection::vec(any::<u8>(), 0..32)];
    prop_oneof![
        2 => (place(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        1 => place().prop_map(Mutation::Truncate),
        1 => (place(), place()).prop_map(|(from, to)| Mutation::Cut(from, to)),
        2 => (place(), place(), 2..200_u16).prop_map(|(from, to, times)| Mutation::Repeat(from, to, times)),
        1 => (place(), place(), place()).prop_map(|(other, from, to)| Mutation::Splice(other, from, to)),
        2 => (place(), piece()).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        6 => (place(), piece()).prop_map(|(at, bytes)| Mutation::Replace(at, bytes)),
        1 => (place(), place()).prop_map(|(from, to)| Mutation::Copy(from, to)),
    ]
}

/// Does it, to at most [`SPOILED_BYTES_MAX`].
pub fn apply(mutation: &Mutation, seeds: &[Vec<u8>], mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.is_empty() {
        bytes.push(b' ');
    }
    let length = bytes.len();
    let range = |from: &Index, to: &Index| {
        let (from, to) = (from.index(length), to.index(length));
        from.min(to)..from.max(to) + 1
    };
    match mutation {
        Mutation::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
        Mutation::Truncate(at) => bytes.truncate(at.index(length)),
        Mutation::Cut(from, to) => {
            bytes.drain(range(from, to));
        }
        Mutation::Repeat(from, to, times) => {
            let range = range(from, to);
            let piece = bytes[range.clone()].repeat(usize::from(*times));
            bytes.splice(range, piece);
        }
        Mutation::Splice(other, from, to) => {
            let other = other.get(seeds);
            bytes.truncate(from.index(length));
            bytes.extend(other.iter().skip(to.index(other.len().max(1))));
        }
        Mutation::Insert(at, piece) => {
            let at = at.index(length + 1);
            bytes.splice(at..at, piece.iter().copied());
        }
        Mutation::Replace(at, piece) => {
            let tokens = tokens(&bytes);
            let token = if tokens.is_empty() { 0..0 } else { at.get(&tokens).clone() };
            bytes.splice(token, piece.iter().copied());
        }
        Mutation::Copy(from, to) => {
            let mut lines: Vec<Vec<u8>> =
                bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            let copy = from.get(&lines).clone();
            lines.insert(to.index(lines.len()), copy);
            bytes = lines.concat();
        }
    }
    bytes.truncate(SPOILED_BYTES_MAX);
    bytes
}

/// Where values, keys and words stand: between quotes, or between whatever separates them in any of the formats.
fn tokens(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    let mut quoted = None;
    for (at, byte) in bytes.iter().enumerate() {
        if let Some(from) = quoted {
            if *byte == b'"' && bytes[at - 1] != b'\\' {
                found.push(from..at + 1);
                quoted = None;
            }
            continue;
        }
        if *byte == b'"' {
            quoted = Some(at);
        } else if byte.is_ascii_alphanumeric() || b"+-.@_".contains(byte) || *byte >= 0x80 {
            start = start.or(Some(at));
            continue;
        }
        if let Some(from) = start.take() {
            found.push(from..at);
        }
    }
    found.extend(start.map(|from| from..bytes.len()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_each_format_are_found() {
        let said = |text: &str| -> Vec<String> {
            tokens(text.as_bytes()).into_iter().map(|range| text[range].to_owned()).collect()
        };
        assert_eq!(said(r#"{"a":[1,"b \" c",true]}"#), ["\"a\"", "1", "\"b \\\" c\"", "true"]);
        assert_eq!(said("a = 3 # x\n[t]"), ["a", "3", "x", "t"]);
        assert_eq!(said("0855,Zo\u{eb},,2016-02-03\n"), ["0855", "Zo\u{eb}", "2016-02-03"]);
    }
}
