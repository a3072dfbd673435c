//! The stream of events: what changed, to whom it is said, and when it ends.

use axum::{body::Body, http::StatusCode};
use http_body_util::BodyExt as _;

use crate::{
    browser::OnShow,
    pretend::{morning, moved},
};

/// What is said next, as text; nothing at the end. Lines that say nothing are left out.
async fn next(body: &mut Body) -> Option<String> {
    loop {
        let frame = body.frame().await?.unwrap().into_data().unwrap();
        let text = String::from_utf8(frame.to_vec()).unwrap();
        if text != ":\n\n" {
            return Some(text);
        }
    }
}

#[tokio::test]
async fn what_moves_is_said_at_once_and_only_what_is_another_page() {
    let on_show = OnShow::open();
    let mut browser = on_show.logged_in("jo").await;
    let response = browser.open("/live").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let mut body = response.into_body();
    assert!(next(&mut body).await.unwrap().starts_with("retry: "));
    let first = next(&mut body).await.unwrap();
    assert!(first.starts_with("event: board\ndata: ") && first.contains("part-pipeline"), "{first}");
    assert_eq!(first.lines().count(), 3, "an event is one line of data");

    // The same a second later is no other page.
    let mut later = morning();
    later.at = later.at.map(|at| at + jiff::SignedDuration::from_secs(1));
    on_show.source.stands(later);
    on_show.source.stands(moved());
    let second = next(&mut body).await.unwrap();
    assert!(second.contains("15+") && !second.contains("look now</strong></h2>"), "{second}");
    on_show.stop.send_replace(true);
    assert_eq!(next(&mut body).await, None, "a stop ends every stream");
}

#[tokio::test]
async fn who_is_logged_out_hears_no_more() {
    let on_show = OnShow::open();
    let mut browser = on_show.logged_in("jo").await;
    let mut body = browser.open("/live").await.into_body();
    next(&mut body).await.unwrap();
    next(&mut body).await.unwrap();
    browser.post("/logout/everywhere", &[]).await;
    on_show.source.stands(moved());
    assert_eq!(next(&mut body).await, None);
}
