//! The webhook, with receivers of every kind at the other end.

#![cfg(test)]

mod broken;
mod ground;
mod receiver;
mod rings;
mod tls;
