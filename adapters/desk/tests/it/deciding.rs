use axum::http::{StatusCode, header};
use hwc_municipality::{
    Why,
    counter::{Place, Question},
};
use hwc_schemas::wire::RouteWhy;

use crate::{
    browser::{BOS, OnShow, WIT},
    pretend::child,
};

/// The names of the morning's cases, and when they were born.
pub(crate) const NAMES: [&str; 7] = ["Lotje", "Lotte", "Smit", "Noa", "Berg", "Jansen", "11 december 2018"];

#[tokio::test]
async fn names_are_on_the_page_of_a_case_that_was_opened_and_on_no_other_and_nobody_keeps_it() {
    let desk = OnShow::open();
    let mut wit = desk.logged_in(WIT).await;
    let list = wit.get("/").await;
    list.says("5b20e1");
    list.says("3 mogelijke leerlingen");
    list.says("Te vaak teruggegeven door scholen");
    list.says("sterk op lijkt");
    list.says_none_of(&NAMES);
    let case = wit.post("/case", &[("case", "5b20e1")]).await;
    assert_eq!(
        (case.status, &case.headers[header::CACHE_CONTROL]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    for words in ["Lotje", "Lotte", "11 december 2018", "01AA00", "class=\"unprinted\"", "anders"] {
        case.says(words);
    }
    for path in ["/", "/passed-on", "/register", "/reports", "/acts", "/case", "/nergens"] {
        wit.get(path).await.says_none_of(&NAMES);
    }
    wit.get("/").await.says("Geopend door een collega: leerplichtambtenaar");
}

#[tokio::test]
async fn a_secret_school_is_not_shown_and_picking_that_pupil_withholds_the_signal() {
    let desk = OnShow::open();
    let mut wit = desk.logged_in(WIT).await;
    let case = wit.post("/case", &[("case", "5b20e2")]).await;
    case.says("Geheime inschrijving");
    case.says("Gedetacheerd op</dt><dd>02BB00");
    let picked = wit.post("/case/pick", &[("case", "5b20e2"), ("number", "3")]).await;
    assert_eq!((picked.status, picked.location()), (StatusCode::SEE_OTHER, "/"));
    wit.get("/").await.says("de inschrijving is geheim");
    assert_eq!(desk.counter.lock().passed_on.len(), 5);
}

#[tokio::test]
async fn a_pupil_is_picked_once_and_then_stands_in_the_list_by_code_and_school() {
    let desk = OnShow::open();
    let mut wit = desk.logged_in(WIT).await;
    let unseen = wit.post("/case/pick", &[("case", "5b20e1"), ("number", "1")]).await;
    assert_eq!(unseen.status, StatusCode::CONFLICT);
    wit.post("/case", &[("case", "5b20e1")]).await;
    let nothing = wit.post("/case/pick", &[("case", "5b20e1")]).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    let nobody = wit.post("/case/pick", &[("case", "5b20e1"), ("number", "2")]).await;
    assert_eq!(nobody.status, StatusCode::CONFLICT);
    let before = wit.clone();
    let picked = wit.post("/case/pick", &[("case", "5b20e1"), ("number", "1")]).await;
    assert_eq!((picked.status, picked.location()), (StatusCode::SEE_OTHER, "/"));
    assert_eq!(picked.headers["clear-site-data"], "\"cache\"");
    // What the browser still has of before is worth nothing.
    let mut before = before;
    assert_eq!(before.get("/").await.location(), "/login");
    let list = wit.get("/").await;
    list.says("Doorgestuurd. De school hoort het");
    list.says_none_of(&["5b20e1"]);
    let passed_on = wit.get("/passed-on").await;
    passed_on.says("eb20e1");
    passed_on.says("01AA00");
    passed_on.says_none_of(&NAMES);
    wit.get("/").await.says_none_of(&["Doorgestuurd. De school"]);
}

#[tokio::test]
async fn a_signal_is_withheld_for_a_reason_of_the_law_and_for_none_it_is_not() {
    let desk = OnShow::open();
    let mut wit = desk.logged_in(WIT).await;
    for reason in ["", "school_not_participating", "geen zin"] {
        let refused = wit.post("/case/withhold", &[("case", "5b20e1"), ("reason", reason)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{reason}");
    }
    let cases =
        [("5b20e1", "enrolment_unknown"), ("5b20e2", "enrolment_secret"), ("5b20e3", "enrolment_ambiguous")];
    for (case, reason) in cases {
        let withheld = wit.post("/case/withhold", &[("case", case), ("reason", reason)]).await;
        assert_eq!(withheld.status, StatusCode::SEE_OTHER, "{reason}");
        wit.get("/").await.says("iet doorgestuurd");
    }
    let asked: Vec<_> = desk
        .counter
        .lock()
        .asked
        .iter()
        .filter_map(|question| match question {
            Question::Withhold { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [Why::EnrolmentUnknown, Why::EnrolmentSecret, Why::EnrolmentAmbiguous]);
    wit.get("/").await.says("Er wacht niets op een beslissing.");
}

#[tokio::test]
async fn of_two_who_decide_the_same_case_the_second_is_told_who_was_first_by_what_they_are() {
    let desk = OnShow::open();
    let (mut wit, mut bos) = (desk.logged_in(WIT).await, desk.logged_in(BOS).await);
    wit.post("/case", &[("case", "5b20e1")]).await;
    bos.post("/case", &[("case", "5b20e1")]).await;
    wit.post("/case/pick", &[("case", "5b20e1"), ("number", "1")]).await;
    for act in ["/case/pick", "/case/withhold"] {
        let fields = [("case", "5b20e1"), ("number", "1"), ("reason", "enrolment_unknown")];
        let late = bos.post(act, &fields).await;
        assert_eq!(late.status, StatusCode::CONFLICT);
        late.says("Hierover is al beslist");
        late.says("leerplichtambtenaar");
        late.says("Wat u koos is niet gedaan.");
        late.says_none_of(&["Anna de Wit", "Lotje", "Lotte"]);
    }
    let late = bos.post("/case", &[("case", "5b20e1")]).await;
    late.says("leerplichtambtenaar");
    assert_eq!(desk.counter.lock().passed_on.len(), 6);

    // At this very moment, and by somebody who is not at this desk.
    desk.counter.lock().cases[0].being_decided = true;
    let now = bos.post("/case/pick", &[("case", "5b20e2"), ("number", "1")]).await;
    assert_eq!(now.status, StatusCode::CONFLICT);
    now.says("Hierover wordt op dit moment beslist");
    now.says("een collega, niet via deze pagina");
}

#[tokio::test]
async fn a_case_that_changes_or_ends_between_opening_and_picking_is_not_decided() {
    let desk = OnShow::open();
    let mut wit = desk.logged_in(WIT).await;
    wit.post("/case", &[("case", "5b20e1")]).await;
    desk.counter.is_judged_anew("5b20e1");
    let moved = wit.post("/case/pick", &[("case", "5b20e1"), ("number", "1")]).await;
    assert_eq!(moved.status, StatusCode::CONFLICT);
    moved.says("De gegevens zijn net veranderd");

    wit.post("/case", &[("case", "5b20e2")]).await;
    desk.counter.starts_again();
    let moved = wit.post("/case/pick", &[("case", "5b20e2"), ("number", "1")]).await;
    assert_eq!(moved.status, StatusCode::CONFLICT);
    moved.says("met een andere code");
    assert_eq!(desk.counter.lock().passed_on.len(), 5);

    // Recalled meanwhile: only the engine knows it.
    let code = desk.counter.comes(RouteWhy::New, child("Bo", None, "Vos", "2016-01-01"), Vec::new());
    wit.post("/case", &[("case", &code)]).await;
    desk.counter.lock().cases.last_mut().unwrap().gone = true;
    let gone = wit.post("/case/withhold", &[("case", &code), ("reason", "enrolment_unknown")]).await;
    assert_eq!(gone.status, StatusCode::CONFLICT);
    gone.says("Dit signaal is er niet meer");
}

#[tokio::test]
async fn a_signal_is_called_back_by_its_code_or_id_for_a_reason_and_asked_about_first() {
    let desk = OnShow::open();
    let mut wit = desk.logged_in(WIT).await;
    let asked = wit.post("/recall/ask", &[("signal", "9c01d4")]).await;
    assert_eq!(asked.status, StatusCode::OK);
    asked.says("de projectleider krijgt bericht");
    assert_eq!(desk.counter.lock().passed_on[0].place, Place::Delivered, "asking recalls nothing");
    let none = wit.post("/recall", &[("signal", "9c01d4")]).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = [("signal", "9c01d4"), ("reason", "wrong_school")];
    let recalled = wit.post("/recall", &fields).await;
    assert_eq!((recalled.status, recalled.location()), (StatusCode::SEE_OTHER, "/passed-on"));
    wit.get("/passed-on").await.says("Teruggeroepen. Het signaal is nergens meer te lezen");
    wit.post("/recall", &fields).await;
    wit.get("/passed-on").await.says("was al teruggeroepen");
    let over = wit.post("/recall", &[("signal", "9c01d0"), ("reason", "sent_in_error")]).await;
    over.says("Dit signaal is er niet meer");
    let unknown = wit.post("/recall", &[("signal", "000000"), ("reason", "sent_in_error")]).await;
    assert_eq!(unknown.status, StatusCode::CONFLICT);
    unknown.says("Er is niets dat zo heet");
    let id = desk.counter.lock().passed_on[1].signal.to_string();
    let recalled = wit.post("/recall", &[("signal", &id), ("reason", "sent_in_error")]).await;
    assert_eq!(recalled.status, StatusCode::SEE_OTHER);
}
