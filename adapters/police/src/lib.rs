//! The police's adapter: reports.jsonl in, sealed reports out.
