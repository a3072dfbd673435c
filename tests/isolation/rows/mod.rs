//! The rows, by what they reach for. To add one, add a line; `HWC_BLESS=1` writes the page anew.

mod acks;
mod api;
mod attacks;
mod board;
mod connect;
mod doors;
mod law;
mod listen;

use crate::row::Row;

/// Rows that belong together.
pub(crate) struct Group {
    /// What they are about.
    pub(crate) title: &'static str,
    /// The rows.
    pub(crate) rows: &'static [Row],
}

/// Everything. The rows of the law take one incident along, so their order matters.
pub(crate) const ALL: &[Group] = &[
    Group { title: "To get in", rows: connect::ROWS },
    Group { title: "The seven attacks on a shared stream", rows: attacks::SEVEN },
    Group {
        title: "Headers, through one's own doors and where one may not speak",
        rows: attacks::AT_THE_DOORS,
    },
    Group { title: "To speak where others speak", rows: doors::ROWS },
    Group { title: "To have an answer sent somewhere else", rows: doors::REPLIES },
    Group { title: "To listen", rows: listen::ROWS },
    Group { title: "Tasks: to take, settle and look at another's", rows: acks::ROWS },
    Group { title: "Consumers, through JetStream's API", rows: api::CONSUMERS },
    Group { title: "Streams, through JetStream's API", rows: api::STREAMS },
    Group { title: "More than looking, with a board's questions and beside them", rows: board::ROWS },
    Group { title: "The server itself", rows: api::SERVER },
    Group { title: "Commands", rows: law::COMMANDS },
];
