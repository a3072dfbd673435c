//! `reports.jsonl`.
#![no_main]

use hwc_fuzz::refused;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (_, all) = hwc_police::read(bytes);
    for one in all.iter().take(100) {
        refused(one);
    }
});
