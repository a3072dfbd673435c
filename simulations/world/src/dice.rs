//! Chance that follows from a seed, the same on every machine and in every version.
//!
//! Every stream of chance has a name and every draw a number, so that taking one event out of a world leaves the others as they
//! were: what a shrinker needs.

/// A stream of chance: `SplitMix64` over a seed and a name.
#[derive(Debug, Clone)]
pub struct Dice {
    stream: u64,
    drawn: u64,
}

impl Dice {
    /// A stream of a seed, by name.
    pub fn new(seed: u64, name: &str) -> Self {
        let named = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { stream: mixed(seed ^ mixed(named)), drawn: 0 }
    }

    /// The draw with this number, whatever was drawn before.
    pub const fn at(&self, number: u64) -> u64 {
        mixed(self.stream.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// The next draw.
    pub const fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.at(self.drawn)
    }

    /// A number below a bound; 0 if there is nothing below it. The bias is below one in a billion for the bounds used here.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.draw() % bound }
    }

    /// A number of this range, both ends included.
    pub const fn between(&mut self, least: i64, most: i64) -> i64 {
        let width = most.abs_diff(least);
        least.saturating_add_unsigned(self.below(width.saturating_add(1)))
    }

    /// Whether something happens that happens so many times in a thousand.
    pub const fn happens(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let place = self.below(from.len() as u64);
        from.get(usize::try_from(place).ok()?)
    }

    /// An id of 128 bits that never was.
    pub fn uuid(&mut self) -> uuid::Uuid {
        uuid::Uuid::from_u64_pair(self.draw(), self.draw())
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
    fn a_seed_gives_the_same_chance_everywhere() {
        let mut dice = Dice::new(7, "weather");
        assert_eq!([dice.draw(), dice.draw()], [dice.at(1), dice.at(2)]);
        assert_eq!(Dice::new(7, "weather").at(1), 17_185_705_922_369_032_331);
        assert_ne!(Dice::new(7, "weather").at(1), Dice::new(7, "people").at(1));
        assert_ne!(Dice::new(7, "weather").at(1), Dice::new(8, "weather").at(1));
    }

    #[test]
    fn a_range_has_both_ends_and_nothing_else() {
        let mut dice = Dice::new(1, "range");
        let drawn: std::collections::BTreeSet<_> = (0..200).map(|_| dice.between(-2, 2)).collect();
        assert_eq!(drawn, (-2..=2).collect());
        assert_eq!(dice.below(0), 0);
    }
}
