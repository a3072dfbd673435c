//! How often what happens in the people, the registers and the reports: the population's rates, as shares.

use hwc_population::Rates;
use serde::Deserialize;

use crate::chance::Share;

macro_rules! rates {
    ($($name:ident),+ $(,)?) => {
        /// Rates that a plan sets; the others are the population's own (`docs/population.md`).
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct RatesPart {
            $(
                #[doc = concat!("See [`Rates::", stringify!($name), "`].")]
                pub $name: Option<Share>,
            )+
        }

        impl RatesPart {
            /// Every key.
            pub const KEYS: &[&str] = &[$(stringify!($name)),+];

            /// Over the population's own.
            pub fn over(&self, mut rates: Rates) -> Rates {
                $(rates.$name = self.$name.map_or(rates.$name, Share::in_10_000);)+
                rates
            }
        }
    };
}

rates! {
    farther_school,
    primary_across_the_border,
    enrolment_missing,
    enrolment_without_school,
    enrolment_stale,
    enrolment_twice,
    enrolment_secret,
    enrolment_seconded,
    enrolment_spelt_otherwise,
    enrolment_misspelt,
    report_spelt_otherwise,
    report_misspelt,
    report_wrong_birthday,
    follow_up,
    larger_family,
    elsewhere,
    child_abuse,
    other_kind,
    named,
    present,
    relation_mistaken,
    visitor,
    family_elsewhere,
    family_present,
    address_without_municipality,
    bare_date,
}
