//! One question, one answer, or a failure: over HTTP, within bounds of time, size and number.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
};
use serde::Deserialize;
use tokio::{
    sync::{Mutex as Turn, Semaphore},
    time::{Instant, timeout},
};
use zeroize::Zeroizing;

use crate::{
    Access, AccessError, Credential, Failure,
    access::secret,
    breaker::{Breaker, May},
};

/// Bounds of asking.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Questions under way at once.
    pub at_once_max: usize,
    /// How long one question may take, with its answer.
    pub answer_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { at_once_max: 4, answer_within: Duration::from_secs(10) }
    }
}

/// Largest answer, in bytes: a hundred residents of Bewoning take about fifty thousand.
pub(crate) const ANSWER_BYTES_MAX: usize = 512 * 1024;
/// Largest account of what went wrong, in bytes.
const PROBLEM_BYTES_MAX: usize = 16 * 1024;
/// A token is renewed so long before it ends.
const TOKEN_RENEWED_BEFORE: Duration = Duration::from_secs(30);
/// Longest life that a token is believed to have.
const TOKEN_LIFE_MAX: Duration = Duration::from_hours(1);

/// Which API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// BRP Personen.
    Persons,
    /// BRP Bewoning.
    Occupancy,
}

/// Asks the BRP.
pub struct Caller {
    client: Client,
    persons: Url,
    occupancy: Option<Url>,
    token_url: Option<Url>,
    credential: Credential,
    limits: Limits,
    places: Semaphore,
    breaker: Mutex<Breaker>,
    token: Turn<Option<Token>>,
}

struct Token {
    header: HeaderValue,
    until: Instant,
}

impl Caller {
    /// A caller; the files are read once here, so that a wrong one is noticed at the start.
    pub fn new(access: Access, limits: Limits) -> Result<Self, AccessError> {
        let (persons, occupancy, token_url) = access.addresses()?;
        let client = access.client()?;
        match &access.credential {
            Credential::Nothing => {}
            Credential::ApiKey(path) | Credential::Token { secret: path, .. } => drop(secret(path)?),
        }
        Ok(Self {
            client,
            persons,
            occupancy,
            token_url,
            credential: access.credential,
            places: Semaphore::new(limits.at_once_max.max(1)),
            limits,
            breaker: Mutex::default(),
            token: Turn::new(None),
        })
    }

    /// Whether Bewoning can be asked.
    pub const fn knows_occupancy(&self) -> bool {
        self.occupancy.is_some()
    }

    /// Asks for nobody at an address that no municipality has: whether connection, certificate and key are right.
    pub async fn is_there(&self, now: Timestamp) -> Result<(), Failure> {
        const NOBODY: &[u8] = br#"{"type":"ZoekMetPostcodeEnHuisnummer","postcode":"9999ZZ","huisnummer":99999,"fields":["naam.voorvoegsel"]}"#;
        self.ask(now, Api::Persons, Zeroizing::new(NOBODY.to_vec())).await.map(drop)
    }

    /// Asks one question, at this moment of the asker's clock. The answer is wiped when dropped.
    pub(crate) async fn ask(
        &self,
        now: Timestamp,
        api: Api,
        question: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let now = Duration::try_from(now.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default();
        let url = match api {
            Api::Persons => &self.persons,
            Api::Occupancy => self.occupancy.as_ref().ok_or(Failure::Unreachable)?,
        };
        // Nobody closes it.
        let _place = self.places.acquire().await;
        if let May::NotFor(left) = self.breaker().may(now) {
            return Err(Failure::LeftAlone { left });
        }
        let mut watch = Watch { caller: self, settled: false };
        let answer = match timeout(self.limits.answer_within, self.send(url, question)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::TimedOut),
        };
        watch.settled = true;
        match &answer {
            Err(failure) if failure.is_trouble() => self.breaker().failed(now),
            _ => self.breaker().worked(),
        }
        answer
    }

    async fn send(&self, url: &Url, question: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, application/problem+json"));
        match &self.credential {
            Credential::Nothing => {}
            Credential::ApiKey(path) => {
                let key = secret(path).map_err(|_| Failure::NotAdmitted)?;
                headers.insert("x-api-key", sensitive(&key)?);
            }
            Credential::Token { .. } => {
                headers.insert(AUTHORIZATION, self.token().await?);
            }
        }
        let request =
            self.client.post(url.clone()).headers(headers).body(reqwest::Body::from(wiped_later(question)));
        let response = request.send().await.map_err(|error| failure(&error))?;
        let status = response.status();
        if status == StatusCode::OK {
            return body(response, ANSWER_BYTES_MAX).await;
        }
        if status == StatusCode::UNAUTHORIZED {
            // The next question gets a new one.
            *self.token.lock().await = None;
        }
        Err(refusal(response).await)
    }

    /// The token that we have, or a new one.
    async fn token(&self) -> Result<HeaderValue, Failure> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.until) {
            return Ok(token.header.clone());
        }
        let (Credential::Token { client_id, secret: path, scope, .. }, Some(url)) =
            (&self.credential, &self.token_url)
        else {
            return Err(Failure::NotAdmitted);
        };
        let key = secret(path).map_err(|_| Failure::NotAdmitted)?;
        let mut form = Zeroizing::new(String::with_capacity(1024 + 3 * key.len()));
        form.push_str("grant_type=client_credentials");
        for (name, value) in [
            ("client_id", Some(client_id.as_str())),
            ("client_secret", Some(key.as_str())),
            ("scope", scope.as_deref()),
        ] {
            let Some(value) = value else { continue };
            form.push('&');
            form.push_str(name);
            form.push('=');
            push_escaped(&mut form, value);
        }
        let asked = Instant::now();
        let form = Zeroizing::new(form.as_bytes().to_vec());
        let request = self
            .client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(reqwest::Body::from(wiped_later(form)));
        let response = request.send().await.map_err(|error| failure(&error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(Failure::NotAdmitted);
            }
            _ => return Err(refusal(response).await),
        }
        let answer = body(response, PROBLEM_BYTES_MAX).await?;
        let granted: Granted<'_> = serde_json::from_slice(&answer).map_err(|_| Failure::NotUnderstood)?;
        if !granted.token_type.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer")) {
            return Err(Failure::NotUnderstood);
        }
        let life = Duration::from_secs(granted.expires_in.unwrap_or(60)).min(TOKEN_LIFE_MAX);
        let header = sensitive(&Zeroizing::new(format!("Bearer {}", granted.access_token)))?;
        let until = asked + life.saturating_sub(TOKEN_RENEWED_BEFORE);
        *kept = Some(Token { header: header.clone(), until });
        Ok(header)
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question whose asker left says nothing about the BRP.
struct Watch<'a> {
    caller: &'a Caller,
    settled: bool,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.caller.breaker().dropped();
        }
    }
}

#[derive(Deserialize)]
struct Granted<'a> {
    access_token: &'a str,
    token_type: Option<&'a str>,
    expires_in: Option<u64>,
}

/// Never shown by the library, not even in a debugger's line.
fn sensitive(text: &Zeroizing<String>) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(text).map_err(|_| Failure::NotAdmitted)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The library keeps the bytes until they are sent, and then wipes them as we would.
fn wiped_later(bytes: Zeroizing<Vec<u8>>) -> bytes::Bytes {
    bytes::Bytes::from_owner(bytes)
}

/// What the library says of a failure may quote; what kind it is does not.
fn failure(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        Failure::TimedOut
    } else if error.is_connect() {
        Failure::Unreachable
    } else {
        Failure::Cut
    }
}

async fn refusal(response: Response) -> Failure {
    let status = response.status().as_u16();
    let after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let after = after.map(Duration::from_secs);
    // Half an account, or none, says less; the status stands.
    let account = body(response, PROBLEM_BYTES_MAX).await.unwrap_or_default();
    Failure::of(status, &account, after)
}

/// A body of bounded size, in one buffer that never moves and is wiped.
async fn body(mut response: Response, bytes_max: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > bytes_max) {
        return Err(Failure::TooLarge);
    }
    let mut whole = Zeroizing::new(Vec::with_capacity(announced.unwrap_or(bytes_max)));
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if whole.len() + chunk.len() > bytes_max => return Err(Failure::TooLarge),
            Ok(Some(chunk)) => whole.extend_from_slice(&chunk),
            Ok(None) => return Ok(whole),
            Err(error) => return Err(failure(&error)),
        }
    }
}

/// As a form writes it.
fn push_escaped(form: &mut String, value: &str) {
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                form.push(char::from(byte));
            }
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                form.push('%');
                for digit in [byte >> 4, byte & 15] {
                    form.push(DIGITS.get(usize::from(digit)).map_or('0', |digit| char::from(*digit)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_escapes_what_would_end_a_value() {
        let mut form = String::new();
        push_escaped(&mut form, "a b&c=é~");
        assert_eq!(form, "a%20b%26c%3D%C3%A9~");
    }
}
