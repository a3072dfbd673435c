//! The texts, as they lie in `texts/`: the first line of each is the subject. Nothing is added to them but a day and, of a
//! breach, words that are written beforehand too.

use std::fmt::Write as _;

use jiff::civil::Date;

use crate::{Language, Mail};

/// One text, in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text(&'static str);

/// Everything in one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) breach: Text,
    pub(crate) signal_waits: Text,
    pub(crate) remind_contact: Text,
    pub(crate) remind_backup: Text,
    pub(crate) receipt_missing: Text,
    pub(crate) still_unread: Text,
    pub(crate) case_waits: Text,
    pub(crate) case_still_waits: Text,
    pub(crate) household_waits: Text,
    pub(crate) household_still_waits: Text,
    pub(crate) login_code: Text,
    closing: &'static str,
    others: &'static str,
}

macro_rules! words {
    ($folder:literal) => {
        Words {
            breach: Text(include_str!(concat!("../texts/", $folder, "/breach.txt"))),
            signal_waits: Text(include_str!(concat!("../texts/", $folder, "/signal_waits.txt"))),
            remind_contact: Text(include_str!(concat!("../texts/", $folder, "/remind_contact.txt"))),
            remind_backup: Text(include_str!(concat!("../texts/", $folder, "/remind_backup.txt"))),
            receipt_missing: Text(include_str!(concat!("../texts/", $folder, "/receipt_missing.txt"))),
            still_unread: Text(include_str!(concat!("../texts/", $folder, "/still_unread.txt"))),
            case_waits: Text(include_str!(concat!("../texts/", $folder, "/case_waits.txt"))),
            case_still_waits: Text(include_str!(concat!("../texts/", $folder, "/case_still_waits.txt"))),
            household_waits: Text(include_str!(concat!("../texts/", $folder, "/household_waits.txt"))),
            household_still_waits: Text(include_str!(concat!(
                "../texts/",
                $folder,
                "/household_still_waits.txt"
            ))),
            login_code: Text(include_str!(concat!("../texts/", $folder, "/login_code.txt"))),
            closing: include_str!(concat!("../texts/", $folder, "/closing.txt")),
            others: include_str!(concat!("../texts/", $folder, "/words.txt")),
        }
    };
}

const DUTCH: Words = words!("nl");
const ENGLISH: Words = words!("en");

/// Between the two languages of a mail that has both.
const RULE: &str = "\n* * *\n\n";
const ENGLISH_BELOW: &str = "(English below)\n\n";
/// Where the address of the page with more stands; a line with it is left out where there is none.
const PAGE: &str = "{page}";
/// The longest line that is written, in characters.
const LINE_CHARS_MAX: usize = 76;

/// A mail in words: its subject and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) subject: String,
    pub(crate) body: String,
}

/// Writes a mail in a language, or in both.
pub(crate) fn write(mail: Mail, language: Language, page: Option<&str>) -> Written {
    match language {
        Language::Nl => one(mail, DUTCH, page),
        Language::En => one(mail, ENGLISH, page),
        Language::Both => {
            let (dutch, english) = (one(mail, DUTCH, page), one(mail, ENGLISH, page));
            let body = [ENGLISH_BELOW, &dutch.body, RULE, &english.body].concat();
            Written { subject: dutch.subject, body }
        }
    }
}

fn one(mail: Mail, words: Words, page: Option<&str>) -> Written {
    let text = mail.text(words).0;
    let (subject, body) = text.split_once('\n').unwrap_or((text, ""));
    let places = mail.places(words);
    let mut lines = Vec::new();
    for line in body.trim_start_matches('\n').lines() {
        if line.contains(PAGE) {
            let Some(page) = page else { continue };
            lines.push(line.replace(PAGE, page));
            continue;
        }
        let filled = places.iter().fold(line.to_owned(), |line, (place, said)| line.replace(place, said));
        lines.extend(folded(&filled));
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let mut written = lines.join("\n");
    // Writing into a String cannot fail.
    let _ = write!(written, "\n{}", words.closing);
    Written { subject: subject.to_owned(), body: written }
}

/// A filled line that became too long goes on below its value's beginning.
fn folded(line: &str) -> Vec<String> {
    if line.chars().count() <= LINE_CHARS_MAX {
        return vec![line.to_owned()];
    }
    let value_at = line.find("  ").map_or(0, |gap| line.len() - line.split_at(gap).1.trim_start().len());
    let (label, value) = line.split_at(value_at);
    let (mut lines, mut current) = (Vec::new(), label.to_owned());
    let indent = " ".repeat(label.chars().count());
    for word in value.split_whitespace() {
        let begins = current.trim().is_empty() || current == label;
        if !begins && current.chars().count() + 1 + word.chars().count() > LINE_CHARS_MAX {
            lines.push(std::mem::replace(&mut current, indent.clone()));
        }
        if !(current.is_empty() || current.ends_with(' ')) {
            current.push(' ');
        }
        current.push_str(word);
    }
    lines.push(current);
    lines
}

impl Words {
    /// The words of a key. A test sees that every key is there.
    pub(crate) fn of(&self, key: &str) -> &'static str {
        let of = |line: &'static str| line.split_once(" = ").filter(|(one, _)| *one == key);
        self.others.lines().find_map(of).map_or("-", |(_, words)| words)
    }

    /// A day, as people write it.
    pub(crate) fn day(&self, day: Date) -> String {
        format!("{} {} {}", day.day(), self.of(&format!("month.{}", day.month())), day.year())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, Words); 2] = [("nl", DUTCH), ("en", ENGLISH)];

    fn texts(words: Words) -> [(&'static str, Text); 11] {
        [
            ("breach", words.breach),
            ("signal_waits", words.signal_waits),
            ("remind_contact", words.remind_contact),
            ("remind_backup", words.remind_backup),
            ("receipt_missing", words.receipt_missing),
            ("still_unread", words.still_unread),
            ("case_waits", words.case_waits),
            ("case_still_waits", words.case_still_waits),
            ("household_waits", words.household_waits),
            ("household_still_waits", words.household_still_waits),
            ("login_code", words.login_code),
        ]
    }

    /// Everything between braces.
    fn places(text: &str) -> Vec<&str> {
        text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect()
    }

    #[test]
    fn no_text_has_a_place_for_anything_but_a_day_a_page_and_of_a_breach_what_who_and_whether() {
        for (language, words) in ALL {
            for (name, text) in texts(words) {
                let allowed: &[&str] = if name == "breach" {
                    &["day", "what", "by", "opened", "page"]
                } else if name == "login_code" {
                    &["code", "page"]
                } else {
                    &["day", "page"]
                };
                let mut found = places(text.0);
                found.sort_unstable();
                let mut wanted = allowed.to_vec();
                wanted.sort_unstable();
                assert_eq!(found, wanted, "{language}/{name}");
            }
            assert_eq!(places(words.closing), [""; 0]);
            assert_eq!(places(words.others), [""; 0]);
        }
    }

    #[test]
    fn the_texts_are_what_is_allowed_and_no_line_is_too_long_for_a_screen() {
        for (language, words) in ALL {
            for (name, Text(text)) in texts(words) {
                let (subject, body) = text.split_once('\n').unwrap();
                assert!(
                    subject.starts_with("Handle with Care: ") && subject.len() <= 70,
                    "{language}/{name}"
                );
                assert!(body.starts_with('\n'), "{language}/{name}");
                assert!(subject.is_ascii(), "{language}/{name}");
                let long: Vec<_> =
                    text.lines().filter(|line| line.chars().count() > LINE_CHARS_MAX).collect();
                assert_eq!(long, [""; 0], "{language}/{name}");
                // A number in words or digits would be a count.
                let digits = text.replace("72 ", "").replace("1. ", "").replace("2. ", "").replace("3. ", "");
                assert!(!digits.contains(|c: char| c.is_ascii_digit()), "{language}/{name}");
            }
        }
    }

    #[test]
    fn both_languages_have_the_same_words_and_none_twice() {
        let keys = |words: Words| -> Vec<_> {
            words.others.lines().map(|line| line.split_once(" = ").unwrap().0).collect()
        };
        let mut dutch = keys(DUTCH);
        assert_eq!(dutch, keys(ENGLISH));
        let all = dutch.len();
        dutch.sort_unstable();
        dutch.dedup();
        assert_eq!(dutch.len(), all);
    }

    #[test]
    fn every_mail_finds_every_word_in_every_language() {
        for mail in Mail::every() {
            for (language, words) in ALL {
                for (place, said) in mail.places(words) {
                    assert!(said != "-" && !said.is_empty(), "{language} {} {place}", mail.name());
                }
            }
            for language in [Language::Nl, Language::En, Language::Both] {
                let Written { subject, body } = write(mail, language, None);
                assert!(!body.contains(['{', '}']) && !subject.contains(['{', '}']), "{body}");
                assert!(body.lines().all(|line| line.chars().count() <= LINE_CHARS_MAX), "{body}");
            }
        }
    }

    #[test]
    fn a_breach_is_told_like_this() {
        let record = serde_json::from_str(r#"{"day":"2026-11-18","kind":"returned","opened":true}"#).unwrap();
        let Written { subject, body } =
            write(Mail::breach(record), Language::Both, Some("https://x.example"));
        assert_eq!(subject, "Handle with Care: er is een datalek vastgelegd");
        let told = "Dag:          18 november 2026\n\
                    Wat:          een school gaf een signaal terug: het kind is geen leerling\n\
                    \x20             van die school\n\
                    Gemeld door:  een school\n\
                    Geopend:      ja\n";
        assert!(body.contains(told), "{body}");
        assert!(body.contains("Opened:       yes\n") && body.contains("Explanation: https://x.example\n"));
        assert!(body.starts_with("(English below)\n\nBeste projectleider,\n"));
        let without = write(Mail::breach(record), Language::Nl, None).body;
        assert!(!without.contains("Uitleg") && !without.contains("English"));
    }
}
