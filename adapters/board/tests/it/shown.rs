//! What the pages show, and what they do not.

use axum::http::StatusCode;
use hwc_board::{Accounts, Level, Snapshot};
use hwc_web::{OsChance, passphrase::Passphrase};

use crate::{
    browser::{OnShow, PASSPHRASE},
    pretend::{ENDED, ID, morning},
};

#[tokio::test]
async fn without_a_login_there_is_nothing_to_see_and_a_stream_is_refused() {
    let on_show = OnShow::open();
    let mut browser = on_show.browser();
    for path in ["/", "/renewing", "/organisations", "/incidents", "/acts"] {
        let answer = browser.get(path).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/login"), "{path}");
    }
    assert_eq!(browser.get("/live").await.status, StatusCode::UNAUTHORIZED);
    let posted = browser.post_raw("/incident", &[("id", ID)]).await;
    assert_eq!((posted.status, posted.location()), (StatusCode::SEE_OTHER, "/login"));
    let login = browser.get("/login").await;
    login.says("lang=\"en\"");
    login.says_none_of(&["Nederlands", "address", "mail"]);
}

#[tokio::test]
async fn a_name_and_a_passphrase_let_in_and_guessing_is_slowed_down_for_that_name_and_place_alone() {
    let on_show = OnShow::open();
    let mut browser = on_show.browser();
    for name in ["jo", "nobody", ""] {
        let wrong = browser.log_in(name, "three bicycles in june").await;
        assert_eq!(wrong.status, StatusCode::FORBIDDEN, "{name}");
        wrong.says("do not belong together");
    }
    for _ in 0..4 {
        browser.log_in("jo", "three bicycles in june").await;
    }
    let slowed = browser.log_in("jo", PASSPHRASE).await;
    assert_eq!(slowed.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!slowed.header("retry-after").is_empty());
    let other = browser.log_in("al", PASSPHRASE).await;
    assert_eq!((other.status, other.location()), (StatusCode::SEE_OTHER, "/"));
    browser.get("/acts").await.says("<td>al</td><td>logged in</td>");
}

#[tokio::test]
async fn the_board_says_how_it_stands_and_no_count_under_five_and_no_moment_of_one_signal() {
    let on_show = OnShow::open();
    let mut browser = on_show.logged_in("jo").await;
    let board = browser.get("/").await;
    for words in [
        "How the region stands",
        "All together: <strong class=\"level is-urgent\">look now</strong>",
        "engine-one; 1 stand by",
        "Mon 23 Nov 08:30, in 1 h 9 min",
        "&#60;5 signals",
        "<strong>&#60;5</strong>",
        "<strong>10+</strong>",
        "15 to 60 min",
        "Reports since Sun 22 Nov 17:00",
        "The board looks since Mon 23 Nov 06:00",
        "Away: school-03CC00.",
        "ready; something waits for a person there",
        "does not answer",
    ] {
        board.says(words);
    }
    // Three, twelve, eleven, two: what the region's counts truly are; and when the oldest came.
    board.says_none_of(&["<strong>3<", "<strong>12<", "<dd>11<", "<dd>2 ", "<dd>1 ", "06:35", ID]);
    assert_eq!(board.header("cache-control"), "no-store");
    assert!(board.header("content-security-policy").contains("script-src 'self'; connect-src 'self'"));
    for path in ["/organisations", "/incidents", "/renewing"] {
        let answer = browser.get(path).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"), "{path}");
        assert!(!answer.header("content-security-policy").contains("script-src"), "{path}");
        assert!(!answer.body.contains("<script"), "{path}");
    }
    assert_eq!(browser.get("/renewing").await.header("refresh"), "30");
}

#[tokio::test]
async fn each_organisation_has_its_keys_and_no_figure_that_shrinks_with_a_signal() {
    let on_show = OnShow::open();
    let page = on_show.logged_in("jo").await.get("/organisations").await;
    for words in
        ["school-03CC00", "none left", "1 Nov 2026: old", "4 Dec 2026: soon", "23 Aug 2028", "serial is 31"]
    {
        page.says(words);
    }
    let school = page.body.split("school-03CC00").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(!school.contains("signal") && !school.contains("task"), "{school}");
}

#[tokio::test]
async fn one_incident_is_a_picture_by_its_id_and_who_looked_is_written_down() {
    let on_show = OnShow::open();
    let mut browser = on_show.logged_in("jo").await;
    let list = browser.get("/incidents").await;
    list.says(ID);
    list.says("late");
    let shown = browser.post("/incident", &[("id", ID)]).await;
    assert_eq!(shown.status, StatusCode::OK);
    for words in [
        "<svg class=\"waterfall\"",
        "child 1 delivered: 18m 10s, still",
        "screened_out (visitor)",
        "task route",
    ] {
        shown.says(words);
    }
    shown.says_none_of(&["school-0", "municipality-0", "police-"]);
    for (id, status, words) in [
        (ENDED, StatusCode::OK, "Nothing else is kept of it"),
        ("00000000000000000000000000000009", StatusCode::NOT_FOUND, "Nothing is known of it"),
        ("canary", StatusCode::UNPROCESSABLE_ENTITY, "That is no id"),
        ("away", StatusCode::SERVICE_UNAVAILABLE, "The broker does not answer"),
    ] {
        let told = browser.post("/incident", &[("id", id)]).await;
        assert_eq!(told.status, status, "{id}");
        told.says(words);
        told.says_none_of(&["canary"]);
    }
    let not_ours = browser.post_raw("/incident", &[("csrf", "x"), ("id", ID)]).await;
    assert_eq!(not_ours.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.get("/incident").await.location(), "/incidents");
    let acts = browser.get("/acts").await;
    acts.says("<td>jo</td><td>looked at one incident</td>");
    acts.says("<td>jo</td><td>looked at the list of incidents</td>");
    acts.says_none_of(&[ID]);
}

#[tokio::test]
async fn whoever_is_taken_off_or_has_a_new_passphrase_is_out_at_once() {
    let on_show = OnShow::open();
    let (mut jo, mut al) = (on_show.logged_in("jo").await, on_show.logged_in("al").await);
    let new = Passphrase::said("four bicycles in may");
    Accounts::enrol(&on_show.accounts, "jo", &new, true, &OsChance).unwrap();
    on_show.board.reread().unwrap();
    assert_eq!(jo.get("/").await.location(), "/login");
    assert_eq!(al.get("/").await.status, StatusCode::OK);
    std::fs::write(&on_show.accounts, "{}").unwrap();
    assert!(on_show.board.reread().is_err());
    assert_eq!(al.get("/").await.status, StatusCode::OK, "the file before stays in use");
}

#[tokio::test]
async fn before_the_first_look_and_without_a_broker_it_says_so_and_nothing_is_said_to_be_fine() {
    let on_show = OnShow::open();
    let mut browser = on_show.logged_in("jo").await;
    on_show.source.stands(Snapshot::default());
    let board = browser.get("/").await;
    board.says("nobody looked yet");
    board.says_none_of(&["is-fine"]);
    let away = Snapshot { broker: Level::Urgent, broker_says: "it does not answer", ..morning() };
    on_show.source.stands(away);
    browser.get("/").await.says("it does not answer");
}
