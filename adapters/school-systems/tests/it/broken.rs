//! Receivers that are slow, silent, wrong or hostile.

use std::time::Duration;

use hwc_adapter_kit::Settled;

use crate::{
    ground::{School, signal},
    receiver::{Does, Receiver, SECRET},
};

#[tokio::test]
async fn whatever_a_receiver_does_wrong_the_same_is_rung_again_until_it_is_heard() {
    let wrong = [
        Does::HangsUp,
        Does::Garbage,
        Does::Says(500),
        Does::Hangs,
        Does::EndlessHead,
        Does::Says(429),
        Does::EndlessBody,
    ];
    let receiver = Receiver::that(&wrong).await;
    let school = School::ringing_at(&receiver);
    let _task = school.gets(signal(1));
    let calls = receiver.waits_for(wrong.len()).await;
    for call in &calls {
        assert!(call.is_signed_by(SECRET));
        assert_eq!((call.header("webhook-id"), &call.body), (calls[0].header("webhook-id"), &calls[0].body));
    }
    let taken = r#"hwc_webhook_calls_total{fate="taken"} 1"#;
    while !school.metrics().contains(taken) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(school.metrics().contains(r#"hwc_webhook_calls_total{fate="later"} 6"#), "{}", school.metrics());
    // Nothing is read of what comes behind a yes, and nothing more is rung.
    assert_eq!(receiver.calls().len(), wrong.len());
    assert!(school.bell.failing().borrow().is_none());
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_neither_the_tray_nor_what_ends() {
    let receiver = Receiver::that(&[Does::Hangs]).await;
    let school = School::ringing_at(&receiver);
    let tasks: Vec<_> = (0..40).map(|number| school.gets(signal(number))).collect();
    receiver.waits_for(8).await;
    assert_eq!(school.tray.lying().0.len(), 40);
    for number in 0..40 {
        school.tray.settle((signal(number), 1));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), Settled::Done);
    }
}

#[tokio::test]
async fn somebody_is_told_of_a_receiver_that_is_not_there_and_told_when_it_is() {
    let receiver = Receiver::that(&[Does::HangsUp, Does::HangsUp, Does::HangsUp, Does::Says(200)]).await;
    let school = School::ringing_at(&receiver);
    let mut failing = school.bell.failing();
    let _task = school.gets(signal(1));
    let said = failing.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert!(said.contains("was not heard 3 times") && !said.contains("127.0.0.1"), "{said}");
    failing.wait_for(Option::is_none).await.unwrap();
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_who_refuses_is_called_again_and_said() {
    let elsewhere = Receiver::that(&[Does::Says(200)]).await;
    let receiver =
        Receiver::that(&[Does::Redirects(elsewhere.address), Does::Says(404), Does::Says(200)]).await;
    let school = School::ringing_at(&receiver);
    let mut failing = school.bell.failing();
    let _task = school.gets(signal(1));
    for status in ["(307)", "(404)"] {
        let said = failing.wait_for(|said| said.as_ref().is_some_and(|said| said.contains(status))).await;
        assert!(said.unwrap().clone().unwrap().contains("[webhook] url"));
    }
    failing.wait_for(Option::is_none).await.unwrap();
    assert_eq!((elsewhere.calls().len(), receiver.calls().len()), (0, 3));
    assert!(
        school.metrics().contains(r#"hwc_webhook_calls_total{fate="refused"} 2"#),
        "{}",
        school.metrics()
    );
}

#[tokio::test]
async fn who_wants_no_more_of_it_is_left_alone_and_that_is_said() {
    let receiver = Receiver::that(&[Does::Says(410)]).await;
    let school = School::ringing_at(&receiver);
    let mut failing = school.bell.failing();
    let task = school.gets(signal(1));
    let said = failing.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert!(said.contains("(410)"), "{said}");
    // A hundred waits of fifteen seconds.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(receiver.calls().len() == 1 && !task.is_finished());
}
