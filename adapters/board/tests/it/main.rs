//! The board's pages over HTTP, on a morning that is invented.
#![cfg(test)]

mod browser;
mod pretend;
mod shown;
mod streamed;
