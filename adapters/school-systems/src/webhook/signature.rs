//! The signature of the Standard Webhooks convention: HMAC-SHA-256 over id, moment and body, by a secret that both ends hold.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Fewest and most random bytes of a secret, as the convention has them.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Most secrets at once: the new one, and the old one until the receiver knows the new.
const SECRETS_MAX: usize = 2;

/// A file of secrets that cannot be used. It holds nothing of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SecretsError(&'static str);

/// The secrets of one webhook. They are wiped when dropped, and not printed.
pub struct Secrets(Vec<Zeroizing<Vec<u8>>>);

impl Secrets {
    /// Reads a secret from each line: `whsec_`, and 24 to 64 random bytes in base64. Two while one takes over from the other;
    /// then everything is signed by both.
    pub fn read(text: &str) -> Result<Self, SecretsError> {
        let mut secrets = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let Some(written) = line.strip_prefix(PREFIX) else {
                return Err(SecretsError("a line does not begin with whsec_"));
            };
            let bytes = STANDARD.decode(written).map(Zeroizing::new);
            let bytes = bytes.map_err(|_| SecretsError("a line is not whsec_ and base64"))?;
            if !SECRET_BYTES.contains(&bytes.len()) {
                return Err(SecretsError("a secret must be 24 to 64 random bytes"));
            }
            secrets.push(bytes);
        }
        match secrets.len() {
            0 => Err(SecretsError("it holds no secret")),
            1..=SECRETS_MAX => Ok(Self(secrets)),
            _ => Err(SecretsError("it holds more than two secrets")),
        }
    }

    /// The header `webhook-signature`: one signature for each secret, with a space between.
    pub(crate) fn sign(&self, id: &str, second: i64, body: &[u8]) -> String {
        let mut signatures = Vec::new();
        for secret in &self.0 {
            // HMAC takes a key of any length.
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { continue };
            mac.update(format!("{id}.{second}.").as_bytes());
            mac.update(body);
            signatures.push(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
        }
        signatures.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

    #[test]
    fn the_published_example_of_the_convention_is_signed_as_it_says() {
        let secrets = Secrets::read(PUBLISHED).unwrap_or_else(|error| panic!("{error}"));
        let said = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(said, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_secret_is_changed_both_sign() {
        let both =
            Secrets::read(&format!("{OTHER}\n{PUBLISHED}\n")).unwrap_or_else(|error| panic!("{error}"));
        let said = both.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        let (new, old) = said.split_once(' ').unwrap_or_else(|| panic!("{said}"));
        assert_eq!(old, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(new.starts_with("v1,") && new != old);
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_shown() {
        let three = format!("{OTHER}\n{PUBLISHED}\n{OTHER}");
        for bad in ["", "\n\n", "geheim", "whsec_geheim!", "whsec_Z2VoZWlt", &three] {
            let said = Secrets::read(bad).err().map(|error| error.to_string());
            let said = said.unwrap_or_else(|| panic!("{bad} was taken"));
            assert!(!said.contains("geheim") && !said.contains("Z2VoZWlt"), "{said}");
        }
    }
}
