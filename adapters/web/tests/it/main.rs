//! The gate, as somebody who means ill sees it: from outside, over HTTP.
#![cfg(test)]

mod browser;
mod gate;
mod line;
