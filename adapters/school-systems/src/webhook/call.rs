//! One call of the webhook, and what its answer means. Only the status of an answer is read.

use jiff::Timestamp;
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use tokio::time::timeout;

use super::{Event, Webhook};

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The receiver has it.
    Yes,
    /// Not now; it is tried again.
    NotNow(Why),
    /// The receiver refused it, and would again: somebody must put something right. It is tried again, rarely.
    Refused(u16),
    /// The receiver wants to hear no more of it (410).
    NoMore,
}

/// Why a receiver did not hear. It says nothing of what it answered but the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Nobody was there, or not the one whose certificate is believed.
    #[error("no connection that can be believed")]
    NoConnection,
    /// It took too long.
    #[error("no answer in time")]
    Silent,
    /// It hung up, or spoke no HTTP.
    #[error("hung up, or answered something that is no HTTP")]
    Cut,
    /// It asks to come back.
    #[error("answered {0}")]
    Answered(u16),
}

/// Calls one webhook.
pub struct Caller {
    webhook: Webhook,
}

impl Caller {
    /// Calls by these settings.
    pub const fn new(webhook: Webhook) -> Self {
        Self { webhook }
    }

    /// One call, within its time. A call whose answer got lost may have been heard.
    pub async fn call(&self, event: &Event) -> Heard {
        let body = event.to_json(&self.webhook.source);
        let Some(headers) = self.headers(event.id(), Timestamp::now().as_second(), &body) else {
            return Heard::NotNow(Why::Cut);
        };
        let request = self.webhook.client.post(self.webhook.url.clone()).headers(headers).body(body);
        match timeout(self.webhook.within, request.send()).await {
            Err(_) => Heard::NotNow(Why::Silent),
            Ok(Err(error)) if error.is_connect() => Heard::NotNow(Why::NoConnection),
            Ok(Err(error)) if error.is_timeout() => Heard::NotNow(Why::Silent),
            Ok(Err(_)) => Heard::NotNow(Why::Cut),
            // What else it says is not read: the connection ends here.
            Ok(Ok(response)) => meant(response.status()),
        }
    }

    fn headers(&self, id: &str, second: i64, body: &[u8]) -> Option<HeaderMap> {
        let signature = self.webhook.secrets.sign(id, second, body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/cloudevents+json; charset=utf-8"));
        headers.insert("webhook-id", HeaderValue::from_str(id).ok()?);
        headers.insert("webhook-timestamp", HeaderValue::from(second));
        headers.insert("webhook-signature", HeaderValue::from_str(&signature).ok()?);
        Some(headers)
    }
}

fn meant(status: StatusCode) -> Heard {
    let number = status.as_u16();
    match number {
        200..=299 => Heard::Yes,
        410 => Heard::NoMore,
        408 | 425 | 429 => Heard::NotNow(Why::Answered(number)),
        300..=499 => Heard::Refused(number),
        _ => Heard::NotNow(Why::Answered(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_means_one_thing_and_a_redirect_is_a_refusal() {
        let meant = |number: u16| meant(StatusCode::from_u16(number).unwrap());
        for number in [200, 201, 202, 204] {
            assert_eq!(meant(number), Heard::Yes, "{number}");
        }
        for number in [301, 302, 307, 308, 400, 401, 403, 404, 405, 413, 415, 422] {
            assert_eq!(meant(number), Heard::Refused(number), "{number}");
        }
        for number in [408, 425, 429, 500, 502, 503, 504, 599, 600] {
            assert_eq!(meant(number), Heard::NotNow(Why::Answered(number)), "{number}");
        }
        assert_eq!(meant(410), Heard::NoMore);
    }
}
