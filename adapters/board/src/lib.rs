//! The board of those who keep a region running: what is on its way and what is late, who is connected, last night, erasing, keys; and
//! one incident as a picture. Nothing of a child is in it, and no count that could tell of one (R22, R27).
//!
//! It is fed through a port: [`Source`] gives a [`Snapshot`] and says when there is another. Who feeds it knows the broker; this
//! crate knows pages.
//!
//! * [`Accounts`] and [`Crew`]: who may come in, by name and passphrase, and the book of acts. No mail is needed: the board is looked at
//!   when things do not work.
//! * [`Snapshot`]: how a region stands. Its counts are [`Count`]s, which cannot say how many a few are.
//! * [`Story`]: the life of one incident, and the picture of it (`picture`).
//! * [`Board`] and [`pages`]: what each page shows. `live`: the same as a stream of events, for who has scripts.

mod accounts;
mod board;
mod count;
mod crew;
mod live;
mod picture;
mod snapshot;
mod story;
mod view;

pub use accounts::{Accounts, AccountsError};
pub use board::{Board, Source, pages};
pub use count::{Age, Count};
pub use crew::Crew;
pub use snapshot::{
    Aside, Erasure, Lead, Lessons, Level, Night, Process, Ready, Register, Snapshot, Stage, Standing, Stock,
};
pub use story::{Away, Bar, Found, Line, Owed, Passed, Story};
