//! Keys that an organisation leaves with the engine: signed by it, and believed for that signature alone.

use hwc_schemas::{
    KeyId, Organisation,
    key::{Digits, KeyKind, SignedKey},
};
use jiff::civil::Date;

use crate::{PublicKey, SealingKey, signature};

const LABEL: &[u8] = b"hwc-key-1";

/// A weekly key older than this many days is not sealed to.
pub const WEEKLY_DAYS_MAX: i32 = 56;

/// A key that surely is an organisation's own. There is no other way to one than its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BelievedKey {
    id: KeyId,
    kind: KeyKind,
    key: PublicKey,
}

/// A key that its organisation did not sign so: somebody put it in its place, or altered it. Matters to the operator of the
/// relay; nothing was sealed to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the relay handed out a key that {0} did not sign: it is not sealed to. Tell the operator; the relay or somebody on the \
     way puts keys of others in the place of theirs"
)]
pub struct NotTheirs(pub Organisation);

impl SealingKey {
    /// Signs a key that this organisation leaves with the engine.
    pub fn sign(&self, organisation: &Organisation, id: KeyId, kind: KeyKind, key: PublicKey) -> SignedKey {
        let signature = signature::sign(self, &text(organisation, id, kind, &key));
        SignedKey { id, kind, key: Digits(*key.as_bytes()), signature: Digits(signature) }
    }
}

impl BelievedKey {
    /// Believes a key that this organisation signed with one of these, its believed sealing keys.
    pub fn of(
        signed: &SignedKey,
        organisation: &Organisation,
        signers: &[PublicKey],
    ) -> Result<Self, NotTheirs> {
        let SignedKey { id, kind, key, signature } = signed;
        let key = PublicKey::from_bytes(key.0);
        let text = text(organisation, *id, *kind, &key);
        let is_theirs = signers.iter().any(|signer| signature::is_signed(signer, &text, &signature.0));
        if is_theirs { Ok(Self { id: *id, kind: *kind, key }) } else { Err(NotTheirs(organisation.clone())) }
    }

    /// Its name.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// What it may be used for.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether it may be sealed to on this day: a weekly key gets too old. A day ahead is a clock that goes wrong.
    pub fn is_fresh_on(&self, today: Date) -> bool {
        let KeyKind::Weekly { made } = self.kind else { return true };
        made.until(today).is_ok_and(|age| (-1..=WEEKLY_DAYS_MAX).contains(&age.get_days()))
    }
}

/// What is signed. Each field comes after its own length, so no two keys give the same bytes.
fn text(organisation: &Organisation, id: KeyId, kind: KeyKind, key: &PublicKey) -> Vec<u8> {
    let organisation = organisation.to_string();
    let (kind, made) = match kind {
        KeyKind::OneTime => ("one_time", String::new()),
        KeyKind::Weekly { made } => ("weekly", made.to_string()),
    };
    let fields: [&[u8]; 6] =
        [LABEL, organisation.as_bytes(), kind.as_bytes(), made.as_bytes(), id.as_bytes(), key.as_bytes()];
    crate::seal::each_after_its_length(&fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsChance;
    use jiff::civil::date;

    fn school() -> Organisation {
        "school-01AA00".parse().unwrap()
    }

    fn id(number: u128) -> KeyId {
        KeyId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn pair() -> SealingKey {
        SealingKey::generate(&mut OsChance).ok().unwrap()
    }

    #[test]
    fn with_anything_of_it_changed_it_is_not_theirs() {
        let (own, one) = (pair(), pair());
        let signers = [own.public_key()];
        let weekly = KeyKind::Weekly { made: date(2026, 11, 22) };
        for kind in [KeyKind::OneTime, weekly] {
            let signed = own.sign(&school(), id(1), kind, one.public_key());
            let believed = BelievedKey::of(&signed, &school(), &signers).unwrap();
            assert_eq!((believed.id(), believed.kind(), *believed.key()), (id(1), kind, one.public_key()));
            let other_kind = match kind {
                KeyKind::OneTime => weekly,
                KeyKind::Weekly { .. } => KeyKind::Weekly { made: date(2026, 11, 29) },
            };
            let changes = [
                SignedKey { id: id(2), ..signed },
                SignedKey { kind: other_kind, ..signed },
                SignedKey { key: Digits(*pair().public_key().as_bytes()), ..signed },
                SignedKey { signature: Digits([0; 64]), ..signed },
                pair().sign(&school(), id(1), kind, one.public_key()),
            ];
            for changed in changes {
                assert_eq!(BelievedKey::of(&changed, &school(), &signers), Err(NotTheirs(school())));
            }
            let elsewhere = "school-01AA01".parse().unwrap();
            assert!(BelievedKey::of(&signed, &elsewhere, &signers).is_err());
            assert!(BelievedKey::of(&signed, &school(), &[]).is_err());
            // Whoever changed its sealing key signed with the one before.
            assert!(BelievedKey::of(&signed, &school(), &[pair().public_key(), own.public_key()]).is_ok());
        }
    }

    #[test]
    fn a_weekly_key_gets_too_old_and_a_one_time_key_does_not() {
        let (own, today) = (pair(), date(2026, 11, 22));
        let fresh = |kind| {
            let signed = own.sign(&school(), id(1), kind, own.public_key());
            BelievedKey::of(&signed, &school(), &[own.public_key()]).unwrap().is_fresh_on(today)
        };
        let made = |made| KeyKind::Weekly { made };
        assert!(fresh(KeyKind::OneTime) && fresh(made(today)) && fresh(made(date(2026, 11, 23))));
        assert!(fresh(made(date(2026, 9, 27))) && !fresh(made(date(2026, 9, 26))));
        assert!(!fresh(made(date(2026, 11, 24))) && !fresh(made(Date::MIN)) && !fresh(made(Date::MAX)));
    }
}
