//! What stays when everything is forgotten (R25 to R27): counts by the month, and what of them may be published.
//!
//! ```text
//! tally(events, zone) -> Ending      what one ended incident adds
//! Book::count(incident, &Ending)     once, however often it is asked
//! Book::close(month, roster)         from then on nothing changes it
//! Report::of(&Record)                what of a closed month may be shown
//! ```
//!
//! A record holds sums: how many signals each municipality sent to each school, and, beside it and without a school, how long the
//! steps of those took that ended alike. No line stands for one signal. The crate has no clock, no dice and no IO.

mod book;
mod conceal;
mod month;
mod pool;
mod record;
mod report;
mod tally;
mod told;

pub use book::{Book, CLOSED_AFTER, Counted};
pub use conceal::FEW;
pub use month::{Month, MonthError};
pub use record::{Outcomes, Record, RecordError, Roster};
pub use report::{Block, Figure, Line, NotClosed, Report};
pub use tally::{Ending, HOPS, Hop, Signal, tally};
