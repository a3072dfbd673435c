//! The gate's own pages: who are you, the code and the passphrase, the language, logging out.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    middleware::{self, Next},
    routing::{get, post},
};
use hwc_post::Mailbox;

use crate::{
    Form, Frame, Language,
    chance::{digits, token},
    code::{self, Tried},
    cookies::{self, cookie},
    frame::{self, CodePage, LoginPage, NamePage},
    gate::{Admitted, Caller, Gate, People, same},
    passphrase::Passphrase,
    respond,
    throttle::network,
};

type TheGate<P> = State<Arc<Gate<P>>>;

/// A desk's pages behind the gate: the gate's own are added, and every answer gets its headers. Who names another host is sent
/// away.
pub fn behind<P: People>(gate: &Arc<Gate<P>>, pages: Router) -> Router {
    let own = Router::new()
        .route("/login", get(who).post(ask))
        .route("/login/code", get(code_page).post(enter))
        .route("/language", post(language))
        .route("/logout", post(leave))
        .route("/logout/everywhere", post(leave_everywhere))
        .route(frame::style_path(), get(async || respond::file("text/css; charset=utf-8", frame::STYLE)))
        .route("/assets/icon.svg", get(async || respond::file("image/svg+xml", frame::ICON)))
        .with_state(Arc::clone(gate));
    let nowhere = {
        let gate = Arc::clone(gate);
        move |headers: HeaderMap| async move { gate.not_found(&headers) }
    };
    let otherwise = {
        let gate = Arc::clone(gate);
        move |headers: HeaderMap| async move {
            let mut response = gate.not_found(&headers);
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response
        }
    };
    own.merge(pages)
        .fallback(nowhere)
        .method_not_allowed_fallback(otherwise)
        .layer(middleware::from_fn_with_state(Arc::clone(gate), our_host))
        .layer(middleware::from_fn(respond::secured))
}

async fn our_host<P: People>(State(gate): TheGate<P>, request: Request, next: Next) -> Response<Body> {
    if gate.is_our_host(request.headers()) {
        next.run(request).await
    } else {
        respond::plain(StatusCode::MISDIRECTED_REQUEST)
    }
}

async fn who<P: People>(State(gate): TheGate<P>, headers: HeaderMap) -> Response<Body> {
    if gate.seat(&headers).is_some() {
        return respond::see("/");
    }
    let mut frame = gate.outside(&headers, |words| words.log_in);
    let forgets = cookie(&headers, cookies::SESSION).map(|secret| {
        frame.said = Some(if secret == OUT { frame.words.logged_out } else { frame.words.session_over });
        cookies::gone(cookies::SESSION)
    });
    let fresh = if cookie(&headers, cookies::VISIT).is_some() {
        None
    } else {
        let Ok(visit) = token(&*gate.chance) else { return gate.broken(&headers) };
        frame.csrf = gate.csrf_of(&visit);
        cookies::kept(cookies::VISIT, &visit)
    };
    let response = gate.first_page(StatusCode::OK, frame);
    respond::with_cookie(respond::with_cookie(response, fresh), forgets.flatten())
}

/// Characters of a name that somebody logs in by; what is longer is nobody's.
const NAME_CHARS_MAX: usize = 64;

/// In the place of a secret: this browser just logged out.
const OUT: &str = "out";

async fn ask<P: People>(State(gate): TheGate<P>, request: Request) -> Response<Body> {
    let visitor = match gate.visitor(request).await {
        Ok(visitor) => visitor,
        Err(response) => return response,
    };
    if !gate.people.mails_codes() {
        return by_name(&gate, &visitor).await;
    }
    let Visitor { visit, form, headers, caller } = &visitor;
    let address = form.text("address").trim().to_lowercase();
    if Mailbox::parse(&address).is_err() {
        let mut frame = gate.outside(headers, |words| words.log_in);
        frame.problem = Some(frame.words.not_an_address);
        return respond::page(StatusCode::UNPROCESSABLE_ENTITY, &gate.login_page(frame));
    }
    let (now, throttles) = (gate.now(), &gate.throttles);
    let allowed = throttles
        .codes_per_caller
        .take(*caller, now)
        .and_then(|()| throttles.codes_per_both.take((address.clone(), *caller), now))
        .and_then(|()| throttles.codes_per_account.take(address.clone(), now));
    if let Err(wait) = allowed {
        let mut frame = gate.outside(headers, |words| words.log_in);
        frame.problem = Some(frame.words.too_often);
        let response = respond::page(StatusCode::TOO_MANY_REQUESTS, &gate.login_page(frame));
        return later(response, wait);
    }
    // A code is made for every address, so that an unknown one costs as much.
    let Ok(code) = digits(&*gate.chance) else { return gate.broken(headers) };
    let mailbox = gate.people.mailbox(&address);
    gate.codes.ask(visit, address, mailbox.is_some().then_some(code), now);
    if let Some(mailbox) = mailbox {
        gate.people.mail_code(mailbox, code);
    }
    respond::see("/login/code")
}

/// The name and the passphrase at once, where no code is mailed.
async fn by_name<P: People>(gate: &Gate<P>, visitor: &Visitor) -> Response<Body> {
    let Visitor { form, headers, caller, .. } = visitor;
    let again = |status, problem: &str| {
        let mut frame = gate.outside(headers, |words| words.log_in);
        frame.problem = frame.words.said(problem);
        gate.first_page(status, frame)
    };
    let name: String = form.text("name").trim().chars().take(NAME_CHARS_MAX).collect();
    let (now, throttles) = (gate.now(), &gate.throttles);
    let both = (name.clone(), *caller);
    let allowed = throttles
        .tries_per_caller
        .take(*caller, now)
        .and_then(|()| throttles.codes_per_both.take(both.clone(), now))
        .and_then(|()| throttles.codes_per_account.take(name.clone(), now));
    if let Err(wait) = allowed {
        return later(again(StatusCode::TOO_MANY_REQUESTS, "too_often"), wait);
    }
    let passphrase = Passphrase::said(form.text("passphrase"));
    let (people, of) = (Arc::clone(&gate.people), name.clone());
    match gate.kiln.fire(move || people.admit(&of, &passphrase)).await {
        Ok(Some(admitted)) => {
            throttles.codes_per_both.forgive(&both);
            throttles.codes_per_account.forgive(&name);
            welcome(gate, admitted).unwrap_or_else(|| again(StatusCode::SERVICE_UNAVAILABLE, "crowded"))
        }
        Ok(None) => again(StatusCode::FORBIDDEN, "wrong_name"),
        Err(_) => {
            throttles.tries_per_caller.give_back(caller);
            throttles.codes_per_both.give_back(&both);
            throttles.codes_per_account.give_back(&name);
            again(StatusCode::SERVICE_UNAVAILABLE, "crowded")
        }
    }
}

/// A session for somebody who was let in; none if there is no room. Whatever secret the browser came with is worth nothing from here on.
fn welcome<P: People>(gate: &Gate<P>, admitted: Admitted<P::Badge>) -> Option<Response<Body>> {
    let who = (admitted.account, admitted.name);
    let secret = gate.sessions.open(who, admitted.badge, &*gate.chance, gate.now()).ok()?;
    let visit = token(&*gate.chance).ok()?;
    if let Some(seat) = gate.sessions.find(&secret, gate.now()) {
        gate.people.note(&seat, "logged_in");
    }
    let response = respond::with_cookie(respond::see("/"), cookies::kept(cookies::SESSION, &secret));
    Some(respond::with_cookie(response, cookies::kept(cookies::VISIT, &visit)))
}

async fn code_page<P: People>(State(gate): TheGate<P>, headers: HeaderMap) -> Response<Body> {
    let visit = cookie(&headers, cookies::VISIT).unwrap_or_default();
    if gate.seat(&headers).is_some() || !gate.codes.waits(visit, gate.now()) {
        return respond::see("/login");
    }
    let frame = gate.outside(&headers, |words| words.enter_code);
    respond::page(StatusCode::OK, &gate.code_page(frame))
}

async fn enter<P: People>(State(gate): TheGate<P>, request: Request) -> Response<Body> {
    let visitor = match gate.visitor(request).await {
        Ok(visitor) => visitor,
        Err(response) => return response,
    };
    let Visitor { visit, form, headers, caller } = &visitor;
    let again = |status, problem: &str| {
        let mut frame = gate.outside(headers, |words| words.enter_code);
        frame.problem = frame.words.said(problem);
        respond::page(status, &gate.code_page(frame))
    };
    if let Err(wait) = gate.throttles.tries_per_caller.take(*caller, gate.now()) {
        return later(again(StatusCode::TOO_MANY_REQUESTS, "too_often"), wait);
    }
    let Some(code) = code::read(form.text("code")) else {
        return again(StatusCode::UNPROCESSABLE_ENTITY, "not_a_code");
    };
    let address = match gate.codes.try_it(visit, code, gate.now()) {
        Tried::Right { address } => address,
        Tried::Wrong => return again(StatusCode::FORBIDDEN, "wrong_code"),
        Tried::NoneWaits => {
            let mut frame = gate.outside(headers, |words| words.log_in);
            frame.problem = Some(frame.words.code_over);
            return respond::page(StatusCode::FORBIDDEN, &gate.login_page(frame));
        }
    };
    if let Err(wait) = gate.throttles.passphrases.take(address.clone(), gate.now()) {
        return later(again(StatusCode::TOO_MANY_REQUESTS, "too_often"), wait);
    }
    let passphrase = Passphrase::said(form.text("passphrase"));
    let (people, of) = (Arc::clone(&gate.people), address.clone());
    let admitted = match gate.kiln.fire(move || people.admit(&of, &passphrase)).await {
        Ok(Some(admitted)) => admitted,
        Ok(None) => return again(StatusCode::FORBIDDEN, "wrong_passphrase"),
        // Nothing was looked at but the code, which was right: who comes back in a crowd must not use up what is theirs.
        Err(_) => {
            gate.throttles.tries_per_caller.give_back(caller);
            gate.codes.give_back(visit);
            gate.throttles.passphrases.give_back(&address);
            return again(StatusCode::SERVICE_UNAVAILABLE, "crowded");
        }
    };
    // Of two at once with the same code one wins.
    if !gate.codes.spend(visit) {
        return respond::see("/login");
    }
    gate.throttles.passphrases.forgive(&address);
    welcome(&gate, admitted).unwrap_or_else(|| again(StatusCode::SERVICE_UNAVAILABLE, "crowded"))
}

async fn language<P: People>(State(gate): TheGate<P>, request: Request) -> Response<Body> {
    let form = if gate.seat(request.headers()).is_some() {
        match gate.posted(request).await {
            Ok(posted) => posted.form,
            Err(response) => return response,
        }
    } else {
        match gate.visitor(request).await {
            Ok(visitor) => visitor.form,
            Err(response) => return response,
        }
    };
    let chosen = Language::of(form.text("language")).unwrap_or_default();
    respond::with_cookie(respond::see("/"), cookies::chosen(cookies::LANGUAGE, chosen.code()))
}

async fn leave<P: People>(State(gate): TheGate<P>, request: Request) -> Response<Body> {
    match gate.posted(request).await {
        Ok(posted) => {
            gate.sessions.close(cookie(&posted.headers, cookies::SESSION).unwrap_or_default());
            gate.people.note(&posted.seat, "logged_out");
            left()
        }
        Err(response) => response,
    }
}

async fn leave_everywhere<P: People>(State(gate): TheGate<P>, request: Request) -> Response<Body> {
    match gate.posted(request).await {
        Ok(posted) => {
            gate.sessions.close_account(&posted.seat.account);
            gate.people.note(&posted.seat, "logged_out_everywhere");
            left()
        }
        Err(response) => response,
    }
}

fn left() -> Response<Body> {
    let response = respond::clearing(respond::see("/login"));
    respond::with_cookie(response, cookies::kept(cookies::SESSION, OUT))
}

fn later(mut response: Response<Body>, wait: std::time::Duration) -> Response<Body> {
    let seconds = HeaderValue::from(wait.as_secs().saturating_add(1));
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

/// A form of a browser that is not logged in.
struct Visitor {
    visit: String,
    form: Form,
    headers: HeaderMap,
    caller: std::net::IpAddr,
}

impl<P: People> Gate<P> {
    async fn visitor(&self, request: Request) -> Result<Visitor, Response<Body>> {
        let (parts, body) = request.into_parts();
        let (headers, caller) = (parts.headers, parts.extensions.get::<Caller>().copied());
        let Some(visit) = cookie(&headers, cookies::VISIT).map(str::to_owned) else {
            return Err(self.not_believed(&headers));
        };
        if !self.is_from_here(&headers) {
            return Err(self.not_believed(&headers));
        }
        let form = Form::read(&headers, body).await.map_err(|why| self.unread(&headers, why))?;
        if !same(form.text("csrf"), &self.csrf_of(&visit)) {
            return Err(self.not_believed(&headers));
        }
        // Everybody whose address nobody knows is one caller.
        let caller =
            network(caller.map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |Caller(address)| address));
        Ok(Visitor { visit, form, headers, caller })
    }

    /// Who are you?
    fn first_page(&self, status: StatusCode, frame: Frame) -> Response<Body> {
        if self.people.mails_codes() {
            respond::page(status, &self.login_page(frame))
        } else {
            respond::page(status, &NamePage { frame })
        }
    }

    fn login_page(&self, frame: Frame) -> LoginPage {
        LoginPage { frame, asks_passphrase: self.people.asks_passphrase() }
    }

    fn code_page(&self, frame: Frame) -> CodePage {
        CodePage { frame, asks_passphrase: self.people.asks_passphrase() }
    }

    fn outside(&self, headers: &HeaderMap, title: impl Fn(&crate::Words) -> &'static str) -> Frame {
        self.bare_frame(headers, title(crate::words(self.language(headers))), self.csrf_of_visit(headers))
    }
}
