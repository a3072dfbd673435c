//! Chance that falls the same on every machine: `SplitMix64` (Steele, Lea and Flood, 2014), in whole numbers only.

/// A source of chance. The same seed and path always give the same numbers, in the same order.
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

/// The odd number closest to 2⁶⁴ divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// A source that follows from a seed alone.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A source of its own for whatever the path names, so that nothing drawn elsewhere changes what is drawn here.
    pub fn at(seed: u64, path: &[u64]) -> Self {
        let state =
            path.iter().fold(mixed(seed), |state, step| mixed(state.wrapping_add(STEP) ^ mixed(*step)));
        Self { state }
    }

    /// The next 64 bits.
    pub const fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mixed(self.state)
    }

    /// A number from 0 up to, not including, the bound; 0 if the bound is. No number is likelier than another by more than
    /// the bound in 2⁶⁴.
    pub fn below(&mut self, bound: u64) -> u64 {
        let scaled = (u128::from(self.roll()) * u128::from(bound)) >> 64;
        u64::try_from(scaled).unwrap_or(0)
    }

    /// A number from the first up to and including the last.
    pub fn between(&mut self, first: u32, last: u32) -> u32 {
        let drawn = self.below(u64::from(last.saturating_sub(first)) + 1);
        first + u32::try_from(drawn).unwrap_or(0)
    }

    /// Whether something happens that happens so often in ten thousand times.
    pub fn happens(&mut self, in_10_000: u32) -> bool {
        self.below(10_000) < u64::from(in_10_000)
    }

    /// Which of several cases it is, each happening so often in ten thousand times; none of them the rest of the time.
    pub fn case(&mut self, in_10_000: &[u32]) -> Option<usize> {
        let mut left = self.below(10_000);
        for (place, rate) in in_10_000.iter().enumerate() {
            let rate = u64::from(*rate);
            if left < rate {
                return Some(place);
            }
            left -= rate;
        }
        None
    }

    /// A place in a list of this length.
    pub fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// One of a list, which must not be empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.place(list.len())]
    }

    /// One of a list, early ones likelier: the place is the least of two, so the first is drawn twice as often as the
    /// middle one and the last almost never.
    pub fn pick_early<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let (one, other) = (self.place(list.len()), self.place(list.len()));
        &list[one.min(other)]
    }

    /// A place in a list of weights; the last one if all are 0.
    pub fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let sum: u64 = weights.clone().map(u64::from).sum();
        let mut left = self.below(sum);
        let mut last = 0;
        for (place, weight) in weights.map(u64::from).enumerate() {
            if left < weight {
                return place;
            }
            left -= weight;
            last = place;
        }
        last
    }
}

const fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_algorithm() {
        let mut dice = Dice::new(1_234_567);
        let drawn = [dice.roll(), dice.roll(), dice.roll()];
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_path_has_a_source_of_its_own() {
        let drawn = |path: &[u64]| Dice::at(7, path).roll();
        assert_eq!(drawn(&[1, 2]), drawn(&[1, 2]));
        assert!(
            drawn(&[1, 2]) != drawn(&[2, 1]) && drawn(&[1]) != drawn(&[1, 0]) && drawn(&[]) != drawn(&[0])
        );
    }

    #[test]
    fn what_happens_so_often_happens_so_often() {
        let mut dice = Dice::new(1);
        let times = (0..100_000).filter(|_| dice.happens(2_800)).count();
        assert!((27_500..28_500).contains(&times), "{times}");
        let mut counts = [0; 3];
        (0..30_000).for_each(|_| counts[dice.weighted([1, 0, 2].into_iter())] += 1);
        assert!((9_500..10_500).contains(&counts[0]) && counts[1] == 0, "{counts:?}");
        assert!(!dice.happens(0) && dice.happens(10_000));
        let cases: Vec<_> = (0..100_000).map(|_| dice.case(&[1_000, 0, 5_000])).collect();
        let times = |case| cases.iter().filter(|drawn| **drawn == case).count();
        assert!((9_500..10_500).contains(&times(Some(0))) && times(Some(1)) == 0, "{}", times(Some(0)));
        assert!((39_000..41_000).contains(&times(None)), "{}", times(None));
    }
}
