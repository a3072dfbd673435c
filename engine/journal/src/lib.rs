//! The event log port, its codec, an in-memory log, and the exam every journal must pass.
