//! What a seal promises, what a key file refuses, and what `SEAL.md` says: without Python.

#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;
#[cfg(test)]
mod directory_page;
#[cfg(test)]
mod key_files;
#[cfg(test)]
mod left;
#[cfg(test)]
mod norm;
#[cfg(test)]
mod seals;
#[cfg(test)]
mod sizes;
