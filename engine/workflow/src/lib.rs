//! The law of a signal: states, decisions, events, duties, deadlines, calendar. Pure.
