//! What a child can be found by in an index, in memory or in a database: numbers that follow from the comparable form of
//! its name and its date of birth, the same on every machine and in every version of this program that says so.
//!
//! A trace only narrows down. Whoever finds a row by one compares by [`Key`] before believing anything: two children may
//! share a trace by chance.

use hwc_schemas::person::Child;

use super::Key;

/// What one child can be found by (R16). Whoever matches it has the same `whole_surname`; whoever nearly matches it has the
/// same `given_name`, or one of its two surnames as one of the two. It cannot be printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Traces {
    /// What all spellings of this very child share (R16).
    pub child: u64,
    /// By the first given name; none for somebody who has none.
    pub given_name: Option<u64>,
    /// By the surname without what stands in the prefix field.
    pub own_surname: u64,
    /// By the surname with it.
    pub whole_surname: u64,
}

impl Traces {
    /// Counts the ways in which traces were ever made. Whoever keeps traces keeps this number with them, and makes them anew
    /// when it is another.
    pub const VERSION: u16 = 1;

    /// The traces of a child.
    pub fn of(child: &Child) -> Self {
        let key = Key::of(child);
        let [given_name, own, whole] = near(&key);
        Self {
            child: matching(&key),
            given_name,
            own_surname: own.unwrap_or_default(),
            whole_surname: whole.unwrap_or_default(),
        }
    }
}

/// What equal keys share.
pub(super) fn matching(key: &Key) -> u64 {
    let mut trace = Trace::born(key, b'm');
    trace.text(&key.first_given_name);
    trace.text(&key.surname);
    trace.finish()
}

/// What keys share that nearly match: one of these. The first is that of the given name, then the surname without and with
/// what stands in the prefix field.
pub(super) fn near(key: &Key) -> [Option<u64>; 3] {
    let first = (!key.first_given_name.is_empty()).then(|| by(key, b'g', &key.first_given_name));
    let [own, whole] = key.surnames().map(|surname| Some(by(key, b's', surname)));
    [first, own, whole]
}

fn by(key: &Key, what: u8, text: &str) -> u64 {
    let mut trace = Trace::born(key, what);
    trace.text(text);
    trace.finish()
}

/// FNV-1a, stirred at the end. Not the hash of the standard library, which may be another tomorrow.
struct Trace(u64);

impl Trace {
    fn born(key: &Key, what: u8) -> Self {
        let born = key.born.expose();
        let mut new = Self(0xcbf2_9ce4_8422_2325);
        new.bytes(&[what]);
        new.bytes(&born.year().to_be_bytes());
        new.bytes(&[born.month().cast_unsigned(), born.day().cast_unsigned()]);
        new
    }

    /// A text, and where it ends: no text holds this byte.
    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.bytes(&[0xff]);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    const fn finish(self) -> u64 {
        let mut stirred = self.0;
        stirred = (stirred ^ (stirred >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        stirred = (stirred ^ (stirred >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        stirred ^ (stirred >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::child;

    const BIRTH: &str = "2016-02-03";

    /// Databases keep traces. If this fails because names are compared in another way than before, that is a change of
    /// [`Traces::VERSION`] too: a database then makes its traces anew, and else it would no longer find who is there.
    #[test]
    fn traces_stay_what_they_are_as_long_as_their_version_does() {
        let all = |child: &Child| -> String {
            let Traces { child, given_name, own_surname, whole_surname } = Traces::of(child);
            [child, given_name.unwrap_or_default(), own_surname, whole_surname]
                .map(|trace| format!("{trace:016x}"))
                .join(" ")
        };
        let folded = [
            "Zoë Straße",
            "Łukasz-Øyvind",
            "Æsa",
            "Ðorđe",
            "Işık",
            "Юрий",
            "ΣΊΣΥΦΟΣ",
            "李",
            "\u{915}\u{93f}",
            "O'Neill 2",
        ];
        let many: Vec<String> =
            folded.iter().map(|name| all(&child(name, "van der", &format!("{name} Smit"), BIRTH))).collect();
        assert_eq!(Traces::VERSION, 1);
        let two = [child("Zoë Maria", "van der", "Berg", BIRTH), child("", "", "Jansen-Smit", BIRTH)];
        let sum = crate::testing::checksum(&many.concat());
        let [one, other] = two.map(|child| all(&child));
        assert_eq!(([one.as_str(), other.as_str()], sum), (FROZEN, FROZEN_SUM));
    }

    const FROZEN: [&str; 2] = [
        "c542ece1bcd986b2 34d4bf13a3cd9c16 434b08a44b614819 f25814df318c00e5",
        "d9ba86b6f13b9273 0000000000000000 bf7040ac6bc026e1 bf7040ac6bc026e1",
    ];
    const FROZEN_SUM: u64 = 12_204_293_350_987_627_193;
}
