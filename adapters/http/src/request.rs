//! What was sent: within bounds of size and time, in one buffer that is wiped.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use http_body_util::BodyExt as _;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Why there is no whole body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoBody {
    /// It did not come in time, or broke off.
    #[error("the body did not come in time")]
    TooSlow,
    /// It is larger than it may be.
    #[error("the body is larger than it may be")]
    TooLarge,
}

/// The whole body, of so many bytes at most and within this time. Wiped when dropped.
pub async fn body(mut body: Body, bytes_max: usize, within: Duration) -> Result<Zeroizing<Vec<u8>>, NoBody> {
    let read = async {
        // Made once, so that no unwiped copy is left by a buffer that grew.
        let mut bytes = Zeroizing::new(Vec::with_capacity(bytes_max));
        while let Some(frame) = body.frame().await {
            // Whoever goes away hears nothing.
            let frame = frame.map_err(|_| NoBody::TooSlow)?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > bytes_max {
                return Err(NoBody::TooLarge);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    };
    timeout(within, read).await.unwrap_or(Err(NoBody::TooSlow))
}

/// What the content type says, in lower case; none where there is none, or where it says another encoding than UTF-8.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let said = headers.get(header::CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let mut parts = said.split(';').map(str::trim);
    let kind = parts.next()?.to_owned();
    let other = |part: &str| {
        let charset = part.strip_prefix("charset=").map(|charset| charset.trim_matches('"').to_owned());
        charset.is_some_and(|charset| charset != "utf-8")
    };
    (!parts.any(other)).then_some(kind)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const WITHIN: Duration = Duration::from_secs(8);

    #[tokio::test]
    async fn a_body_is_taken_up_to_its_bound_and_not_a_byte_further() {
        let read = async |bytes: &'static str| body(Body::from(bytes), 4, WITHIN).await;
        assert_eq!(read("1234").await.unwrap().as_slice(), b"1234");
        assert_eq!(read("12345").await.err(), Some(NoBody::TooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_given_up() {
        let read = body(Body::new(Endless), 4, WITHIN).await;
        assert_eq!(read.err(), Some(NoBody::TooSlow));
    }

    /// A sender that says nothing and does not go.
    struct Endless;

    impl hyper::body::Body for Endless {
        type Data = hyper::body::Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }

    #[test]
    fn a_content_type_is_understood_however_it_is_written_and_only_in_utf_8() {
        let kind = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(text));
            media_type(&headers)
        };
        for fine in
            ["application/json", "Application/JSON; charset=\"UTF-8\"", "application/json;charset=utf-8"]
        {
            assert_eq!(kind(fine).as_deref(), Some("application/json"), "{fine}");
        }
        assert_eq!(kind("application/json; charset=iso-8859-1"), None);
        assert_eq!(media_type(&HeaderMap::new()), None);
    }
}
