//! A browser of the simplest kind, and a desk with three people: two who decide and one who looks.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use http_body_util::BodyExt as _;
use hwc_desk::{Desk, May, Roster, Shelf, Staff, StaffMember, pages};
use hwc_post::Mailbox;
use hwc_web::{Audit, Caller, Gate, OsChance, Paces, SessionLaw, code::Code};
use jiff::{Timestamp, tz::TimeZone};
use tower::ServiceExt as _;

use crate::pretend::Pretend;

pub(crate) const HOST: &str = "desk.example";
pub(crate) const WIT: &str = "a.dewit@gemeente.example";
pub(crate) const BOS: &str = "b.bos@gemeente.example";
pub(crate) const LOOKS: &str = "c.kijkt@gemeente.example";

pub(crate) fn member(id: &str, name: &str, address: &str, function: &str, may: May) -> StaffMember {
    let text = str::to_owned;
    StaffMember { id: text(id), name: text(name), address: text(address), function: text(function), may }
}

pub(crate) fn staff() -> Vec<StaffMember> {
    vec![
        member("lpa-1", "Anna de Wit", WIT, "leerplichtambtenaar", May::Decide),
        member("lpa-2", "Bert Bos", BOS, "coördinator leerplicht", May::Decide),
        member("kijkt-1", "Carla Kijkt", LOOKS, "beleidsmedewerker", May::Look),
    ]
}

/// A desk on a morning.
pub(crate) struct OnShow {
    pub(crate) counter: Pretend,
    pub(crate) desk: Arc<Desk<Pretend>>,
    pages: Router,
    codes: Arc<Mutex<Vec<Code>>>,
    pub(crate) folder: tempfile::TempDir,
}

impl OnShow {
    pub(crate) fn open() -> Self {
        let (counter, folder) = (Pretend::on_a_morning(), tempfile::tempdir().unwrap());
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let today = zone.to_datetime(Timestamp::now()).date();
        let audit = Audit::open(folder.path(), 3, today).unwrap();
        let codes: Arc<Mutex<Vec<Code>>> = Arc::default();
        let mailed = Arc::clone(&codes);
        let mails = move |_: Mailbox, code: Code| mailed.lock().unwrap().push(code);
        let roster = Roster::new(staff()).ok().unwrap();
        let staff = Staff::new(roster, mails, audit, "Gemeente Goirle".to_owned(), zone);
        let origin = format!("https://{HOST}");
        let gate =
            Gate::new(Arc::new(staff), origin, SessionLaw::MORNING, Paces::default(), OsChance).unwrap();
        let shelf = Shelf::in_folder(Some(folder.path().to_owned()));
        let desk = Arc::new(Desk::new(Arc::new(gate), counter.clone(), shelf, "0785".to_owned()));
        Self { counter, pages: pages(Arc::clone(&desk)), desk, codes, folder }
    }

    /// A browser in which nobody is logged in.
    pub(crate) fn browser(&self) -> Browser {
        Browser { pages: self.pages.clone(), cookies: BTreeMap::new() }
    }

    /// A browser in which this person is.
    pub(crate) async fn logged_in(&self, address: &str) -> Browser {
        let mut browser = self.browser();
        let csrf = browser.get("/login").await.csrf();
        browser.post_raw("/login", &[("csrf", &csrf), ("address", address)]).await;
        let code = self.codes.lock().unwrap().pop().expect("no code was mailed");
        let code = String::from_utf8(code.to_vec()).unwrap();
        let page = browser.get("/login/code").await;
        assert!(!page.body.contains("passphrase"), "{}", page.body);
        let answer = browser.post_raw("/login/code", &[("csrf", &page.csrf()), ("code", &code)]).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/"));
        browser
    }

    pub(crate) fn codes_mailed(&self) -> usize {
        self.codes.lock().unwrap().len()
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

    pub(crate) fn says(&self, words: &str) {
        assert!(self.body.contains(words), "{words} is not said:\n{}", self.body);
    }

    pub(crate) fn says_none_of(&self, words: &[&str]) {
        let said: Vec<_> = words.iter().filter(|word| self.body.contains(**word)).collect();
        assert_eq!(said, [&""; 0], "{}", self.body);
    }
}

/// Keeps cookies and follows nothing.
#[derive(Clone)]
pub(crate) struct Browser {
    pages: Router,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask(Request::get(path), Body::empty()).await
    }

    /// Posts a form of the page on which one begins.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.get("/acts").await.csrf();
        self.post_raw(path, &[&[("csrf", csrf.as_str())][..], fields].concat()).await
    }

    /// Posts these fields and no others.
    pub(crate) async fn post_raw(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", value.replace(' ', "+").replace('@', "%40")))
            .collect();
        let request = Request::post(path)
            .header("origin", format!("https://{HOST}"))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request, Body::from(pairs.join("&"))).await
    }

    async fn ask(&mut self, request: axum::http::request::Builder, body: Body) -> Answer {
        let mut request = request.header(header::HOST, HOST);
        for (name, value) in &self.cookies {
            request = request.header(header::COOKIE, format!("{name}={value}"));
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(Caller("192.0.2.1".parse().unwrap()));
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
}
