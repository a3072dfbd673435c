//! The police's CSV and StUF messages, and the tokens of whoever sends over HTTP.
#![no_main]

use hwc_fuzz::refused;
use hwc_http::Clients;
use hwc_police::Form;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for form in [Form::Table, Form::Stuf] {
        let (taken, all) = form.read(bytes);
        for one in all.iter().chain(taken.iter().flat_map(|one| &one.not_named)).take(100) {
            refused(one);
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(error) = Clients::read(text)
    {
        refused(&error);
    }
});
