//! What a synthetic region must be, whatever its seed.

#![cfg(test)]

mod files;
mod incidents;
mod people;

use std::{collections::BTreeMap, fs, path::Path};

use hwc_population::{Population, Settings, Size};
use hwc_workflow::calendar::Zone;
use jiff::civil::date;

/// A village with some days of reports.
fn village(seed: u64) -> Population {
    Population::new(Settings { days: 28, ..Settings::new(seed, Size::VILLAGE) })
}

/// Two municipalities and a neighbour, large enough to count what is rare.
fn county(seed: u64) -> Population {
    Population::new(Settings { day: date(2027, 3, 1), ..Settings::new(seed, Size::Inhabitants(120_000)) })
}

fn zone() -> Zone {
    Zone::amsterdam().unwrap()
}

/// The files of a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()))
        .collect()
}

/// So many in ten thousand.
fn rate(part: usize, whole: usize) -> usize {
    part * 10_000 / whole.max(1)
}

/// Whether a rate lies where a constant says, give or take so much in ten thousand.
fn is_near(rate: usize, wanted: u32, by: usize) -> bool {
    rate.abs_diff(usize::try_from(wanted).unwrap()) <= by
}
