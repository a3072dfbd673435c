//! `residents.csv`, `enrolments.csv` and `schools.csv`.
#![no_main]

use hwc_fuzz::refused;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = hwc_veilig_thuis::residents(bytes) {
        refused(&error);
    }
    if let Err(error) = hwc_municipality::enrolments(bytes) {
        refused(&error);
    }
    if let Err(error) = hwc_municipality::schools(bytes) {
        refused(&error);
    }
});
