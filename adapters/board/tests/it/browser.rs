//! A browser of the simplest kind, and a board with two people.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, Response, StatusCode, header},
};
use http_body_util::BodyExt as _;
use hwc_board::{Accounts, Board, Crew, pages};
use hwc_web::{Audit, Caller, Gate, OsChance, Paces, SessionLaw, passphrase::Passphrase};
use jiff::{Timestamp, tz::TimeZone};
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::pretend::Pretend;

pub(crate) const HOST: &str = "board.example";
pub(crate) const PASSPHRASE: &str = "three bicycles in may";

/// A board on a morning.
pub(crate) struct OnShow {
    pub(crate) source: Pretend,
    pub(crate) board: Arc<Board<Pretend>>,
    pub(crate) accounts: PathBuf,
    pub(crate) stop: watch::Sender<bool>,
    pages: Router,
    _folder: tempfile::TempDir,
}

impl OnShow {
    pub(crate) fn open() -> Self {
        let (source, folder) = (Pretend::on_a_morning(), tempfile::tempdir().unwrap());
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let accounts = folder.path().join("accounts");
        for name in ["jo", "al"] {
            Accounts::enrol(&accounts, name, &Passphrase::said(PASSPHRASE), false, &OsChance).unwrap();
        }
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let audit = Audit::open(folder.path(), 3, zone.to_datetime(Timestamp::now()).date()).unwrap();
        let crew = Crew::new(Accounts::open(&accounts).unwrap(), audit, "Hart van Brabant".to_owned(), zone);
        let origin = format!("https://{HOST}");
        let gate =
            Gate::new(Arc::new(crew), origin, SessionLaw::MORNING, Paces::default(), OsChance).unwrap();
        let (stop, stopped) = watch::channel(false);
        let board = Arc::new(Board::new(Arc::new(gate), source.clone(), stopped));
        Self { source, pages: pages(Arc::clone(&board)), board, accounts, stop, _folder: folder }
    }

    /// A browser in which nobody is logged in.
    pub(crate) fn browser(&self) -> Browser {
        Browser { pages: self.pages.clone(), cookies: BTreeMap::new() }
    }

    /// A browser in which this person is.
    pub(crate) async fn logged_in(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.log_in(name, PASSPHRASE).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/"), "{}", answer.body);
        browser
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

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
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
    pub(crate) async fn log_in(&mut self, name: &str, passphrase: &str) -> Answer {
        let csrf = self.get("/login").await.csrf();
        self.post_raw("/login", &[("csrf", &csrf), ("name", name), ("passphrase", passphrase)]).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let response = self.response(Request::get(path), Body::empty()).await;
        read(response).await
    }

    /// Asks, and does not wait for the end of the answer.
    pub(crate) async fn open(&mut self, path: &str) -> Response<Body> {
        self.response(Request::get(path), Body::empty()).await
    }

    /// Posts a form of the page on which one begins.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.get("/acts").await.csrf();
        self.post_raw(path, &[&[("csrf", csrf.as_str())][..], fields].concat()).await
    }

    /// Posts these fields and no others.
    pub(crate) async fn post_raw(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect();
        let request = Request::post(path)
            .header("origin", format!("https://{HOST}"))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = self.response(request, Body::from(pairs.join("&"))).await;
        read(response).await
    }

    async fn response(&mut self, request: axum::http::request::Builder, body: Body) -> Response<Body> {
        let mut request = request.header(header::HOST, HOST);
        for (name, value) in &self.cookies {
            request = request.header(header::COOKIE, format!("{name}={value}"));
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(Caller("192.0.2.1".parse().unwrap()));
        let response = self.pages.clone().oneshot(request).await.unwrap();
        for set in response.headers().get_all(header::SET_COOKIE) {
            let set = set.to_str().unwrap();
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            if set.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }
}

async fn read(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}
