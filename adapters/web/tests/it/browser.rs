//! A browser of the simplest kind, and a desk with two people and nothing to do.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode, header},
    routing::{get, post},
};
use http_body_util::BodyExt as _;
use hwc_post::Mailbox;
use hwc_web::{
    Admitted, Caller, Frame, Gate, OsChance, Paces, People, Seat, SessionLaw, behind, code::Code,
    passphrase::Passphrase, respond,
};
use tower::ServiceExt as _;

pub(crate) const HOST: &str = "hwc.example";
pub(crate) const ANNE: &str = "anne@school.example";
pub(crate) const BERT: &str = "bert@school.example";
pub(crate) const PASSPHRASE: &str = "drie fietsen in mei";

/// Two people who share a passphrase.
#[derive(Default)]
pub(crate) struct Two {
    mails: Mutex<Vec<Code>>,
    pub(crate) acts: Mutex<Vec<String>>,
}

impl People for Two {
    type Badge = Arc<()>;

    fn mailbox(&self, address: &str) -> Option<Mailbox> {
        [ANNE, BERT].contains(&address).then(|| Mailbox::parse(address).unwrap())
    }

    fn mail_code(&self, _: Mailbox, code: Code) {
        self.mails.lock().unwrap().push(code);
    }

    fn admit(&self, address: &str, passphrase: &Passphrase) -> Option<Admitted<Arc<()>>> {
        let badge = Arc::default();
        let who = address.to_owned();
        passphrase.is(&Passphrase::said(PASSPHRASE)).then_some(Admitted {
            account: who.clone(),
            name: who,
            badge,
        })
    }

    fn furnish(&self, frame: &mut Frame, _: &Seat<Arc<()>>, _: &str) {
        frame.unprinted = true;
    }

    fn note(&self, seat: &Seat<Arc<()>>, act: &'static str) {
        self.acts.lock().unwrap().push(format!("{} {act}", seat.account));
    }
}

/// A desk of theirs.
pub(crate) struct Desk {
    pub(crate) gate: Arc<Gate<Two>>,
    pages: Router,
}

pub(crate) const LAW: SessionLaw =
    SessionLaw { idle: Duration::from_mins(10), absolute: Duration::from_hours(1) };

impl Desk {
    pub(crate) fn open() -> Self {
        Self::at_pace(Paces::default())
    }

    pub(crate) fn at_pace(rations: Paces) -> Self {
        let gate = Gate::new(Arc::default(), format!("https://{HOST}"), LAW, rations, OsChance).unwrap();
        let gate = Arc::new(gate);
        let pages =
            Router::new().route("/", get(home)).route("/act", post(act)).with_state(Arc::clone(&gate));
        Self { pages: behind(&gate, pages), gate }
    }

    pub(crate) fn pages(&self) -> Router {
        self.pages.clone()
    }

    /// The code that was mailed last.
    pub(crate) fn mailed(&self) -> String {
        let mails = self.gate.people().mails.lock().unwrap();
        String::from_utf8(mails.last().expect("no code was mailed").to_vec()).unwrap()
    }

    pub(crate) fn mails(&self) -> usize {
        self.gate.people().mails.lock().unwrap().len()
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser { pages: self.pages(), cookies: BTreeMap::new(), from: "192.0.2.1".to_owned() }
    }
}

async fn home(State(gate): State<Arc<Gate<Two>>>, headers: HeaderMap) -> Response<Body> {
    match gate.seat(&headers) {
        Some(seat) => {
            gate.saying(&headers, StatusCode::OK, "Thuis", if seat.said().is_some() { "gedaan" } else { "" })
        }
        None => gate.to_login(&headers),
    }
}

async fn act(State(gate): State<Arc<Gate<Two>>>, request: Request) -> Response<Body> {
    match gate.posted(request).await {
        Ok(posted) => {
            posted.seat.say("done");
            gate.renew(&posted.headers, respond::clearing(respond::see("/")))
        }
        Err(response) => response,
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |to| to.to_str().unwrap())
    }

    /// What the page's forms carry.
    pub(crate) fn csrf(&self) -> String {
        let (_, after) = self.body.split_once("name=\"csrf\" value=\"").expect("no form");
        after.split('"').next().unwrap().to_owned()
    }
}

/// Keeps cookies and follows nothing.
#[derive(Clone)]
pub(crate) struct Browser {
    pages: Router,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) from: String,
}

impl Browser {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask(Request::get(path), Body::empty()).await
    }

    /// Posts fields, as a form of ours does.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = Request::post(path)
            .header("origin", format!("https://{HOST}"))
            .header("sec-fetch-site", "same-origin");
        self.send(request, fields).await
    }

    pub(crate) async fn send(
        &mut self,
        request: axum::http::request::Builder,
        fields: &[(&str, &str)],
    ) -> Answer {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", value.replace(' ', "+").replace('@', "%40")))
            .collect();
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request, Body::from(pairs.join("&"))).await
    }

    async fn ask(&mut self, request: axum::http::request::Builder, body: Body) -> Answer {
        let mut request = request;
        if request.headers_ref().is_none_or(|headers| !headers.contains_key(header::HOST)) {
            request = request.header(header::HOST, HOST);
        }
        for (name, value) in &self.cookies {
            request = request.header(header::COOKIE, format!("{name}={value}"));
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(Caller(self.from.parse().unwrap()));
        let response = self.pages.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for set in parts.headers.get_all(header::SET_COOKIE) {
            let set = set.to_str().unwrap();
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            if set.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Asks for a code; gives what the code's page carries.
    pub(crate) async fn ask_code(&mut self, address: &str) -> String {
        let csrf = self.get("/login").await.csrf();
        let answer = self.post("/login", &[("csrf", &csrf), ("address", address)]).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/login/code"));
        self.get("/login/code").await.csrf()
    }

    pub(crate) async fn try_code(&mut self, csrf: &str, code: &str, passphrase: &str) -> Answer {
        self.post("/login/code", &[("csrf", csrf), ("code", code), ("passphrase", passphrase)]).await
    }

    pub(crate) async fn log_in(&mut self, desk: &Desk, address: &str) {
        let csrf = self.ask_code(address).await;
        let answer = self.try_code(&csrf, &desk.mailed(), PASSPHRASE).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/"));
    }
}
