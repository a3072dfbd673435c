//! What waits, one of them opened, and what becomes of it.

use std::sync::Arc;

use askama::Template;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode},
};
use hwc_adapter_kit::{
    counter::{Said, Service as _},
    recall::Done,
};
use hwc_schemas::{SignalId, letter::CODEWORD, wire::Refusal};
use hwc_school::counter::{Question, Reply};
use hwc_web::{Frame, Language, People as _, Posted, Seat, respond};

use super::{Desk, posted, posted_again, seated};
use crate::{
    Unlocked,
    letter::Shown,
    tickets::{Press, Pressed},
    words::{Words, words},
};

/// Signals that one page shows.
const ROWS_MAX: usize = 100;

#[derive(Template)]
#[template(path = "inbox.html")]
struct Inbox {
    frame: Frame,
    words: &'static Words,
    rows: Vec<Row>,
    over: Vec<String>,
}

/// A signal that waits. It names nobody.
struct Row {
    code: String,
    since: String,
    opened: Option<String>,
    ticket: String,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct LetterPage {
    frame: Frame,
    words: &'static Words,
    letter: Shown,
    codeword: &'static str,
    ticket: String,
}

pub(super) async fn inbox(State(gate): State<Desk>, headers: HeaderMap) -> Response<Body> {
    let seat = match seated(&gate, &headers) {
        Ok(seat) => seat,
        Err(response) => return *response,
    };
    let (badge, words) = (&seat.badge, words(Language::chosen(&headers)));
    let school = &badge.school;
    school.clear_away().await;
    let (lying, digits) = school.tray.lying();
    let people = gate.people();
    let mut rows = Vec::new();
    for one in lying.iter().take(ROWS_MAX) {
        let round = (one.signal, one.round);
        let Ok(ticket) = badge.tickets().issue(Press::Open, round, gate.chance()) else {
            return gate.broken(&headers);
        };
        let opened = school
            .opening(round)
            .map(|opening| format!("{}, {}", opening.name, people.local(opening.at).strftime("%H:%M")));
        let since = people.local(one.since).strftime("%d-%m-%Y, %H:%M").to_string();
        rows.push(Row { code: one.code.short(digits).to_owned(), since, opened, ticket });
    }
    let frame = gate.frame(&seat, &headers, words.how_many(lying.len()), "/");
    let over = school.over().into_iter().map(|one| one.code).collect();
    respond::page(StatusCode::OK, &Inbox { frame, words, rows, over })
}

/// Opening is an event: it is durable before the letter leaves the relay (R24). The answer is kept by nobody, and the ticket is
/// used up: to load this page again opens nothing.
pub(super) async fn open(State(gate): State<Desk>, request: Request) -> Response<Body> {
    let Posted { seat, form, headers, .. } = match posted(&gate, request).await {
        Ok(posted) => posted,
        Err(response) => return response,
    };
    let badge = &seat.badge;
    let ticket = badge.tickets().take(form.text("ticket"), Press::Open);
    let Some(round) = ticket else {
        seat.say("ticket_over");
        return respond::see("/");
    };
    let said = asked(badge, round, Question::Open).await;
    let language = Language::chosen(&headers);
    let shown = match &said.reply {
        Reply::Opened { .. } => said.enclosed.first().and_then(|enclosed| Shown::of(enclosed, language)),
        other => {
            seat.say(outcome(other, "gone"));
            if is_over(other) {
                badge.school.forget(round);
            }
            return respond::see("/");
        }
    };
    badge.school.opened(round, &seat.name);
    gate.people().note(&seat, "opened");
    let Some(letter) = shown else {
        seat.say("does_not_open");
        return respond::see("/");
    };
    let Ok(ticket) = badge.tickets().issue(Press::Decide, round, gate.chance()) else {
        return gate.broken(&headers);
    };
    let words = words(language);
    let frame = gate.frame(&seat, &headers, words.signal, "");
    respond::wiped_page(StatusCode::OK, &LetterPage { frame, words, letter, codeword: CODEWORD, ticket })
}

pub(super) async fn received(State(gate): State<Desk>, request: Request) -> Response<Body> {
    decide(&gate, request, Question::Acknowledge, "acknowledged").await
}

pub(super) async fn not_ours(State(gate): State<Desk>, request: Request) -> Response<Body> {
    decide(&gate, request, Question::NotOurPupil, "returned").await
}

/// Pressed twice, or pressed again because no answer came, it is done once, and what was done is said again.
async fn decide(
    gate: &Desk,
    request: Request,
    question: fn(String) -> Question,
    fine: &'static str,
) -> Response<Body> {
    let Posted { seat, form, headers, is_former } = match posted_again(gate, request).await {
        Ok(posted) => posted,
        Err(response) => return response,
    };
    let ticket = form.text("ticket");
    // By the secret of before nothing is done; it is only told what was done.
    let pressed =
        if is_former { seat.badge.tickets().decided(ticket) } else { seat.badge.tickets().decide(ticket) };
    let mut told = match pressed {
        Pressed::First(round, tells) => {
            let (gate, seat, told) = (Arc::clone(gate), Arc::clone(&seat), tells.subscribe());
            // Whoever hangs up in the middle does not stop it half way.
            tokio::spawn(async move {
                tells.send_replace(Some(carry_out(&gate, &seat, round, question, fine).await));
            });
            told
        }
        Pressed::Again(told) => told,
        Pressed::Never if is_former => return gate.to_login(&headers),
        Pressed::Never => {
            seat.say("ticket_over");
            return respond::see("/");
        }
    };
    let said = told.wait_for(Option::is_some).await.ok().and_then(|told| *told);
    seat.say(said.unwrap_or("no_answer"));
    // Under another secret, and with everything thrown away that the browser still had: what one goes back to is not there.
    gate.renew_again(&headers, respond::clearing(respond::see("/")))
}

/// Does it, and returns what is to be said of it.
async fn carry_out(
    gate: &Desk,
    seat: &Seat<Unlocked>,
    round: (SignalId, u16),
    question: fn(String) -> Question,
    fine: &'static str,
) -> &'static str {
    let badge = &seat.badge;
    let said = asked(badge, round, question).await;
    let told = outcome(&said.reply, fine);
    if told == fine {
        gate.people().note(seat, fine);
    }
    if is_over(&said.reply) {
        badge.school.forget(round);
        badge.tickets().forget(round);
    }
    told
}

/// Asks at the school's counter, with the keys of this session.
async fn asked(
    badge: &Unlocked,
    (signal, _): (SignalId, u16),
    question: fn(String) -> Question,
) -> Said<Reply> {
    badge.school.counter(badge).answer(question(signal.to_string())).await
}

/// What is said of an answer; `fine` if it worked.
const fn outcome(reply: &Reply, fine: &'static str) -> &'static str {
    match reply {
        Reply::Said { done: Done::Recorded { .. }, .. } => fine,
        Reply::Said { done: Done::Refused { refusal: Refusal::Gone }, .. }
        | Reply::Unknown
        | Reply::Several => "gone",
        Reply::Said { done: Done::Refused { refusal: Refusal::NotOpened }, .. } => "not_opened",
        Reply::Said { done: Done::NoAnswer, .. } => "no_answer",
        Reply::Said { done: Done::Refused { .. }, .. } | Reply::Inbox { .. } | Reply::Opened { .. } => {
            "refused"
        }
        Reply::DoesNotOpen { .. } => "does_not_open",
    }
}

/// Whether nothing is owed about it any more.
const fn is_over(reply: &Reply) -> bool {
    matches!(
        reply,
        Reply::Unknown
            | Reply::Said { done: Done::Recorded { .. } | Done::Refused { refusal: Refusal::Gone }, .. }
    )
}
