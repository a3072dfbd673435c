//! What is done at the desk: a case opened, a pupil picked, a signal withheld or called back. Each is a form that the gate believed, of
//! somebody who may decide at that very moment.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Response, StatusCode},
};
use hwc_adapter_kit::{counter::Said, recall::Done};
use hwc_municipality::{
    Why,
    counter::{Decided, Question, Reply},
};
use hwc_schemas::{
    letter::Plaintext,
    outcome::{Recalled, Withheld},
    wire::Refusal,
};
use hwc_web::{Language, Posted, respond};
use jiff::Timestamp;

use crate::{
    counter::Counter,
    desk::{Desk, TheDesk},
    naming::{self, CHILD_BYTES_MAX, Differs, OnPage},
    texts::{Texts, texts},
    view::{self, Candidate, CasePage, RecallPage, moment},
};

/// Characters of a code or id that are listened to.
const CODE_CHARS_MAX: usize = 64;
/// Bytes of a page without its children.
const PAGE_BYTES_MAX: usize = 32 * 1024;

impl<C: Counter> Desk<C> {
    /// A form of somebody who may decide; else what to answer, and nothing was done.
    async fn deciding(&self, request: Request) -> Result<Posted<()>, Response<Body>> {
        let posted = self.gate.posted(request).await?;
        if self.decides(&posted.seat) {
            return Ok(posted);
        }
        Err(self.says(
            &posted,
            StatusCode::FORBIDDEN,
            |texts| texts.forbidden_title,
            |texts| texts.forbidden_how,
        ))
    }

    fn says(
        &self,
        posted: &Posted<()>,
        status: StatusCode,
        title: impl Fn(&Texts) -> &'static str,
        how: impl Fn(&Texts) -> &'static str,
    ) -> Response<Body> {
        self.told(&posted.seat, &posted.headers, status, title, |texts| vec![how(texts).to_owned()])
    }

    /// It went well: said on the next page; the pages before it are worth nothing any more.
    fn done(&self, posted: &Posted<()>, said: &'static str, to: &'static str) -> Response<Body> {
        posted.seat.say(said);
        self.gate.renew(&posted.headers, respond::clearing(respond::see(to)))
    }

    /// Somebody else was first. Who, is told by what they are.
    fn race(&self, posted: &Posted<()>, code: &str, over: bool) -> Response<Body> {
        let lines = |texts: &Texts| {
            let (zone, language) = (self.staff().zone(), Language::chosen(&posted.headers));
            let who = self.memory.last(code, true).map_or_else(
                || texts.race_elsewhere.to_owned(),
                |deed| {
                    let function = view::function_of(&deed, &self.staff().roster(), texts);
                    format!("{function}, {}", moment(deed.at, zone, language))
                },
            );
            let how = if over { texts.race_how } else { texts.race_now_how };
            vec![format!("{how} {who}."), texts.race_after.to_owned()]
        };
        let title = |texts: &Texts| if over { texts.race_title } else { texts.race_now };
        self.told(&posted.seat, &posted.headers, StatusCode::CONFLICT, title, lines)
    }

    /// What the counter says of a case that it cannot show or decide.
    fn not_so(&self, posted: &Posted<()>, code: &str, reply: &Reply) -> Response<Body> {
        let conflict = StatusCode::CONFLICT;
        match reply {
            Reply::BeingDecided => self.race(posted, code, false),
            Reply::NoLonger { decided: true } => self.race(posted, code, true),
            Reply::NoLonger { decided: false } | Reply::NotShown | Reply::NoSuchCandidate => {
                self.says(posted, conflict, |texts| texts.moved_title, |texts| texts.moved_how)
            }
            // A code from before the process started again: the case has another one now, if it waits.
            Reply::Unknown => self.says(posted, conflict, |texts| texts.moved_title, |texts| texts.moved_how),
            Reply::Several => {
                self.says(posted, conflict, |texts| texts.several_title, |texts| texts.several_how)
            }
            _ => self.strange(&posted.seat, &posted.headers),
        }
    }

    async fn decide(
        &self,
        posted: &Posted<()>,
        code: &str,
        question: Question,
        act: &'static str,
    ) -> Response<Body> {
        let account = &posted.seat.account;
        // Before it is known what came of it: whoever is a moment later is told of it.
        let first = self.memory.last(code, true).is_none();
        if first {
            self.memory.note(code, account, Timestamp::now(), true);
        }
        let forget = || {
            if first {
                self.memory.forget(code, account);
            }
        };
        // Two at once: whoever came second here may be first at the counter.
        let it_was_us = || {
            if !first {
                self.memory.note(code, account, Timestamp::now(), true);
            }
            self.staff().act(&posted.seat, act);
        };
        let decided = match self.counter.ask(question).await {
            Ok(Said { reply: Reply::Decided { decided }, .. }) => decided,
            Ok(Said { reply, .. }) => {
                forget();
                return self.not_so(posted, code, &reply);
            }
            Err(error) => {
                forget();
                return self.away(&posted.seat, &posted.headers, &error);
            }
        };
        match decided {
            Decided::PassedOn => {
                it_was_us();
                self.done(posted, "picked", "/")
            }
            Decided::Withheld { reason } => {
                it_was_us();
                let said = match reason {
                    Withheld::EnrolmentSecret => "withheld_secret",
                    _ if act == "picked" => "withheld_school",
                    _ => "withheld",
                };
                self.done(posted, said, "/")
            }
            Decided::Refused { refusal: Refusal::Gone } => {
                forget();
                self.says(posted, StatusCode::CONFLICT, |texts| texts.gone_title, |texts| texts.gone_how)
            }
            Decided::Refused { refusal: Refusal::AlreadyDecided } => {
                forget();
                self.race(posted, code, true)
            }
            Decided::Refused { .. } => {
                forget();
                self.says(
                    posted,
                    StatusCode::CONFLICT,
                    |texts| texts.refused_title,
                    |texts| texts.refused_how,
                )
            }
            Decided::WaitsAgain => {
                forget();
                self.says(posted, StatusCode::CONFLICT, |texts| texts.again_title, |texts| texts.again_how)
            }
            Decided::NoAnswerYet => {
                it_was_us();
                self.says(
                    posted,
                    StatusCode::GATEWAY_TIMEOUT,
                    |texts| texts.no_answer_title,
                    |texts| texts.no_answer_how,
                )
            }
        }
    }

    fn nothing_chosen(&self, posted: &Posted<()>) -> Response<Body> {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        self.says(posted, status, |texts| texts.choose_title, |texts| texts.choose_how)
    }

    /// The page with the names.
    fn case_page(&self, posted: &Posted<()>, said: &Said<Reply>) -> Option<Response<Body>> {
        let (Reply::Opened { case }, [sought, pupils @ ..]) = (&said.reply, &said.enclosed[..]) else {
            return None;
        };
        let language = Language::chosen(&posted.headers);
        let texts = texts(language);
        let sought = naming::child(sought)?;
        let candidate = |(at, (pupil, choice)): (usize, (&Plaintext, _))| {
            let pupil = naming::child(pupil)?;
            let differs = Differs::between(&sought, &pupil);
            Some(Candidate { number: at + 1, pupil: OnPage::of(&pupil, language), differs, choice })
        };
        if pupils.len() != case.choices.len() {
            return None;
        }
        let choices = case.choices.iter().cloned();
        let candidates: Option<Vec<_>> = pupils.iter().zip(choices).enumerate().map(candidate).collect();
        let mut frame = self.gate.frame(&posted.seat, &posted.headers, texts.case_title, "/");
        frame.unprinted = true;
        let model = CasePage {
            frame,
            texts,
            code: case.code.clone(),
            since: moment(case.since, self.staff().zone(), language),
            notes: CasePage::notes(case, texts),
            sought: OnPage::of(&sought, language),
            candidates: candidates?,
        };
        let bytes = PAGE_BYTES_MAX + said.enclosed.len() * CHILD_BYTES_MAX;
        Some(respond::wiped_page_of(StatusCode::OK, &model, bytes))
    }
}

/// What a form says of this field, if it is a code or an id at all.
fn said<'a>(posted: &'a Posted<()>, field: &str) -> Option<&'a str> {
    let text = posted.form.text(field).trim();
    let sign = |sign: char| sign.is_ascii_alphanumeric() || sign == '-' || sign == ' ';
    (!text.is_empty() && text.len() <= CODE_CHARS_MAX && text.chars().all(sign)).then_some(text)
}

pub(crate) async fn open<C: Counter>(State(desk): TheDesk<C>, request: Request) -> Response<Body> {
    let posted = match desk.deciding(request).await {
        Ok(posted) => posted,
        Err(response) => return response,
    };
    let Some(code) = said(&posted, "case") else { return desk.nothing_chosen(&posted) };
    let said = match desk.counter.ask(Question::Open { case: code.to_owned() }).await {
        Ok(said) => said,
        Err(error) => return desk.away(&posted.seat, &posted.headers, &error),
    };
    if !matches!(said.reply, Reply::Opened { .. }) {
        return desk.not_so(&posted, code, &said.reply);
    }
    // Before anything is shown.
    desk.staff().act(&posted.seat, "opened");
    desk.memory.note(code, &posted.seat.account, Timestamp::now(), false);
    desk.case_page(&posted, &said).unwrap_or_else(|| desk.strange(&posted.seat, &posted.headers))
}

pub(crate) async fn pick<C: Counter>(State(desk): TheDesk<C>, request: Request) -> Response<Body> {
    let posted = match desk.deciding(request).await {
        Ok(posted) => posted,
        Err(response) => return response,
    };
    let number = posted.form.text("number").parse::<usize>().ok().filter(|number| *number > 0);
    let (Some(code), Some(number)) = (said(&posted, "case"), number) else {
        return desk.nothing_chosen(&posted);
    };
    let question = Question::Pick { case: code.to_owned(), number };
    desk.decide(&posted, code, question, "picked").await
}

pub(crate) async fn withhold<C: Counter>(State(desk): TheDesk<C>, request: Request) -> Response<Body> {
    let posted = match desk.deciding(request).await {
        Ok(posted) => posted,
        Err(response) => return response,
    };
    let reason = match posted.form.text("reason") {
        "enrolment_ambiguous" => Some(Why::EnrolmentAmbiguous),
        "enrolment_unknown" => Some(Why::EnrolmentUnknown),
        "enrolment_secret" => Some(Why::EnrolmentSecret),
        _ => None,
    };
    let (Some(code), Some(reason)) = (said(&posted, "case"), reason) else {
        return desk.nothing_chosen(&posted);
    };
    let question = Question::Withhold { case: code.to_owned(), reason };
    desk.decide(&posted, code, question, "withheld").await
}

pub(crate) async fn ask_recall<C: Counter>(State(desk): TheDesk<C>, request: Request) -> Response<Body> {
    let posted = match desk.deciding(request).await {
        Ok(posted) => posted,
        Err(response) => return response,
    };
    let Some(signal) = said(&posted, "signal") else { return desk.nothing_chosen(&posted) };
    let texts = texts(Language::chosen(&posted.headers));
    let frame = desk.gate.frame(&posted.seat, &posted.headers, texts.recall_title, "/passed-on");
    respond::page(StatusCode::OK, &RecallPage { frame, texts, signal: signal.to_owned() })
}

pub(crate) async fn recall<C: Counter>(State(desk): TheDesk<C>, request: Request) -> Response<Body> {
    let posted = match desk.deciding(request).await {
        Ok(posted) => posted,
        Err(response) => return response,
    };
    let reason = match posted.form.text("reason") {
        "wrong_school" => Some(Recalled::WrongSchool),
        "sent_in_error" => Some(Recalled::SentInError),
        _ => None,
    };
    let (Some(signal), Some(reason)) = (said(&posted, "signal"), reason) else {
        return desk.nothing_chosen(&posted);
    };
    let question = Question::Recall { signal: signal.to_owned(), reason };
    let (conflict, says) =
        (StatusCode::CONFLICT, |title: fn(&Texts) -> &'static str, how: fn(&Texts) -> &'static str| {
            desk.says(&posted, StatusCode::CONFLICT, title, how)
        });
    match desk.counter.ask(question).await.map(|said| said.reply) {
        Ok(Reply::Recalled { done: Done::Recorded { already }, .. }) => {
            desk.staff().act(&posted.seat, "recalled");
            desk.done(&posted, if already { "recalled_before" } else { "recalled" }, "/passed-on")
        }
        Ok(Reply::Recalled { done: Done::Refused { refusal: Refusal::Gone }, .. }) => {
            says(|texts| texts.gone_title, |texts| texts.gone_how)
        }
        Ok(Reply::Recalled { done: Done::Refused { .. }, .. }) => {
            says(|texts| texts.refused_title, |texts| texts.refused_how)
        }
        Ok(Reply::Recalled { done: Done::NoAnswer, .. }) => desk.says(
            &posted,
            StatusCode::GATEWAY_TIMEOUT,
            |texts| texts.no_answer_title,
            |texts| texts.no_recall_how,
        ),
        Ok(Reply::Unknown) => {
            desk.says(&posted, conflict, |texts| texts.unknown_title, |texts| texts.unknown_how)
        }
        Ok(reply) => desk.not_so(&posted, signal, &reply),
        Err(error) => desk.away(&posted.seat, &posted.headers, &error),
    }
}
