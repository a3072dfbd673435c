//! Looking for bytes in folders: what should have left the disk, and has it?
//!
//! Every seal begins with a random marker of sixteen bytes that occurs nowhere else, so what ended is known by a few bytes
//! ([`Needles`]). A name that must be nowhere may have been written in many ways ([`Disguises`]). A [`Search`] looks for both at
//! once in every file below a folder, whatever it is: blocks, Raft logs, snapshots, indexes, logs. It costs one reading of the
//! files, however much is looked for, and a piece of each file in memory.
//!
//! It finds what is in files and in their names. What cannot be read is said, never passed over. What a file system keeps of
//! blocks that no file has any more, it cannot see; nor what stands compressed or encrypted in a file. A broker writes Raft entries
//! of more than 8 kB compressed: random bytes stay as they are in them, text does not always.

mod disguises;
mod needles;
mod pieces;
mod search;

pub use disguises::{CANARY_CHARS, Disguises, TooManyOrBad};
pub use needles::{NEEDLE_BYTES_MIN, Needles, Residue};
pub use search::{Form, Found, LISTED_MAX, Search, Searched, Sought, Unread};
