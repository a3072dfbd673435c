//! How R16 compares a name: lower case, Latin letters without diacritics, letters and digits only.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use zeroize::Zeroizing;

/// Decomposing a text makes it at most three times as long, and lower case adds nothing to what was decomposed; so the
/// text never moves while it grows, and leaves no unwiped copy behind.
const GROWTH_MAX: usize = 3;

/// Text in its comparable form. The same text in NFC and in NFD comes out the same, whatever its script.
pub(super) struct Folded {
    text: Zeroizing<String>,
    marks: Marks,
}

/// What becomes of the combining marks that come next.
#[derive(Clone, Copy)]
enum Marks {
    /// They are diacritics of a Latin letter, or of nothing.
    Dropped,
    /// They belong to a letter of another script, where they tell names apart: и and й, Devanagari vowel signs.
    Kept,
}

impl Folded {
    /// Room for a text of that many bytes.
    pub(super) fn with_room_for(bytes: usize) -> Self {
        Self { text: Zeroizing::new(String::with_capacity(bytes * GROWTH_MAX)), marks: Marks::Kept }
    }

    /// Adds a text, as if it followed the former after a space.
    pub(super) fn push(&mut self, text: &str) {
        for c in text.nfd() {
            if is_combining_mark(c) {
                self.push_mark(c);
            } else {
                self.push_base(c);
            }
        }
    }

    fn push_mark(&mut self, mark: char) {
        if matches!(self.marks, Marks::Kept) {
            self.text.extend(without_case(mark));
        }
    }

    /// Punctuation, spaces and joiners go, and a mark after one still belongs to the letter before it.
    fn push_base(&mut self, c: char) {
        if !c.is_alphanumeric() {
            return;
        }
        self.marks = if c.is_alphabetic() && !is_latin(c) { Marks::Kept } else { Marks::Dropped };
        for c in without_case(c) {
            match c {
                'ø' => self.text.push('o'),
                'ł' => self.text.push('l'),
                'ß' => self.text.push_str("ss"),
                'æ' => self.text.push_str("ae"),
                'œ' => self.text.push_str("oe"),
                'đ' | 'ð' => self.text.push('d'),
                'þ' => self.text.push_str("th"),
                'ı' => self.text.push('i'),
                _ => self.text.push(c),
            }
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The text in as much room as it needs.
    pub(super) fn finish(self) -> Zeroizing<Box<str>> {
        Zeroizing::new(Box::from(self.as_str()))
    }
}

/// Lower case by way of upper case, so that letters with two lower-case forms (σ and ς) have one.
fn without_case(c: char) -> impl Iterator<Item = char> {
    c.to_uppercase().flat_map(char::to_lowercase)
}

/// Whether a letter is of the Latin script. It is asked after decomposition, so these blocks hold what is left: plain
/// letters, letters with a stroke, hook or tail, and their wide and small forms.
fn is_latin(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z' | 'ª' | 'º'
        | '\u{c0}'..='\u{2b8}' | '\u{1d00}'..='\u{1dbf}' | '\u{1e00}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}'
        | '\u{a722}'..='\u{a7ff}' | '\u{ab30}'..='\u{ab6f}' | '\u{fb00}'..='\u{fb06}'
        | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}')
}
