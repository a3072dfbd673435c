//! The code that is mailed to somebody who wants to log in: eight digits, for ten minutes, for one log-in, in the one browser that
//! asked for it. A browser that asked for an unknown address waits for a code that nobody has.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Digits of a code.
pub const DIGITS: usize = 8;
/// How long a code is good for.
pub const GOOD_FOR: Duration = Duration::from_mins(10);
/// Tries with one code, those with a wrong passphrase among them.
pub const TRIES_MAX: u32 = 5;
/// Browsers that wait for a code at once; of more the oldest go.
const WAITING_MAX: usize = 16_384;

/// A code.
pub type Code = [u8; DIGITS];

/// What a browser waits for.
#[derive(Clone)]
pub struct Waiting {
    /// The address that was written, as it is compared.
    pub address: String,
    /// The code's digest; none if the address is nobody's.
    code: Option<[u8; 32]>,
    made: Duration,
    tries: u32,
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// It is the code. It stays good for the tries that are left, until [`Codes::spend`].
    Right {
        /// Of whom.
        address: String,
    },
    /// It is not.
    Wrong,
    /// This browser waits for none: it never asked, its time is over, or its tries are used up.
    NoneWaits,
}

/// One try at what a browser waits for: the law of it, without a clock. `None`: it is over.
pub fn tried(waiting: &Waiting, said: Code, salt: &[u8], now: Duration) -> Option<(Waiting, bool)> {
    if now.saturating_sub(waiting.made) >= GOOD_FOR || waiting.tries >= TRIES_MAX {
        return None;
    }
    let after = Waiting { tries: waiting.tries + 1, ..waiting.clone() };
    let said = digest(said, salt);
    // An address that is nobody's takes as long.
    let code = waiting.code.unwrap_or_default();
    let is_it = bool::from(code.ct_eq(&said)) && waiting.code.is_some();
    Some((after, is_it))
}

/// The codes that browsers wait for. A browser is known by the secret in its cookie.
pub struct Codes {
    salt: [u8; 32],
    waiting: Mutex<HashMap<String, Waiting>>,
}

impl Codes {
    /// None yet. `salt`: random, and of this process alone.
    pub fn new(salt: [u8; 32]) -> Self {
        Self { salt, waiting: Mutex::default() }
    }

    /// A browser asked for a code; the one it waited for is good for nothing any more. `code`: none if the address is nobody's.
    pub fn ask(&self, browser: &str, address: String, code: Option<Code>, now: Duration) {
        let mut waiting = self.lock();
        waiting.retain(|_, one| now.saturating_sub(one.made) < GOOD_FOR);
        if waiting.len() >= WAITING_MAX
            && let Some(oldest) = waiting.iter().min_by_key(|(_, one)| one.made).map(|(key, _)| key.clone())
        {
            waiting.remove(&oldest);
        }
        let code = code.map(|code| digest(code, &self.salt));
        waiting.insert(browser.to_owned(), Waiting { address, code, made: now, tries: 0 });
    }

    /// Whether this browser waits for one.
    pub fn waits(&self, browser: &str, now: Duration) -> bool {
        let good = |one: &Waiting| now.saturating_sub(one.made) < GOOD_FOR && one.tries < TRIES_MAX;
        self.lock().get(browser).is_some_and(good)
    }

    /// A browser tries a code.
    pub fn try_it(&self, browser: &str, said: Code, now: Duration) -> Tried {
        let mut waiting = self.lock();
        let Some(one) = waiting.get(browser) else { return Tried::NoneWaits };
        let Some((after, is_it)) = tried(one, said, &self.salt, now) else {
            waiting.remove(browser);
            return Tried::NoneWaits;
        };
        let address = after.address.clone();
        waiting.insert(browser.to_owned(), after);
        if is_it { Tried::Right { address } } else { Tried::Wrong }
    }

    /// Nobody had the time to look at what came with a right code: that try is given back.
    pub fn give_back(&self, browser: &str) {
        if let Some(one) = self.lock().get_mut(browser) {
            one.tries = one.tries.saturating_sub(1);
        }
    }

    /// Used up: who logged in, or went away. Says whether it was still there, so that of two log-ins at once one wins.
    pub fn spend(&self, browser: &str) -> bool {
        self.lock().remove(browser).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A code as somebody writes it: spaces, hyphens and full stops do not matter.
pub fn read(said: &str) -> Option<Code> {
    let mut digits = said.bytes().filter(|sign| !b" -.\t".contains(sign));
    let mut code = [0; DIGITS];
    for digit in &mut code {
        *digit = digits.next().filter(u8::is_ascii_digit)?;
    }
    digits.next().is_none().then_some(code)
}

fn digest(code: Code, salt: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(code).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: Code = *b"12345678";
    const OTHER: Code = *b"12345679";

    fn waiting_for(code: Option<Code>) -> Codes {
        let codes = Codes::new([7; 32]);
        codes.ask("browser", "a@b.nl".to_owned(), code, Duration::ZERO);
        codes
    }

    #[test]
    fn whoever_is_told_to_come_back_again_and_again_keeps_every_try() {
        let codes = waiting_for(Some(CODE));
        for _ in 0..3 * TRIES_MAX {
            assert_eq!(codes.try_it("browser", CODE, Duration::ZERO), right());
            codes.give_back("browser");
        }
        for _ in 0..TRIES_MAX {
            assert_eq!(codes.try_it("browser", OTHER, Duration::ZERO), Tried::Wrong);
        }
        assert_eq!(codes.try_it("browser", CODE, Duration::ZERO), Tried::NoneWaits);
        codes.give_back("browser");
        assert_eq!(
            codes.try_it("browser", CODE, Duration::ZERO),
            Tried::NoneWaits,
            "what is over stays over"
        );
    }

    fn right() -> Tried {
        Tried::Right { address: "a@b.nl".to_owned() }
    }

    #[test]
    fn a_code_is_good_in_the_browser_that_asked_for_one_log_in_and_ten_minutes() {
        let codes = waiting_for(Some(CODE));
        let now = Duration::from_secs(5);
        assert_eq!(codes.try_it("another browser", CODE, now), Tried::NoneWaits);
        assert_eq!(codes.try_it("browser", CODE, now), right());
        assert!(codes.spend("browser") && !codes.spend("browser"));
        assert_eq!(codes.try_it("browser", CODE, now), Tried::NoneWaits);

        let codes = waiting_for(Some(CODE));
        assert!(codes.waits("browser", now) && !codes.waits("browser", GOOD_FOR));
        assert_eq!(codes.try_it("browser", CODE, GOOD_FOR), Tried::NoneWaits);
    }

    #[test]
    fn it_can_be_guessed_at_five_times() {
        let codes = waiting_for(Some(CODE));
        for _ in 0..TRIES_MAX {
            assert_eq!(codes.try_it("browser", OTHER, Duration::ZERO), Tried::Wrong);
        }
        assert_eq!(codes.try_it("browser", CODE, Duration::ZERO), Tried::NoneWaits);
    }

    #[test]
    fn an_unknown_address_waits_for_a_code_that_nobody_has() {
        let codes = waiting_for(None);
        assert!(codes.waits("browser", Duration::ZERO));
        for code in [CODE, *b"00000000"] {
            assert_eq!(codes.try_it("browser", code, Duration::ZERO), Tried::Wrong);
        }
    }

    #[test]
    fn asking_again_makes_the_earlier_code_good_for_nothing() {
        let codes = waiting_for(Some(CODE));
        codes.ask("browser", "a@b.nl".to_owned(), Some(OTHER), Duration::ZERO);
        assert_eq!(codes.try_it("browser", CODE, Duration::ZERO), Tried::Wrong);
        assert_eq!(codes.try_it("browser", OTHER, Duration::ZERO), right());
    }

    #[test]
    fn a_code_is_read_as_people_write_it() {
        for said in ["12345678", " 1234 5678", "1234-5678 ", "12.34.56.78"] {
            assert_eq!(read(said), Some(CODE), "{said}");
        }
        for said in ["", "1234567", "123456789", "1234567a", "１２３４５６７８"] {
            assert_eq!(read(said), None, "{said}");
        }
    }

    #[test]
    fn how_many_browsers_wait_is_bounded() {
        let codes = Codes::new([7; 32]);
        for browser in 0..WAITING_MAX as u64 + 5 {
            codes.ask(&browser.to_string(), String::new(), None, Duration::from_millis(browser));
        }
        assert_eq!(codes.lock().len(), WAITING_MAX);
        assert!(!codes.waits("0", Duration::from_secs(1)));
    }
}
