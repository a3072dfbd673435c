use axum::http::StatusCode;
use hwc_desk::{May, Roster};
use hwc_municipality::counter::Question;
use hwc_schemas::wire::RouteWhy;

use crate::{
    browser::{BOS, LOOKS, OnShow, WIT, member, staff},
    deciding::NAMES,
    pretend::child,
};

/// Everything that is done at the desk, as a form that would do it.
const ACTS: [(&str, &[(&str, &str)]); 5] = [
    ("/case", &[("case", "5b20e1")]),
    ("/case/pick", &[("case", "5b20e1"), ("number", "1")]),
    ("/case/withhold", &[("case", "5b20e1"), ("reason", "enrolment_unknown")]),
    ("/recall/ask", &[("signal", "9c01d4")]),
    ("/recall", &[("signal", "9c01d4"), ("reason", "wrong_school")]),
];

/// What was asked at the counter that shows a name or does something.
fn done(desk: &OnShow) -> usize {
    let only_looks = |question: &&Question| {
        !matches!(
            question,
            Question::Pending { show: false } | Question::PassedOn | Question::Reminders | Question::Register
        )
    };
    desk.counter.lock().asked.iter().filter(only_looks).count()
}

#[tokio::test]
async fn whoever_only_looks_is_shown_no_name_and_can_do_nothing_whatever_they_send() {
    let desk = OnShow::open();
    let mut looks = desk.logged_in(LOOKS).await;
    for path in ["/", "/passed-on", "/register", "/reports", "/acts"] {
        let page = looks.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        page.says_none_of(&NAMES);
        page.says_none_of(&["action=\"/case", "action=\"/recall"]);
    }
    for (path, fields) in ACTS {
        let refused = looks.post(path, fields).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        refused.says("U mag hier niet beslissen");
        refused.says_none_of(&NAMES);
    }
    assert_eq!(done(&desk), 0);
}

#[tokio::test]
async fn who_is_not_logged_in_or_sends_a_form_that_is_not_ours_does_nothing() {
    let desk = OnShow::open();
    let mut stranger = desk.browser();
    for path in ["/", "/passed-on", "/register", "/reports", "/reports/2026-10", "/acts"] {
        assert_eq!(stranger.get(path).await.location(), "/login", "{path}");
    }
    for (path, fields) in ACTS {
        assert_eq!(stranger.post_raw(path, fields).await.location(), "/login", "{path}");
    }
    let mut wit = desk.logged_in(WIT).await;
    let other = desk.logged_in(BOS).await.get("/acts").await.csrf();
    for (path, fields) in ACTS {
        assert_eq!(wit.post_raw(path, fields).await.status, StatusCode::FORBIDDEN, "{path}");
        let with_anothers = [&[("csrf", other.as_str())][..], fields].concat();
        assert_eq!(wit.post_raw(path, &with_anothers).await.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(wit.get(path).await.location(), "/", "{path}");
    }
    assert_eq!(done(&desk), 0);
}

#[tokio::test]
async fn a_code_is_mailed_to_people_of_the_file_only_and_nobody_can_tell_who_they_are() {
    let desk = OnShow::open();
    let mut stranger = desk.browser();
    let csrf = stranger.get("/login").await.csrf();
    let unknown = stranger.post_raw("/login", &[("csrf", &csrf), ("address", "x@elders.example")]).await;
    assert_eq!(
        (unknown.status, unknown.location(), desk.codes_mailed()),
        (StatusCode::SEE_OTHER, "/login/code", 0)
    );
    let known = stranger.post_raw("/login", &[("csrf", &csrf), ("address", WIT)]).await;
    assert_eq!(
        (known.status, known.location(), desk.codes_mailed()),
        (StatusCode::SEE_OTHER, "/login/code", 1)
    );
}

#[tokio::test]
async fn whoever_is_taken_off_the_list_or_may_only_look_from_now_on_is_out_at_once() {
    let desk = OnShow::open();
    let (mut wit, mut bos) = (desk.logged_in(WIT).await, desk.logged_in(BOS).await);
    let mut people = staff();
    people[1] = member("lpa-2", "Bert Bos", BOS, "coördinator leerplicht", May::Look);
    desk.desk.replace_roster(Roster::new(people.clone()).ok().unwrap());
    assert_eq!(bos.get("/").await.location(), "/login");
    assert_eq!(wit.get("/").await.status, StatusCode::OK);
    let mut bos = desk.logged_in(BOS).await;
    assert_eq!(bos.post("/case", &[("case", "5b20e1")]).await.status, StatusCode::FORBIDDEN);
    people.remove(1);
    desk.desk.replace_roster(Roster::new(people).ok().unwrap());
    assert_eq!(bos.get("/").await.location(), "/login");
}

#[tokio::test]
async fn a_log_out_everywhere_ends_every_browser_of_that_person_and_nobody_elses() {
    let desk = OnShow::open();
    let (mut one, mut other) = (desk.logged_in(WIT).await, desk.logged_in(WIT).await);
    let mut bos = desk.logged_in(BOS).await;
    assert_eq!(one.post("/logout/everywhere", &[]).await.location(), "/login");
    assert_eq!(other.get("/").await.location(), "/login");
    assert_eq!(bos.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_name_is_text_and_what_somebody_types_is_not_shown_again() {
    let desk = OnShow::open();
    let mut wit = desk.logged_in(WIT).await;
    let name = "<b>Bo</b>\"'&";
    let code = desk.counter.comes(RouteWhy::New, child(name, None, "Vos", "2016-01-01"), Vec::new());
    let case = wit.post("/case", &[("case", &code)]).await;
    case.says_none_of(&["<b>Bo"]);
    for typed in ["<script>alert(1)</script>", &"9".repeat(65), "../../etc", ""] {
        for (path, field) in [("/case", "case"), ("/recall/ask", "signal")] {
            let answer = wit.post(path, &[(field, &typed.replace('<', "%3C"))]).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
            answer.says_none_of(&["alert(1)", "9999999", "etc"]);
        }
    }
}
