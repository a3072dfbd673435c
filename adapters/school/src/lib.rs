//! The school's adapter: the tray of waiting signals, opening and acknowledging.
