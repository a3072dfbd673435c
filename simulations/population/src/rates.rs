//! Every distribution, named, with its source. Numbers are *in ten thousand* unless the name says otherwise.
//!
//! Sources: *volumes* and *schools* are the facts of the region and the country that the project collected from the manual,
//! the region's web page and the national statistics (`docs/population.md` repeats them); *assumption* is ours.

/// Children under 18 in ten thousand inhabitants. Volumes: 3.3 million of 17.9 million.
pub const CHILDREN: u32 = 1_844;

/// Households by their number of children, from 0 on. Assumption, close to the national statistics: the mean of those that have
/// children is 1.8. Households without children are listed only so far as the police come there too.
pub const CHILDREN_OF_A_HOUSEHOLD: [u32; 7] = [400, 4_000, 4_050, 1_150, 290, 80, 30];

/// Births that are twins. National statistics: 14 in a thousand.
pub const TWINS: u32 = 140;

/// Births that are twins, of those after which a household can have two children more: set so that of all births [`TWINS`] are.
pub const TWINS_OF_TWO: u32 = 320;

/// Births that are triplets, of those after which a household can have three children more. Set so that of all births about
/// two in ten thousand are (national statistics).
pub const TRIPLETS_OF_THREE: u32 = 25;

/// Households with one adult. National statistics: a good one in six of the families with children.
pub const ONE_ADULT: u32 = 1_700;

/// Households in which a third adult is registered, such as a grandmother. Assumption.
pub const THIRD_ADULT: u32 = 300;

/// Children who live in a household and are registered nowhere. Assumption.
pub const UNREGISTERED: u32 = 20;

/// Households with a child that shares name and family name with a child of the household before it, and not the birthday.
/// Assumption: cousins, and names that are in fashion.
pub const NAMESAKES: u32 = 20;

/// Households with a child that shares name, family name and birthday with one of the household before it: then two rows match
/// (R16). Assumption.
pub const DOUBLES: u32 = 1;

/// Pupils of primary school age in special education. National statistics: about 2 in a hundred.
pub const SPECIAL_PRIMARY: u32 = 220;

/// Pupils of secondary school age in special education. National statistics: about 4 in a hundred.
pub const SPECIAL_SECONDARY: u32 = 380;

/// Those of 16 and 17 who are in vocational education. Assumption, after the national statistics.
pub const VOCATIONAL_AT_16: u32 = 3_500;

/// Pupils of a primary school's location. Schools: 1.37 million pupils on some 6,000 locations.
pub const PUPILS_OF_A_PRIMARY_SCHOOL: u32 = 225;

/// Pupils of a secondary school's location. Schools: 930,000 on some 1,450 locations; smaller municipalities have none.
pub const PUPILS_OF_A_SECONDARY_SCHOOL: u32 = 1_300;

/// Inhabitants for each location of special education, and for each of vocational education. Assumption.
pub const INHABITANTS_PER_SPECIAL_SCHOOL: u32 = 90_000;
/// See [`INHABITANTS_PER_SPECIAL_SCHOOL`].
pub const INHABITANTS_PER_VOCATIONAL_SCHOOL: u32 = 200_000;

/// Fewest inhabitants of a municipality with a secondary school, and with one of special or vocational education. Assumption.
pub const INHABITANTS_WITH_SECONDARY_MIN: u32 = 15_000;
/// See [`INHABITANTS_WITH_SECONDARY_MIN`].
pub const INHABITANTS_WITH_SPECIAL_MIN: u32 = 40_000;

/// A school's own closed days in a school year: fewest and most. Assumption.
pub const CLOSED_DAYS_OF_A_YEAR: (u32, u32) = (2, 5);

/// Most days after an incident at which the same family counts as reported before. Volumes: *within days*.
pub const FOLLOW_UP_DAYS_MAX: i64 = 10;

/// What a researcher may want to turn, each in ten thousand. The defaults are the constants' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Schools whose boards never signed the covenant (R11). Volumes: 164 schools of Hart van Brabant take part, which is what
    /// remains of some 185.
    pub school_never_signed: u32,
    /// Schools whose boards sign within a year from the region's day on; the others did up to five years before. Assumption.
    pub school_signs_later: u32,
    /// Schools that signed and whose mailbox is not known (R11). Assumption.
    pub school_without_mailbox: u32,
    /// Primary pupils at another school of their own municipality than the nearest. Assumption.
    pub farther_school: u32,
    /// Primary pupils at a school of a neighbouring municipality. Assumption.
    pub primary_across_the_border: u32,
    /// Pupils of whom the register has no row. Assumption.
    pub enrolment_missing: u32,
    /// Pupils whose row has no school. Assumption.
    pub enrolment_without_school: u32,
    /// Pupils whose row still shows the former school. Schools: they have seven days to register, and attendance offices are
    /// told weekly, so a former school is an everyday outcome; how often is an assumption.
    pub enrolment_stale: u32,
    /// Pupils who stand in the register twice, at the former and the present school: ambiguous (R16). Assumption.
    pub enrolment_twice: u32,
    /// Secret enrolments (R13). Assumption.
    pub enrolment_secret: u32,
    /// Secondments that the municipality knows of (R14). Assumption.
    pub enrolment_seconded: u32,
    /// Enrolments spelt otherwise than in the civil register, and yet a match (R16). Assumption.
    pub enrolment_spelt_otherwise: u32,
    /// Enrolments spelt so that they match only nearly (R16). Assumption.
    pub enrolment_misspelt: u32,
    /// Children that the police spell otherwise than the civil register, and yet a match. Assumption.
    pub report_spelt_otherwise: u32,
    /// Children that the police spell so that they match only nearly. Assumption.
    pub report_misspelt: u32,
    /// Children that the police note with a wrong day of birth. Assumption.
    pub report_wrong_birthday: u32,
    /// Incidents of a family that was reported within the last days. Volumes: 28 in a hundred.
    pub follow_up: u32,
    /// Incidents that happen rather in a larger family: the larger of two households drawn. Set so that an incident
    /// has about 1.9 children (volumes).
    pub larger_family: u32,
    /// Incidents at an address whose municipality does not take part. Assumption.
    pub elsewhere: u32,
    /// Incidents of child abuse. Assumption.
    pub child_abuse: u32,
    /// Reports of another kind (R3). Assumption.
    pub other_kind: u32,
    /// Children of the household that the police name; the others are found by the look-up (R9). Assumption.
    pub named: u32,
    /// Named children of the household who were at home. Assumption.
    pub present: u32,
    /// Named children of the household that the police note as visitor or family (R7). Assumption.
    pub relation_mistaken: u32,
    /// Incidents with a visiting child (R6). Assumption.
    pub visitor: u32,
    /// Incidents with a child of the family that is registered elsewhere (R7). Assumption.
    pub family_elsewhere: u32,
    /// Children of the family registered elsewhere who were present (R7). Assumption.
    pub family_present: u32,
    /// Reports that leave the municipality out. Assumption.
    pub address_without_municipality: u32,
    /// Incidents of which only the day is known. The police's messages have no time of day; our own police's have: assumption.
    pub bare_date: u32,
    /// Reports that are sent twice, under one reference (R9). Assumption: the exchange tries again by itself.
    pub sent_twice: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            school_never_signed: 700,
            school_signs_later: 400,
            school_without_mailbox: 100,
            farther_school: 2_500,
            primary_across_the_border: 250,
            enrolment_missing: 100,
            enrolment_without_school: 30,
            enrolment_stale: 150,
            enrolment_twice: 50,
            enrolment_secret: 30,
            enrolment_seconded: 80,
            enrolment_spelt_otherwise: 800,
            enrolment_misspelt: 40,
            report_spelt_otherwise: 1_500,
            report_misspelt: 150,
            report_wrong_birthday: 60,
            follow_up: 2_800,
            larger_family: 2_000,
            elsewhere: 200,
            child_abuse: 1_200,
            other_kind: 600,
            named: 8_500,
            present: 7_500,
            relation_mistaken: 100,
            visitor: 500,
            family_elsewhere: 600,
            family_present: 5_000,
            address_without_municipality: 3_000,
            bare_date: 800,
            sent_twice: 30,
        }
    }
}
