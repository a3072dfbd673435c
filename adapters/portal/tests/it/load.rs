//! The morning: everybody logs in at the same moment, each with a code and a passphrase at its full cost.
//!
//! `HWC_LOAD_CONTACTS=500 cargo test --release -p hwc-portal --test it -- --nocapture` measures what `docs/portal.md` says.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{StatusCode, header},
};
use http_body_util::BodyExt as _;
use hwc_portal::{Locker, Opened};
use hwc_post::Mailbox;
use hwc_vault::{OsChance as VaultChance, SealingKey};
use hwc_web::{
    Admitted, Caller, Frame, Gate, OsChance, Paces, People, Seat, SessionLaw,
    code::Code,
    passphrase::{Kiln, Passphrase},
};
use jiff::civil::Date;
use tower::ServiceExt as _;

const PASSPHRASE: &str = "drie fietsen in mei";
const TODAY: Date = Date::constant(2026, 11, 23);

/// Many contacts; each opens a locker at its full cost.
struct Many {
    locker: Locker,
    mails: Mutex<Vec<(Mailbox, Code)>>,
    working: AtomicUsize,
    working_most: AtomicUsize,
}

impl People for Many {
    type Badge = Opened;

    fn mailbox(&self, address: &str) -> Option<Mailbox> {
        Mailbox::parse(address).ok()
    }

    fn mail_code(&self, to: Mailbox, code: Code) {
        self.mails.lock().unwrap().push((to, code));
    }

    fn admit(&self, address: &str, passphrase: &Passphrase) -> Option<Admitted<Opened>> {
        let working = self.working.fetch_add(1, Ordering::SeqCst) + 1;
        self.working_most.fetch_max(working, Ordering::SeqCst);
        let opened = self.locker.unlock("anne@school.example", passphrase, TODAY);
        self.working.fetch_sub(1, Ordering::SeqCst);
        let account = address.to_owned();
        opened.map(|badge| Admitted { account: account.clone(), name: account, badge })
    }

    fn furnish(&self, _: &mut Frame, _: &Seat<Opened>, _: &str) {}

    fn note(&self, _: &Seat<Opened>, _: &'static str) {}
}

/// One contact, from the first page until they are in; how often they had to press again because it was too crowded.
async fn logs_in(pages: Router, people: Arc<Many>, number: usize) -> usize {
    let mut cookies: BTreeMap<String, String> = BTreeMap::new();
    let mut csrf = String::new();
    let address = format!("contact{number}@school.example");
    let mut again = 0;
    ask(&pages, &mut cookies, &mut csrf, "/login", None).await;
    {
        let body = format!("csrf={csrf}&address={}", address.replace('@', "%40"));
        let (status, _) = ask(&pages, &mut cookies, &mut csrf, "/login", Some(body)).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
    }
    let own = Mailbox::parse(&address).unwrap();
    let code = people.mails.lock().unwrap().iter().find(|(to, _)| *to == own).map(|(_, code)| *code).unwrap();
    let code = String::from_utf8(code.to_vec()).unwrap();
    ask(&pages, &mut cookies, &mut csrf, "/login/code", None).await;
    loop {
        let body = format!("csrf={csrf}&code={code}&passphrase={}", PASSPHRASE.replace(' ', "+"));
        let (status, _) = ask(&pages, &mut cookies, &mut csrf, "/login/code", Some(body)).await;
        match status {
            StatusCode::SEE_OTHER => return again,
            StatusCode::SERVICE_UNAVAILABLE => again += 1,
            other => panic!("{other}"),
        }
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
}

async fn ask(
    pages: &Router,
    cookies: &mut BTreeMap<String, String>,
    csrf: &mut String,
    path: &str,
    form: Option<String>,
) -> (StatusCode, String) {
    let request = if form.is_some() { Request::post(path) } else { Request::get(path) };
    let cookie: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = request
        .header(header::HOST, "hwc.example")
        .header(header::COOKIE, cookie.join("; "))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let mut request = request.body(Body::from(form.unwrap_or_default())).unwrap();
    request.extensions_mut().insert(Caller("192.0.2.1".parse().unwrap()));
    let (parts, body) = pages.clone().oneshot(request).await.unwrap().into_parts();
    for set in parts.headers.get_all(header::SET_COOKIE) {
        let (name, value) = set.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
        cookies.insert(name.to_owned(), value.to_owned());
    }
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    if let Some((_, rest)) = body.split_once("name=\"csrf\" value=\"") {
        rest.split('"').next().unwrap().clone_into(csrf);
    }
    (parts.status, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_who_comes_at_the_same_moment_gets_in_and_the_machine_bears_it() {
    let contacts =
        std::env::var("HWC_LOAD_CONTACTS").ok().and_then(|said| said.parse().ok()).unwrap_or(40_usize);
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let key = SealingKey::generate(&mut VaultChance).ok().unwrap();
    let (at, school) = (folder.path().join("school"), "school-01AA00".parse().unwrap());
    let anne = ("Anne", "anne@school.example");
    let locker = Locker::enrol(&at, &school, &[key], anne, &Passphrase::said(PASSPHRASE)).unwrap();
    let people = Arc::new(Many {
        locker,
        mails: Mutex::default(),
        working: AtomicUsize::new(0),
        working_most: AtomicUsize::new(0),
    });
    // All of them behind one address, as behind a proxy of many schools.
    let unhurried = hwc_web::throttle::Pace { burst: 10_000, every: std::time::Duration::from_secs(1) };
    let rations = Paces { codes_per_caller: unhurried, tries_per_caller: unhurried, ..Paces::default() };
    let gate =
        Gate::new(Arc::clone(&people), "https://hwc.example", SessionLaw::SHORT, rations, OsChance).unwrap();
    let gate = Arc::new(gate);
    let pages = hwc_web::behind(&gate, Router::new());
    let began = Instant::now();
    let mut coming = tokio::task::JoinSet::new();
    for number in 0..contacts {
        coming.spawn(logs_in(pages.clone(), Arc::clone(&people), number));
    }
    let again: usize = coming.join_all().await.into_iter().sum();
    let took = began.elapsed();
    println!(
        "{contacts} contacts at the same moment: {took:.1?}, {again} pressed again because it was too crowded"
    );
    assert_eq!(gate.sessions().len(), contacts);
    assert!(people.working_most.load(Ordering::SeqCst) <= Kiln::PLACES, "never more memory than for two");
}
