//! A posted form, read within bounds and wiped when dropped.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use http_body_util::BodyExt as _;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Bytes of a form.
pub const FORM_BYTES_MAX: usize = 16 * 1024;
/// Fields of a form.
const FIELDS_MAX: usize = 32;
/// How long a form may take to come.
const FORM_WITHIN: Duration = Duration::from_secs(8);

/// What somebody filled in. Wiped when dropped.
#[derive(Default)]
pub struct Form(Vec<(Zeroizing<String>, Zeroizing<String>)>);

/// Why a form was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It is no form.
    #[error("it is no form")]
    NotAForm,
    /// More than [`FORM_BYTES_MAX`].
    #[error("the form is too large")]
    TooLarge,
    /// It did not come in time.
    #[error("the form did not come in time")]
    TooSlow,
}

impl Form {
    /// Reads a form from a request's body.
    pub async fn read(headers: &HeaderMap, mut body: Body) -> Result<Self, Unread> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Unread::NotAForm);
        }
        let read = async {
            let mut bytes = Zeroizing::new(Vec::with_capacity(FORM_BYTES_MAX));
            while let Some(frame) = body.frame().await {
                // Whoever goes away hears nothing.
                let Ok(data) = frame.map_err(|_| Unread::TooSlow)?.into_data() else { continue };
                if bytes.len() + data.len() > FORM_BYTES_MAX {
                    return Err(Unread::TooLarge);
                }
                bytes.extend_from_slice(&data);
            }
            Ok(bytes)
        };
        let bytes = timeout(FORM_WITHIN, read).await.unwrap_or(Err(Unread::TooSlow))?;
        Self::parse(&bytes)
    }

    /// Reads a form from its bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unread> {
        let mut fields = Vec::new();
        for field in bytes.split(|byte| *byte == b'&').filter(|field| !field.is_empty()) {
            if fields.len() == FIELDS_MAX {
                return Err(Unread::TooLarge);
            }
            let equals = field.iter().position(|byte| *byte == b'=');
            let (name, value) = equals.map_or((field, &[][..]), |at| (&field[..at], &field[at + 1..]));
            fields.push((decoded(name), decoded(value)));
        }
        Ok(Self(fields))
    }

    /// What a field says; nothing if it is missing, or there twice.
    pub fn text(&self, name: &str) -> &str {
        let mut found = self.0.iter().filter(|(field, _)| **field == *name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => value,
            _ => "",
        }
    }

    /// Whether a box is ticked.
    pub fn is_ticked(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }
}

/// What a browser encoded; no copy of it stays behind.
fn decoded(text: &[u8]) -> Zeroizing<String> {
    let digit =
        |at: usize| char::from(*text.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    // Long enough for all of it: what is moved to another place stays behind in the first.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let (means, width) = match (byte, digit(at + 1), digit(at + 2)) {
            (b'+', ..) => (b' ', 1),
            (b'%', Some(high), Some(low)) => ((high << 4) | low, 3),
            _ => (*byte, 1),
        };
        bytes.push(means);
        at += width;
    }
    let mut told = Zeroizing::new(String::with_capacity(3 * bytes.len()));
    for some in bytes.utf8_chunks() {
        told.push_str(some.valid());
        if !some.invalid().is_empty() {
            told.push(char::REPLACEMENT_CHARACTER);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_missing_or_there_twice_says_nothing() {
        let form = Form::parse(b"a=1&b=2&b=3&c=%C3%A9+x").unwrap();
        assert_eq!([form.text("a"), form.text("b"), form.text("c"), form.text("d")], ["1", "", "é x", ""]);
    }

    proptest::proptest! {
        #[test]
        fn a_form_is_read_as_everybody_reads_it(
            text in "[a-c&=+%0-9A-Fa-fxé]{0,40}",
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
        ) {
            for bytes in [text.as_bytes(), &bytes] {
                let Ok(form) = Form::parse(bytes) else { continue };
                let ours: Vec<_> = form.0.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
                let theirs: Vec<_> = form_urlencoded::parse(bytes).into_owned().collect();
                proptest::prop_assert_eq!(ours, theirs);
            }
        }
    }

    #[test]
    fn forms_withstand_hostile_input() {
        let said = |bytes: &[u8]| Form::parse(bytes).err().map(|error| error.to_string());
        hwc_hostile::Trial::new(["csrf=00&address=a%40b.nl&code=1234+5678"], said).withstands();
    }

    #[tokio::test]
    async fn what_is_no_form_or_too_large_is_refused() {
        let mut headers = HeaderMap::new();
        assert_eq!(Form::read(&headers, Body::from("a=1")).await.err(), Some(Unread::NotAForm));
        headers.insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
        assert_eq!(Form::read(&headers, Body::from("a=1")).await.err(), Some(Unread::NotAForm));
        headers.insert(
            header::CONTENT_TYPE,
            "application/x-www-form-urlencoded; charset=utf-8".parse().unwrap(),
        );
        assert_eq!(Form::read(&headers, Body::from("a=1")).await.unwrap().text("a"), "1");
        let large = "a".repeat(FORM_BYTES_MAX + 1);
        assert_eq!(Form::read(&headers, Body::from(large)).await.err(), Some(Unread::TooLarge));
        let many = "a=&".repeat(FIELDS_MAX + 1);
        assert_eq!(Form::read(&headers, Body::from(many)).await.err(), Some(Unread::TooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn a_form_that_does_not_come_is_not_waited_for() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
        let never = Body::new(Never);
        assert_eq!(Form::read(&headers, never).await.err(), Some(Unread::TooSlow));
    }

    struct Never;

    impl axum::body::HttpBody for Never {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }
}
