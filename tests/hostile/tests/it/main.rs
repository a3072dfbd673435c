//! Every decoder of the project that another room can reach. Those that are private to theirs have their trial beside them:
//! the broker's answers in `engine/jetstream`, letters in `adapters/letterbox`, settings in `engine/hwc`.

#![cfg(test)]

mod dataset;
mod journal;
mod keys;
mod letters;
mod police;
mod wire;
