//! The gate: nobody comes in but with a code that was just mailed to them and a passphrase, or, where a desk mails none, with a name and
//! a passphrase; and every form is asked whether it is ours. A desk brings its [`People`] and its own pages, and asks the gate first on each: [`Gate::seat`] for what is only shown,
//! [`Gate::posted`] for what does something.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use hwc_post::Mailbox;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    Form, Frame, Language,
    chance::{Chance, NoChance, Stopwatch},
    code::{Code, Codes},
    cookies::{self, cookie},
    form::Unread,
    frame::PlainPage,
    passphrase::{Kiln, Passphrase},
    respond,
    session::{Seat, SessionLaw, Sessions},
    throttle::{Pace, Throttle},
};

/// Whom a desk knows. What it does takes no time, but for [`People::admit`].
pub trait People: Send + Sync + 'static {
    /// What a session holds in memory, and nowhere else.
    type Badge: Send + Sync + 'static;

    /// The mailbox of an address, if somebody with it may log in. The address is trimmed and in lower case.
    fn mailbox(&self, address: &str) -> Option<Mailbox>;

    /// Has a code mailed, and returns at once: nobody learns from the time it takes whether an address is known.
    fn mail_code(&self, to: Mailbox, code: Code);

    /// Whether a code is mailed to who wants in. Where none is, people write the name that they are known by in the place of an address,
    /// and their passphrase: [`People::admit`] is handed both, and takes as long for a name that nobody has.
    fn mails_codes(&self) -> bool {
        true
    }

    /// The language of every page, where there is only one; else people choose.
    fn language(&self) -> Option<Language> {
        None
    }

    /// Whether a passphrase is asked for beside the code. Where it is not, [`People::admit`] is handed an empty one.
    fn asks_passphrase(&self) -> bool {
        true
    }

    /// Lets somebody in, if this is the passphrase. The code was right. Called where it may take its time.
    fn admit(&self, address: &str, passphrase: &Passphrase) -> Option<Admitted<Self::Badge>>;

    /// Fills the frame of somebody who is logged in: whose page it is, the menu.
    fn furnish(&self, frame: &mut Frame, seat: &Seat<Self::Badge>, path: &str);

    /// Somebody logged in or out: an act for the book of acts. `act` is one of [`ACTS`].
    fn note(&self, seat: &Seat<Self::Badge>, act: &'static str);
}

/// What the gate itself has written down.
pub const ACTS: [&str; 3] = ["logged_in", "logged_out", "logged_out_everywhere"];

/// Who was let in.
pub struct Admitted<B> {
    /// The account's id.
    pub account: String,
    /// What to call the person on their own page.
    pub name: String,
    /// What the session holds.
    pub badge: B,
}

/// From which address of the network a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller(pub IpAddr);

/// How often anything may be tried. A school's people share one address, and a region's schools sometimes do.
#[derive(Debug, Clone, Copy)]
pub struct Paces {
    /// Codes for one account, from one address; tries where none are mailed.
    pub codes_per_account_and_caller: Pace,
    /// Codes for one account, from anywhere; tries where none are mailed.
    pub codes_per_account: Pace,
    /// Codes from one address.
    pub codes_per_caller: Pace,
    /// Tries at a code from one address.
    pub tries_per_caller: Pace,
    /// Wrong passphrases for one account. Only who read the account's mail comes so far.
    pub passphrases_per_account: Pace,
}

impl Default for Paces {
    fn default() -> Self {
        let pace = |burst, seconds| Pace { burst, every: Duration::from_secs(seconds) };
        Self {
            codes_per_account_and_caller: pace(5, 120),
            codes_per_account: pace(20, 60),
            codes_per_caller: pace(200, 2),
            tries_per_caller: pace(300, 2),
            passphrases_per_account: pace(10, 360),
        }
    }
}

/// The gate of one desk.
pub struct Gate<P: People> {
    pub(crate) people: Arc<P>,
    pub(crate) sessions: Sessions<P::Badge>,
    pub(crate) codes: Codes,
    pub(crate) kiln: Kiln,
    pub(crate) chance: Box<dyn Chance>,
    pub(crate) clock: Stopwatch,
    pub(crate) throttles: Throttles,
    csrf_key: [u8; 32],
    origin: String,
}

pub(crate) struct Throttles {
    pub(crate) codes_per_both: Throttle<(String, IpAddr)>,
    pub(crate) codes_per_account: Throttle<String>,
    pub(crate) codes_per_caller: Throttle<IpAddr>,
    pub(crate) tries_per_caller: Throttle<IpAddr>,
    pub(crate) passphrases: Throttle<String>,
}

/// People who are logged in at one desk, at most.
const SEATS_MAX: usize = 10_000;
/// How often it is looked whose time is over.
const SWEEP_EVERY: Duration = Duration::from_secs(2);

/// A form that was believed.
pub struct Posted<B> {
    /// Whose.
    pub seat: Arc<Seat<B>>,
    /// What it says.
    pub form: Form,
    /// The request's headers.
    pub headers: HeaderMap,
    /// Whether it came under the secret of before: then nothing is done but to say what was done already.
    pub is_former: bool,
}

impl<P: People> Gate<P> {
    /// A gate. `origin`: how people reach it, as `https://hwc.example`, without a slash at the end.
    pub fn new(
        people: Arc<P>,
        origin: impl Into<String>,
        law: SessionLaw,
        paces: Paces,
        chance: impl Chance,
    ) -> Result<Self, NoChance> {
        let (mut csrf_key, mut salt) = ([0; 32], [0; 32]);
        chance.fill(&mut csrf_key)?;
        chance.fill(&mut salt)?;
        let throttles = Throttles {
            codes_per_both: Throttle::new(paces.codes_per_account_and_caller),
            codes_per_account: Throttle::new(paces.codes_per_account),
            codes_per_caller: Throttle::new(paces.codes_per_caller),
            tries_per_caller: Throttle::new(paces.tries_per_caller),
            passphrases: Throttle::new(paces.passphrases_per_account),
        };
        Ok(Self {
            people,
            sessions: Sessions::new(law, SEATS_MAX),
            codes: Codes::new(salt),
            kiln: Kiln::default(),
            chance: Box::new(chance),
            clock: Stopwatch::start(),
            throttles,
            csrf_key,
            origin: origin.into(),
        })
    }

    /// Whom it knows.
    pub fn people(&self) -> &P {
        &self.people
    }

    /// Who is logged in.
    pub const fn sessions(&self) -> &Sessions<P::Badge> {
        &self.sessions
    }

    /// Where passphrases are worked on.
    pub const fn kiln(&self) -> &Kiln {
        &self.kiln
    }

    /// Where secrets come from.
    pub fn chance(&self) -> &dyn Chance {
        &*self.chance
    }

    /// How long the gate has been open.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Forgets whose time is over, for as long as it is let run: what a session holds in memory goes then, not when somebody asks.
    pub async fn sweep(&self) {
        let mut every = tokio::time::interval(SWEEP_EVERY);
        loop {
            every.tick().await;
            self.sessions.sweep(self.now());
        }
    }

    /// Who asks, if they are logged in.
    pub fn seat(&self, headers: &HeaderMap) -> Option<Arc<Seat<P::Badge>>> {
        self.sessions.find(cookie(headers, cookies::SESSION)?, self.now())
    }

    /// A form of somebody who is logged in, if it is ours; else what to answer.
    pub async fn posted(&self, request: Request) -> Result<Posted<P::Badge>, Response<Body>> {
        self.posted_if(request, false).await
    }

    /// The same for a press after which the secret is another: pressed twice, or again because its answer was lost, it comes under the
    /// secret of before, and [`Posted::is_former`] says so.
    pub async fn posted_again(&self, request: Request) -> Result<Posted<P::Badge>, Response<Body>> {
        self.posted_if(request, true).await
    }

    async fn posted_if(&self, request: Request, former: bool) -> Result<Posted<P::Badge>, Response<Body>> {
        let (parts, body) = request.into_parts();
        let headers = parts.headers;
        let now = self.seat(&headers).map(|seat| (seat, false));
        let before = || Some((self.former_seat(&headers).filter(|_| former)?, true));
        let Some((seat, is_former)) = now.or_else(before) else { return Err(self.to_login(&headers)) };
        if !self.is_from_here(&headers) {
            return Err(self.not_believed(&headers));
        }
        let form = Form::read(&headers, body).await.map_err(|why| self.unread(&headers, why))?;
        if !same(form.text("csrf"), &seat.csrf) {
            return Err(self.not_believed(&headers));
        }
        Ok(Posted { seat, form, headers, is_former })
    }

    fn former_seat(&self, headers: &HeaderMap) -> Option<Arc<Seat<P::Badge>>> {
        self.sessions.find_former(cookie(headers, cookies::SESSION)?, self.now())
    }

    /// One try at a passphrase by somebody who is logged in: whoever found the telephone unlocked does not guess on.
    pub fn may_try(&self, seat: &Seat<P::Badge>) -> bool {
        self.throttles.passphrases.take(seat.account.clone(), self.now()).is_ok()
    }

    /// The frame of a page for somebody who is logged in.
    pub fn frame(
        &self,
        seat: &Seat<P::Badge>,
        headers: &HeaderMap,
        title: impl Into<String>,
        path: &str,
    ) -> Frame {
        let mut frame = self.bare_frame(headers, title, seat.csrf.clone());
        frame.who = Some(seat.name.clone());
        self.people.furnish(&mut frame, seat, path);
        frame
    }

    /// In which language somebody is answered.
    pub fn language(&self, headers: &HeaderMap) -> Language {
        self.people.language().unwrap_or_else(|| Language::chosen(headers))
    }

    /// A frame with nothing in it.
    pub(crate) fn bare_frame(
        &self,
        headers: &HeaderMap,
        title: impl Into<String>,
        csrf: impl Into<String>,
    ) -> Frame {
        let mut frame = Frame::new(self.language(headers), title, csrf);
        frame.switches_language = self.people.language().is_none();
        frame
    }

    /// To the log-in page. Whoever comes by a link in a mail may be logged in all the same: a browser does not say who it is when
    /// another place sent it here, so it is asked to come once more from here.
    pub fn to_login(&self, headers: &HeaderMap) -> Response<Body> {
        if headers.get("sec-fetch-site").is_some_and(|from| from.as_bytes() == b"cross-site") {
            let words = crate::words(self.language(headers));
            let frame = self.bare_frame(headers, words.log_in, "");
            let mut response = respond::page(StatusCode::OK, &PlainPage { frame, how: "" });
            response.headers_mut().insert("refresh", HeaderValue::from_static("0; url=/"));
            return response;
        }
        respond::see("/login")
    }

    /// The same seat under another secret; pages that the browser still has of the one before are worth nothing any more.
    pub fn renew(&self, headers: &HeaderMap, response: Response<Body>) -> Response<Body> {
        let secret = cookie(headers, cookies::SESSION).unwrap_or_default();
        with_secret(self.sessions.renew(secret, &*self.chance, self.now()), response)
    }

    /// The same after a press that was done already, whose answer may have been lost ([`Gate::posted_again`]).
    pub fn renew_again(&self, headers: &HeaderMap, response: Response<Body>) -> Response<Body> {
        let secret = cookie(headers, cookies::SESSION).unwrap_or_default();
        let fresh = self.sessions.renew(secret, &*self.chance, self.now());
        let once_more = || self.sessions.renew_former(secret, &*self.chance, self.now());
        with_secret(fresh.or_else(once_more), response)
    }

    /// The page that says that there is none.
    pub fn not_found(&self, headers: &HeaderMap) -> Response<Body> {
        let words = crate::words(self.language(headers));
        self.saying(headers, StatusCode::NOT_FOUND, words.not_found, words.not_found_how)
    }

    /// The page for a form that is not believed. Nothing happened.
    pub fn not_believed(&self, headers: &HeaderMap) -> Response<Body> {
        let words = crate::words(self.language(headers));
        self.saying(headers, StatusCode::FORBIDDEN, words.not_believed, words.not_believed_how)
    }

    /// The page for when something broke.
    pub fn broken(&self, headers: &HeaderMap) -> Response<Body> {
        let words = crate::words(self.language(headers));
        self.saying(headers, StatusCode::SERVICE_UNAVAILABLE, words.broken, words.broken_how)
    }

    /// A page that says one thing.
    pub fn saying(
        &self,
        headers: &HeaderMap,
        status: StatusCode,
        title: &'static str,
        how: &'static str,
    ) -> Response<Body> {
        let frame = match self.seat(headers) {
            Some(seat) => self.frame(&seat, headers, title, ""),
            None => self.bare_frame(headers, title, self.csrf_of_visit(headers)),
        };
        respond::page(status, &PlainPage { frame, how })
    }

    pub(crate) fn unread(&self, headers: &HeaderMap, why: Unread) -> Response<Body> {
        let mut response = self.not_believed(headers);
        *response.status_mut() = match why {
            Unread::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Unread::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Unread::TooSlow => StatusCode::REQUEST_TIMEOUT,
        };
        response
    }

    /// Whether a form comes from a page of ours, as far as the browser says.
    pub(crate) fn is_from_here(&self, headers: &HeaderMap) -> bool {
        let says = |name: &str, allowed: &[&str]| match headers.get(name) {
            None => true,
            Some(said) => allowed.iter().any(|one| said.as_bytes() == one.as_bytes()),
        };
        says("sec-fetch-site", &["same-origin"]) && says("origin", &[&self.origin])
    }

    /// Whether a request names this place and no other.
    pub(crate) fn is_our_host(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
        let (_, ours) = self.origin.split_once("://").unwrap_or(("", &self.origin));
        host.eq_ignore_ascii_case(ours.as_bytes())
    }

    /// What a form of a browser that is not logged in must carry: it follows from the browser's own secret.
    pub(crate) fn csrf_of_visit(&self, headers: &HeaderMap) -> String {
        cookie(headers, cookies::VISIT).map_or_else(String::new, |visit| self.csrf_of(visit))
    }

    pub(crate) fn csrf_of(&self, visit: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.csrf_key) else { return String::new() };
        mac.update(visit.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

fn with_secret(fresh: Option<Zeroizing<String>>, response: Response<Body>) -> Response<Body> {
    match fresh {
        Some(fresh) => respond::with_cookie(response, cookies::kept(cookies::SESSION, &fresh)),
        None => response,
    }
}

/// Compared in a time that says nothing; nothing is the same as nothing.
pub(crate) fn same(said: &str, expected: &str) -> bool {
    !expected.is_empty() && bool::from(said.as_bytes().ct_eq(expected.as_bytes()))
}
