//! Chance as a plan writes it: parts in a million, drawn with the dice of the population.

pub use hwc_population::Dice;

/// Parts in a million: how likely something is, or how large a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize)]
pub struct Share(u32);

impl Share {
    /// The whole, in parts.
    pub const WHOLE: u32 = 1_000_000;
    /// Never.
    pub const NONE: Self = Self(0);
    /// Always.
    pub const ALL: Self = Self(Self::WHOLE);

    /// So many parts in a million; none above the whole.
    pub const fn of_parts(parts: u32) -> Option<Self> {
        if parts <= Self::WHOLE { Some(Self(parts)) } else { None }
    }

    /// The parts in a million.
    pub const fn parts(self) -> u32 {
        self.0
    }

    /// In ten thousand, rounded to the nearest: as the population's rates are.
    pub const fn in_10_000(self) -> u32 {
        (self.0 + 50) / 100
    }

    /// Whether something happens that is as likely as this.
    pub fn happens(self, dice: &mut Dice) -> bool {
        dice.below(u64::from(Self::WHOLE)) < u64::from(self.0)
    }
}

/// What is drawn for what: each has dice of its own, so that a change to one part of a plan leaves what chance gave the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// When incidents happen.
    Moments,
    /// When each is reported.
    Reports,
    /// What the police write down.
    Incidents,
    /// How long work takes.
    Work,
    /// When contacts come.
    Contacts,
    /// Which schools never open anything.
    Never,
    /// When registers are corrected.
    Corrections,
    /// Outages of the look-up.
    LookUp,
    /// Outages of the engine.
    Engine,
}

impl Stream {
    /// The dice of a stream, for whatever the path names.
    pub fn dice(self, seed: u64, path: &[u64]) -> Dice {
        let mut whole = vec![0x706c_616e, self as u64];
        whole.extend_from_slice(path);
        Dice::at(seed, &whole)
    }
}

/// Running totals of weights.
pub fn running(weights: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let mut total = 0;
    let add = |weight: u64| {
        total += weight;
        total
    };
    weights.into_iter().map(add).collect()
}

/// A place in a list of running totals, each place as likely as it adds to the total.
pub fn weighted(dice: &mut Dice, running: &[u64]) -> usize {
    let thrown = dice.below(running.last().copied().unwrap_or(0));
    running.partition_point(|total| *total <= thrown).min(running.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_kept_and_the_ends_are_certain() {
        let mut dice = Stream::Work.dice(7, &[]);
        let third = Share::of_parts(333_333).unwrap();
        let happened = (0..30_000).filter(|_| third.happens(&mut dice)).count();
        assert!((9_500..10_500).contains(&happened), "{happened}");
        assert!((0..1_000).all(|_| Share::ALL.happens(&mut dice) && !Share::NONE.happens(&mut dice)));
        assert_eq!(third.in_10_000(), 3_333);
    }

    #[test]
    fn weights_are_kept_and_a_weight_of_nothing_never_comes() {
        let mut dice = Stream::Work.dice(7, &[]);
        let mut seen = [0_u32; 3];
        for _ in 0..4_000 {
            seen[weighted(&mut dice, &running([1, 0, 3]))] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!((800..1200).contains(&seen[0]), "{seen:?}");
    }

    #[test]
    fn streams_and_paths_have_dice_of_their_own() {
        let thrown = |stream: Stream, path: &[u64]| stream.dice(7, path).roll();
        assert_eq!(thrown(Stream::Work, &[3]), thrown(Stream::Work, &[3]));
        assert_ne!(thrown(Stream::Work, &[3]), thrown(Stream::Work, &[4]));
        assert_ne!(thrown(Stream::Work, &[3]), thrown(Stream::Contacts, &[3]));
    }
}
