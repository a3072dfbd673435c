//! What a contact sees. Every page that does something is a `POST`, and answers with a way to a path that says nothing; only an
//! opened letter, and an invitation, are the answer to the press itself, so that there is no address under which they could be
//! had again.

mod own;
mod signals;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, Response},
    routing::{get, post},
};
use hwc_web::{Gate, Posted, Seat, respond};

use crate::{Portal, Unlocked};

/// The gate with the schools behind it.
pub(crate) type Desk = Arc<Gate<Portal>>;

/// Every page of the portal, behind its gate.
pub fn pages(gate: &Arc<Gate<Portal>>) -> Router {
    let own = Router::new()
        .route("/", get(signals::inbox))
        .route("/signal/open", post(signals::open))
        .route("/signal/received", post(signals::received))
        .route("/signal/not-ours", post(signals::not_ours))
        .route("/contacts", get(own::contacts))
        .route("/contacts/invite", post(own::invite))
        .route("/contacts/remove", post(own::remove))
        .route("/contacts/part", post(own::part))
        .route("/passphrase", get(own::passphrase_page).post(own::passphrase))
        .route("/acts", get(own::acts))
        .with_state(Arc::clone(gate));
    hwc_web::behind(gate, own)
}

/// Who asks, if they are logged in and have a passphrase of their own.
fn seated(gate: &Desk, headers: &HeaderMap) -> Result<Arc<Seat<Unlocked>>, Box<Response<Body>>> {
    match gate.seat(headers) {
        None => Err(Box::new(gate.to_login(headers))),
        Some(seat) if seat.badge.is_invited() => Err(Box::new(respond::see("/passphrase"))),
        Some(seat) => Ok(seat),
    }
}

/// The same for a form.
async fn posted(gate: &Desk, request: Request) -> Result<Posted<Unlocked>, Response<Body>> {
    let posted = gate.posted(request).await?;
    if posted.seat.badge.is_invited() { Err(respond::see("/passphrase")) } else { Ok(posted) }
}

/// The same for a press that may come a second time.
async fn posted_again(gate: &Desk, request: Request) -> Result<Posted<Unlocked>, Response<Body>> {
    let posted = gate.posted_again(request).await?;
    if posted.seat.badge.is_invited() { Err(respond::see("/passphrase")) } else { Ok(posted) }
}
