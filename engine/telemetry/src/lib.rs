//! The only subscriber set-up; what may be printed, by type.
