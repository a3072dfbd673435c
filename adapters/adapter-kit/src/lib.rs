//! What an organisation's adapter is made of, and its conformance exam.
