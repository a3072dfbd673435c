//! The driver: many incidents at once, conflicts, retries, timers, limits. Pure, no IO.
