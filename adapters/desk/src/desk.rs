//! The desk, and the pages that only show: what waits, what was passed on, the register, reports, acts. None of them has a name.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response, StatusCode},
    routing::{get, post},
};
use hwc_adapter_kit::counter::AskError;
use hwc_municipality::{
    RegisterStanding, Reminded,
    counter::{Place, Question, Reply},
};
use hwc_web::{Gate, Language, Seat, behind, respond};

use crate::{
    counter::Counter,
    deciding,
    memory::Memory,
    reports::Shelf,
    roster::{May, Roster},
    staff::Staff,
    texts::{Texts, texts},
    view::{
        self, ActLine, ActsPage, Alarm, PassedLine, PassedOnPage, RegisterPage, ReminderLine, ReportPage,
        ReportsPage, ToldPage, WaitingPage, Waits, moment,
    },
};

/// Acts that are listed.
const ACTS_LISTED: usize = 200;
/// Reminders that are listed.
const REMINDERS_LISTED: usize = 10;

/// The desk of one municipality.
pub struct Desk<C> {
    pub(crate) gate: Arc<Gate<Staff>>,
    pub(crate) counter: C,
    pub(crate) memory: Memory,
    shelf: Shelf,
    code: String,
}

/// The desk in a handler.
pub(crate) type TheDesk<C> = State<Arc<Desk<C>>>;

impl<C: Counter> Desk<C> {
    /// A desk behind this gate, which asks there. `code`: the municipality's, as reports write it.
    pub fn new(gate: Arc<Gate<Staff>>, counter: C, shelf: Shelf, code: String) -> Self {
        Self { gate, counter, memory: Memory::default(), shelf, code }
    }

    /// Another people file: who is gone from it, or is another now, is logged out at once.
    pub fn replace_roster(&self, next: Roster) {
        for account in self.gate.people().replace(next) {
            self.gate.sessions().close_account(&account);
        }
    }

    /// What keeps the desk from its work at this moment: that the municipality's process does not answer.
    pub async fn problem(&self) -> Option<String> {
        self.register().await.err().map(|error| error.to_string())
    }

    pub(crate) fn staff(&self) -> &Staff {
        self.gate.people()
    }

    pub(crate) fn decides(&self, seat: &Seat<()>) -> bool {
        self.staff().may(seat) == Some(May::Decide)
    }

    /// A page that says what became of something.
    pub(crate) fn told(
        &self,
        seat: &Seat<()>,
        headers: &HeaderMap,
        status: StatusCode,
        title: impl Fn(&Texts) -> &'static str,
        lines: impl Fn(&Texts) -> Vec<String>,
    ) -> Response<Body> {
        let texts = texts(Language::chosen(headers));
        let frame = self.gate.frame(seat, headers, title(texts), "");
        respond::page(status, &ToldPage { frame, texts, lines: lines(texts), back: "/" })
    }

    /// The municipality's process does not answer.
    pub(crate) fn away(&self, seat: &Seat<()>, headers: &HeaderMap, _: &AskError) -> Response<Body> {
        let how = |texts: &Texts| vec![texts.away_how.to_owned()];
        self.told(seat, headers, StatusCode::SERVICE_UNAVAILABLE, |texts| texts.away_title, how)
    }

    /// An answer that does not belong to the question: the process is of another version.
    pub(crate) fn strange(&self, seat: &Seat<()>, headers: &HeaderMap) -> Response<Body> {
        self.away(seat, headers, &AskError::HungUp)
    }

    async fn reminders(&self) -> Vec<Reminded> {
        match self.counter.ask(Question::Reminders).await.map(|said| said.reply) {
            Ok(Reply::Reminders { reminders }) => reminders,
            _ => Vec::new(),
        }
    }

    async fn register(&self) -> Result<RegisterStanding, AskError> {
        match self.counter.ask(Question::Register).await?.reply {
            Reply::Register { standing } => Ok(standing),
            _ => Err(AskError::HungUp),
        }
    }
}

/// The desk's pages, behind its gate.
pub fn pages<C: Counter>(desk: Arc<Desk<C>>) -> Router {
    let gate = Arc::clone(&desk.gate);
    let own = Router::new()
        .route("/", get(waiting::<C>))
        .route("/passed-on", get(passed_on::<C>))
        .route("/register", get(register::<C>))
        .route("/reports", get(reports::<C>))
        .route("/reports/{month}", get(report::<C>))
        .route("/acts", get(acts::<C>))
        .route("/case", post(deciding::open::<C>).get(home::<C>))
        .route("/case/pick", post(deciding::pick::<C>).get(home::<C>))
        .route("/case/withhold", post(deciding::withhold::<C>).get(home::<C>))
        .route("/recall/ask", post(deciding::ask_recall::<C>).get(home::<C>))
        .route("/recall", post(deciding::recall::<C>).get(home::<C>))
        .with_state(desk);
    behind(&gate, own)
}

/// Somebody typed the address of something that is done: nothing is done.
async fn home<C: Counter>(State(_): TheDesk<C>) -> Response<Body> {
    respond::see("/")
}

fn page(status: StatusCode, page: &impl Template) -> Response<Body> {
    respond::page(status, page)
}

async fn waiting<C: Counter>(State(desk): TheDesk<C>, headers: HeaderMap) -> Response<Body> {
    let Some(seat) = desk.gate.seat(&headers) else { return desk.gate.to_login(&headers) };
    let (cases, more) = match desk.counter.ask(Question::Pending { show: false }).await {
        Ok(said) => match said.reply {
            Reply::Pending { cases, more } => (cases, more),
            _ => return desk.strange(&seat, &headers),
        },
        Err(error) => return desk.away(&seat, &headers, &error),
    };
    let register = desk.register().await.unwrap_or_default();
    let (language, zone) = (Language::chosen(&headers), desk.staff().zone());
    let (texts, roster) = (texts(language), desk.staff().roster());
    let reminders = desk.reminders().await;
    let reminders = reminders.iter().take(REMINDERS_LISTED);
    let opened = |code: &str| {
        let deed = desk.memory.last(code, false)?;
        Some(format!("{}, {}", view::function_of(&deed, &roster, texts), moment(deed.at, zone, language)))
    };
    let waits = |case| Waits::of(case, texts, moment(case.since, zone, language), opened(&case.code));
    let model = WaitingPage {
        frame: desk.gate.frame(&seat, &headers, texts.waiting_title, "/"),
        texts,
        decides: desk.decides(&seat),
        cases: cases.iter().map(waits).collect(),
        more: more > 0,
        alarm: Alarm::of(&register),
        reminders: reminders
            .map(|one| ReminderLine::of(one, texts, moment(one.at, zone, language)))
            .collect(),
    };
    page(StatusCode::OK, &model)
}

async fn passed_on<C: Counter>(State(desk): TheDesk<C>, headers: HeaderMap) -> Response<Body> {
    let Some(seat) = desk.gate.seat(&headers) else { return desk.gate.to_login(&headers) };
    let signals = match desk.counter.ask(Question::PassedOn).await {
        Ok(said) => match said.reply {
            Reply::PassedOn { signals } => signals,
            _ => return desk.strange(&seat, &headers),
        },
        Err(error) => return desk.away(&seat, &headers, &error),
    };
    let (language, zone) = (Language::chosen(&headers), desk.staff().zone());
    let texts = texts(language);
    let model = PassedOnPage {
        frame: desk.gate.frame(&seat, &headers, texts.passed_title, "/passed-on"),
        texts,
        decides: desk.decides(&seat),
        some_closed: signals.iter().any(|one| one.place == Place::Over),
        signals: signals
            .iter()
            .map(|one| PassedLine::of(one, texts, moment(one.at, zone, language)))
            .collect(),
    };
    page(StatusCode::OK, &model)
}

async fn register<C: Counter>(State(desk): TheDesk<C>, headers: HeaderMap) -> Response<Body> {
    let Some(seat) = desk.gate.seat(&headers) else { return desk.gate.to_login(&headers) };
    let stands = match desk.register().await {
        Ok(stands) => stands,
        Err(error) => return desk.away(&seat, &headers, &error),
    };
    let texts = texts(Language::chosen(&headers));
    let frame = desk.gate.frame(&seat, &headers, texts.register_title, "/register");
    page(StatusCode::OK, &RegisterPage::of(frame, texts, stands, desk.staff().zone()))
}

async fn reports<C: Counter>(State(desk): TheDesk<C>, headers: HeaderMap) -> Response<Body> {
    let Some(seat) = desk.gate.seat(&headers) else { return desk.gate.to_login(&headers) };
    let language = Language::chosen(&headers);
    let texts = texts(language);
    let months = desk.shelf.months().into_iter().map(|month| {
        let words = view::month(&month, language);
        (month, words)
    });
    let model = ReportsPage {
        frame: desk.gate.frame(&seat, &headers, texts.reports_title, "/reports"),
        texts,
        is_there: desk.shelf.is_there(),
        months: months.collect(),
    };
    page(StatusCode::OK, &model)
}

async fn report<C: Counter>(
    State(desk): TheDesk<C>,
    Path(month): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let Some(seat) = desk.gate.seat(&headers) else { return desk.gate.to_login(&headers) };
    let Some(report) = desk.shelf.report(&month) else { return desk.gate.not_found(&headers) };
    let language = Language::chosen(&headers);
    let texts = texts(language);
    let title = format!("{} {}", texts.report_title, view::month(&month, language));
    let frame = desk.gate.frame(&seat, &headers, title, "/reports");
    page(StatusCode::OK, &ReportPage::of(frame, texts, &report, &desk.code))
}

async fn acts<C: Counter>(State(desk): TheDesk<C>, headers: HeaderMap) -> Response<Body> {
    let Some(seat) = desk.gate.seat(&headers) else { return desk.gate.to_login(&headers) };
    let language = Language::chosen(&headers);
    let (texts, roster) = (texts(language), desk.staff().roster());
    let acts = desk.staff().audit().last(ACTS_LISTED, |_| true);
    let line = |one: hwc_web::audit::Entry| ActLine {
        day: view::day(one.day, language),
        who: roster
            .with_id(&one.actor)
            .map_or_else(|| texts.acts_gone.to_owned(), |who| format!("{} ({})", who.name, who.function)),
        what: texts.act(&one.act),
    };
    let model = ActsPage {
        frame: desk.gate.frame(&seat, &headers, texts.acts_title, "/acts"),
        texts,
        acts: acts.into_iter().map(line).collect(),
    };
    page(StatusCode::OK, &model)
}
