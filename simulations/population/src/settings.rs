//! Which region.

use std::str::FromStr;

use jiff::civil::{Date, date};

use crate::rates::Rates;

/// What a population follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// One seed, one region.
    pub seed: u64,
    /// How large.
    pub size: Size,
    /// The day as of which the registers are; ages count from it. The registers stand still.
    pub day: Date,
    /// For how many days from that day on reports may come, so that the school years are listed.
    pub days: u32,
    /// How often what happens.
    pub rates: Rates,
}

impl Settings {
    /// The day as of which the registers are, unless somebody says otherwise: a Monday without holidays around it.
    pub const DAY: Date = date(2026, 11, 16);

    /// First and last day that may be set; the feed of holidays knows no other centuries.
    pub const DAYS: (Date, Date) = (date(2000, 1, 1), date(2099, 12, 31));

    /// Longest period for reports, in days.
    pub const DAYS_MAX: u32 = 3_660;

    /// A region as of [`Settings::DAY`], for a year, with the usual rates.
    pub fn new(seed: u64, size: Size) -> Self {
        Self { seed, size, day: Self::DAY, days: 365, rates: Rates::default() }
    }
}

/// How large a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Hart van Brabant: its real municipalities and their number of inhabitants, with invented people and schools.
    Region,
    /// 2.6 million in 56 municipalities, Hart van Brabant among them; the others are invented.
    Province,
    /// 17.9 million in 342 municipalities, Hart van Brabant among them; the others are invented. All of them take part.
    Country,
    /// So many, in invented municipalities: one, and more from [`Size::PER_MUNICIPALITY`] on.
    Inhabitants(u32),
}

impl Size {
    /// A village.
    pub const VILLAGE: Self = Self::Inhabitants(6_000);
    /// A town.
    pub const TOWN: Self = Self::Inhabitants(50_000);
    /// Inhabitants of a municipality on average. Volumes: 17.9 million in 342.
    pub const PER_MUNICIPALITY: u32 = 52_400;
    /// Fewest and most inhabitants that may be asked for.
    pub const INHABITANTS: (u32, u32) = (200, 20_000_000);
}

/// Text that names no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is none of village, town, region, province, country, and no number of inhabitants from 200 to 20000000"
)]
pub struct SizeError;

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        match text {
            "village" => Ok(Self::VILLAGE),
            "town" => Ok(Self::TOWN),
            "region" => Ok(Self::Region),
            "province" => Ok(Self::Province),
            "country" => Ok(Self::Country),
            number => {
                let inhabitants: u32 = number.parse().map_err(|_| SizeError)?;
                let (least, most) = Self::INHABITANTS;
                if (least..=most).contains(&inhabitants) {
                    Ok(Self::Inhabitants(inhabitants))
                } else {
                    Err(SizeError)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_word_or_a_number_of_inhabitants() {
        assert_eq!("village".parse(), Ok(Size::Inhabitants(6_000)));
        assert_eq!("480000".parse(), Ok(Size::Inhabitants(480_000)));
        assert_eq!("country".parse(), Ok(Size::Country));
        for bad in ["", "Village", "199", "20000001", "-5", "3e5", "50 000"] {
            assert_eq!(bad.parse::<Size>(), Err(SizeError), "{bad}");
        }
    }
}
