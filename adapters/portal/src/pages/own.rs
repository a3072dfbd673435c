//! What a school looks after itself: its contacts, one's own passphrase, and who did what.

use std::sync::Arc;

use askama::Template;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode},
};
use hwc_web::{
    Frame, Language, People as _, Posted, Seat,
    passphrase::{Crowded, Passphrase},
    respond,
};
use zeroize::Zeroizing;

use super::{Desk, posted, seated};
use crate::{
    LockerError, Part, Portal, Unlocked,
    contacts::ContactError,
    words::{Words, words},
};

/// Acts that one page shows.
const ACTS_MAX: usize = 100;

#[derive(Template)]
#[template(path = "contacts.html")]
struct ContactsPage {
    frame: Frame,
    words: &'static Words,
    contacts: Vec<Row>,
}

struct Row {
    id: String,
    name: String,
    address: String,
    is_backup: bool,
    is_you: bool,
    invited_until: Option<String>,
}

#[derive(Template)]
#[template(path = "invited.html")]
struct InvitedPage {
    frame: Frame,
    words: &'static Words,
    name: String,
    address: String,
    code: Zeroizing<String>,
}

#[derive(Template)]
#[template(path = "passphrase.html")]
struct PassphrasePage {
    frame: Frame,
    words: &'static Words,
    /// Whether it is the first that they choose.
    first: bool,
}

#[derive(Template)]
#[template(path = "acts.html")]
struct ActsPage {
    frame: Frame,
    words: &'static Words,
    acts: Vec<ActRow>,
}

struct ActRow {
    day: String,
    who: String,
    what: &'static str,
}

pub(super) async fn contacts(State(gate): State<Desk>, headers: HeaderMap) -> Response<Body> {
    match seated(&gate, &headers) {
        Ok(seat) => contacts_page(&gate, &seat, &headers, StatusCode::OK, None),
        Err(response) => *response,
    }
}

fn contacts_page(
    gate: &Desk,
    seat: &Seat<Unlocked>,
    headers: &HeaderMap,
    status: StatusCode,
    problem: Option<&'static str>,
) -> Response<Body> {
    let words = words(Language::chosen(headers));
    let mut frame = gate.frame(seat, headers, words.contacts, "/contacts");
    frame.problem = problem;
    let contacts = seat.badge.school.locker.contacts().contacts.into_iter().map(|one| Row {
        is_backup: one.part == Part::Backup,
        is_you: one.id == seat.badge.contact,
        invited_until: one.invited_until.map(|until| until.strftime("%d-%m-%Y").to_string()),
        id: one.id,
        name: one.name,
        address: one.address,
    });
    respond::page(status, &ContactsPage { frame, words, contacts: contacts.collect() })
}

pub(super) async fn invite(State(gate): State<Desk>, request: Request) -> Response<Body> {
    let Posted { seat, form, headers, .. } = match posted(&gate, request).await {
        Ok(posted) => posted,
        Err(response) => return response,
    };
    let words = words(Language::chosen(&headers));
    let (name, address) = (form.text("name").to_owned(), form.text("address").to_owned());
    let part = if form.is_ticked("backup") { Part::Backup } else { Part::Contact };
    let (school, wrapping) = (Arc::clone(&seat.badge.school), Arc::clone(&seat.badge.wrapping));
    let (today, of) = (gate.people().today(), (name.clone(), address.clone()));
    let made = gate.kiln().fire(move || school.locker.invite(&wrapping, (&of.0, &of.1), part, today)).await;
    let code = match made {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => {
            let problem = problem(&error, words);
            return contacts_page(&gate, &seat, &headers, StatusCode::UNPROCESSABLE_ENTITY, Some(problem));
        }
        Err(Crowded) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return contacts_page(&gate, &seat, &headers, status, Some(words.crowded));
        }
    };
    gate.people().note(&seat, "invited");
    let frame = gate.frame(&seat, &headers, words.invited, "/contacts");
    let name = name.trim().to_owned();
    let address = address.trim().to_lowercase();
    respond::wiped_page(StatusCode::OK, &InvitedPage { frame, words, name, address, code })
}

/// What is wrong, in words for whoever wrote it.
fn problem(error: &LockerError, words: &Words) -> &'static str {
    match error {
        LockerError::Contact(ContactError::Name) => words.bad_name,
        LockerError::Contact(ContactError::Address) => words.bad_address,
        LockerError::Contact(ContactError::Known) => words.known_address,
        LockerError::Contact(ContactError::Many) => words.too_many,
        LockerError::Contact(ContactError::Last) => words.last_contact,
        LockerError::Contact(ContactError::Unknown) => words.ticket_over,
        other => {
            tracing::error!(error = %other, "a school's contacts could not be changed");
            words.refused
        }
    }
}

pub(super) async fn remove(State(gate): State<Desk>, request: Request) -> Response<Body> {
    let Posted { seat, form, headers, .. } = match posted(&gate, request).await {
        Ok(posted) => posted,
        Err(response) => return response,
    };
    let (school, contact) = (&seat.badge.school, form.text("contact"));
    if let Err(error) = school.locker.remove(contact) {
        let problem = problem(&error, words(Language::chosen(&headers)));
        return contacts_page(&gate, &seat, &headers, StatusCode::UNPROCESSABLE_ENTITY, Some(problem));
    }
    gate.people().note(&seat, "removed");
    seat.say("removed");
    // Whoever it was is out at this moment, with the keys that their sessions held.
    gate.sessions().close_account(&Portal::account(school, contact));
    respond::see("/contacts")
}

pub(super) async fn part(State(gate): State<Desk>, request: Request) -> Response<Body> {
    let Posted { seat, form, headers, .. } = match posted(&gate, request).await {
        Ok(posted) => posted,
        Err(response) => return response,
    };
    let part = if form.text("part") == "backup" { Part::Backup } else { Part::Contact };
    if let Err(error) = seat.badge.school.locker.set_part(form.text("contact"), part) {
        let problem = problem(&error, words(Language::chosen(&headers)));
        return contacts_page(&gate, &seat, &headers, StatusCode::UNPROCESSABLE_ENTITY, Some(problem));
    }
    gate.people().note(&seat, "part_changed");
    seat.say("changed");
    respond::see("/contacts")
}

pub(super) async fn passphrase_page(State(gate): State<Desk>, headers: HeaderMap) -> Response<Body> {
    match gate.seat(&headers) {
        Some(seat) => asking_passphrase(&gate, &seat, &headers, StatusCode::OK, None),
        None => gate.to_login(&headers),
    }
}

fn asking_passphrase(
    gate: &Desk,
    seat: &Seat<Unlocked>,
    headers: &HeaderMap,
    status: StatusCode,
    problem: Option<&'static str>,
) -> Response<Body> {
    let words = words(Language::chosen(headers));
    let first = seat.badge.is_invited();
    let title = if first { words.passphrase_first } else { words.passphrase };
    let mut frame = gate.frame(seat, headers, title, "/contacts");
    frame.problem = problem;
    respond::page(status, &PassphrasePage { frame, words, first })
}

pub(super) async fn passphrase(State(gate): State<Desk>, request: Request) -> Response<Body> {
    let Posted { seat, form, headers, .. } = match gate.posted(request).await {
        Ok(posted) => posted,
        Err(response) => return response,
    };
    let words = words(Language::chosen(&headers));
    let refused =
        |problem| asking_passphrase(&gate, &seat, &headers, StatusCode::UNPROCESSABLE_ENTITY, Some(problem));
    let Ok(new) = Passphrase::chosen(form.text("new")) else { return refused(words.passphrase_weak) };
    if !new.is(&Passphrase::said(form.text("again"))) {
        return refused(words.passphrase_differs);
    }
    if !gate.may_try(&seat) {
        return refused(frame_words(&headers).too_often);
    }
    let now = (!seat.badge.is_invited()).then(|| Passphrase::said(form.text("now")));
    let (school, wrapping) = (Arc::clone(&seat.badge.school), Arc::clone(&seat.badge.wrapping));
    let (contact, today) = (seat.badge.contact.clone(), gate.people().today());
    let changing = gate.kiln().fire(move || {
        if let Some(now) = now {
            let contacts = school.locker.contacts();
            let address = contacts.of_id(&contact).map(|one| one.address.clone()).unwrap_or_default();
            if school.locker.unlock(&address, &now, today).is_none() {
                return Ok(false);
            }
        }
        school.locker.choose(&wrapping, &contact, &new).map(|()| true)
    });
    match changing.await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => return refused(words.passphrase_wrong),
        Ok(Err(error)) => return refused(problem(&error, words)),
        Err(Crowded) => return refused(words.crowded),
    }
    seat.badge.has_chosen();
    gate.people().note(&seat, "passphrase_changed");
    seat.say("passphrase_changed");
    gate.renew(&headers, respond::see("/"))
}

fn frame_words(headers: &HeaderMap) -> &'static hwc_web::Words {
    hwc_web::words(Language::chosen(headers))
}

pub(super) async fn acts(State(gate): State<Desk>, headers: HeaderMap) -> Response<Body> {
    let seat = match seated(&gate, &headers) {
        Ok(seat) => seat,
        Err(response) => return *response,
    };
    let (language, school) = (Language::chosen(&headers), &seat.badge.school);
    let (words, contacts) = (words(language), school.locker.contacts());
    let acts = school.audit.last(ACTS_MAX, |_| true).into_iter().map(|entry| ActRow {
        day: format!("{} {} {}", entry.day.day(), language.month(entry.day.month()), entry.day.year()),
        who: contacts.of_id(&entry.actor).map_or_else(|| words.former.to_owned(), |one| one.name.clone()),
        what: words.act(&entry.act),
    });
    let acts = acts.collect();
    let frame = gate.frame(&seat, &headers, words.acts, "/acts");
    respond::page(StatusCode::OK, &ActsPage { frame, words, acts })
}
