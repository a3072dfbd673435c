//! What hostile input looks like, and what withstanding it means. For tests only.
//!
//! Whoever has a decoder gives [`Trial`] some valid examples and a closure that decodes and says its refusal, as text. The
//! trial spoils the examples in every way that [`mutation`] knows and demands of every one of them:
//!
//! * **no panic**;
//! * **bounded memory**: the peak of what is allocated at once is at most so many times the input, and a constant;
//! * **nothing repeated**: [`CANARY`], which is put into many of them, occurs in no refusal;
//! * and with [`Trial::grows_linearly`], **bounded time**: eight times the input costs about eight times the work, by
//!   allocations and by the thread's own processor time, never by the clock on the wall.
//!
//! Memory is counted by `allocation-counter`, for this thread alone; it brings its own allocator into the test binary.

pub mod mutation;
mod trial;

pub use trial::{Limits, Trial};

/// What must not be repeated. It is nobody's name, and no word of ours begins like it.
pub const CANARY: &str = "Kanarievogeltje";
