//! Where in a trace a message belongs, beside the message and never instead of anything in it.

use hwc_jetstream::{Doors, Knock};
use hwc_schemas::{
    IncidentId, Traceparent,
    wire::{Answer, Command, Fetch, Fetched, Refusal, Sealed},
};
use uuid::Uuid;

use crate::{
    doors::task,
    region::{PATIENCE, Region},
};

const A: &str = "school-01AA00";

fn place(span: u8) -> Traceparent {
    format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", format!("{span:02x}").repeat(8)).parse().unwrap()
}

fn record() -> Command<Sealed> {
    Command::Record {
        incident: IncidentId::from_uuid(Uuid::from_u128(1)),
        day: jiff::civil::Date::constant(2026, 11, 19),
        report: Sealed::new(vec![7; 100]),
    }
}

#[tokio::test]
async fn a_task_says_where_it_belongs_and_so_do_a_request_and_its_answer() {
    let region = Region::with(&[A]).await;
    let mut doors = Doors::open(&region.link().await).await.unwrap();
    let (door, asking) = (region.door(0).await, region.door(0).await);
    region.tasks().await.offer_in(&region.organisation(0), &task(1), Some(place(1))).await.unwrap();
    let mut feed = door.tasks().await.unwrap();
    let offered = tokio::time::timeout(PATIENCE, feed.next()).await.unwrap().unwrap();
    assert_eq!((offered.traceparent(), offered.deliveries()), (Some(place(1)), 1));

    let submitting = tokio::spawn(async move {
        let said = asking.submit_in(&record(), Some(place(2))).await.unwrap();
        (said, asking.fetch_in(&Fetch::Report { incident: record().incident() }, None).await.unwrap())
    });
    let Some(Knock::Submit { caller, command, .. }) = doors.next().await else { panic!("no command") };
    assert_eq!((command, caller.traceparent()), (Ok(record()), Some(place(2))));
    caller.answer_in(&Answer::Recorded, Some(place(3))).await.unwrap();
    let Some(Knock::Fetch { caller, .. }) = doors.next().await else { panic!("no fetch") };
    assert_eq!(caller.traceparent(), None);
    caller.answer(&Fetched::Refused { refusal: Refusal::Gone }).await.unwrap();
    let said = submitting.await.unwrap();
    assert_eq!(said.0, (Answer::Recorded, Some(place(3))));
    assert_eq!(said.1, Fetched::Refused { refusal: Refusal::Gone });
}

#[tokio::test]
async fn what_an_organisation_writes_into_the_header_that_is_no_place_in_a_trace_is_not_heard() {
    let region = Region::with(&[A]).await;
    let mut doors = Doors::open(&region.link().await).await.unwrap();
    let raw = region.raw_organisation(0).await;
    for said in [
        "",
        "canary",
        "00-canary-b7ad6b7169203331-01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("traceparent", said);
        headers.insert("tracestate", "canary=canary");
        headers.insert("baggage", "canary=canary");
        let body = serde_json::to_vec(&record()).unwrap();
        let asking = raw.request_with_headers("submit", headers, body.into());
        let answering = async {
            let Some(Knock::Submit { command, caller, .. }) = doors.next().await else {
                panic!("no command")
            };
            assert_eq!((command, caller.traceparent()), (Ok(record()), None));
            caller.answer(&Answer::Recorded).await.unwrap();
        };
        let (answer, ()) = tokio::join!(asking, answering);
        assert!(answer.unwrap().headers.is_none_or(|headers| headers.is_empty()));
    }
}

#[tokio::test]
async fn a_task_that_comes_again_says_how_often_it_came() {
    let region = Region::with(&[A]).await;
    region.tasks().await.offer(&region.organisation(0), &task(1)).await.unwrap();
    let mut feed = region.door(0).await.tasks().await.unwrap();
    for times in 1..4 {
        let offered = tokio::time::timeout(PATIENCE, feed.next()).await.unwrap().unwrap();
        assert_eq!((offered.deliveries(), offered.traceparent()), (times, None));
        offered.put_back(std::time::Duration::from_millis(10)).await.unwrap();
    }
}
