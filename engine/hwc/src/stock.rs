//! The keys that organisations left: what is handed out, what is used up, and what something is sealed to.
//!
//! A key is out of the stock, on the broker too, before the seal that was made to it is stored; so no two seals are made to
//! one, whatever was handed out to whom. A crash in between costs a key and nothing else.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hwc_jetstream::{Fault, KeyStock, SealedStore};
use hwc_journal::Location;
use hwc_relay::{Input, Relay, Trouble};
use hwc_schemas::{
    IncidentId, KeyId, Organisation, PayloadId, Role,
    ask::{Told, one_time_keys_max},
    key::{KeyKind, SignedKey},
    wire::{Refusal, Sealed},
};
use hwc_telemetry::{EngineMetrics, SealedTo};
use hwc_vault::sealed_to;
use sha2::{Digest as _, Sha256};

/// For how long a key that was taken counts as one that something is sealed to, whether an event points to it yet or not: far
/// longer than an append can be under way.
const TAKEN_FOR: Duration = Duration::from_mins(30);
/// For how long the very ciphertext that a key was taken for may be stored once more.
const SAME_AGAIN_FOR: Duration = Duration::from_mins(10);
/// How long a question may have waited and still put keys in. Whoever left them heard nothing of it, and forgets them.
const PUT_WITHIN: Duration = Duration::from_mins(2);
/// For how long it holds what was seen of everything that lies in the store.
const LOOKED_AT_FOR: Duration = Duration::from_secs(30);
/// Ciphertexts whose heads are read for one question after a start, at most.
const HEADS_MAX: usize = 512;

/// The stock. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Stock {
    broker: KeyStock,
    known: Arc<Mutex<Known>>,
    looking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Known {
    of: BTreeMap<Organisation, Left>,
    taken: HashMap<KeyId, Taken>,
    /// Ciphertexts that are about to be stored and are sealed to a weekly key, which stays in the stock, or is replaced meanwhile.
    on_their_way: HashMap<PayloadId, (KeyId, Instant)>,
    /// What the ciphertexts that are stored are sealed to, as far as we have seen them.
    sealed_to: HashMap<PayloadId, Option<KeyId>>,
    /// None if it is not known.
    living: Option<Living>,
}

/// The keys that something was sealed to when it was looked. What came since is among those taken.
struct Living {
    at: Instant,
    keys: HashSet<KeyId>,
}

/// Where every ciphertext lies that a log points to.
pub(crate) enum Places {
    /// It was looked at a moment ago.
    JustSeen,
    /// There; none if the log of some incident cannot be read.
    Of(Option<Vec<(PayloadId, Location)>>),
}

/// What an organisation left.
#[derive(Default)]
struct Left {
    one_time: VecDeque<SignedKey>,
    /// The newest.
    weekly: Option<SignedKey>,
}

/// A key that was taken out.
struct Taken {
    /// For which ciphertext.
    digest: [u8; 32],
    at: Instant,
    how: How,
    /// Whether its ciphertext ended: then nothing is on its way any more.
    ended: bool,
}

/// What the broker said of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// It was not asked yet.
    Unasked,
    /// It was asked, and did not answer: if the key is gone it was we who took it, for nobody else's seal counts any more.
    Doubtful,
    /// It is ours.
    Surely,
    /// Another engine took it.
    Elsewhere,
}

/// Why a ciphertext is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NotTaken {
    Used,
    Trouble,
}

impl Stock {
    /// What the broker holds.
    pub(crate) fn of(broker: KeyStock, found: Vec<(Organisation, SignedKey)>) -> Self {
        let mut known = Known::default();
        for (organisation, key) in found {
            known.of.entry(organisation).or_default().add(key);
        }
        Self { broker, known: Arc::new(Mutex::new(known)), looking: Arc::default() }
    }

    /// Stores ciphertexts, each sealed to a key that nobody used before.
    pub(crate) async fn store(
        &self,
        store: &SealedStore,
        incident: IncidentId,
        (payloads, receivers): (Vec<(PayloadId, Sealed)>, Vec<Organisation>),
        left: Duration,
        metrics: &EngineMetrics,
    ) -> Input {
        let kinds = match self.take(&payloads, &receivers).await {
            Ok(kinds) => kinds,
            Err(NotTaken::Used) => return Input::KeyUsed { incident },
            Err(NotTaken::Trouble) => return Input::Stored { incident, places: Err(Trouble) },
        };
        let heads: Vec<_> = payloads.iter().map(|(id, sealed)| (*id, sealed_to(sealed).flatten())).collect();
        let places = store.store(payloads, left).await.map_err(|error| {
            tracing::warn!(%error, "the broker did not store it; trying again");
            Trouble
        });
        if places.is_ok() {
            self.lock().sealed_to.extend(heads);
            for (receiver, kind) in receivers.iter().zip(kinds) {
                metrics.sealed(receiver.role(), kind);
            }
        }
        Input::Stored { incident, places }
    }

    /// A ciphertext is being erased: its key is needed for nothing more.
    pub(crate) fn ended(&self, payload: PayloadId) {
        self.lock().ended(payload);
    }

    /// A key of an organisation for whoever seals to it next. The one that was handed out longest ago comes first, so that two
    /// senders seldom have the same.
    pub(crate) fn key_of(&self, asker: &Organisation, organisation: &Organisation) -> Told {
        if asker.role().seals_to() != Some(organisation.role()) {
            return Told::Refused { refusal: Refusal::NotYours };
        }
        let mut known = self.lock();
        let Some(left) = known.of.get_mut(organisation) else {
            return Told::KeyOf { one_time: None, weekly: None };
        };
        let one_time = left.one_time.pop_front();
        left.one_time.extend(one_time);
        Told::KeyOf { one_time, weekly: left.weekly }
    }

    /// Puts in what an organisation leaves, as far as there is room.
    pub(crate) async fn leave(&self, from: &Organisation, keys: Vec<SignedKey>, asked_at: Instant) -> Told {
        if from.role() == Role::Police {
            return Told::Refused { refusal: Refusal::NotYours };
        }
        for key in keys {
            if !self.lock().wants(from, &key) {
                continue;
            }
            if asked_at.elapsed() > PUT_WITHIN {
                return Told::TryLater;
            }
            match self.broker.put(from, &key).await {
                // Unknown is as good as there: what is handed out in vain is refused, what is there unseen would not be.
                Ok(()) | Err(Fault::NoAnswer) => {
                    let replaced = self.lock().of.entry(from.clone()).or_default().add(key);
                    if let Some(replaced) = replaced
                        && let Err(error) = self.broker.take(from, replaced).await
                    {
                        tracing::warn!(%error, "a weekly key that was replaced is handed out no more, and still lies there");
                    }
                }
                Err(error) => {
                    tracing::warn!(%from, %error, "a key was not put into the stock");
                    return Told::TryLater;
                }
            }
        }
        Told::Done
    }

    /// Hands these out no more.
    pub(crate) async fn withdraw(&self, from: &Organisation, keys: Vec<KeyId>) -> Told {
        for key in keys {
            self.lock().drop_from_stock(from, key);
            if let Err(error) = self.broker.take(from, key).await {
                tracing::warn!(%from, %error, "a key was not taken out of the stock");
                return Told::TryLater;
            }
        }
        Told::Done
    }

    /// Where everything lies, unless that was looked at a moment ago.
    pub(crate) fn look(&self, relay: &Relay) -> Places {
        if self.lock().has_just_seen() { Places::JustSeen } else { Places::Of(relay.places()) }
    }

    /// What an organisation's keys are needed for.
    pub(crate) async fn keys(
        &self,
        from: &Organisation,
        mine: Vec<KeyId>,
        places: Places,
        store: &SealedStore,
    ) -> Told {
        if let Places::Of(places) = places {
            // One looks, and the others wait and have it seen.
            let _looking = self.looking.lock().await;
            if !self.lock().has_just_seen() {
                match places {
                    Some(places) if self.see(&places, store).await => self.lock().look_at(&places),
                    _ => self.lock().living = None,
                }
            }
        }
        let known = self.lock();
        let living = known.living.as_ref().map(|living| {
            let lives = |key: &KeyId| living.keys.contains(key) || known.was_taken_lately(*key);
            mine.into_iter().filter(lives).collect()
        });
        Told::Keys { stock: known.of.get(from).map(Left::ids).unwrap_or_default(), living }
    }

    /// Reads what these are sealed to, where nobody has seen it. Whether all of it is known now.
    async fn see(&self, places: &[(PayloadId, Location)], store: &SealedStore) -> bool {
        let unseen: Vec<_> = {
            let known = self.lock();
            let unseen = places.iter().filter(|(payload, _)| !known.sealed_to.contains_key(payload));
            unseen.copied().collect()
        };
        for (payload, location) in unseen.iter().take(HEADS_MAX) {
            match store.fetch(*payload, *location).await {
                Ok(sealed) => {
                    let key = sealed.as_ref().and_then(sealed_to).flatten();
                    self.lock().sealed_to.insert(*payload, key);
                }
                Err(error) => {
                    tracing::warn!(%error, "it is not known what a ciphertext is sealed to");
                    return false;
                }
            }
        }
        unseen.len() <= HEADS_MAX
    }

    /// How low the stocks are.
    pub(crate) fn count(&self, metrics: &EngineMetrics) {
        let mut lowest: Vec<(Role, usize)> = Vec::new();
        for (organisation, left) in &self.lock().of {
            let (role, keys) = (organisation.role(), left.one_time.len());
            match lowest.iter_mut().find(|(known, _)| *known == role) {
                Some((_, least)) => *least = keys.min(*least),
                None => lowest.push((role, keys)),
            }
        }
        for (role, keys) in lowest {
            metrics.keys_lowest(role, keys);
        }
    }

    /// Takes the keys of these ciphertexts out of the stock: all of them or, if one is not there, none.
    async fn take(
        &self,
        payloads: &[(PayloadId, Sealed)],
        receivers: &[Organisation],
    ) -> Result<Vec<SealedTo>, NotTaken> {
        let (kinds, claimed) = self.lock().claim(payloads, receivers).ok_or(NotTaken::Used)?;
        for (receiver, key) in claimed {
            match self.broker.take(receiver, key).await {
                Ok(was_there) => {
                    if !self.lock().settle(key, was_there) {
                        return Err(NotTaken::Used);
                    }
                }
                Err(error) => {
                    self.lock().doubt(key);
                    tracing::warn!(%error, "a key was not taken out of the stock; trying again");
                    return Err(NotTaken::Trouble);
                }
            }
        }
        Ok(kinds)
    }

    /// On the broker alone, as an engine does that dies before it wrote anything.
    #[cfg(test)]
    pub(crate) async fn take_unseen(&self, organisation: &Organisation, key: KeyId) {
        assert_eq!(self.broker.take(organisation, key).await, Ok(true));
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kinds of the keys that ciphertexts are sealed to, and which keys the broker is still to be asked for.
type Claim<'a> = (Vec<SealedTo>, Vec<(&'a Organisation, KeyId)>);

impl Known {
    /// Sets aside the keys of these ciphertexts: all of them, or none and nothing is changed.
    fn claim<'a>(
        &mut self,
        payloads: &[(PayloadId, Sealed)],
        receivers: &'a [Organisation],
    ) -> Option<Claim<'a>> {
        self.taken.retain(|_, taken| taken.at.elapsed() < TAKEN_FOR);
        self.on_their_way.retain(|_, (_, since)| since.elapsed() < TAKEN_FOR);
        let (mut kinds, mut wanted, mut weekly) = (Vec::new(), HashMap::new(), Vec::new());
        for ((payload, sealed), receiver) in payloads.iter().zip(receivers) {
            let Some(key) = sealed_to(sealed).flatten() else {
                kinds.push(SealedTo::LongTerm);
                continue;
            };
            let digest = Sha256::digest(sealed.as_bytes()).into();
            let kind = self.kind_of(receiver, key, &digest)?;
            kinds.push(kind);
            if kind == SealedTo::Weekly {
                weekly.push((*payload, (key, Instant::now())));
            }
            if kind == SealedTo::OneTime && wanted.insert(key, (receiver, digest)).is_some() {
                return None;
            }
        }
        self.on_their_way.extend(weekly);
        let mut claimed = Vec::new();
        for (key, (receiver, digest)) in wanted {
            self.drop_from_stock(receiver, key);
            let taken = self.taken.entry(key);
            let taken = taken.or_insert_with(|| Taken {
                digest,
                at: Instant::now(),
                how: How::Unasked,
                ended: false,
            });
            if taken.how != How::Surely {
                claimed.push((receiver, key));
            }
        }
        Some((kinds, claimed))
    }

    /// What kind of key a seal to this receiver uses, if it may use it: one in the stock, or one that was taken for this very
    /// ciphertext a moment ago.
    fn kind_of(&self, receiver: &Organisation, key: KeyId, digest: &[u8; 32]) -> Option<SealedTo> {
        if let Some(taken) = self.taken.get(&key) {
            let same = taken.digest == *digest && taken.how != How::Elsewhere;
            return (same && taken.at.elapsed() < SAME_AGAIN_FOR).then_some(SealedTo::OneTime);
        }
        let left = self.of.get(receiver)?;
        if left.weekly.is_some_and(|weekly| weekly.id == key) {
            return Some(SealedTo::Weekly);
        }
        left.one_time.iter().any(|one| one.id == key).then_some(SealedTo::OneTime)
    }

    fn ended(&mut self, payload: PayloadId) {
        self.on_their_way.remove(&payload);
        let Some(Some(key)) = self.sealed_to.remove(&payload) else { return };
        // Not a weekly key, which something else may be sealed to.
        if let Some(taken) = self.taken.get_mut(&key) {
            taken.ended = true;
            if let Some(living) = &mut self.living {
                living.keys.remove(&key);
            }
        }
    }

    /// Everything that a log points to lies there, and was seen.
    fn look_at(&mut self, places: &[(PayloadId, Location)]) {
        let before = std::mem::take(&mut self.sealed_to);
        let held = places.iter().filter_map(|(payload, _)| Some((*payload, *before.get(payload)?)));
        self.sealed_to = held.collect();
        let keys = self.sealed_to.values().flatten().copied().collect();
        self.living = Some(Living { at: Instant::now(), keys });
    }

    fn has_just_seen(&self) -> bool {
        self.living.as_ref().is_some_and(|living| living.at.elapsed() < LOOKED_AT_FOR)
    }

    /// Whether something may be sealed to it that no log points to yet.
    fn was_taken_lately(&self, key: KeyId) -> bool {
        let lately = |since: &Instant| since.elapsed() < TAKEN_FOR;
        self.taken.get(&key).is_some_and(|taken| !taken.ended && lately(&taken.at))
            || self.on_their_way.values().any(|(one, since)| *one == key && lately(since))
    }

    /// The broker answered. Whether the key is ours.
    fn settle(&mut self, key: KeyId, was_there: bool) -> bool {
        let Some(taken) = self.taken.get_mut(&key) else { return false };
        let ours = was_there || matches!(taken.how, How::Doubtful | How::Surely);
        taken.how = if ours { How::Surely } else { How::Elsewhere };
        ours
    }

    /// The broker did not answer.
    fn doubt(&mut self, key: KeyId) {
        if let Some(taken) = self.taken.get_mut(&key) {
            taken.how = How::Doubtful;
        }
    }

    fn drop_from_stock(&mut self, organisation: &Organisation, key: KeyId) {
        if let Some(left) = self.of.get_mut(organisation) {
            left.one_time.retain(|one| one.id != key);
            left.weekly = left.weekly.filter(|weekly| weekly.id != key);
        }
    }

    /// Whether there is room for a key, and it is new.
    fn wants(&self, organisation: &Organisation, key: &SignedKey) -> bool {
        let keys_max = one_time_keys_max(organisation.role());
        let left = self.of.get(organisation);
        let is_there = left.is_some_and(|left| left.ids().contains(&key.id));
        let room = !key.kind.is_for_one_seal() || left.is_none_or(|left| left.one_time.len() < keys_max);
        room && !is_there && !self.taken.contains_key(&key.id)
    }
}

impl Left {
    /// Gives the weekly key that this one is in the place of.
    fn add(&mut self, key: SignedKey) -> Option<KeyId> {
        match key.kind {
            KeyKind::OneTime => {
                self.one_time.push_back(key);
                None
            }
            KeyKind::Weekly { .. } => self.weekly.replace(key).map(|before| before.id),
        }
    }

    fn ids(&self) -> Vec<KeyId> {
        self.one_time.iter().chain(&self.weekly).map(|key| key.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::key::Digits;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_weekly_key_that_is_replaced_lives_as_long_as_what_is_sealed_to_it_is_on_its_way() {
        let week = |number: u128, made: &str| {
            let (id, kind) =
                (KeyId::from_uuid(Uuid::from_u128(number)), KeyKind::Weekly { made: made.parse().unwrap() });
            SignedKey { id, kind, key: Digits([0; 32]), signature: Digits([0; 64]) }
        };
        let (before, after) = (week(1, "2026-11-16"), week(2, "2026-11-23"));
        let school: Organisation = "school-01AA00".parse().unwrap();
        let mut known = Known::default();
        known.of.entry(school.clone()).or_default().add(before);
        let text = [&[2][..], &[0; 16], &Uuid::from_u128(1).into_bytes(), &[0; 2096]].concat();
        let payload = PayloadId::from_uuid(Uuid::from_u128(7));
        let payloads = [(payload, Sealed::new(text))];
        assert_eq!(sealed_to(&payloads[0].1), Some(Some(before.id)));
        let receivers = [school.clone()];
        let (kinds, claimed) = known.claim(&payloads, &receivers).unwrap();
        assert_eq!((kinds, claimed.len()), (vec![SealedTo::Weekly], 0));
        // It is not recorded yet, and the receiver leaves the key of the next week.
        assert_eq!(known.of.entry(school).or_default().add(after), Some(before.id));
        assert!(known.was_taken_lately(before.id) && !known.was_taken_lately(after.id));
        known.ended(payload);
        assert!(!known.was_taken_lately(before.id));
    }
}
