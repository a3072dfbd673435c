use std::fs;

use axum::http::StatusCode;
use hwc_municipality::RegisterStanding;

use crate::browser::{LOOKS, OnShow, WIT};

const PAGES: [&str; 5] = ["/", "/passed-on", "/register", "/reports", "/acts"];

#[tokio::test]
async fn what_was_passed_on_is_shown_by_code_time_school_and_where_it_is() {
    let desk = OnShow::open();
    let page = desk.logged_in(LOOKS).await.get("/passed-on").await;
    for words in [
        "9c01d4",
        "18 november 2026, 07:12",
        "01AA00",
        "Bij de school, nog niet geopend",
        "Geopend door de school",
        "ontvangst om 10:00 niet bevestigd",
        "Ontvangen",
        "Afgesloten: de school bevestigde",
    ] {
        page.says(words);
    }
}

#[tokio::test]
async fn the_register_says_how_old_it_is_what_changed_and_that_it_is_too_old() {
    let desk = OnShow::open();
    let mut looks = desk.logged_in(LOOKS).await;
    let page = looks.get("/register").await;
    for words in
        ["31107", "16 november 2026, 21:15", "alle leerlingen", "10 dagen", "De gegevens zijn vers genoeg"]
    {
        page.says(words);
    }
    looks.get("/").await.says_none_of(&["te oud"]);
    desk.counter.lock().standing.stale = true;
    looks.get("/register").await.says("De leerlinggegevens zijn te oud");
    looks.get("/").await.says("De leerlinggegevens zijn te oud");
    desk.counter.lock().standing.problem = Some("enrolments.csv line 14, column date_of_birth".to_owned());
    looks.get("/register").await.says("line 14");
    looks.get("/").await.says("Met de leerlinggegevens is iets mis");
    desk.counter.lock().standing = RegisterStanding::default();
    looks.get("/register").await.says("Nog niet bekend");
}

#[tokio::test]
async fn a_report_is_what_was_published_of_a_closed_month_and_nothing_that_it_hides() {
    let desk = OnShow::open();
    let mut looks = desk.logged_in(LOOKS).await;
    looks.get("/reports").await.says("Er is nog geen maand afgesloten");
    let report = r#"{"period":"2026-10","region":{"received":41,"sent":36,"not_sent":"<5","sent_per_school":
        [{"item":"school-01AA00","signals":null}]},"municipalities":[{"municipality":"0785","received":23,"sent":23,
        "not_sent":"<5"},{"municipality":"0855","received":18,"sent":13,"not_sent":5}]}"#;
    fs::write(desk.folder.path().join("2026-10.json"), report).unwrap();
    looks.get("/reports").await.says("/reports/2026-10\">oktober 2026");
    let page = looks.get("/reports/2026-10").await;
    for words in ["Uw gemeente", "De hele regio", ">23<", "&#60;5", "<td>01AA00", "–"] {
        page.says(words);
    }
    page.says_none_of(&[">13<", ">18<"]);
    for none in ["/reports/2026-09", "/reports/acts", "/reports/..%2Facts", "/reports/2026-10.json"] {
        assert_eq!(looks.get(none).await.status, StatusCode::NOT_FOUND, "{none}");
    }
}

#[tokio::test]
async fn reminders_say_when_whoever_decides_was_told() {
    let desk = OnShow::open();
    let page = desk.logged_in(LOOKS).await.get("/").await;
    page.says("18 november 2026, 08:00");
    page.says("wacht nog, de les begint zo");
    desk.counter.lock().reminders.clear();
    desk.logged_in(LOOKS).await.get("/").await.says("niemand gewaarschuwd");
}

#[tokio::test]
async fn the_book_of_acts_says_who_did_what_on_which_day_and_of_no_signal() {
    let desk = OnShow::open();
    let mut wit = desk.logged_in(WIT).await;
    wit.post("/case", &[("case", "5b20e1")]).await;
    wit.post("/case/pick", &[("case", "5b20e1"), ("number", "1")]).await;
    wit.post("/case/withhold", &[("case", "5b20e2"), ("reason", "enrolment_unknown")]).await;
    wit.post("/recall", &[("signal", "9c01d4"), ("reason", "wrong_school")]).await;
    let page = desk.logged_in(LOOKS).await.get("/acts").await;
    for words in [
        "Anna de Wit (leerplichtambtenaar)",
        "logde in",
        "opende een geval",
        "koos een leerling",
        "hield een signaal tegen",
        "riep een signaal terug",
    ] {
        page.says(words);
    }
    let book = fs::read_to_string(desk.folder.path().join("audit.jsonl")).unwrap();
    for word in ["5b20e", "9c01d", "Lot", "01AA", "Anna", WIT] {
        assert!(!book.contains(word) && !page.body.contains("5b20e"), "{word}");
    }
    assert!(book.lines().all(|line| line.contains("\"actor\":\"lpa-1\"") || line.contains("kijkt-1")));
}

#[tokio::test]
async fn a_process_that_does_not_run_is_said_on_every_page_and_nothing_is_lost() {
    let desk = OnShow::open();
    let mut wit = desk.logged_in(WIT).await;
    desk.counter.lock().away = true;
    for path in ["/", "/passed-on", "/register"] {
        let page = wit.get(path).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        page.says("Het programma van de gemeente antwoordt niet");
    }
    for (path, fields) in [
        ("/case", &[("case", "5b20e1")][..]),
        ("/case/pick", &[("case", "5b20e1"), ("number", "1")]),
        ("/recall", &[("signal", "9c01d4"), ("reason", "wrong_school")]),
    ] {
        assert_eq!(wit.post(path, fields).await.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
    desk.counter.lock().away = false;
    wit.get("/").await.says("5b20e1");
}

#[tokio::test]
async fn every_page_is_there_in_english_too_has_one_heading_and_runs_nothing() {
    let desk = OnShow::open();
    let mut wit = desk.logged_in(WIT).await;
    let dutch = wit.get("/").await;
    dutch.says("<html lang=\"nl\">");
    let answer = wit.post("/language", &[("language", "en")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let mut pages = Vec::new();
    for path in PAGES {
        pages.push(wit.get(path).await);
    }
    pages.push(wit.post("/case", &[("case", "5b20e2")]).await);
    pages.push(wit.post("/recall/ask", &[("signal", "9c01d4")]).await);
    pages.push(wit.post("/case/pick", &[("case", "000000"), ("number", "1")]).await);
    for page in pages {
        page.says("<html lang=\"en\">");
        assert_eq!(page.body.matches("<h1>").count(), 1);
        page.says_none_of(&["<script", "style=", "onclick", " de leerling", "Wacht op", "u kunt"]);
        assert!(page.headers.contains_key("content-security-policy"));
    }
}
