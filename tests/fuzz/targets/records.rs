//! Records of the journal, and the law applied to them.
#![no_main]

use hwc_fuzz::refused;
use hwc_journal::codec;
use hwc_workflow::{Incident, evolve};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match codec::decode(bytes) {
        Ok(commit) => {
            assert_eq!(codec::decode(&codec::encode(&commit)).as_ref(), Ok(&commit));
            let mut incident = Incident::Unknown;
            for event in &commit.events {
                match evolve(incident, event) {
                    Ok(next) => incident = next,
                    Err(error) => return refused(&error),
                }
            }
            let _ = incident.payloads();
        }
        Err(error) => refused(&error),
    }
});
