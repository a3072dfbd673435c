//! What is sealed, as plain bytes.
#![no_main]

use hwc_fuzz::refused;
use hwc_schemas::{
    letter::{Letter, Plaintext, Referral, Sealable},
    report::Report,
};
use zeroize::Zeroizing;

fn read<T: Sealable + PartialEq>(plain: &Plaintext) {
    match T::from_plaintext(plain) {
        Ok(read) => {
            let again = T::from_plaintext(&read.to_plaintext());
            assert!(again.is_ok_and(|again| again == read), "written as something else");
        }
        Err(error) => refused(&error),
    }
}

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let plain = Plaintext::from_opened(Zeroizing::new(bytes.to_vec()));
    read::<Report>(&plain);
    read::<Referral>(&plain);
    read::<Letter>(&plain);
});
