//! What an organisation can reach on the broker, tried with its own key and whatever else it may think of.

use std::time::Duration;

use futures::StreamExt as _;
use hwc_jetstream::{
    Credential, DirectoryDoor, Door, DoorError, Doors, Knock, LinkError, Published, permissions,
};
use hwc_schemas::wire::{Answer, Command, Sealed};
use serde_json::json;
use uuid::Uuid;

use crate::region::{Region, api, eventually};

const A: &str = "school-01AA00";
const B: &str = "school-02BB00";

async fn region() -> Region {
    Region::with(&[A, B]).await
}

fn acknowledge(number: u128) -> Command<Sealed> {
    let incident = hwc_schemas::IncidentId::from_uuid(Uuid::from_u128(number));
    Command::Acknowledge { signal: format!("{incident}-1").parse().unwrap(), round: 1 }
}

/// Answers every command with `Recorded` and tells from whom it came.
fn answering(mut doors: Doors) -> tokio::sync::mpsc::UnboundedReceiver<String> {
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(knock) = doors.next().await {
            if let Knock::Submit { from, command, caller } = knock {
                let _ =
                    tell.send(format!("{from} {}", command.map_or("malformed", |command| command.name())));
                caller.answer(&Answer::Recorded).await.unwrap();
            }
        }
    });
    told
}

#[tokio::test]
async fn a_key_that_the_broker_does_not_know_is_not_admitted() {
    let region = region().await;
    let stranger = Credential::generate();
    let refused =
        Door::connect(region.broker.client_url(), &stranger, region.organisation(0)).await.unwrap_err();
    let DoorError::Link(LinkError::NotAdmitted(key)) = refused else { panic!("{refused}") };
    assert_eq!(key, stranger.public().to_string());
}

#[tokio::test]
async fn the_servers_own_account_has_no_users() {
    let region = region().await;
    let raw = region.raw_engine().await;
    assert!(raw.request("$SYS.REQ.SERVER.PING", "".into()).await.is_err());
}

#[tokio::test]
async fn one_organisation_cannot_submit_as_another() {
    let region = region().await;
    let mut told = answering(Doors::open(&region.link().await).await.unwrap());
    let raw = region.raw_organisation(0).await;
    let body = serde_json::to_vec(&acknowledge(1)).unwrap();
    for subject in [
        format!("hwc.submit.{B}"),
        format!("hwc.submit.{A}"),
        format!("submit.{B}"),
        format!("hwc.fetch.{B}"),
        format!("hwc.directory.{B}"),
        format!("hwc.task.{A}.x"),
        "jrn.0.e".to_owned(),
    ] {
        assert!(raw.request(subject.clone(), body.clone().into()).await.is_err(), "{subject} is open");
    }
    assert_eq!(region.door(0).await.submit(&acknowledge(1)).await, Ok(Answer::Recorded));
    assert_eq!(told.recv().await.unwrap(), format!("{A} acknowledge"));
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn a_key_used_under_another_organisations_name_gets_no_answer_and_is_still_itself() {
    let region = region().await;
    let mut told = answering(Doors::open(&region.link().await).await.unwrap());
    let (_, key) = &region.organisations[0];
    let door = Door::connect(region.broker.client_url(), key, region.organisation(1)).await.unwrap();
    let door = door.with_answer_within(Duration::from_millis(500));
    assert_eq!(door.submit(&acknowledge(1)).await, Err(DoorError::Unknown));
    assert_eq!(told.recv().await.unwrap(), format!("{A} acknowledge"));
    let health = door.health();
    eventually("the denial shows", || async { health.borrow().denied > 0 }).await;
}

#[tokio::test]
async fn a_forged_reply_reaches_nobody_else() {
    let region = region().await;
    let mut told = answering(Doors::open(&region.link().await).await.unwrap());
    let tasks = region.tasks().await;
    let theirs = region.raw_organisation(1).await;
    let mut heard = theirs.subscribe(format!("_INBOX_{B}.>")).await.unwrap();
    theirs.flush().await.unwrap();
    let raw = region.raw_organisation(0).await;
    let body = serde_json::to_vec(&acknowledge(1)).unwrap();
    let forged = [
        format!("hwc.submit.{B}"),
        format!("_INBOX_{B}.x.y"),
        format!("hwc.task.{B}.x"),
        "jrn.00000000000000000000000000000001.e".to_owned(),
        "$JS.API.STREAM.DELETE.TASKS".to_owned(),
        "submit".to_owned(),
        "next".to_owned(),
    ];
    for reply in &forged {
        raw.publish_with_reply("submit", reply.clone(), body.clone().into()).await.unwrap();
    }
    for _ in &forged {
        assert_eq!(told.recv().await.unwrap(), format!("{A} acknowledge"));
    }
    raw.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    while let Ok(more) = told.try_recv() {
        assert_eq!(
            more,
            format!("{A} malformed"),
            "an answer came back as something else than a bad command of its own"
        );
    }
    assert!(futures::FutureExt::now_or_never(heard.next()).is_none(), "another organisation heard something");
    assert_eq!(tasks.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn one_organisation_cannot_pull_look_at_or_change_what_is_anothers() {
    let region = region().await;
    let tasks = region.tasks().await;
    tasks.offer(&region.organisation(1), &crate::doors::task(1)).await.unwrap();
    let raw = region.raw_organisation(0).await;
    for what in [
        format!("CONSUMER.MSG.NEXT.TASKS.{B}"),
        format!("CONSUMER.MSG.NEXT.TASKS.{A}"),
        format!("CONSUMER.INFO.TASKS.{B}"),
        format!("CONSUMER.CREATE.TASKS.mine.hwc.task.{B}.*"),
        format!("CONSUMER.CREATE.TASKS.{A}.hwc.task.{B}.*"),
        format!("CONSUMER.DELETE.TASKS.{B}"),
        format!("CONSUMER.RESET.TASKS.{B}"),
        "CONSUMER.LIST.TASKS".to_owned(),
        "STREAM.NAMES".to_owned(),
        "STREAM.INFO.TASKS".to_owned(),
        "STREAM.MSG.GET.TASKS".to_owned(),
        "STREAM.MSG.DELETE.TASKS".to_owned(),
        "STREAM.PURGE.TASKS".to_owned(),
        "STREAM.DELETE.TASKS".to_owned(),
        "STREAM.CREATE.MINE".to_owned(),
        "STREAM.SNAPSHOT.TASKS".to_owned(),
        "DIRECT.GET.TASKS".to_owned(),
        "INFO".to_owned(),
    ] {
        let answer =
            raw.request(format!("$JS.API.{what}"), r#"{"seq":1,"batch":1,"expires":300000000}"#.into());
        assert!(answer.await.is_err(), "{what} is open");
    }
    assert_eq!(tasks.waiting().await.unwrap(), 1);
}

#[tokio::test]
async fn one_organisation_cannot_acknowledge_for_another_not_even_through_its_own_acknowledgements() {
    let region = region().await;
    let tasks = region.tasks().await;
    let (a, b) = (region.organisation(0), region.organisation(1));
    for number in 1..=3 {
        tasks.offer(&a, &crate::doors::task(2 * number)).await.unwrap();
        tasks.offer(&b, &crate::doors::task(2 * number + 1)).await.unwrap();
    }
    // Both hold all of theirs: sequences 1, 3, 5 and 2, 4, 6.
    let mut held = Vec::new();
    for at in 0..2 {
        let raw = region.raw_organisation(at).await;
        let inbox = raw.new_inbox();
        let mut got = raw.subscribe(inbox.clone()).await.unwrap();
        raw.publish_with_reply("next", inbox, r#"{"batch":3,"expires":1000000000}"#.into()).await.unwrap();
        for _ in 0..3 {
            held.push(got.next().await.unwrap().reply.unwrap().to_string());
        }
    }
    let raw = region.raw_organisation(0).await;
    for reply in &held[3..] {
        for body in ["+ACK", "+TERM", "-NAK"] {
            assert!(raw.request(reply.clone(), body.into()).await.is_err(), "{reply} is open");
        }
    }
    // Its own subject, with the sequences of the other's tasks.
    for sequence in [2, 4, 6] {
        for body in ["+ACK", "+TERM"] {
            let mut forged: Vec<_> = held[2].split('.').map(str::to_owned).collect();
            forged[5] = sequence.to_string();
            let _ = raw.request(forged.join("."), body.into()).await;
        }
    }
    let engine = region.raw_engine().await;
    let theirs = json!({ "subjects_filter": format!("hwc.task.{B}.*") });
    let state = api(&engine, "STREAM.INFO.TASKS", theirs).await["state"].clone();
    assert_eq!(state["subjects"].as_object().unwrap().len(), 3, "{state}");
    let theirs = region.raw_organisation(1).await;
    for reply in &held[3..] {
        theirs.request(reply.clone(), "+ACK".into()).await.unwrap();
    }
    assert_eq!(tasks.waiting().await.unwrap(), 3);
}

#[tokio::test]
async fn one_organisation_hears_nothing_but_its_own_inbox() {
    let region = region().await;
    let mut told = answering(Doors::open(&region.link().await).await.unwrap());
    let tasks = region.tasks().await;
    let raw = region.raw_organisation(0).await;
    let mut heard = Vec::new();
    for subject in [
        ">".to_owned(),
        "*".to_owned(),
        "*.*.*".to_owned(),
        "submit".to_owned(),
        "next".to_owned(),
        format!("_INBOX_{B}.>"),
        "_INBOX.>".to_owned(),
        "_INBOX*.>".to_owned(),
        "_R_.>".to_owned(),
        "hwc.>".to_owned(),
        "$JS.>".to_owned(),
        "$JS.EVENT.ADVISORY.>".to_owned(),
        "$SYS.>".to_owned(),
    ] {
        heard.push((subject.clone(), raw.subscribe(subject).await.unwrap()));
    }
    raw.flush().await.unwrap();
    region.door(1).await.submit(&acknowledge(1)).await.unwrap();
    told.recv().await.unwrap();
    tasks.offer(&region.organisation(1), &crate::doors::task(1)).await.unwrap();
    raw.flush().await.unwrap();
    for (subject, mut one) in heard {
        let first = futures::FutureExt::now_or_never(one.next()).flatten();
        assert!(first.is_none(), "{subject} is open: {first:?}");
    }
}

#[tokio::test]
async fn an_organisation_cannot_multiply_its_own_tasks() {
    let region = region().await;
    let _told = answering(Doors::open(&region.link().await).await.unwrap());
    let tasks = region.tasks().await;
    tasks.offer(&region.organisation(0), &crate::doors::task(1)).await.unwrap();
    let raw = region.raw_organisation(0).await;
    for reply in ["submit", "fetch"] {
        raw.publish_with_reply("next", reply, r#"{"batch":1,"expires":200000000}"#.into()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(tasks.waiting().await.unwrap() <= 1);
}

#[tokio::test]
async fn a_task_that_is_pulled_into_a_door_is_no_knock() {
    let region = region().await;
    let mut told = answering(Doors::open(&region.link().await).await.unwrap());
    let tasks = region.tasks().await;
    tasks.offer(&region.organisation(0), &crate::doors::task(1)).await.unwrap();
    let raw = region.raw_organisation(0).await;
    // The broker brings it to the door under the subject that it was stored under, which is nobody's door.
    raw.publish_with_reply("next", "submit", r#"{"batch":1,"expires":200000000}"#.into()).await.unwrap();
    raw.flush().await.unwrap();
    let engine = region.raw_engine().await;
    eventually("it was delivered", || async {
        api(&engine, &format!("CONSUMER.INFO.TASKS.{A}"), json!({})).await["num_ack_pending"] == 1
    })
    .await;
    assert_eq!(region.door(0).await.submit(&acknowledge(1)).await, Ok(Answer::Recorded));
    assert_eq!(told.recv().await.unwrap(), format!("{A} acknowledge"));
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn the_other_form_of_acknowledgements_works_when_the_server_switches_to_it() {
    let region = Region::with_more(&[A], "\nfeature_flags { js_ack_fc_v2: true }\n").await;
    let tasks = region.tasks().await;
    tasks.offer(&region.organisation(0), &crate::doors::task(1)).await.unwrap();
    let mut feed = region.door(0).await.tasks().await.unwrap();
    feed.next().await.unwrap().acknowledge().await.unwrap();
    assert_eq!(tasks.waiting().await.unwrap(), 0);
}

#[tokio::test]
async fn an_organisation_that_joins_later_gets_in_at_the_second_reload_and_disturbs_nobody() {
    let mut region = Region::with(&[A]).await;
    let mut told = answering(Doors::open(&region.link().await).await.unwrap());
    let door = region.door(0).await;
    let key = Credential::generate();
    region.organisations.push((B.parse().unwrap(), key));
    let public: Vec<_> = region.organisations.iter().map(|(one, key)| (one.clone(), key.public())).collect();
    let accounts = hwc_jetstream::permissions::accounts(&region.engine.public(), &public);
    region.broker.reload(accounts.clone()).await.unwrap();
    // When this fails, the server connects a new account's imports at the first reload: then one is enough everywhere.
    assert_eq!(region.door(1).await.submit(&acknowledge(1)).await, Err(DoorError::NobodyThere));
    region.broker.reload(accounts).await.unwrap();
    region.door(1).await.submit(&acknowledge(1)).await.unwrap();
    assert_eq!(told.recv().await.unwrap(), format!("{B} acknowledge"));
    door.submit(&acknowledge(2)).await.unwrap();
    assert_eq!(door.health().borrow().connections, 1);
}

#[tokio::test]
async fn an_organisation_gets_the_directory_when_there_is_a_newer_one_and_no_sooner() {
    let region = region().await;
    let (publish, published) = tokio::sync::watch::channel(Published::default());
    let _porter = DirectoryDoor::open(&region.link().await, published).await.unwrap();
    let (a, b) = (region.door(0).await, region.door(1).await);
    assert_eq!(a.directory(0).await, Ok(None));
    publish.send_replace(Published { serial: 2, text: "signed".into() });
    assert_eq!(a.directory(1).await.unwrap().unwrap(), "signed");
    assert_eq!(b.directory(0).await.unwrap().unwrap(), "signed");
    assert_eq!(a.directory(2).await, Ok(None));
    publish.send_replace(Published { serial: 3, text: "signed anew".into() });
    eventually("the next one is handed out", || async {
        a.clone().with_answer_within(Duration::from_millis(300)).directory(2).await
            == Ok(Some("signed anew".into()))
    })
    .await;
}

#[tokio::test]
async fn who_asks_for_the_directory_all_the_time_gets_it_now_and_then() {
    let region = region().await;
    let published = Published { serial: 1, text: vec![7; 512 * 1024].into() };
    let (_publish, published) = tokio::sync::watch::channel(published);
    let _porter = DirectoryDoor::open(&region.link().await, published).await.unwrap();
    let greedy = region.door(0).await.with_answer_within(Duration::from_millis(10));
    let mut got = 0;
    let since = std::time::Instant::now();
    for _ in 0..100 {
        got += usize::from(matches!(greedy.directory(0).await, Ok(Some(_))));
    }
    assert!(got <= 2 + usize::try_from(since.elapsed().as_secs()).unwrap(), "{got} times");
    let other = region.door(1).await;
    assert_eq!(other.directory(0).await.unwrap().unwrap().len(), 512 * 1024);
}

#[tokio::test]
async fn an_organisation_that_takes_too_many_connections_is_refused_and_disturbs_nobody() {
    let region = region().await;
    let _told = answering(Doors::open(&region.link().await).await.unwrap());
    let most = permissions::AccountLimits::default().connections_max;
    let mut held = Vec::new();
    for _ in 0..most {
        held.push(region.door(0).await);
    }
    let (organisation, key) = &region.organisations[0];
    let one_more = Door::connect(region.broker.client_url(), key, organisation.clone()).await;
    assert!(one_more.is_err(), "{one_more:?}");
    assert_eq!(region.door(1).await.submit(&acknowledge(1)).await, Ok(Answer::Recorded));
    assert_eq!(held[0].submit(&acknowledge(2)).await, Ok(Answer::Recorded));
}

#[tokio::test]
async fn a_message_or_a_subscription_over_the_limit_is_the_organisations_own_trouble() {
    let region = region().await;
    let mut told = answering(Doors::open(&region.link().await).await.unwrap());
    let limits = permissions::AccountLimits::default();
    let raw = region.raw_organisation(0).await;
    let large = vec![b'x'; limits.message_bytes_max + 1];
    assert!(raw.request("submit", large.into()).await.is_err());
    let raw = region.raw_organisation(0).await;
    let inbox = raw.new_inbox();
    for number in 0..limits.subscriptions_max + 40 {
        let _ = raw.subscribe(format!("{inbox}.{number}")).await;
    }
    assert_eq!(region.door(1).await.submit(&acknowledge(1)).await, Ok(Answer::Recorded));
    assert_eq!(told.recv().await.unwrap(), format!("{B} acknowledge"));
    assert!(told.try_recv().is_err());
}
