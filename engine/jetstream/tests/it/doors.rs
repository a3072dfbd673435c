//! Knocking, answering, and tasks that come until they are acknowledged.

use std::{collections::BTreeSet, time::Duration};

use futures::StreamExt as _;
use hwc_jetstream::{DoorError, Doors, Fault, Knock, Settings, Shares, Tasks, tasks_lying, withdraw_task};
use hwc_schemas::{
    IncidentId, Organisation,
    ask::{Ask, Told},
    wire::{Answer, Command, Fetch, Fetched, Notice, Refusal, Sealed, Task},
};
use uuid::Uuid;

use crate::region::{PATIENCE, Region};

const POLICE: &str = "police-0599";
const A: &str = "school-01AA00";
const B: &str = "school-02BB00";

fn incident(number: u128) -> IncidentId {
    IncidentId::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn task(number: u128) -> Task {
    Task::Read { signal: format!("{}-1", incident(number)).parse().unwrap(), round: 1 }
}

fn record(number: u128) -> Command<Sealed> {
    Command::Record {
        incident: incident(number),
        day: jiff::civil::Date::constant(2026, 11, 19),
        report: Sealed::new(vec![7; 1000]),
    }
}

#[tokio::test]
async fn a_command_arrives_whole_with_its_sender_and_its_answer_goes_back() {
    let region = Region::with(&[POLICE]).await;
    let mut doors = Doors::open(&region.link().await).await.unwrap();
    let door = region.door(0).await;
    let submitting = tokio::spawn(async move { door.submit(&record(1)).await });
    let Some(Knock::Submit { from, command, caller }) = doors.next().await else { panic!("no command") };
    assert_eq!(from, region.organisation(0));
    assert_eq!(command, Ok(record(1)));
    caller.answer(&Answer::Recorded).await.unwrap();
    assert_eq!(submitting.await.unwrap(), Ok(Answer::Recorded));
}

#[tokio::test]
async fn a_question_arrives_with_its_asker_and_the_answer_goes_back() {
    let region = Region::with(&[POLICE]).await;
    let mut doors = Doors::open(&region.link().await).await.unwrap();
    let door = region.door(0).await;
    let wanted = Ask::Holdings { after: None };
    let asking = tokio::spawn({
        let (door, wanted) = (door.clone(), wanted.clone());
        async move { door.ask(&wanted).await }
    });
    let Some(Knock::Ask { from, ask, caller }) = doors.next().await else { panic!("no question") };
    assert_eq!((from, ask), (region.organisation(0), Ok(wanted)));
    let told = Told::Holdings { held: Vec::new(), more: false };
    caller.answer(&told).await.unwrap();
    assert_eq!(asking.await.unwrap(), Ok(told));
}

#[tokio::test]
async fn a_fetch_gets_its_payload() {
    let region = Region::with(&[POLICE]).await;
    let mut doors = Doors::open(&region.link().await).await.unwrap();
    let door = region.door(0).await;
    let wanted = Fetch::Report { incident: incident(1) };
    let fetching = tokio::spawn(async move { door.fetch(&wanted).await });
    let Some(Knock::Fetch { from, fetch, caller }) = doors.next().await else { panic!("no fetch") };
    assert_eq!(fetch, Ok(wanted));
    let payload = Fetched::Payload { from, sealed: Sealed::new(vec![1, 2, 3]) };
    caller.answer(&payload).await.unwrap();
    assert_eq!(fetching.await.unwrap(), Ok(payload));
}

#[tokio::test]
async fn what_is_no_command_is_handed_on_as_malformed() {
    let region = Region::with(&[POLICE]).await;
    let mut doors = Doors::open(&region.link().await).await.unwrap();
    let raw = region.raw_organisation(0).await;
    for body in ["", "{}", "canary", r#"{"command":"record"}"#] {
        let asking = raw.request("submit", body.into());
        let answering = async {
            let Some(Knock::Submit { command, caller, .. }) = doors.next().await else {
                panic!("no command")
            };
            assert_eq!(command, Err(Refusal::Malformed));
            caller.answer(&Answer::Refused { refusal: Refusal::Malformed }).await.unwrap();
        };
        let (answer, ()) = tokio::join!(asking, answering);
        let answer: Answer = serde_json::from_slice(&answer.unwrap().payload).unwrap();
        assert_eq!(answer, Answer::Refused { refusal: Refusal::Malformed });
    }
}

#[tokio::test]
async fn when_nobody_is_there_the_door_says_so_at_once_and_that_nothing_was_done() {
    let region = Region::with(&[POLICE]).await;
    assert_eq!(region.door(0).await.submit(&record(1)).await, Err(DoorError::NobodyThere));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_unknown_and_the_error_says_what_to_do() {
    let region = Region::with(&[POLICE]).await;
    let mut doors = Doors::open(&region.link().await).await.unwrap();
    let door = region.door(0).await.with_answer_within(Duration::from_millis(200));
    let submitting = tokio::spawn(async move { door.submit(&record(1)).await });
    let unanswered = doors.next().await;
    let error = submitting.await.unwrap().unwrap_err();
    assert_eq!(error, DoorError::Unknown);
    assert!(error.to_string().contains("do the same again"));
    drop(unanswered);
}

#[tokio::test]
async fn a_command_that_is_too_large_is_not_sent() {
    let region = Region::with(&[POLICE]).await;
    let large = Command::Record {
        incident: incident(1),
        day: jiff::civil::Date::constant(2026, 11, 19),
        report: Sealed::new(vec![0; 1024 * 1024]),
    };
    assert_eq!(region.door(0).await.submit(&large).await, Err(DoorError::TooLarge));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_house_says_try_later_and_one_crowd_does_not_keep_the_others_out() {
    let region = Region::with(&[A, B]).await;
    let mut doors = Doors::open(&region.link().await).await.unwrap();
    let crowd = region.door(0).await.with_answer_within(PATIENCE);
    let crowded: Vec<_> = (0..1_100)
        .map(|number| {
            let crowd = crowd.clone();
            tokio::spawn(async move { crowd.submit(&record(number)).await })
        })
        .collect();
    // Nobody is answered yet, so the places stay taken.
    let mut waiting = Vec::new();
    while waiting.len() < 1_024 {
        waiting.push(doors.next().await.unwrap());
    }
    let other = region.door(1).await.with_answer_within(PATIENCE);
    let single = tokio::spawn(async move { other.submit(&record(1)).await });
    let Some(Knock::Submit { from, caller, .. }) = doors.next().await else { panic!("no command") };
    assert_eq!(from, region.organisation(1));
    caller.answer(&Answer::Recorded).await.unwrap();
    assert_eq!(single.await.unwrap(), Ok(Answer::Recorded));
    for knock in waiting {
        if let Knock::Submit { caller, .. } = knock {
            caller.answer(&Answer::Recorded).await.unwrap();
        }
    }
    let mut answers = Vec::new();
    for one in crowded {
        answers.push(one.await.unwrap().unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Recorded).count(), 1_024);
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::TryLater).count(), 76);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_but_large_commands_of_one_organisation_do_not_keep_the_others_out() {
    let region = Region::with(&[A, B]).await;
    let mut doors = Doors::open(&region.link().await).await.unwrap();
    let crowd = region.door(0).await.with_answer_within(PATIENCE);
    let large = |number| Command::Record {
        incident: incident(number),
        day: jiff::civil::Date::constant(2026, 11, 19),
        report: Sealed::new(vec![7; 256 * 1024]),
    };
    let crowded: Vec<_> = (0..40)
        .map(|number| {
            let crowd = crowd.clone();
            tokio::spawn(async move { crowd.submit(&large(number)).await })
        })
        .collect();
    // Each is a third of a MiB on the wire: so many fit into the eight that one organisation has.
    let mut waiting = Vec::new();
    while waiting.len() < 23 {
        waiting.push(doors.next().await.unwrap());
    }
    let other = region.door(1).await.with_answer_within(PATIENCE);
    let single = tokio::spawn(async move { other.submit(&large(1)).await });
    let Some(Knock::Submit { from, caller, .. }) = doors.next().await else { panic!("no command") };
    assert_eq!(from, region.organisation(1));
    caller.answer(&Answer::Recorded).await.unwrap();
    assert_eq!(single.await.unwrap(), Ok(Answer::Recorded));
    for knock in waiting {
        if let Knock::Submit { caller, .. } = knock {
            caller.answer(&Answer::Recorded).await.unwrap();
        }
    }
    let mut answers = Vec::new();
    for one in crowded {
        answers.push(one.await.unwrap().unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::Recorded).count(), 23);
    assert_eq!(answers.iter().filter(|answer| **answer == Answer::TryLater).count(), 17);
    // Whoever was turned away comes back, and is let in.
    let again = tokio::spawn(async move { crowd.submit(&large(39)).await });
    let Some(Knock::Submit { caller, .. }) = doors.next().await else { panic!("no command") };
    caller.answer(&Answer::Recorded).await.unwrap();
    assert_eq!(again.await.unwrap(), Ok(Answer::Recorded));
}

#[tokio::test]
async fn a_task_comes_and_goes_with_its_acknowledgement() {
    let region = Region::with(&[A]).await;
    let tasks = region.tasks().await;
    let mut feed = region.door(0).await.tasks().await.unwrap();
    tasks.offer(&region.organisation(0), &task(1)).await.unwrap();
    let offered = feed.next().await.unwrap();
    assert_eq!(offered.task, task(1));
    assert_eq!(tasks.waiting().await.unwrap(), 1);
    offered.acknowledge().await.unwrap();
    assert_eq!(tasks.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn a_notice_offered_again_is_the_same_notice_also_after_its_acknowledgement() {
    let region = Region::with(&[A]).await;
    let tasks = region.tasks().await;
    let Task::Read { signal, round } = task(1) else { panic!() };
    let due = "2026-11-20T08:15:00+01:00".parse().unwrap();
    let notice = Task::Notice { signal, round, notice: Notice::RemindContact, due };
    for _ in 0..3 {
        tasks.offer(&region.organisation(0), &notice).await.unwrap();
    }
    assert_eq!(tasks.waiting().await.unwrap(), 1);
    let mut feed = region.door(0).await.tasks().await.unwrap();
    feed.next().await.unwrap().acknowledge().await.unwrap();
    tasks.offer(&region.organisation(0), &notice).await.unwrap();
    assert_eq!(tasks.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn of_what_lies_there_it_is_known_what_is_not_offered_again_once_it_is_taken_back() {
    let region = Region::with(&[A]).await;
    let (tasks, link) = (region.tasks().await, region.link().await);
    let Task::Read { signal, round } = task(1) else { panic!() };
    let due = "2026-11-20T08:15:00+01:00".parse().unwrap();
    let notice = Task::Notice { signal, round, notice: Notice::RemindContact, due };
    for one in [task(1), notice] {
        tasks.offer(&region.organisation(0), &one).await.unwrap();
    }
    let lying = tasks_lying(&link).await.unwrap();
    assert_eq!(lying.iter().map(|one| one.told_once).collect::<Vec<_>>(), [false, true]);
    for one in &lying {
        assert!(withdraw_task(&link, one.place).await.unwrap());
        tasks.offer(&region.organisation(0), one.task.as_ref().unwrap()).await.unwrap();
    }
    let again: Vec<_> = tasks_lying(&link).await.unwrap().into_iter().map(|one| one.task.unwrap()).collect();
    assert_eq!(again, [task(1)], "what is told once is not offered again");
}

#[tokio::test]
async fn a_task_that_is_put_back_comes_again_after_its_delay() {
    let region = Region::with(&[A]).await;
    let tasks = region.tasks().await;
    let mut feed = region.door(0).await.tasks().await.unwrap();
    tasks.offer(&region.organisation(0), &task(1)).await.unwrap();
    feed.next().await.unwrap().put_back(Duration::from_millis(100)).await.unwrap();
    feed.next().await.unwrap().acknowledge().await.unwrap();
    assert_eq!(tasks.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn a_task_acknowledged_twice_takes_no_other_along() {
    let region = Region::with(&[A]).await;
    let tasks = region.tasks().await;
    tasks.offer(&region.organisation(0), &task(1)).await.unwrap();
    tasks.offer(&region.organisation(0), &task(2)).await.unwrap();
    let raw = region.raw_organisation(0).await;
    let inbox = raw.new_inbox();
    let mut got = raw.subscribe(inbox.clone()).await.unwrap();
    raw.publish_with_reply("next", inbox, r#"{"batch":1,"expires":1000000000}"#.into()).await.unwrap();
    let acknowledgement = got.next().await.unwrap().reply.unwrap();
    raw.request(acknowledgement.clone(), "+ACK".into()).await.unwrap();
    for again in ["+ACK", "+ACK", "+TERM"] {
        // Whether it is answered or not, it does nothing.
        let _ = raw.request(acknowledgement.clone(), again.into()).await;
        assert_eq!(tasks.waiting().await.unwrap(), 1);
    }
    // Nor does taking it back help whoever has second thoughts.
    raw.publish(acknowledgement, "-NAK".into()).await.unwrap();
    raw.flush().await.unwrap();
    let mut feed = region.door(0).await.tasks().await.unwrap();
    let second = feed.next().await.unwrap();
    assert_eq!(second.task, task(2));
    second.acknowledge().await.unwrap();
    assert_eq!(tasks.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn work_that_is_kept_gives_its_result() {
    let region = Region::with(&[A]).await;
    let tasks = region.tasks().await;
    let mut feed = region.door(0).await.tasks().await.unwrap();
    tasks.offer(&region.organisation(0), &task(1)).await.unwrap();
    let offered = feed.next().await.unwrap();
    assert_eq!(offered.keep(async { 7 }).await, 7);
    offered.working().await.unwrap();
    offered.acknowledge().await.unwrap();
}

#[tokio::test]
async fn an_acknowledgement_that_nobody_hears_is_an_error_not_a_success() {
    let region = Region::with(&[A]).await;
    let tasks = region.tasks().await;
    let mut feed = region.door(0).await.tasks().await.unwrap();
    tasks.offer(&region.organisation(0), &task(1)).await.unwrap();
    let offered = feed.next().await.unwrap();
    let raw = region.raw_engine().await;
    crate::region::api(&raw, "STREAM.DELETE.TASKS", serde_json::json!({})).await;
    assert_eq!(offered.acknowledge().await, Err(DoorError::NobodyThere));
}

#[tokio::test]
async fn when_the_tasks_are_full_an_offer_is_refused_and_works_again_when_some_are_done() {
    let region = Region::with(&[A]).await;
    let shares = Shares { tasks: 2_000, ..Shares::STANDARD };
    let settings = Settings { shares, ..Settings::development() };
    let tasks = Tasks::open(&region.link().await, &settings).await.unwrap();
    let a = region.organisation(0);
    tasks.admit(&a).await.unwrap();
    let mut offered = 0;
    let refused = loop {
        match tasks.offer(&a, &task(offered)).await {
            Ok(()) => offered += 1,
            Err(fault) => break fault,
        }
        assert!(offered < 100, "there is no bound");
    };
    assert!(matches!(refused, Fault::Refused { .. }), "{refused}");
    let mut feed = region.door(0).await.tasks().await.unwrap();
    for number in 0..offered {
        let one = feed.next().await.unwrap();
        assert_eq!(one.task, task(number), "a task was lost to make room");
        one.acknowledge().await.unwrap();
    }
    tasks.offer(&a, &task(offered)).await.unwrap();
    assert_eq!(feed.next().await.unwrap().task, task(offered));
}

#[tokio::test]
async fn a_task_that_waits_is_offered_again_without_effect_and_one_that_got_lost_comes_back() {
    let region = Region::with(&[A]).await;
    let tasks = region.tasks().await;
    let a = region.organisation(0);
    tasks.offer(&a, &task(1)).await.unwrap();
    tasks.offer(&a, &task(1)).await.unwrap();
    assert_eq!(tasks.waiting().await.unwrap(), 1);
    crate::region::api(&region.raw_engine().await, "STREAM.PURGE.TASKS", serde_json::json!({})).await;
    assert_eq!(tasks.waiting().await.unwrap(), 0);
    tasks.offer(&a, &task(1)).await.unwrap();
    assert_eq!(region.door(0).await.tasks().await.unwrap().next().await.unwrap().task, task(1));
}

#[tokio::test]
async fn a_task_that_cannot_be_read_is_put_back_for_a_later_version_and_the_rest_goes_on() {
    let region = Region::with(&[A]).await;
    let tasks = region.tasks().await;
    let mut feed = region.door(0).await.tasks().await.unwrap();
    let raw = region.raw_engine().await;
    raw.request(format!("hwc.task.{A}.x"), r#"{"task":"from the future"}"#.into()).await.unwrap();
    tasks.offer(&region.organisation(0), &task(1)).await.unwrap();
    feed.next().await.unwrap().acknowledge().await.unwrap();
    assert_eq!(feed.unreadable(), 1);
    // It comes again and again, and is never put away.
    while feed.unreadable() < 3 {
        let nothing = tokio::time::timeout(Duration::from_millis(500), feed.next()).await;
        assert!(nothing.is_err(), "it was read: {nothing:?}");
    }
    assert_eq!(tasks.waiting().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_organisations_work_at_once_and_each_gets_its_own() {
    let region = Region::with(&[A, B]).await;
    let tasks = region.tasks().await;
    let mut working = Vec::new();
    for at in 0..2 {
        let mut feed = region.door(at).await.tasks().await.unwrap();
        working.push(tokio::spawn(async move {
            let mut done = BTreeSet::new();
            while done.len() < 100 {
                let offered = feed.next().await.unwrap();
                done.insert(offered.task.clone());
                offered.acknowledge().await.unwrap();
            }
            done
        }));
    }
    for number in 0..100 {
        tasks.offer(&region.organisation(0), &task(2 * number)).await.unwrap();
        tasks.offer(&region.organisation(1), &task(2 * number + 1)).await.unwrap();
    }
    for (at, one) in (0..).zip(working) {
        let wanted: BTreeSet<_> = (0..100).map(|number| task(2 * number + at)).collect();
        assert_eq!(one.await.unwrap(), wanted);
    }
    assert_eq!(tasks.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn dropping_the_wait_for_a_task_loses_none() {
    let region = Region::with(&[A]).await;
    let tasks = region.tasks().await;
    let mut feed = region.door(0).await.tasks().await.unwrap();
    for number in 0..50 {
        tasks.offer(&region.organisation(0), &task(number)).await.unwrap();
    }
    let mut done = BTreeSet::new();
    while done.len() < 50 {
        tokio::select! {
            biased;
            offered = feed.next() => {
                let offered = offered.unwrap();
                assert!(done.insert(offered.task.clone()), "it came twice");
                offered.acknowledge().await.unwrap();
            }
            () = std::future::ready(()) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn the_feed_goes_on_after_the_broker_was_killed_and_unacknowledged_tasks_come_again() {
    let mut region = Region::with(&[A]).await;
    let tasks = region.tasks().await;
    let mut feed = region.door(0).await.tasks().await.unwrap();
    let a = region.organisation(0);
    tasks.offer(&a, &task(1)).await.unwrap();
    tasks.offer(&a, &task(2)).await.unwrap();
    feed.next().await.unwrap().acknowledge().await.unwrap();
    let held = feed.next().await.unwrap();
    assert_eq!(held.task, task(2));

    let mut missing = BTreeSet::from([task(2)]);
    for number in 3..5 {
        region.broker.kill().await.unwrap();
        region.broker.restart().await.unwrap();
        region.tasks().await.offer(&a, &task(number)).await.unwrap();
        missing.insert(task(number));
    }
    // What was held through the kill comes again too: at once, or when the holder was silent for too long.
    while !missing.is_empty() {
        let next = tokio::time::timeout(PATIENCE, feed.next()).await.unwrap().unwrap();
        missing.remove(&next.task);
        next.acknowledge().await.unwrap();
    }
    assert_eq!(region.tasks().await.waiting().await.unwrap(), 0);
    // An acknowledgement of the first delivery, late: the broker hears it and nothing happens.
    let _ = held.acknowledge().await;
}

#[tokio::test]
async fn the_feed_waits_for_its_consumer_and_begins_when_it_is_admitted() {
    let region = Region::with(&[A]).await;
    let mut feed = region.door(0).await.tasks().await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(300), feed.next()).await;
    assert!(early.is_err(), "{early:?}");
    let tasks = region.tasks().await;
    tasks.offer(&region.organisation(0), &task(1)).await.unwrap();
    let offered = tokio::time::timeout(PATIENCE, feed.next()).await.unwrap().unwrap();
    offered.acknowledge().await.unwrap();
}

#[tokio::test]
async fn a_consumer_that_differs_is_named_and_left_alone() {
    let region = Region::with(&[A]).await;
    let tasks = Tasks::open(&region.link().await, &Settings::development()).await.unwrap();
    let raw = region.raw_engine().await;
    let made = serde_json::json!({ "stream_name": "TASKS", "config": {
        "durable_name": A, "filter_subject": format!("hwc.task.{A}.*"), "ack_policy": "explicit", "ack_wait": 5_000_000_000_u64,
    } });
    crate::region::api(&raw, &format!("CONSUMER.CREATE.TASKS.{A}.hwc.task.{A}.*"), made).await;
    let said = tasks.admit(&A.parse::<Organisation>().unwrap()).await.unwrap_err().to_string();
    assert!(said.contains("TASKS/school-01AA00: ack_wait is 5s, wanted 30s"), "{said}");
}

#[tokio::test]
async fn a_connection_that_broke_and_came_back_shows_in_its_health() {
    let mut region = Region::with(&[A]).await;
    let door = region.door(0).await;
    let mut health = door.health();
    assert!(health.borrow().connected && health.borrow().connections == 1);
    region.broker.kill().await.unwrap();
    health.wait_for(|health| !health.connected).await.unwrap();
    region.broker.restart().await.unwrap();
    health.wait_for(|health| health.connected && health.connections == 2).await.unwrap();
}
