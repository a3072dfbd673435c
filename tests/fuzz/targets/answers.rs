//! Answers, fetches and what is fetched.
#![no_main]

use hwc_fuzz::message;
use hwc_schemas::wire::{Answer, Fetch, Fetched};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    message::<Answer>(bytes);
    message::<Fetch>(bytes);
    message::<Fetched>(bytes);
});
