//! A child in plain words, for the one person who must read it, on that person's screen. This is the only place of the
//! program that takes a real child's name out of its type.
//!
//! What is shown is built in one buffer that is wiped, and goes to standard output past the library's own buffer, which is
//! not. Nothing of it is kept; what the screen keeps is the reader's own care, and the reader is told so.

use hwc_schemas::{
    letter::{CODEWORD, Letter, Plaintext, Sealable as _},
    person::{Child, PersonalText},
};
use hwc_web::{Language, is_unseen};
use jiff::civil::Date;
use serde::Serialize;
use zeroize::Zeroizing;

/// Room that one child takes at most: three names in letters of four bytes, and some words.
const CHILD_BYTES_MAX: usize = 4 * (2 * Child::NAME_CHARS_MAX + Child::PREFIX_CHARS_MAX) + 512;

/// What goes to the screen. Wiped when dropped.
pub(super) struct Page(Zeroizing<String>);

/// A child, out of what crossed the counter; none if that is no child.
pub(super) fn child(enclosed: &Plaintext) -> Option<Child> {
    Letter::from_plaintext(enclosed).ok().map(|letter| letter.child)
}

impl Page {
    /// A page with room for so many children, so that it never moves and leaves an unwiped copy.
    pub(super) fn with_room_for(children: usize) -> Self {
        Self(Zeroizing::new(String::with_capacity(8 * 1024 + children * CHILD_BYTES_MAX)))
    }

    /// Words that are about nobody.
    pub(super) fn say(&mut self, words: &str) {
        self.0.push_str(words);
    }

    /// Name, date of birth and codeword, as the school reads them (R1).
    pub(super) fn letter(&mut self, child: &Child) {
        self.say("  Naam        ");
        self.name(child);
        self.say("\n  Geboren     ");
        self.born(child);
        self.say("\n  Codewoord   ");
        self.say(CODEWORD);
        self.say("\n");
    }

    /// Name and date of birth on one line.
    pub(super) fn one_line(&mut self, child: &Child) {
        self.name(child);
        self.say(", geboren ");
        self.born(child);
    }

    fn name(&mut self, child: &Child) {
        let parts = [Some(&child.given_names), child.prefix.as_ref(), Some(&child.surname)];
        let mut before = false;
        for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
            if before {
                self.say(" ");
            }
            self.text(part);
            before = true;
        }
    }

    /// Signs that turn or hide what stands beside them are left out: what is read must be what is there.
    fn text(&mut self, text: &PersonalText) {
        self.0.extend(text.expose().chars().filter(|sign| !is_unseen(*sign)));
    }

    fn born(&mut self, child: &Child) {
        let born: Date = child.date_of_birth.expose();
        let words =
            Zeroizing::new(format!("{} {} {}", born.day(), Language::Nl.month(born.month()), born.year()));
        self.say(&words);
    }

    /// Shows it.
    pub(super) fn show(self) {
        show(self.0.as_bytes());
    }
}

/// A child as JSON, for a program of the organisation's own.
#[derive(Serialize)]
pub(super) struct Plain<'a> {
    given_names: &'a str,
    prefix: Option<&'a str>,
    surname: &'a str,
    date_of_birth: Date,
}

impl<'a> From<&'a Child> for Plain<'a> {
    fn from(child: &'a Child) -> Self {
        Self {
            given_names: child.given_names.expose(),
            prefix: child.prefix.as_ref().map(PersonalText::expose),
            surname: child.surname.expose(),
            date_of_birth: child.date_of_birth.expose(),
        }
    }
}

/// Shows a value with so many children in it as one line of JSON.
pub(super) fn show_json(value: &impl Serialize, children: usize) {
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024 * 1024 + 2 * children * CHILD_BYTES_MAX));
    if serde_json::to_writer(&mut *bytes, value).is_ok() {
        bytes.push(b'\n');
        show(&bytes);
    }
}

/// Past the library's buffer. A reader that has gone away is no failure of ours.
fn show(mut bytes: &[u8]) {
    let screen = std::io::stdout();
    while !bytes.is_empty() {
        match rustix::io::write(&screen, bytes) {
            Ok(0) => return,
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::person::DateOfBirth;

    use super::*;

    fn invented(given_names: &str, prefix: Option<&str>) -> Child {
        let born = DateOfBirth::parse("2016-02-03").unwrap_or_else(|error| panic!("{error}"));
        Child::new(given_names, prefix, "Berg", born).unwrap_or_else(|error| panic!("{error}"))
    }

    fn page(child: &Child) -> String {
        let mut page = Page::with_room_for(1);
        page.one_line(child);
        page.0.to_string()
    }

    #[test]
    fn a_child_is_read_as_it_is_spelt_with_its_date_in_words() {
        assert_eq!(page(&invented("Zoë", Some("van der"))), "Zoë van der Berg, geboren 3 februari 2016");
        assert_eq!(page(&invented("", None)), "Berg, geboren 3 februari 2016");
    }

    #[test]
    fn signs_that_hide_or_turn_others_are_not_shown() {
        assert_eq!(page(&invented("A\u{202e}nn\u{200b}a", None)), "Anna Berg, geboren 3 februari 2016");
    }

    #[test]
    fn what_crossed_the_counter_is_a_child_again_and_a_page_never_moves() {
        let longest =
            invented(&"é".repeat(Child::NAME_CHARS_MAX), Some(&"é".repeat(Child::PREFIX_CHARS_MAX)));
        let letter = Letter { child: longest };
        let back = child(&letter.to_plaintext()).unwrap_or_else(|| panic!("no child"));
        let mut page = Page::with_room_for(1);
        let room = page.0.capacity();
        page.letter(&back);
        assert_eq!(page.0.capacity(), room);
        assert!(child(&Plaintext::from_opened(Zeroizing::new(b"{}".to_vec()))).is_none());
    }
}
