//! A breach on the real engine (R24): a recall in every state, a return, and a report after the end. What was sealed goes at
//! once, and each is on record exactly once.

use std::time::Duration;

use hwc_jetstream::{BreachRecord, BreachRecordKind};
use hwc_schemas::{
    BreachReportId, Role, SignalId,
    ask::{Ask, BREACHES_A_DAY_MAX, Told},
    breach::{Reported, WhatHappened},
    letter::Letter,
    outcome::Recalled,
    wire::{Answer, Command, Fetch, Refusal},
};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    refused,
    stage::{
        Cast, DAY, EVERYBODY, MUNICIPALITY, Member, SCHOOL, Stage, incident, qualifies, recall, route, signal,
    },
};

/// How far a signal came before it is called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Referred,
    Held,
    Delivered,
    Opened,
}

/// Every record so far, in their order; each is then told of.
async fn records(stage: &Stage, wanted: usize) -> Vec<BreachRecord> {
    let mut records = Vec::new();
    while records.len() < wanted {
        match stage.breaches.untold().await.unwrap() {
            Some(untold) => {
                records.push(untold.record);
                untold.told().await.unwrap();
            }
            None => sleep(Duration::from_millis(20)).await,
        }
    }
    assert_eq!(stage.breaches.untold_count().await.unwrap(), 0, "one too many");
    records
}

/// Brings the first child of an incident there; the second is acknowledged and of no matter.
async fn bring(stage: &Stage, cast: &Cast, number: u64, came: Came) -> SignalId {
    let (one, other) = (signal(incident(number), 0), signal(incident(number), 1));
    cast.refer(one.incident).await;
    cast.deliver_and_acknowledge("Daan", other, 1).await;
    if came == Came::Held {
        // After five o'clock, until seven.
        stage.later(9);
    }
    if came != Came::Referred {
        let letter = cast.municipality.letter("Noor", one, SCHOOL);
        assert_eq!(cast.municipality.says(&route(one, 1, SCHOOL, letter)).await, Answer::Recorded);
    }
    let opened = cast.school.open::<Letter>(Fetch::Letter { signal: one, round: 1 });
    match came {
        Came::Opened => assert!(opened.await.is_ok()),
        // Not asked: to ask would be to open.
        Came::Referred | Came::Held | Came::Delivered => {}
    }
    one
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recall_in_every_state_erases_at_once_and_says_on_record_whether_it_was_opened() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let mut number = 0;
    for came in [Came::Referred, Came::Delivered, Came::Opened, Came::Held] {
        for by_veilig_thuis in [false, true] {
            number += 1;
            let one = bring(&stage, &cast, number, came).await;
            let caller = if by_veilig_thuis { &cast.veilig_thuis } else { &cast.municipality };
            assert_eq!(caller.says(&recall(one)).await, Answer::Recorded, "{came:?}");
            let [record] = records(&stage, 1).await[..] else { panic!() };
            let kind = BreachRecordKind::Recalled(Recalled::WrongSchool);
            let opened = Some(came == Came::Opened);
            assert_eq!((record.kind, record.opened), (kind, opened), "{came:?}");
            // Nothing sealed is left, and nothing can be had any more.
            while !stage.store.holdings().await.unwrap().is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
            let letter = cast.school.door.fetch(&Fetch::Letter { signal: one, round: 1 }).await.unwrap();
            assert_eq!(letter, hwc_schemas::wire::Fetched::Refused { refusal: Refusal::Gone });
            assert_eq!(
                cast.school.says(&Command::Acknowledge { signal: one, round: 1 }).await,
                refused(Refusal::Gone)
            );
            if came == Came::Held {
                // The next morning.
                stage.later(15);
            }
        }
    }
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_is_on_record_as_opened_and_a_recall_after_it_is_a_second_breach() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let one = bring(&stage, &cast, 1, Came::Opened).await;
    let back = Command::Return { signal: one, round: 1 };
    assert_eq!(cast.school.says(&back).await, Answer::Recorded);
    assert_eq!(cast.school.says(&back).await, Answer::AlreadyRecorded);
    assert_eq!(cast.municipality.says(&recall(one)).await, Answer::Recorded);
    let kinds: Vec<_> = records(&stage, 2).await.into_iter().map(|one| (one.kind, one.opened)).collect();
    // The letter of this round was never opened, for there was none.
    let recalled = BreachRecordKind::Recalled(Recalled::WrongSchool);
    assert_eq!(kinds, [(BreachRecordKind::Returned, Some(true)), (recalled, Some(false))]);
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_there_is_a_signal_veilig_thuis_hears_so_and_a_stranger_nothing() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    let one = signal(incident(1), 0);
    assert_eq!(cast.police.says(&cast.record(one.incident)).await, Answer::Recorded);
    for _ in ["recorded", "screened"] {
        assert_eq!(cast.veilig_thuis.says(&recall(one)).await, refused(Refusal::OutOfOrder));
        assert_eq!(cast.municipality.says(&recall(one)).await, refused(Refusal::Gone));
        assert_eq!(cast.school.says(&recall(one)).await, refused(Refusal::NotYours));
        cast.veilig_thuis.says(&qualifies(one.incident)).await;
    }
    // Nothing of it went further than Veilig Thuis; as soon as it is a signal it can be called back.
    assert_eq!(cast.veilig_thuis.says(&cast.expand(one.incident)).await, Answer::Recorded);
    for place in [0, 1] {
        assert_eq!(cast.veilig_thuis.says(&recall(signal(one.incident, place))).await, Answer::Recorded);
    }
    records(&stage, 2).await;
    stage.ends_clean().await;
}

fn report(id: u128, what: WhatHappened) -> Ask {
    Ask::ReportBreach { id: BreachReportId::from_uuid(Uuid::from_u128(id)), what, day: DAY }
}

async fn asks(member: &Member, ask: &Ask) -> Told {
    member.door.ask(ask).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_can_report_a_breach_after_the_end_and_it_is_kept_once() {
    let stage = Stage::set().await;
    let cast = Cast::enter(&stage).await;
    cast.refer(incident(1)).await;
    for (place, name) in ["Noor", "Daan"].into_iter().enumerate() {
        cast.deliver_and_acknowledge(name, signal(incident(1), place), 1).await;
    }
    while !stage.is_over().await {
        sleep(Duration::from_millis(20)).await;
    }
    let mut wanted = Vec::new();
    for (name, what) in EVERYBODY.into_iter().zip(WhatHappened::ALL) {
        let member = stage.member(name).await;
        assert_eq!(asks(&member, &report(7, what)).await, Told::BreachKept { already: false }, "{name}");
        assert_eq!(asks(&member, &report(7, what)).await, Told::BreachKept { already: true }, "{name}");
        let by = member.door.organisation().role();
        let kind = BreachRecordKind::Reported(Reported { what, by });
        wanted.push(BreachRecord { day: DAY, kind, opened: None });
    }
    assert_eq!(records(&stage, 5).await, wanted);
    stage.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_reports_is_refused_to_whoever_floods_and_to_nobody_else() {
    let stage = Stage::set().await;
    let (flood, calm) = (stage.member(SCHOOL).await, stage.member(MUNICIPALITY).await);
    for id in 0..BREACHES_A_DAY_MAX {
        let ask = report(u128::try_from(id).unwrap(), WhatHappened::Doubt);
        assert_eq!(asks(&flood, &ask).await, Told::BreachKept { already: false });
    }
    let refused = Told::Refused { refusal: Refusal::TooManyBreaches };
    assert_eq!(asks(&flood, &report(1_000, WhatHappened::Doubt)).await, refused);
    assert_eq!(asks(&calm, &report(0, WhatHappened::Doubt)).await, Told::BreachKept { already: false });
    let by = records(&stage, BREACHES_A_DAY_MAX + 1).await.into_iter().map(|record| match record.kind {
        BreachRecordKind::Reported(Reported { by, .. }) => by,
        other => panic!("{other:?}"),
    });
    assert_eq!(by.filter(|role| *role == Role::School).count(), BREACHES_A_DAY_MAX);
    // The next day there is room again; a day that has not come yet is none.
    stage.later(24);
    assert_eq!(asks(&flood, &report(1_001, WhatHappened::Doubt)).await, Told::BreachKept { already: false });
    let id = BreachReportId::from_uuid(Uuid::from_u128(9));
    let ask = Ask::ReportBreach { id, what: WhatHappened::Doubt, day: "2027-01-01".parse().unwrap() };
    assert_eq!(asks(&flood, &ask).await, Told::Refused { refusal: Refusal::Malformed });
}
