//! What each error leads to, and that a BRP in trouble is left alone.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use hwc_brp::{Limits, breaker, budget::Morning};
use hwc_brp_mock::{Fault, Faults, Key, Trouble};
use hwc_casework::household::Doubt;
use jiff::SignedDuration;

use crate::ground::{Ground, Wanted, david, doubts, now, person, report};

fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

/// How long until the next try.
async fn again(ground: &Ground) -> SignedDuration {
    let report = report(david(), Some("0855"));
    match ground.household(&report).await {
        Err(down) => {
            assert_eq!(down.named_first, now() + SignedDuration::from_mins(30));
            down.again.duration_since(now())
        }
        Ok(_) => panic!("it was found"),
    }
}

#[tokio::test]
async fn every_documented_error_is_down_and_tried_again_sooner_or_later_by_what_it_says() {
    let soon = seconds(2)..=seconds(3);
    let mended = seconds(20)..=seconds(25);
    for (status, expected) in [
        (400, &mended),
        (401, &mended),
        (403, &mended),
        (404, &mended),
        (406, &mended),
        (415, &mended),
        (422, &mended),
        (429, &soon),
        (500, &soon),
        (501, &mended),
        (502, &soon),
        (503, &soon),
    ] {
        let ground = Ground::of(vec![person("David", "Pieterse", "2016-02-03")]).await;
        ground.mock.go_wrong(Faults::status(status));
        let again = again(&ground).await;
        assert!(expected.contains(&again), "{status}: {again:?}");
        ground.mock.go_wrong(Faults::default());
        assert!(ground.household(&report(david(), Some("0855"))).await.is_ok(), "{status}: over");
    }
}

#[tokio::test]
async fn whoever_says_when_to_come_again_is_left_alone_until_then() {
    let ground = Ground::of(vec![]).await;
    let storm = Fault { status: 429, retry_after_seconds: Some(90), ..Fault::always(Trouble::Status) };
    ground.mock.go_wrong(Faults { faults: vec![storm] });
    let again = again(&ground).await;
    assert!((seconds(90)..=seconds(113)).contains(&again), "{again:?}");
}

#[tokio::test]
async fn an_answer_that_is_late_cut_none_or_far_too_large_is_no_answer() {
    for trouble in [Trouble::Hang, Trouble::Half, Trouble::Garbage, Trouble::OtherType, Trouble::Huge] {
        let ground = Ground::of(vec![person("David", "Pieterse", "2016-02-03")]).await;
        ground.mock.go_wrong(Faults::always(trouble));
        assert!(again(&ground).await >= seconds(2), "{trouble:?}");
    }
    let ground = Ground::of(vec![person("David", "Pieterse", "2016-02-03")]).await;
    ground.mock.go_wrong(Faults { faults: vec![Fault { milliseconds: 50, ..Fault::always(Trouble::Slow) }] });
    assert!(ground.household(&report(david(), Some("0855"))).await.is_ok(), "slow is not down");
}

#[tokio::test]
async fn where_nobody_listens_it_is_down() {
    let mut ground = Ground::of(vec![]).await;
    let port = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let nobody = port.local_addr().unwrap();
    drop(port);
    let access = hwc_brp::Access {
        persons: format!("http://{nobody}/personen"),
        occupancy: None,
        credential: hwc_brp::Credential::Nothing,
        tls: None,
    };
    let caller = hwc_brp::Caller::new(access, Limits::default()).unwrap();
    let manner = hwc_brp::Manner {
        participating: [].into(),
        morning: Morning { zone: jiff::tz::TimeZone::UTC, lesson: Morning::LESSON, last_call: None },
    };
    ground.brp =
        hwc_brp::Brp::new(caller, hwc_adapter_kit::Kept::fixed(hwc_brp::Addresses::default()), manner);
    assert!(again(&ground).await >= seconds(2));
}

#[tokio::test]
async fn a_brp_that_is_down_is_asked_a_handful_of_times_by_a_hundred_incidents() {
    let ground = Ground::of(vec![]).await;
    ground.mock.go_wrong(Faults::status(503));
    let report = report(david(), Some("0855"));
    for _ in 0..100 {
        assert!(ground.household(&report).await.is_err());
    }
    assert_eq!(ground.mock.asked().len(), usize::try_from(breaker::FAILURES_MAX).unwrap());
}

#[tokio::test]
async fn no_more_questions_are_under_way_at_once_than_the_settings_allow() {
    let limits = Limits { at_once_max: 2, answer_within: Duration::from_secs(20) };
    let ground = Ground::wanted(vec![], Wanted { limits, ..Wanted::default() }).await;
    ground.mock.go_wrong(Faults::always(Trouble::Hang));
    let report = report(david(), Some("0855"));
    let all = futures_of(&ground, &report);
    let waited = tokio::time::timeout(Duration::from_millis(400), all).await;
    assert!(waited.is_err(), "it hangs");
    assert_eq!(ground.mock.asked().len(), 2);
}

async fn futures_of(ground: &Ground, report: &hwc_schemas::report::Report) {
    let one = || ground.household(report);
    let _ = tokio::join!(one(), one(), one(), one(), one());
}

#[tokio::test]
async fn a_wrong_key_is_not_admitted_and_a_renewed_one_counts_without_a_restart() {
    let ground = Ground::of(vec![person("David", "Pieterse", "2016-02-03")]).await;
    let file = ground.folder.path().join("secret");
    std::fs::write(&file, "withdrawn").unwrap();
    assert!(again(&ground).await >= seconds(20));
    std::fs::write(&file, "s3cret").unwrap();
    assert!(ground.household(&report(david(), Some("0855"))).await.is_ok());
}

#[tokio::test]
async fn a_token_is_had_once_and_again_when_it_ended_or_is_not_taken_any_more() {
    let key = |seconds| Key::Token { secret: "s3cret".into(), seconds };
    let report = report(david(), Some("0855"));
    let people = || vec![person("David", "Pieterse", "2016-02-03")];
    let ground = Ground::wanted(people(), Wanted { key: key(600), ..Wanted::default() }).await;
    for _ in 0..3 {
        assert!(ground.household(&report).await.is_ok());
    }
    assert_eq!(ground.mock.tokens(), 1);
    ground.mock.go_wrong(Faults::status(401));
    assert!(ground.household(&report).await.is_err());
    ground.mock.go_wrong(Faults::default());
    assert!(ground.household(&report).await.is_ok());
    assert_eq!(ground.mock.tokens(), 2);
    // One that ends before it could be used twice.
    let ground = Ground::wanted(people(), Wanted { key: key(20), ..Wanted::default() }).await;
    for _ in 0..2 {
        assert!(ground.household(&report).await.is_ok());
    }
    assert_eq!(ground.mock.tokens(), 2);
    std::fs::write(ground.folder.path().join("secret"), "withdrawn").unwrap();
    assert!(again(&ground).await >= seconds(20));
}

#[tokio::test]
async fn too_many_results_is_no_fault_of_the_brp() {
    let people = (0..31).map(|at| person(&format!("Kind{at}"), "Pieterse", "2014-01-01")).collect();
    let ground = Ground::of(people).await;
    let report = report(david(), Some("0855"));
    for _ in 0..10 {
        let household = ground.household(&report).await.unwrap();
        assert_eq!(doubts(&household, &report), [Doubt::NoList]);
    }
}
