//! Words that must be nowhere, in whatever disguise somebody may have written them.

use std::{fmt::Write as _, ops::RangeInclusive};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use crate::{Form, pieces::Piece};

/// How many characters a canary has: fewer would be found by chance.
pub const CANARY_CHARS: RangeInclusive<usize> = 5..=200;

/// Most canaries at once.
const CANARIES_MAX: usize = 2_000;

/// Canaries that cannot be looked for. It says which, not what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooManyOrBad {
    /// More than may be looked for at once.
    TooMany,
    /// This one, counted from 1, is too short or too long.
    Bad(usize),
}

impl std::fmt::Display for TooManyOrBad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (least, most) = (CANARY_CHARS.start(), CANARY_CHARS.end());
        match self {
            Self::TooMany => write!(f, "more than {CANARIES_MAX} canaries"),
            Self::Bad(number) => write!(f, "canary {number} must have {least} to {most} characters"),
        }
    }
}

impl std::error::Error for TooManyOrBad {}

/// Canaries in every disguise: as they are, in capitals and in small letters, in UTF-16, with JSON's escapes, in hexadecimal digits,
/// and in base64 wherever in its groups of three they may begin. Where letters have a case, that of ASCII letters makes no difference.
#[derive(Debug)]
pub struct Disguises {
    /// Whatever the case of ASCII letters.
    folded: Side,
    /// Base64, in which the case matters.
    exact: Side,
}

#[derive(Debug)]
struct Side {
    automaton: Option<AhoCorasick>,
    /// Which canary each pattern disguises, and how.
    patterns: Vec<(usize, Form)>,
    longest: usize,
}

impl Disguises {
    /// Canaries of so many characters each ([`CANARY_CHARS`]).
    pub fn new<S: AsRef<str>>(canaries: &[S]) -> Result<Self, TooManyOrBad> {
        if canaries.len() > CANARIES_MAX {
            return Err(TooManyOrBad::TooMany);
        }
        let (mut folded, mut exact) = (Vec::new(), Vec::new());
        for (number, canary) in canaries.iter().enumerate() {
            let canary = canary.as_ref();
            if !CANARY_CHARS.contains(&canary.chars().count()) {
                return Err(TooManyOrBad::Bad(number + 1));
            }
            for (form, bytes) in Self::forms_of(canary) {
                let side = if form == Form::Base64 { &mut exact } else { &mut folded };
                side.push((number, form, bytes));
            }
        }
        Ok(Self { folded: Side::new(folded, true)?, exact: Side::new(exact, false)? })
    }

    /// A canary in each form that it is looked for in.
    pub fn forms_of(canary: &str) -> Vec<(Form, Vec<u8>)> {
        let mut spelt = vec![canary.to_owned(), canary.to_uppercase(), canary.to_lowercase()];
        spelt.dedup();
        let forms = spelt.iter().flat_map(|text| {
            let base64 = in_base64(text.as_bytes()).map(|bytes| (Form::Base64, bytes));
            in_any_case(text).into_iter().chain(base64)
        });
        forms.collect()
    }

    /// The first canary that is in these bytes, counted from 0.
    pub fn find(&self, bytes: &[u8]) -> Option<usize> {
        let mut first = None;
        self.in_piece(&Piece { bytes, from: 0, seen: 0 }, |canary, _, at| {
            if first.is_none_or(|(_, before)| at < before) {
                first = Some((canary, at));
            }
        });
        first.map(|(canary, _)| canary)
    }

    /// How much of a piece must be in the next one too.
    pub(crate) fn overlap(&self) -> usize {
        self.folded.longest.max(self.exact.longest).saturating_sub(1)
    }

    /// Every canary that is in this piece and was not wholly in the one before; how, and where in the file.
    pub(crate) fn in_piece(&self, piece: &Piece<'_>, mut found: impl FnMut(usize, Form, u64)) {
        for side in [&self.folded, &self.exact] {
            let Some(automaton) = &side.automaton else { continue };
            for one in automaton.find_overlapping_iter(piece.bytes) {
                let Some((canary, form)) = side.patterns.get(one.pattern().as_usize()) else { continue };
                if !piece.has_seen(one.start(), one.len()) {
                    found(*canary, *form, piece.from + one.start() as u64);
                }
            }
        }
    }
}

impl Side {
    fn new(patterns: Vec<(usize, Form, Vec<u8>)>, any_case: bool) -> Result<Self, TooManyOrBad> {
        let longest = patterns.iter().map(|(_, _, bytes)| bytes.len()).max().unwrap_or(0);
        // Without any, there is nothing to walk through.
        let automaton = if patterns.is_empty() {
            None
        } else {
            let bytes = patterns.iter().map(|(_, _, bytes)| bytes);
            let made = AhoCorasickBuilder::new().ascii_case_insensitive(any_case).build(bytes);
            Some(made.map_err(|_| TooManyOrBad::TooMany)?)
        };
        let patterns = patterns.into_iter().map(|(canary, form, _)| (canary, form)).collect();
        Ok(Self { automaton, patterns, longest })
    }
}

/// The disguises in which the case of ASCII letters makes no difference.
fn in_any_case(text: &str) -> Vec<(Form, Vec<u8>)> {
    let mut escaped = String::new();
    for sign in text.chars() {
        if sign.is_ascii() {
            escaped.push(sign);
        } else {
            for unit in sign.encode_utf16(&mut [0; 2]) {
                // A string takes whatever is written.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    let mut all = vec![
        (Form::Plain, text.as_bytes().to_vec()),
        (Form::Utf16, text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        (Form::Utf16, text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        (Form::Hex, hex::encode(text).into_bytes()),
    ];
    if escaped != text {
        all.push((Form::Escaped, escaped.into_bytes()));
    }
    all
}

/// What bytes look like in base64, by how many bytes stand before them in their group of three. The letters that mix with the
/// neighbours are left out; all others are taken, for few of them would be found by chance.
pub(crate) fn in_base64(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..3).map(move |shift| {
        let encoded = BASE64.encode([vec![0; shift], bytes.to_vec()].concat());
        let start = if shift == 0 { 0 } else { shift + 1 };
        let whole = (shift + bytes.len()) * 8 / 6;
        encoded.as_bytes().get(start..whole).unwrap_or_default().to_vec()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_a_word_in_every_disguise_and_nothing_that_is_not_there() {
        let name = "Zylbrinkstöffer";
        let disguises = Disguises::new(&["Quorvanthe", name]).unwrap();
        let utf16 = |swap: bool| -> Vec<u8> {
            let units = name.encode_utf16();
            units.flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        for disguise in [
            name.as_bytes().to_vec(),
            name.to_uppercase().into_bytes(),
            name.to_lowercase().into_bytes(),
            BASE64.encode(format!("{{\"surname\":\"{name}\"}}")).into_bytes(),
            BASE64.encode(format!("x{name}xx")).into_bytes(),
            BASE64.encode(format!("xx{name}")).into_bytes(),
            utf16(false),
            utf16(true),
            br"Zylbrinkst\u00f6ffer".to_vec(),
            br"Zylbrinkst\u00F6ffer".to_vec(),
            hex::encode(name).into_bytes(),
            hex::encode_upper(name).into_bytes(),
        ] {
            let leak = [b"\x00\x01before ".as_slice(), &disguise, b" after\xff".as_slice()].concat();
            assert_eq!(disguises.find(&leak), Some(1), "{}", String::from_utf8_lossy(&disguise));
        }
        assert_eq!(disguises.find(b"nothing to see here: 2026-11-18, Handle with Care"), None);
    }

    #[test]
    fn what_would_be_found_by_chance_is_not_looked_for_and_nothing_is_not_found() {
        assert_eq!(Disguises::new(&["Quorvanthe", "Anna"]).unwrap_err(), TooManyOrBad::Bad(2));
        assert_eq!(Disguises::new(&["x".repeat(201)]).unwrap_err(), TooManyOrBad::Bad(1));
        assert_eq!(Disguises::new(&vec!["canary"; CANARIES_MAX + 1]).unwrap_err(), TooManyOrBad::TooMany);
        assert_eq!(Disguises::new::<&str>(&[]).unwrap().find(b"anything"), None);
    }
}
