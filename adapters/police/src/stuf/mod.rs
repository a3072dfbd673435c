//! `vtMeldingDi01` of StUF-Jeugdzorg: the message by which the police report to Veilig Thuis today. Only the elements of
//! [`paths`] are read. Free text, citizen service numbers and everybody who is no child of the family are passed over
//! while reading.

mod collect;
mod dates;
pub mod paths;
#[cfg(test)]
mod tests;

use quick_xml::{
    NsReader,
    events::{BytesStart, Event},
    name::{Namespace, ResolveResult},
};
use zeroize::Zeroizing;

use self::{
    collect::Collected,
    dates::Known,
    paths::{Element, STUF},
};
use crate::{
    Refused, Submission,
    fields::{Bad, bad},
    reports::NOT_UTF8,
};

/// Largest message, in bytes. Free text makes them long.
pub const XML_BYTES_MAX: usize = 1024 * 1024;
/// How deep elements may stand in each other.
pub const DEPTH_MAX: usize = 64;
/// Most elements of one message.
pub const ELEMENTS_MAX: usize = 50_000;
/// Longest value, in bytes, far above what a name may have.
pub const VALUE_BYTES_MAX: usize = 4096;

/// Reads one message.
pub fn read(bytes: &[u8]) -> Result<Submission, Refused> {
    let refused = |line, Bad { field, problem }| Refused { line, field, problem };
    let text = text(bytes).map_err(|bad| refused(1, bad))?;
    let mut reading = Reading::of(text);
    match reading.all() {
        Ok(()) => reading.collected.submission(),
        Err(bad) => Err(refused(reading.line(), bad)),
    }
}

fn text(bytes: &[u8]) -> Result<&str, Bad> {
    if bytes.len() > XML_BYTES_MAX {
        return Err(bad("(message)", "is larger than 1 MiB"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|_| bad("(message)", NOT_UTF8))
}

/// A message that is being read.
struct Reading<'a> {
    text: &'a str,
    reader: NsReader<&'a [u8]>,
    /// What stands open: elements that are read, each with the number of unread ones that stand open in it.
    open: Vec<(Element, usize)>,
    depth: usize,
    elements: usize,
    begun: bool,
    value: Zeroizing<String>,
    known: Known,
    collected: Collected,
    /// The line that was counted up to, and where that was.
    counted: (usize, usize),
}

impl<'a> Reading<'a> {
    fn of(text: &'a str) -> Self {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self {
            text,
            reader,
            open: vec![(Element::Document, 0)],
            depth: 0,
            elements: 0,
            begun: false,
            // So large that it never moves: what it held is wiped where it was.
            value: Zeroizing::new(String::with_capacity(VALUE_BYTES_MAX)),
            known: Known::Whole,
            collected: Collected::default(),
            counted: (1, 0),
        }
    }

    /// The line that was read last.
    fn line(&mut self) -> usize {
        let at = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX).min(self.text.len());
        let (line, from) = self.counted;
        let line = line + self.text.get(from..at).map_or(0, |between| between.matches('\n').count());
        self.counted = (line, at);
        line
    }

    /// Where we are, as errors say it.
    fn path(&self) -> String {
        let read = self.open.iter().skip(1).map(|(element, _)| *element);
        let words =
            read.filter(|element| !matches!(element, Element::Envelope | Element::Body | Element::Message));
        let words: Vec<String> = words
            .map(|element| match element {
                Element::Involved => format!("{}[{}]", element.word(), self.collected.involved()),
                other => other.word().to_owned(),
            })
            .collect();
        if words.is_empty() { "(message)".to_owned() } else { words.join("/") }
    }

    /// What is wrong here.
    fn wrong(&self, problem: &'static str) -> Bad {
        bad(self.path(), problem)
    }

    fn all(&mut self) -> Result<(), Bad> {
        loop {
            // The library's own words repeat what it read.
            let event = self.reader.read_event().map_err(|_| self.wrong("is not well-formed XML"))?;
            match event {
                Event::Start(start) => self.begin(&start)?,
                Event::End(_) => self.end()?,
                Event::Text(text) => self.add(&text)?,
                Event::CData(text) => self.add(&text)?,
                Event::GeneralRef(reference) if self.is_in_a_value() => {
                    let known = match reference.resolve_char_ref() {
                        Ok(Some(character)) => Some(character),
                        Ok(None) => predefined(&reference),
                        Err(_) => None,
                    };
                    let character =
                        known.ok_or_else(|| self.wrong("holds an entity that XML does not know"))?;
                    self.add(character.encode_utf8(&mut [0; 4]))?;
                }
                Event::DocType(_) => return Err(self.wrong("declares a document type, which is never read")),
                Event::Decl(declared) => {
                    let encoding = declared.encoding().transpose().ok().flatten();
                    let known = ["utf-8", "us-ascii"];
                    if encoding
                        .is_some_and(|said| !known.iter().any(|known| said.eq_ignore_ascii_case(known)))
                    {
                        return Err(self.wrong("declares another encoding than UTF-8"));
                    }
                }
                // What references stand in free text nobody looks at.
                Event::GeneralRef(_) | Event::Comment(_) | Event::PI(_) | Event::Empty(_) => {}
                Event::Eof if self.depth == 0 && self.begun => return Ok(()),
                Event::Eof => return Err(self.wrong("ends before its end")),
            }
        }
    }

    fn begin(&mut self, start: &BytesStart<'_>) -> Result<(), Bad> {
        self.depth += 1;
        self.elements += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong("stands too deep"));
        }
        if self.elements > ELEMENTS_MAX {
            return Err(self.wrong("has too many elements"));
        }
        if self.depth == 1 && std::mem::replace(&mut self.begun, true) {
            return Err(self.wrong("has two roots"));
        }
        let Some((here, unread)) = self.open.last_mut() else { return Ok(()) };
        let below = if *unread > 0 {
            None
        } else {
            let (space, name) = self.reader.resolver().resolve_element(start.name());
            match space {
                ResolveResult::Bound(Namespace(uri)) => here.below(uri, name.as_ref()),
                _ => None,
            }
        };
        let Some(below) = below else {
            if *here == Element::Document {
                return Err(self.wrong("is no vtMeldingDi01 of StUF-Jeugdzorg 1.0 (jz0100)"));
            }
            *unread += 1;
            return Ok(());
        };
        self.open.push((below, 0));
        if below.is_value() {
            self.value.clear();
            self.known = known(start, &self.reader);
        }
        let line = self.line();
        self.collected.begin(below, line).map_err(|problem| self.wrong(problem))
    }

    fn end(&mut self) -> Result<(), Bad> {
        self.depth = self.depth.saturating_sub(1);
        let Some((here, unread)) = self.open.last_mut() else { return Ok(()) };
        if *unread > 0 {
            *unread -= 1;
            return Ok(());
        }
        let here = *here;
        let ended = if here.is_value() {
            let within = self.open.iter().rev().nth(1).map_or(Element::Document, |(element, _)| *element);
            self.collected.value(here, within, self.value.trim(), self.known)
        } else {
            self.collected.end(here)
        };
        let ended = ended.map_err(|problem| self.wrong(problem));
        self.open.pop();
        ended
    }

    fn is_in_a_value(&self) -> bool {
        self.open.last().is_some_and(|(here, unread)| here.is_value() && *unread == 0)
    }

    fn add(&mut self, text: &str) -> Result<(), Bad> {
        if !self.is_in_a_value() {
            return Ok(());
        }
        if self.value.len() + text.len() > VALUE_BYTES_MAX {
            return Err(self.wrong("is too long"));
        }
        self.value.push_str(text);
        Ok(())
    }
}

/// What the element says to know of its date.
fn known(start: &BytesStart<'_>, reader: &NsReader<&[u8]>) -> Known {
    let mut said = start.attributes();
    let said = said.with_checks(false).filter_map(Result::ok).find(|attribute| {
        let (space, name) = reader.resolver().resolve_attribute(attribute.key);
        matches!(space, ResolveResult::Bound(Namespace(STUF))) && name.as_ref() == "indOnvolledigeDatum"
    });
    said.map_or(Known::Whole, |attribute| Known::read(&attribute.value))
}

/// The five entities that XML itself knows.
fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}
