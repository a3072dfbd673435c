//! What a page for people is made of, whichever desk it belongs to. Nothing here knows of signals.
//!
//! * [`Gate`] and [`People`]: logging in with a mailed code and a passphrase, or with a name and a passphrase alone; forms that are
//!   asked whether they are ours, throttles. [`behind`] puts a desk's own pages behind it.
//! * [`session`], [`code`], [`throttle`]: the laws of it, with time and chance as arguments.
//! * [`passphrase`]: argon2id, and how much of it is worked on at once.
//! * [`Frame`]: what stands around every page (`templates/base.html`, `style/base.css`); it works without scripts, and has none; a page may add one.
//! * [`respond`]: answers, and the headers that each has. [`Form`]: what was filled in, wiped when dropped.
//! * [`Audit`]: who did what on which day.
//! * [`Listening`]: TLS from files, or behind a proxy on this machine; everything bounded.
//!
//! # How a desk uses it
//!
//! ```text
//! let gate = Arc::new(Gate::new(people, "https://hwc.example", SessionLaw::MORNING, Paces::default(), OsChance)?);
//! let pages = Router::new().route("/", get(home)).route("/act", post(act)).with_state(desk);
//! let pages = behind(&gate, pages);
//! tokio::join!(gate.sweep(), Listening::bind(listen, tls).await?.serve(pages, stop, drain_within));
//! ```
//! A page that is only shown asks `gate.seat(&headers)`, and sends who has none to `gate.to_login(&headers)`. What does something is a
//! `POST` and begins with `gate.posted(request).await`. A template extends `base.html` and has a field `frame`, from `gate.frame(…)`.

pub mod audit;
pub mod chance;
pub mod code;
pub mod cookies;
mod doors;
mod form;
mod frame;
mod gate;
mod language;
mod listen;
pub mod passphrase;
pub mod respond;
pub mod session;
pub mod throttle;
mod unseen;
mod words;

pub use audit::Audit;
pub use chance::{Chance, OsChance};
pub use doors::behind;
pub use form::{FORM_BYTES_MAX, Form, Unread};
pub use frame::{Frame, ICON, Item, STYLE, style_path};
pub use gate::{ACTS, Admitted, Caller, Gate, Paces, People, Posted};
pub use hwc_http::TlsFiles;
pub use language::Language;
pub use listen::{ListenError, Listening};
pub use session::{Seat, SessionLaw};
pub use throttle::network;
pub use unseen::is_unseen;
pub use words::{Words, words};
