//! Answers, and the headers that every answer has.

use askama::Template;
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
    middleware::Next,
};
use bytes::Bytes;
use zeroize::Zeroizing;

/// Nothing but our own style and icon is fetched, nothing is run, nobody frames us, and forms go to us alone.
pub const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                       frame-ancestors 'none'";

/// The same for a page that our own script improves, which asks us alone.
pub const CSP_WITH_SCRIPT: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; \
                                   form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of every answer. `same-origin` and not `no-referrer`: with the latter a browser hides where a form came from, which
/// is looked at.
const ALWAYS: [(HeaderName, &str); 8] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), clipboard-read=(), display-capture=(), payment=(), usb=()",
    ),
];

/// Puts the headers on every answer; one that says nothing about being kept is kept by nobody.
pub async fn secured(request: Request, next: Next) -> Response<Body> {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    }
    response
}

/// A page.
pub fn page(status: StatusCode, page: &impl Template) -> Response<Body> {
    page.render().map_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR), |text| html(status, text))
}

/// Room for a page with a name on it, so that it never moves and leaves a copy that is not wiped.
const WIPED_PAGE_BYTES: usize = 64 * 1024;

/// A page with a name on it: it is written into one place in memory, which is wiped when it was sent.
pub fn wiped_page(status: StatusCode, page: &impl Template) -> Response<Body> {
    wiped_page_of(status, page, WIPED_PAGE_BYTES)
}

/// The same, of a page that needs so much room at most.
pub fn wiped_page_of(status: StatusCode, page: &impl Template, bytes_max: usize) -> Response<Body> {
    struct Wiped(Zeroizing<Vec<u8>>);
    impl AsRef<[u8]> for Wiped {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let mut text = Zeroizing::new(String::with_capacity(bytes_max));
    if page.render_into(&mut *text).is_err() {
        return plain(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let bytes = Zeroizing::new(std::mem::take(&mut *text).into_bytes());
    html(status, Bytes::from_owner(Wiped(bytes)))
}

fn html(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// Lets our own script run on this page; everything on it can be done without.
pub fn scripted(mut response: Response<Body>) -> Response<Body> {
    let csp = HeaderValue::from_static(CSP_WITH_SCRIPT);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, csp);
    response
}

/// A file of our own, which may be kept for ever: what changes has another path.
pub fn file(kind: &'static str, body: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    response
}

/// Go there, by GET. The path says nothing.
pub fn see(path: &'static str) -> Response<Body> {
    let mut response = plain(StatusCode::SEE_OTHER);
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(path));
    response
}

/// No body.
pub fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Adds a cookie.
pub fn with_cookie(mut response: Response<Body>, cookie: Option<HeaderValue>) -> Response<Body> {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Has the browser throw away every page of ours that it still has, those that one goes back to among them.
pub fn clearing(mut response: Response<Body>) -> Response<Body> {
    response
        .headers_mut()
        .insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\""));
    response
}
