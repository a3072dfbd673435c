//! Commands, as the engine reads them.
#![no_main]

use hwc_fuzz::message;
use hwc_schemas::wire::{Command, Sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    message::<Command<Sealed>>(bytes);
});
