//! The reference adapter: a folder in, a folder out. The one to copy.
