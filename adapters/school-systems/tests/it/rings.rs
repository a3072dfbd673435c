//! What is rung, and when.

use hwc_adapter_kit::Settled;
use jiff::Timestamp;

use crate::{
    ground::{School, signal},
    receiver::{Does, Receiver, SECRET},
};

const WAITS: &str = "nl.handlewithcare.signal.waits.v1";
const REMINDED: &str = "nl.handlewithcare.signal.reminded.v1";
const GONE: &str = "nl.handlewithcare.signal.gone.v1";

#[tokio::test]
async fn a_signal_that_waits_rings_once_signed_and_says_nothing_of_whom() {
    let receiver = Receiver::that(&[Does::Says(204)]).await;
    let school = School::ringing_at(&receiver);
    let task = school.gets(signal(1));
    let [call] = &receiver.waits_for(1).await[..] else { panic!("too many calls") };
    assert_eq!(call.first, "POST /hook HTTP/1.1");
    assert!(call.is_signed_by(SECRET));
    assert!(!call.is_signed_by("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"));
    let said: i64 = call.header("webhook-timestamp").parse().unwrap();
    assert!((Timestamp::now().as_second() - said).abs() < 60);
    assert_eq!(call.header("content-type"), "application/cloudevents+json; charset=utf-8");
    let event = call.json();
    assert_eq!((call.news(), &event["id"]), (WAITS.to_owned(), &call.header("webhook-id").into()));
    assert_eq!(event["time"], "2026-11-18T07:04:00Z");
    let (lying, digits) = school.tray.lying();
    let code = lying[0].code.short(digits);
    let data =
        serde_json::json!({ "code": code, "round": 1, "since": "2026-11-18T07:04:00Z", "reminders": 0 });
    assert_eq!(event["data"], data);
    // Neither the relay's id nor its place in a trace, nor which school it is.
    let headers = format!("{:?}", call.headers);
    for never in ["feed", "01AA00", "trace"] {
        assert!(!call.body.contains(never) && !headers.contains(never), "{never}: {headers} {}", call.body);
    }
    assert!(school.metrics().contains(r#"hwc_webhook_calls_total{fate="taken"} 1"#), "{}", school.metrics());
    assert!(school.bell.failing().borrow().is_none() && !task.is_finished());
}

#[tokio::test]
async fn what_ends_is_told_and_its_task_does_not_wait_for_that() {
    let receiver = Receiver::that(&[Does::Says(200), Does::Hangs, Does::Says(200)]).await;
    let school = School::ringing_at(&receiver);
    let task = school.gets(signal(1));
    let waits = receiver.waits_for(1).await.remove(0);
    school.tray.settle((signal(1), 1));
    assert_eq!(task.await.unwrap(), Settled::Done);
    let calls = receiver.waits_for(3).await;
    assert_eq!([calls[1].news(), calls[2].news()], [GONE, GONE]);
    assert_eq!(calls[1].json()["data"]["code"], waits.json()["data"]["code"]);
    assert_eq!(
        (calls[1].header("webhook-id"), &calls[1].body),
        (calls[2].header("webhook-id"), &calls[2].body)
    );
    assert_ne!(calls[1].header("webhook-id"), waits.header("webhook-id"));
}

#[tokio::test]
async fn a_reminder_rings_with_its_count_and_its_task_stays_until_it_was_heard() {
    let receiver = Receiver::that(&[Does::Says(200), Does::Says(503), Does::Says(200)]).await;
    let school = School::ringing_at(&receiver);
    let _task = school.gets(signal(1));
    receiver.waits_for(1).await;
    assert_eq!(school.is_reminded(signal(1)).await.unwrap(), Settled::Done);
    let calls = receiver.calls();
    assert_eq!([calls[1].news(), calls[2].news()], [REMINDED, REMINDED]);
    assert_eq!((calls.len(), &calls[2].json()["data"]["reminders"]), (3, &1.into()));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_of_a_reminder_of_what_waits_no_more() {
    let receiver = Receiver::that(&[Does::Says(200)]).await;
    let school = School::ringing_at(&receiver);
    assert_eq!(school.is_reminded(signal(1)).await.unwrap(), Settled::Done);
    assert_eq!(receiver.calls().len(), 0);
}

#[tokio::test]
async fn a_process_that_was_killed_rings_again_and_the_receiver_can_tell_that_it_heard_it() {
    let receiver = Receiver::that(&[Does::Says(200)]).await;
    let first = School::ringing_at(&receiver);
    let task = first.gets(signal(1));
    receiver.waits_for(1).await;
    task.abort();
    let second = School::ringing_at(&receiver);
    let _task = second.gets(signal(1));
    let calls = receiver.waits_for(2).await;
    assert_eq!(
        (calls[0].header("webhook-id"), &calls[0].body),
        (calls[1].header("webhook-id"), &calls[1].body)
    );
}

#[tokio::test]
async fn there_is_one_call_at_a_time_for_a_signal() {
    let receiver =
        Receiver::that(&[Does::SaysSlowly(503), Does::SaysSlowly(503), Does::SaysSlowly(200)]).await;
    let school = School::ringing_at(&receiver);
    let _tasks = [school.gets(signal(1)), school.gets(signal(2))];
    let reminders = [1, 1, 2, 2, 1].map(|number| school.is_reminded(signal(number)));
    for reminder in reminders {
        assert_eq!(reminder.await.unwrap(), Settled::Done);
    }
    assert!(receiver.waits_for(7).await.len() >= 7);
    assert_eq!(receiver.at_once(), 1);
}
