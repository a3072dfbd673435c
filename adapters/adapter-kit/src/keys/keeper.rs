//! Keeps the stock at the engine and the keyring here in step.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hwc_jetstream::{Door, DoorError};
use hwc_schemas::{
    KeyId, Role,
    ask::{Ask, KEYS_PER_QUESTION_MAX, Told, one_time_keys_max},
    key::{KeyKind, SignedKey},
};
use hwc_vault::SealingKeys;
use jiff::{Timestamp, tz::TimeZone};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    planner::{Plan, Planner, Seen},
    ring::{Keyring, KeyringError},
};

/// How often the engine is asked.
const ASK_EVERY: Duration = Duration::from_mins(1);
/// Keys that are made and left at once, at most: a full stock takes some minutes.
const MADE_AT_ONCE_MAX: usize = 64;
/// Keys that are destroyed at once, at most; the rest follows.
const DESTROYED_AT_ONCE_MAX: usize = 256;

/// What the stock shall hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aims {
    /// One-time keys.
    pub one_time: usize,
}

impl Aims {
    /// So many, as far as the engine keeps them.
    pub fn at_most(role: Role, one_time: usize) -> Self {
        Self { one_time: one_time.min(one_time_keys_max(role)) }
    }

    /// What an organisation of this role usually needs until its process is there again.
    pub const fn of(role: Role) -> Self {
        let one_time = match role {
            Role::Police => 0,
            Role::School => 32,
            Role::VeiligThuis | Role::Municipality => 256,
        };
        Self { one_time }
    }
}

/// Why nothing could be done this time. The next minute tries again.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// The engine does not answer.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// The keys cannot be read, made or destroyed.
    #[error(transparent)]
    Ring(#[from] KeyringError),
    /// It says something else.
    #[error("the engine does not answer questions about keys just now")]
    NotTold,
}

/// Keeps an organisation's one-time keys, for as long as [`KeyKeeper::run`] is let run.
pub struct KeyKeeper {
    ring: Keyring,
    /// What the public halves are signed with; none while nobody is there who has it.
    keys: Option<SealingKeys>,
    aims: Aims,
    planner: Planner,
}

impl KeyKeeper {
    /// `keys`: what the public halves are signed with.
    pub fn new(ring: Keyring, keys: SealingKeys, aims: Aims) -> Self {
        Self { ring, keys: Some(keys), aims, planner: Planner::default() }
    }

    /// A keeper of keys that lie wrapped. It destroys and withdraws them as any other, and makes new ones while
    /// [`KeyKeeper::lent`] gave it what that takes.
    pub fn locked(ring: Keyring, aims: Aims) -> Self {
        Self { ring, keys: None, aims, planner: Planner::default() }
    }

    /// What it needs to make keys, lent or taken back: the unlocked ring, and the keys that sign.
    pub fn lent(&mut self, ring: Keyring, keys: Option<SealingKeys>) {
        (self.ring, self.keys) = (ring, keys);
    }

    /// Asks at once and then every minute. Runs until it is dropped, at any moment.
    pub async fn run(mut self, door: Door) {
        let began = Instant::now();
        let mut every = interval(ASK_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if let Err(error) = self.keep(&door, (began.elapsed(), Timestamp::now())).await {
                let organisation = door.organisation();
                tracing::warn!(%organisation, %error, "the one-time keys were not looked after");
            }
        }
    }

    /// Asks, plans and does it, once. `at`: how long this keeper has been there, by a clock that nobody sets. `now`: the time on
    /// the wall, which decides when a week is over and nothing else.
    pub async fn keep(&mut self, door: &Door, (at, now): (Duration, Timestamp)) -> Result<(), NotKept> {
        let own: BTreeMap<_, _> = self.ring.keys()?.into_iter().collect();
        let seen = asked(door, own.keys().copied().collect()).await?;
        let today = TimeZone::UTC.to_datetime(now).date();
        let Plan { destroy, withdraw, make, rotate } =
            self.planner.plan(&seen, &own, self.aims.one_time, (at, today));
        let ring = self.ring.clone();
        beside(move || destroy.into_iter().take(DESTROYED_AT_ONCE_MAX).try_for_each(|key| ring.destroy(key)))
            .await?;
        for some in withdraw.chunks(KEYS_PER_QUESTION_MAX) {
            tracing::warn!(keys = some.len(), "the engine handed out keys that nobody has here any more");
            done(door, &Ask::WithdrawKeys { keys: some.to_vec() }).await?;
        }
        let Some(signer) = self.keys.clone() else { return Ok(()) };
        let weekly = rotate.then_some(KeyKind::Weekly { made: today });
        let kinds =
            weekly.into_iter().chain(std::iter::repeat_n(KeyKind::OneTime, make.min(MADE_AT_ONCE_MAX)));
        let (ring, organisation) = (self.ring.clone(), door.organisation().clone());
        // The private halves are durable before anybody hears of them.
        let made = beside(move || {
            let one = |kind| {
                let (id, key) = ring.make(kind)?;
                Ok(signer.present().sign(&organisation, id, kind, key))
            };
            kinds.map(one).collect::<Result<Vec<SignedKey>, KeyringError>>()
        });
        let keys = made.await?;
        if keys.is_empty() {
            return Ok(());
        }
        // Once. If the answer is lost they may be there or not, and the next minute shows which; those that are not there die. A
        // key that is left a second time could be one that was used in between.
        done(door, &Ask::LeaveKeys { keys }).await
    }
}

/// Files are waited for where nobody else waits.
async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, NotKept> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        // Only at the end of the program, or after a panic, of which nothing is known that could be done.
        Err(_) => Err(NotKept::NotTold),
    }
}

async fn done(door: &Door, ask: &Ask) -> Result<(), NotKept> {
    match door.ask(ask).await? {
        Told::Done => Ok(()),
        _ => Err(NotKept::NotTold),
    }
}

/// All of it, in as many questions as it takes. Each key is asked about once, so each is seen at one moment.
async fn asked(door: &Door, own: Vec<KeyId>) -> Result<Seen, NotKept> {
    let mut seen = Seen { stock: BTreeSet::new(), living: Some(BTreeSet::new()) };
    let mut some = own.chunks(KEYS_PER_QUESTION_MAX);
    // With no key of ours, too: the engine may hand out some.
    let mut next = Some(some.next().unwrap_or_default());
    while let Some(mine) = next {
        match door.ask(&Ask::Keys { mine: mine.to_vec() }).await? {
            Told::Keys { stock, living } => {
                seen.stock.extend(stock);
                seen.living = seen.living.zip(living).map(|(mut all, living)| {
                    all.extend(living);
                    all
                });
            }
            _ => return Err(NotKept::NotTold),
        }
        next = some.next();
    }
    Ok(seen)
}
