//! From a report's reference to an incident's id, one way and with a secret: the same reference always gives the same id
//! (R9), and nobody without the key can guess a reference from an id or an id from a reference.

use hmac::{Hmac, KeyInit, Mac};
use hwc_schemas::IncidentId;
use sha2::Sha256;
use zeroize::Zeroizing;

/// The sender's own secret. It never leaves the sender.
pub struct ReferenceKey(Zeroizing<[u8; 32]>);

impl ReferenceKey {
    /// Takes 32 random bytes.
    pub const fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The incident that a reference stands for.
    pub fn incident(&self, reference: &str) -> IncidentId {
        self.incident_of(None, reference)
    }

    /// The same where the police have several systems: which of them made the reference counts too (R9), so that two that
    /// number alike share nothing.
    pub fn incident_of(&self, sender: Option<&str>, reference: &str) -> IncidentId {
        let mut bytes = [0_u8; 16];
        // HMAC takes a key of any length.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.0) {
            if let Some(sender) = sender {
                mac.update(b"hwc-incident-2");
                mac.update(&(sender.len() as u64).to_be_bytes());
                mac.update(sender.as_bytes());
            } else {
                mac.update(b"hwc-incident-1");
            }
            mac.update(reference.as_bytes());
            bytes.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        }
        IncidentId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> ReferenceKey {
        ReferenceKey::new(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn the_same_reference_is_the_same_incident_and_another_sender_shares_none() {
        assert_eq!(key(1).incident("P-1"), key(1).incident("P-1"));
        assert_ne!(key(1).incident("P-1"), key(1).incident("P-2"));
        assert_ne!(key(1).incident("P-1"), key(2).incident("P-1"));
    }

    #[test]
    fn two_systems_that_number_alike_share_no_incident() {
        let of = |sender, reference| key(1).incident_of(sender, reference);
        assert_eq!(of(Some("a"), "P-1"), of(Some("a"), "P-1"));
        assert_ne!(of(Some("a"), "P-1"), of(Some("b"), "P-1"));
        assert_ne!(of(Some("a"), "P-1"), of(None, "P-1"));
        assert_ne!(of(Some("a"), "P-1"), of(Some("aP"), "-1"));
    }
}
