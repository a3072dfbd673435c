//! Cookies: two, both of them secrets that nothing can be read from. `__Host-` has the browser refuse them from any other host, from a
//! path and without TLS.

use axum::http::{HeaderMap, HeaderValue, header};

/// The cookie of whoever is logged in.
pub const SESSION: &str = "__Host-hwc";
/// The cookie of a browser that is not logged in: a code that was mailed is good in this browser only.
pub const VISIT: &str = "__Host-hwc-visit";
/// The language that somebody chose: no secret.
pub const LANGUAGE: &str = "__Host-hwc-language";

/// Bytes of a value that is looked at, at most.
const VALUE_BYTES_MAX: usize = 128;

/// The value of a cookie in a request. A name that comes twice is nobody's.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = all.flat_map(|value| value.split(';')).filter_map(|pair| {
        let (said, value) = pair.split_once('=')?;
        (said.trim() == name).then(|| value.trim())
    });
    let value = values.next().filter(|value| !value.is_empty() && value.len() <= VALUE_BYTES_MAX)?;
    values.next().is_none().then_some(value)
}

/// Has the browser keep a cookie until it is closed.
pub fn kept(name: &str, value: &str) -> Option<HeaderValue> {
    secret(&format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict"))
}

/// Has the browser keep a choice that is no secret, for a year.
pub fn chosen(name: &str, value: &str) -> Option<HeaderValue> {
    let year = 365 * 24 * 60 * 60;
    HeaderValue::from_str(&format!(
        "{name}={value}; Path=/; Max-Age={year}; Secure; HttpOnly; SameSite=Strict"
    ))
    .ok()
}

/// Has the browser forget one.
pub fn gone(name: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{name}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict")).ok()
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_once_or_not_at_all() {
        let headers = |all: &[&str]| {
            let mut headers = HeaderMap::new();
            for one in all {
                headers.append(header::COOKIE, HeaderValue::from_str(one).unwrap());
            }
            headers
        };
        let found = |all: &[&str]| cookie(&headers(all), SESSION).map(str::to_owned);
        assert_eq!(found(&["a=b; __Host-hwc=x; c=d"]).as_deref(), Some("x"));
        assert_eq!(found(&["a=b", "__Host-hwc=x"]).as_deref(), Some("x"));
        for none in [&["__Host-hwc="][..], &["__Host-hwc=x; __Host-hwc=y"], &["x__Host-hwc=x"], &[]] {
            assert_eq!(found(none), None, "{none:?}");
        }
        assert_eq!(found(&[&format!("__Host-hwc={}", "a".repeat(200))]), None);
    }

    #[test]
    fn what_a_browser_keeps_is_out_of_reach_of_scripts_and_other_sites() {
        for set in [kept(SESSION, "x"), gone(SESSION), chosen(LANGUAGE, "nl")] {
            let set = set.unwrap().to_str().unwrap().to_owned();
            for must in ["__Host-", "Path=/;", "Secure", "HttpOnly", "SameSite=Strict"] {
                assert!(set.contains(must), "{set}");
            }
            assert!(!set.contains("Domain"));
        }
    }
}
