//! The processing log's files: one for each day, so that whole files go when they are old.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::{ToSpan as _, civil::Date};

/// How the name of a file ends.
const ENDING: &str = ".jsonl";

/// The days that have a file, the oldest first.
pub(crate) fn days(folder: &Path) -> io::Result<BTreeSet<Date>> {
    let mut days = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let day =
            name.to_str().and_then(|name| name.strip_suffix(ENDING)).and_then(|day| day.parse::<Date>().ok());
        days.extend(day);
    }
    Ok(days)
}

/// The file of a day.
pub(crate) fn file(folder: &Path, day: Date) -> PathBuf {
    folder.join(format!("{day}{ENDING}"))
}

/// Removes the files of days that are too old; says how many.
pub(crate) fn forget(folder: &Path, today: Date, days_kept: u16) -> io::Result<usize> {
    let oldest = today.checked_sub(i32::from(days_kept).days()).unwrap_or(Date::MIN);
    let old: Vec<_> = days(folder)?.into_iter().filter(|day| *day < oldest).collect();
    for day in &old {
        fs::remove_file(file(folder, *day))?;
    }
    Ok(old.len())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_goes_when_it_is_older_than_is_kept_and_a_stranger_stays() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["2026-11-01.jsonl", "2026-11-21.jsonl", "2026-11-23.jsonl", "carried", "2026-01-01.txt"]
        {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(forget(folder.path(), date(2026, 11, 23), 2).unwrap(), 1);
        let left: Vec<_> = days(folder.path()).unwrap().into_iter().collect();
        assert_eq!(left, [date(2026, 11, 21), date(2026, 11, 23)]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
    }
}
