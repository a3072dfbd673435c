use std::time::Duration;

use axum::{
    extract::Request,
    http::{StatusCode, header},
};
use hwc_web::{
    Paces,
    code::{GOOD_FOR, TRIES_MAX},
    cookies::{SESSION, VISIT},
    throttle::Pace,
};

use crate::browser::{ANNE, BERT, Browser, Desk, PASSPHRASE};

async fn is_in(browser: &mut Browser) -> bool {
    browser.get("/").await.status == StatusCode::OK
}

/// A code that is surely another.
fn other(code: &str) -> String {
    code.chars().map(|digit| if digit == '9' { '0' } else { char::from(digit as u8 + 1) }).collect()
}

#[tokio::test]
async fn a_code_and_a_passphrase_let_in_and_neither_does_alone() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    let csrf = browser.ask_code(&format!("  {} ", ANNE.to_uppercase())).await;
    let code = desk.mailed();
    let wrong = browser.try_code(&csrf, &other(&code), PASSPHRASE).await;
    assert!(wrong.status == StatusCode::FORBIDDEN && !is_in(&mut browser).await);
    let wrong = browser.try_code(&csrf, &code, "vier fietsen in mei").await;
    assert!(wrong.status == StatusCode::FORBIDDEN && !is_in(&mut browser).await);
    let right = browser.try_code(&csrf, &format!("{} {}", &code[..4], &code[4..]), PASSPHRASE).await;
    assert_eq!((right.status, right.location()), (StatusCode::SEE_OTHER, "/"));
    assert!(is_in(&mut browser).await);
    assert_eq!(*desk.gate.people().acts.lock().unwrap(), [format!("{ANNE} logged_in")]);
}

#[tokio::test]
async fn a_code_is_used_once_and_in_the_browser_that_asked_for_it() {
    let desk = Desk::open();
    let (mut browser, mut thief) = (desk.browser(), desk.browser());
    let csrf = browser.ask_code(ANNE).await;
    let code = desk.mailed();
    // The thief reads the mail and knows the passphrase, but did not ask.
    let own = thief.get("/login").await.csrf();
    let answer = thief.try_code(&own, &code, PASSPHRASE).await;
    assert!(answer.status == StatusCode::FORBIDDEN && !is_in(&mut thief).await);
    // Who asked for somebody else in another browser gets another code.
    let own = thief.ask_code(BERT).await;
    assert_eq!(thief.try_code(&own, &code, PASSPHRASE).await.status, StatusCode::FORBIDDEN);

    let before = browser.clone();
    assert_eq!(browser.try_code(&csrf, &code, PASSPHRASE).await.status, StatusCode::SEE_OTHER);
    let mut again = before;
    assert_eq!(again.try_code(&csrf, &code, PASSPHRASE).await.status, StatusCode::FORBIDDEN);
    assert!(!is_in(&mut again).await);
}

#[tokio::test(start_paused = true)]
async fn a_code_that_is_older_than_ten_minutes_is_good_for_nothing() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    let csrf = browser.ask_code(ANNE).await;
    tokio::time::advance(GOOD_FOR).await;
    let answer = browser.try_code(&csrf, &desk.mailed(), PASSPHRASE).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.get("/login/code").await.location(), "/login");
}

#[tokio::test]
async fn who_guesses_a_code_has_five_tries_and_then_the_right_one_is_too_late() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    let csrf = browser.ask_code(ANNE).await;
    let code = desk.mailed();
    for _ in 0..TRIES_MAX {
        let answer = browser.try_code(&csrf, &other(&code), PASSPHRASE).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(browser.try_code(&csrf, &code, PASSPHRASE).await.status, StatusCode::FORBIDDEN);
    assert!(!is_in(&mut browser).await);
}

#[tokio::test]
async fn codes_are_rationed_per_account_and_per_address_of_the_network() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    let csrf = browser.get("/login").await.csrf();
    let mut last = None;
    for _ in 0..10 {
        last = Some(browser.post("/login", &[("csrf", &csrf), ("address", ANNE)]).await);
    }
    let last = last.unwrap();
    assert_eq!((last.status, desk.mails()), (StatusCode::TOO_MANY_REQUESTS, 5));
    assert!(last.headers.contains_key(header::RETRY_AFTER));
    // Nobody elsewhere is kept out by it, until it is many.
    browser.from = "198.51.100.7".to_owned();
    assert_eq!(
        browser.post("/login", &[("csrf", &csrf), ("address", ANNE)]).await.status,
        StatusCode::SEE_OTHER
    );
    for line in 0..60 {
        browser.from = format!("203.0.113.{line}");
        browser.post("/login", &[("csrf", &csrf), ("address", ANNE)]).await;
    }
    assert_eq!(desk.mails(), 20);

    let few = Pace { burst: 3, every: Duration::from_mins(1) };
    let desk = Desk::at_pace(Paces { codes_per_caller: few, ..Paces::default() });
    let mut browser = desk.browser();
    let csrf = browser.get("/login").await.csrf();
    let mut statuses = Vec::new();
    for name in 0..4 {
        let address = format!("somebody{name}@school.example");
        statuses
            .push(browser.post("/login", &[("csrf", &csrf), ("address", &address)]).await.status.as_u16());
    }
    assert_eq!(statuses, [303, 303, 303, 429]);
}

#[tokio::test]
async fn a_thief_of_the_mail_is_locked_out_after_ten_passphrases_and_tells_nobody_apart() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    let mut locked = 0;
    for _ in 0..4 {
        browser.from = format!("192.0.2.{}", 10 + locked);
        let csrf = browser.ask_code(ANNE).await;
        let code = desk.mailed();
        for _ in 0..TRIES_MAX {
            let answer = browser.try_code(&csrf, &code, "geraden wachtwoordzin").await;
            locked += u32::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
        }
    }
    assert_eq!(locked, 10);
    let csrf = browser.ask_code(ANNE).await;
    let answer = browser.try_code(&csrf, &desk.mailed(), PASSPHRASE).await;
    assert!(answer.status == StatusCode::TOO_MANY_REQUESTS && !is_in(&mut browser).await);
    desk.browser().log_in(&desk, BERT).await;
}

#[tokio::test]
async fn an_address_that_nobody_knows_is_answered_as_one_that_is_known() {
    let desk = Desk::open();
    let (mut known, mut unknown) = (desk.browser(), desk.browser());
    let pages = |csrf: String, text: String| text.replace(&csrf, "");
    let mut seen = Vec::new();
    for (browser, address) in [(&mut known, ANNE), (&mut unknown, "nobody@school.example")] {
        let csrf = browser.ask_code(address).await;
        let page = browser.get("/login/code").await.body;
        let wrong = browser.try_code(&csrf, "00000000", PASSPHRASE).await;
        seen.push((pages(csrf.clone(), page), wrong.status, pages(csrf, wrong.body)));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(desk.mails(), 1);
}

#[tokio::test]
async fn logging_in_gives_a_new_secret_and_one_that_was_planted_opens_nothing() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    let planted = "f".repeat(64);
    browser.cookies.insert(SESSION.to_owned(), planted.clone());
    browser.cookies.insert(VISIT.to_owned(), planted.clone());
    browser.log_in(&desk, ANNE).await;
    assert_ne!(browser.cookies[SESSION], planted);
    assert_ne!(browser.cookies[VISIT], planted);
    let mut thief = desk.browser();
    thief.cookies.insert(SESSION.to_owned(), planted);
    assert!(!is_in(&mut thief).await && is_in(&mut browser).await);
}

#[tokio::test]
async fn a_form_that_is_not_ours_does_nothing() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    browser.log_in(&desk, ANNE).await;
    let csrf = browser.get("/").await.csrf();
    let mut other = desk.browser();
    other.log_in(&desk, BERT).await;
    let others = other.get("/").await.csrf();
    for said in ["", "0", &others, &csrf[1..]] {
        assert_eq!(browser.post("/act", &[("csrf", said)]).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(browser.post("/act", &[("csrf", &csrf), ("csrf", &csrf)]).await.status, StatusCode::FORBIDDEN);
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let request = Request::post("/act").header(name, value);
        assert_eq!(browser.send(request, &[("csrf", &csrf)]).await.status, StatusCode::FORBIDDEN, "{value}");
    }
    assert_eq!(browser.get("/act").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(!browser.get("/").await.body.contains("gedaan"));
    assert_eq!(browser.post("/act", &[("csrf", &csrf)]).await.location(), "/");
    assert!(browser.get("/").await.body.contains("gedaan"));
    // Nor do the gate's own.
    for path in ["/logout", "/logout/everywhere", "/language"] {
        assert_eq!(browser.post(path, &[]).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let mut stranger = desk.browser();
    for path in ["/login", "/login/code", "/language"] {
        assert_eq!(stranger.post(path, &[]).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(stranger.post("/act", &[("csrf", &csrf)]).await.location(), "/login");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_over_when_idle_and_at_its_limit_and_its_badge_is_gone() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    browser.log_in(&desk, ANNE).await;
    let badge = desk.gate.sessions().any(desk.gate.now(), |seat| Some(seat.badge.clone())).unwrap();
    for _ in 0..6 {
        tokio::time::advance(Duration::from_secs(599)).await;
        assert!(is_in(&mut browser).await);
    }
    tokio::time::advance(Duration::from_secs(10)).await;
    let gate = desk.gate.clone();
    let sweeping = tokio::spawn(async move { gate.sweep().await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    sweeping.abort();
    assert_eq!(std::sync::Arc::strong_count(&badge), 1, "nobody had to ask for it");
    assert!(!is_in(&mut browser).await);
    assert!(browser.get("/login").await.body.contains("U was uitgelogd"));
    assert!(!browser.get("/login").await.body.contains("U was uitgelogd"), "it is said once");
}

#[tokio::test]
async fn logging_out_ends_one_session_and_everywhere_ends_all_of_the_account() {
    let desk = Desk::open();
    let (mut one, mut two, mut bert) = (desk.browser(), desk.browser(), desk.browser());
    one.log_in(&desk, ANNE).await;
    two.log_in(&desk, ANNE).await;
    bert.log_in(&desk, BERT).await;
    let stolen = one.clone();
    let csrf = one.get("/").await.csrf();
    let answer = one.post("/logout", &[("csrf", &csrf)]).await;
    assert_eq!(
        (answer.location(), answer.headers["clear-site-data"].to_str().unwrap()),
        ("/login", "\"cache\"")
    );
    assert!(!is_in(&mut stolen.clone()).await && is_in(&mut two).await);
    assert!(one.get("/login").await.body.contains("U bent uitgelogd"));
    one.log_in(&desk, ANNE).await;
    let csrf = two.get("/").await.csrf();
    two.post("/logout/everywhere", &[("csrf", &csrf)]).await;
    assert!(!is_in(&mut one).await && !is_in(&mut two).await && is_in(&mut bert).await);
}

#[tokio::test]
async fn every_answer_has_the_headers_and_none_is_kept() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    browser.log_in(&desk, ANNE).await;
    let csrf = browser.get("/").await.csrf();
    let mut answers = Vec::new();
    for path in ["/", "/login", "/login/code", "/act", "/nowhere", "/assets/none"] {
        answers.push(browser.get(path).await);
        answers.push(desk.browser().get(path).await);
    }
    answers.push(browser.post("/act", &[("csrf", &csrf)]).await);
    answers.push(browser.post("/act", &[]).await);
    answers.push(browser.send(Request::post("/act").header(header::HOST, "evil.example"), &[]).await);
    for answer in &answers {
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        let csp = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(csp.contains("default-src 'none'") && !csp.contains("unsafe") && !csp.contains("http"));
        assert!(csp.contains("frame-ancestors 'none'") && csp.contains("form-action 'self'"));
        for name in
            ["strict-transport-security", "x-content-type-options", "x-frame-options", "referrer-policy"]
        {
            assert!(answer.headers.contains_key(name), "{name}");
        }
        // What the policy would forbid is not there either.
        for inline in ["<script", "style=", "onclick", "onload", "javascript:", "<style"] {
            assert!(!answer.body.contains(inline), "{inline}");
        }
    }
    assert!(answers.iter().any(|answer| answer.status == StatusCode::MISDIRECTED_REQUEST));
    let kept = browser.get(hwc_web::style_path()).await;
    assert!(kept.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert!(kept.body.contains("@media print") && !kept.body.contains("url("));
}

#[tokio::test]
async fn no_cookie_can_be_read_by_a_script_or_sent_by_another_site() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    let first = browser.get("/login").await;
    let csrf = first.csrf();
    browser.post("/login", &[("csrf", &csrf), ("address", ANNE)]).await;
    let inside = browser.try_code(&csrf, &desk.mailed(), PASSPHRASE).await;
    for set in [&first, &inside].into_iter().flat_map(|answer| answer.headers.get_all(header::SET_COOKIE)) {
        let set = set.to_str().unwrap();
        assert!(
            set.starts_with("__Host-") && set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"),
            "{set}"
        );
    }
}

#[tokio::test]
async fn who_comes_by_a_link_in_a_mail_is_asked_to_come_once_more_from_here() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    browser.log_in(&desk, ANNE).await;
    let mut linked = desk.browser();
    let request = Request::get("/").header("sec-fetch-site", "cross-site");
    let answer = linked.send(request, &[]).await;
    assert_eq!(answer.headers["refresh"], "0; url=/");
    assert!(!answer.headers.contains_key(header::SET_COOKIE), "the session's cookie is not touched");
}

#[tokio::test]
async fn the_language_is_chosen_by_the_person_and_dutch_until_then() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    let page = browser.get("/login").await;
    assert!(page.body.contains("<html lang=\"nl\">") && page.body.contains("Inloggen"));
    browser.post("/language", &[("csrf", &page.csrf()), ("language", "en")]).await;
    assert!(browser.get("/login").await.body.contains("<html lang=\"en\">"));
    browser.log_in(&desk, ANNE).await;
    assert!(browser.get("/").await.body.contains("Logged in:"));
    browser.cookies.insert("__Host-hwc-language".to_owned(), "\"><script>".to_owned());
    let page = browser.get("/").await.body;
    assert!(page.contains("<html lang=\"nl\">") && !page.contains("<script>"));
}

#[tokio::test]
async fn whatever_is_written_into_a_form_is_text_on_the_page() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    let csrf = browser.get("/login").await.csrf();
    let answer =
        browser.post("/login", &[("csrf", &csrf), ("address", "<script>alert(1)</script>@x.nl")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!answer.body.contains("alert(1)"));
}
