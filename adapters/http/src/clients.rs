//! Who is let in over HTTP: systems that hold a token. Here are only the hashes.

use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};

/// Most systems.
pub const CLIENTS_MAX: usize = 256;

/// A line of the file of tokens that cannot be used. It holds nothing of the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TokenError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: &'static str,
}

/// The systems that are let in.
#[derive(Clone)]
pub struct Clients(Vec<[u8; 32]>);

impl Clients {
    /// Reads the file of tokens: on each line a name for people and the SHA-256 of a token in hexadecimal; `#` begins a
    /// remark.
    pub fn read(text: &str) -> Result<Self, TokenError> {
        let mut hashes = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let refuse = |problem| Err(TokenError { line: at + 1, problem });
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let (name, hash, rest) = (words.next(), words.next(), words.next());
            match (name, hash, rest) {
                (None, ..) => {}
                (Some(_), Some(hash), None) => match bytes(hash) {
                    Some(hash) if !hashes.contains(&hash) => hashes.push(hash),
                    Some(_) => return refuse("this token stands there twice"),
                    None => return refuse("is not a name and a SHA-256 of 64 hexadecimal digits"),
                },
                _ => return refuse("is not a name and a SHA-256 of 64 hexadecimal digits"),
            }
            if hashes.len() > CLIENTS_MAX {
                return refuse("is one system too many");
            }
        }
        if hashes.is_empty() {
            return Err(TokenError { line: 1, problem: "nobody has a token, so nobody could ask" });
        }
        Ok(Self(hashes))
    }

    /// Whether somebody has this token. Every hash is compared, so that time tells nothing.
    pub fn know(&self, token: &[u8]) -> bool {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let found = self.0.iter().fold(0_usize, |found, one| {
            let differs = one.iter().zip(&hash).fold(0, |differs, (a, b)| differs | (a ^ b));
            found + usize::from(differs == 0)
        });
        found > 0
    }
}

/// Who is let in. Without clients nobody is asked for a token: then every connection must have shown a certificate.
#[derive(Clone)]
pub struct Gate(Option<Clients>);

impl Gate {
    /// Lets in these; or, where there are none, everybody who came so far.
    pub const fn of(clients: Option<Clients>) -> Self {
        Self(clients)
    }

    /// Whether a request with these headers is let in.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(clients) = &self.0 else { return true };
        let said = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        match said.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => {
                clients.know(token.trim_ascii())
            }
            _ => false,
        }
    }
}

fn bytes(hex: &str) -> Option<[u8; 32]> {
    let mut found = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in found.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the token `secret`.
    const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    #[test]
    fn only_who_holds_a_token_is_known() {
        let Ok(clients) = Clients::read(&format!("# who\nbvh {HASH} # since 2026\n\n")) else {
            panic!("refused")
        };
        assert!(clients.know(b"secret"));
        assert!(!clients.know(b"secret ") && !clients.know(b"") && !clients.know(HASH.as_bytes()));
    }

    #[test]
    fn a_gate_wants_a_bearer_token_where_anybody_has_one() {
        let gate = Gate::of(Clients::read(&format!("bvh {HASH}")).ok());
        let admits = |said: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(said));
            gate.admits(&headers)
        };
        assert!(admits("Bearer secret") && admits("bearer  secret "));
        for wrong in ["", "secret", "Basic secret", "Bearer", "Bearer Secret", "Bearersecret"] {
            assert!(!admits(wrong), "{wrong}");
        }
        assert!(!gate.admits(&HeaderMap::new()) && Gate::of(None).admits(&HeaderMap::new()));
    }

    #[test]
    fn a_line_that_is_none_is_named_and_not_shown() {
        let said = |text: &str| Clients::read(text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said("").contains("nobody has a token"));
        assert!(said(&format!("a {HASH}\nb {HASH}")).starts_with("line 2: this token stands there twice"));
        for broken in ["bvh", "bvh secret", &format!("bvh {HASH} more"), &format!("bvh {}zz", &HASH[2..])] {
            let said = said(broken);
            assert!(said.starts_with("line 1: is not a name") && !said.contains("secret"), "{said}");
        }
    }
}
