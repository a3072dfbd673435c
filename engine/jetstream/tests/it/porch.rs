//! Standing before the doors: what is said is heard and passed on byte by byte, and tasks are laid, counted and offered again at will.

use bytes::Bytes;
use hwc_jetstream::{DoorName, Porch, Settings, Tasks};

use crate::{
    doors::task,
    region::{PATIENCE, Region},
};

const A: &str = "school-01AA00";

#[tokio::test]
async fn what_is_said_at_any_door_is_heard_as_it_is_and_answered_as_one_likes() {
    let region = Region::with(&[A]).await;
    let mut porch = Porch::open(&region.link().await).await.unwrap();
    let door = region.door(0).await;
    for at in DoorName::ALL {
        let asking = door.pass_on(at, Bytes::from_static(b"{ anything"), None);
        let answering = async {
            let visit = porch.next().await.unwrap();
            assert_eq!((&visit.from, visit.at), (&region.organisation(0), at));
            assert_eq!(visit.body, Bytes::from_static(b"{ anything"));
            visit.answer(Bytes::from_static(b"anything else"), None).await.unwrap();
        };
        let (answer, ()) = tokio::join!(asking, answering);
        assert_eq!(answer.unwrap().0, Bytes::from_static(b"anything else"));
    }
}

#[tokio::test]
async fn a_task_lies_until_it_is_acknowledged_and_comes_again_at_once_when_one_wants() {
    let region = Region::with(&[A]).await;
    let organisation = region.organisation(0);
    let tasks = Tasks::open(&region.link().await, &Settings::development()).await.unwrap();
    tasks.admit(&organisation).await.unwrap();
    let (wanted, id) = (task(1), task(1).id());
    let body = Bytes::from(serde_json::to_vec(&wanted).unwrap());
    tasks.lay(&organisation, (&id, &wanted), body.clone()).await.unwrap();
    tasks.lay(&organisation, (&id, &wanted), body).await.unwrap();

    let mut feed = region.door(0).await.tasks().await.unwrap();
    let first = tokio::time::timeout(PATIENCE, feed.next()).await.unwrap().unwrap();
    assert_eq!((&first.task, first.deliveries()), (&wanted, 1));
    assert!(tasks.lies(&organisation, &id).await.unwrap());
    tasks.offer_again(&organisation, &id).await.unwrap();
    let second = tokio::time::timeout(PATIENCE, feed.next()).await.unwrap().unwrap();
    assert_eq!((&second.task, second.deliveries()), (&wanted, 2));
    // Whoever holds it from the first time acknowledges it as well.
    first.acknowledge().await.unwrap();
    assert!(!tasks.lies(&organisation, &id).await.unwrap());
    tasks.offer_again(&organisation, &id).await.unwrap();
    tasks.take_away(&organisation, &id).await.unwrap();
    drop(second);
}
