//! Who is logged in. A session is a random secret in the browser's cookie and a place in this process's memory, nowhere else: a
//! process that starts again knows nobody, and what a session held in memory is gone with it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::chance::{Chance, NoChance, token};

/// When a session is over, by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLaw {
    /// So long after the last press.
    pub idle: Duration,
    /// So long after it began, whatever happens.
    pub absolute: Duration,
}

/// When a session began, and when it was used last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// It began.
    pub began: Duration,
    /// It was used.
    pub used: Duration,
}

impl SessionLaw {
    /// For whoever looks for a minute, on a telephone in a corridor.
    pub const SHORT: Self = Self { idle: Duration::from_mins(10), absolute: Duration::from_hours(1) };
    /// For whoever works with it all morning, at a desk.
    pub const MORNING: Self = Self { idle: Duration::from_mins(20), absolute: Duration::from_hours(5) };

    /// Whether a session is over.
    pub fn is_over(&self, times: Times, now: Duration) -> bool {
        now.saturating_sub(times.used) >= self.idle || now.saturating_sub(times.began) >= self.absolute
    }
}

/// Sessions of one account, at most; the one that was used longest ago goes.
pub const PER_ACCOUNT_MAX: usize = 5;

/// Where somebody who is logged in sits. `B` is what the session holds in memory and nowhere else.
pub struct Seat<B> {
    /// The account's id: random, and nobody's name.
    pub account: String,
    /// What to call the person, on their own page.
    pub name: String,
    /// What the session holds. It is gone when the last request that uses it is.
    pub badge: B,
    /// What a form of this session must carry.
    pub csrf: String,
    said: Mutex<Option<&'static str>>,
}

impl<B> Seat<B> {
    /// Says something on the next page, once. It is the name of a text.
    pub fn say(&self, what: &'static str) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }

    /// What was to be said.
    pub fn said(&self) -> Option<&'static str> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

struct Taken<B> {
    seat: Arc<Seat<B>>,
    times: Times,
    /// The secret of before the last renewal, and when that was.
    former: Option<(Mark, Duration)>,
}

/// For so long after a renewal whoever presses the same button again is known by the secret of before: the answer that brought the
/// new one may have been lost on its way.
const ANSWER_LOST_FOR: Duration = Duration::from_mins(2);

impl<B> Taken<B> {
    fn was(&self, mark: Mark, now: Duration) -> bool {
        self.former.is_some_and(|(former, at)| former == mark && now.saturating_sub(at) < ANSWER_LOST_FOR)
    }
}

/// The digest of a token: what is kept of it.
type Mark = [u8; 32];

/// Everybody who is logged in.
pub struct Sessions<B> {
    law: SessionLaw,
    most: usize,
    taken: Mutex<HashMap<Mark, Taken<B>>>,
}

/// Why nobody can be logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSeat {
    /// No chance, no secret.
    #[error(transparent)]
    Chance(#[from] NoChance),
    /// Too many are logged in.
    #[error("too many people are logged in at once")]
    Full,
}

impl<B> Sessions<B> {
    /// Nobody yet; and never more than `most`.
    pub fn new(law: SessionLaw, most: usize) -> Self {
        Self { law, most, taken: Mutex::default() }
    }

    /// Logs somebody in, with a secret that is new: whatever the browser held before opens nothing.
    pub fn open(
        &self,
        (account, name): (String, String),
        badge: B,
        chance: &dyn Chance,
        now: Duration,
    ) -> Result<Zeroizing<String>, NoSeat> {
        let (secret, csrf) = (token(chance)?, token(chance)?);
        let mut taken = self.lock();
        sweep(&mut taken, self.law, now);
        while taken.values().filter(|one| one.seat.account == account).count() >= PER_ACCOUNT_MAX {
            let own = taken.iter().filter(|(_, one)| one.seat.account == account);
            let Some(oldest) = own.min_by_key(|(_, one)| one.times.used).map(|(mark, _)| *mark) else {
                break;
            };
            taken.remove(&oldest);
        }
        if taken.len() >= self.most {
            return Err(NoSeat::Full);
        }
        let seat = Seat { account, name, badge, csrf: csrf.to_string(), said: Mutex::default() };
        let times = Times { began: now, used: now };
        taken.insert(mark(&secret), Taken { seat: Arc::new(seat), times, former: None });
        Ok(secret)
    }

    /// Whose this secret is, if the session is not over. It counts as used.
    pub fn find(&self, secret: &str, now: Duration) -> Option<Arc<Seat<B>>> {
        let (mark, mut taken) = (mark(secret), self.lock());
        let found = taken.get_mut(&mark)?;
        if self.law.is_over(found.times, now) {
            taken.remove(&mark);
            return None;
        }
        found.times.used = now;
        // Who uses the new secret was answered: the one before is worth nothing from here on.
        found.former = None;
        Some(Arc::clone(&found.seat))
    }

    /// Whose this secret was until a moment ago. It shows nothing any more: it is good for being told once more what was done.
    pub fn find_former(&self, secret: &str, now: Duration) -> Option<Arc<Seat<B>>> {
        let (mark, taken) = (mark(secret), self.lock());
        let found = taken.values().find(|one| one.was(mark, now) && !self.law.is_over(one.times, now))?;
        Some(Arc::clone(&found.seat))
    }

    /// The same session under a new secret; the one before opens nothing any more.
    pub fn renew(&self, secret: &str, chance: &dyn Chance, now: Duration) -> Option<Zeroizing<String>> {
        let fresh = token(chance).ok()?;
        let mut taken = self.lock();
        let seat = taken.remove(&mark(secret))?;
        taken.insert(mark(&fresh), Taken { former: Some((mark(secret), now)), ..seat });
        Some(fresh)
    }

    /// The same for whoever never got the new secret. Only for a press that was believed and done before.
    pub fn renew_former(
        &self,
        secret: &str,
        chance: &dyn Chance,
        now: Duration,
    ) -> Option<Zeroizing<String>> {
        let fresh = token(chance).ok()?;
        let (former, mut taken) = (mark(secret), self.lock());
        let lost = taken.iter().find(|(_, one)| one.was(former, now)).map(|(lost, _)| *lost)?;
        let seat = taken.remove(&lost)?;
        taken.insert(mark(&fresh), seat);
        Some(fresh)
    }

    /// Logs out.
    pub fn close(&self, secret: &str) {
        self.lock().remove(&mark(secret));
    }

    /// Logs out everywhere.
    pub fn close_account(&self, account: &str) {
        self.lock().retain(|_, one| one.seat.account != account);
    }

    /// The first who is logged in and for whom this holds; nobody's session lives longer by it.
    pub fn any<T>(&self, now: Duration, is_it: impl FnMut(&Arc<Seat<B>>) -> Option<T>) -> Option<T> {
        let taken = self.lock();
        let there = taken.values().filter(|one| !self.law.is_over(one.times, now));
        there.map(|one| &one.seat).find_map(is_it)
    }

    /// Forgets whose time is over, and what their sessions held.
    pub fn sweep(&self, now: Duration) {
        sweep(&mut self.lock(), self.law, now);
    }

    /// How many are logged in.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Mark, Taken<B>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sweep<B>(taken: &mut HashMap<Mark, Taken<B>>, law: SessionLaw, now: Duration) {
    taken.retain(|_, one| !law.is_over(one.times, now));
}

fn mark(secret: &str) -> Mark {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chance::OsChance;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn open(sessions: &Sessions<u8>, who: &str, now: u64) -> Zeroizing<String> {
        sessions.open((who.to_owned(), who.to_owned()), 0, &OsChance, at(now)).unwrap()
    }

    #[test]
    fn a_session_ends_when_nobody_uses_it_and_at_its_limit_whatever_happens() {
        let law = SessionLaw { idle: at(10), absolute: at(25) };
        let sessions = Sessions::new(law, 10);
        let secret = open(&sessions, "a", 0);
        for now in [9, 18, 24] {
            assert!(sessions.find(&secret, at(now)).is_some(), "{now}");
        }
        assert!(sessions.find(&secret, at(25)).is_none());
        let idle = open(&sessions, "a", 30);
        assert!(sessions.find(&idle, at(40)).is_none());
        assert!(sessions.find(&idle, at(31)).is_none(), "it does not come back");
    }

    #[test]
    fn what_a_session_held_is_dropped_with_it() {
        let (held, law) = (Arc::new(()), SessionLaw { idle: at(10), absolute: at(25) });
        let sessions = Sessions::new(law, 10);
        let who = || ("a".to_owned(), "a".to_owned());
        let secret = sessions.open(who(), Arc::clone(&held), &OsChance, at(0)).unwrap();
        let _second = sessions.open(who(), Arc::clone(&held), &OsChance, at(0)).unwrap();
        assert_eq!(Arc::strong_count(&held), 3);
        sessions.close(&secret);
        assert_eq!(Arc::strong_count(&held), 2);
        sessions.sweep(at(10));
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn logging_out_everywhere_is_of_one_account() {
        let sessions = Sessions::new(SessionLaw::SHORT, 10);
        let (one, two, other) = (open(&sessions, "a", 0), open(&sessions, "a", 0), open(&sessions, "b", 0));
        sessions.close_account("a");
        let there = |secret: &str| sessions.find(secret, at(1)).is_some();
        assert_eq!([there(&one), there(&two), there(&other)], [false, false, true]);
    }

    #[test]
    fn an_account_has_five_seats_and_the_house_is_full_at_its_bound() {
        let sessions = Sessions::new(SessionLaw::SHORT, 6);
        let first = open(&sessions, "a", 0);
        for second in 1..=5 {
            open(&sessions, "a", second);
        }
        assert!(sessions.find(&first, at(6)).is_none());
        assert_eq!(sessions.len(), PER_ACCOUNT_MAX);
        open(&sessions, "b", 6);
        let refused = sessions.open(("c".to_owned(), String::new()), 0, &OsChance, at(6));
        assert_eq!(refused.err(), Some(NoSeat::Full));
    }

    #[test]
    fn a_renewed_session_is_the_same_under_another_secret() {
        let sessions = Sessions::new(SessionLaw::SHORT, 6);
        let before = open(&sessions, "a", 0);
        let after = sessions.renew(&before, &OsChance, at(1)).unwrap();
        assert!(sessions.find(&before, at(1)).is_none());
        assert!(sessions.renew(&before, &OsChance, at(1)).is_none());
        assert_eq!(sessions.find(&after, at(1)).unwrap().account, "a");
    }

    #[test]
    fn whoever_never_got_the_new_secret_gets_another_for_two_minutes_and_the_lost_one_opens_nothing() {
        let sessions = Sessions::new(SessionLaw::SHORT, 6);
        let before = open(&sessions, "a", 0);
        assert!(sessions.find_former(&before, at(0)).is_none(), "nothing was renewed yet");
        let lost = sessions.renew(&before, &OsChance, at(1)).unwrap();
        assert_eq!(sessions.find_former(&before, at(120)).unwrap().account, "a");
        let after = sessions.renew_former(&before, &OsChance, at(120)).unwrap();
        assert!(sessions.find(&lost, at(120)).is_none() && sessions.find(&before, at(120)).is_none());
        assert!(sessions.find(&after, at(120)).is_some());
        // Counted from the renewal, however often it is lost.
        assert!(sessions.find_former(&before, at(121)).is_none());
        assert!(sessions.renew_former(&before, &OsChance, at(121)).is_none());
        sessions.close(&after);
        assert!(sessions.find_former(&before, at(120)).is_none(), "whoever logged out is gone");
    }

    #[test]
    fn whoever_got_the_new_secret_and_used_it_leaves_the_one_before_worth_nothing() {
        let sessions = Sessions::new(SessionLaw::SHORT, 6);
        let before = open(&sessions, "a", 0);
        let after = sessions.renew(&before, &OsChance, at(1)).unwrap();
        assert!(sessions.find(&after, at(2)).is_some());
        assert!(sessions.find_former(&before, at(3)).is_none());
        assert!(
            sessions.renew_former(&before, &OsChance, at(3)).is_none(),
            "a press that was copied buys nothing"
        );
        assert!(sessions.find(&after, at(4)).is_some());
    }

    proptest! {
        #[test]
        fn no_use_of_any_kind_lengthens_a_session_past_its_limit(uses in prop::collection::vec(0_u64..200, 0..60)) {
            let law = SessionLaw { idle: at(20), absolute: at(100) };
            let sessions = Sessions::new(law, 10);
            let secret = open(&sessions, "a", 0);
            let (mut now, mut used, mut over) = (0, 0, false);
            let mut uses = uses;
            uses.sort_unstable();
            for next in uses {
                now = next.max(now);
                over |= now - used >= 20 || now >= 100;
                prop_assert_eq!(sessions.find(&secret, at(now)).is_none(), over);
                used = now;
            }
        }
    }
}
