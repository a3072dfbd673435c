//! `holidays.json`, and the calendar made of it.
#![no_main]

use hwc_fuzz::refused;
use hwc_workflow::calendar::{Calendar, Feed, HolidayRegion, Zone};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(zone) = Zone::amsterdam() else { return };
    match Feed::parse(bytes, &zone) {
        Ok(feed) => drop(Calendar::new(zone, HolidayRegion::Zuid, &feed)),
        Err(error) => refused(&error),
    }
});
