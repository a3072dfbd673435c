//! Tasks and notices, as an organisation reads them.
#![no_main]

use hwc_fuzz::message;
use hwc_schemas::wire::Task;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    message::<Task>(bytes);
});
