//! Pictures as SVG, in whole tenths of a pixel.

use std::fmt::Write as _;

use super::format::escaped;

/// Tenths of a pixel.
pub(super) type Tenths = i64;

/// How wide a picture is: each is drawn twice, and the page shows the one that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// For a desk.
    Wide,
    /// For a telephone.
    Narrow,
}

impl Fit {
    pub(super) const ALL: [Self; 2] = [Self::Wide, Self::Narrow];

    /// In pixels.
    pub(super) const fn width(self) -> i64 {
        match self {
            Self::Wide => 680,
            Self::Narrow => 320,
        }
    }

    pub(super) const fn is_narrow(self) -> bool {
        matches!(self, Self::Narrow)
    }
}

/// Where a text is anchored.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture.
pub(super) struct Svg {
    width: i64,
    height: i64,
    body: String,
}

/// Tenths as pixels.
fn px(tenths: Tenths) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    let whole = tenths.unsigned_abs();
    match whole % 10 {
        0 => format!("{sign}{}", whole / 10),
        part => format!("{sign}{}.{part}", whole / 10),
    }
}

impl Svg {
    /// An empty picture, in pixels.
    pub(super) const fn new(width: i64, height: i64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(super) fn line(&mut self, class: &str, from: (Tenths, Tenths), to: (Tenths, Tenths)) {
        let (x1, y1, x2, y2) = (px(from.0), px(from.1), px(to.0), px(to.1));
        let _ =
            write!(self.body, "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
    }

    /// A rectangle; what it says when somebody points at it may be empty.
    pub(super) fn rect(&mut self, class: &str, at: (Tenths, Tenths), size: (Tenths, Tenths), says: &str) {
        let (x, y, w, h) = (px(at.0), px(at.1), px(size.0.max(0)), px(size.1.max(0)));
        let _ = write!(self.body, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\"");
        if says.is_empty() {
            self.body.push_str("/>");
        } else {
            let _ = write!(self.body, "><title>{}</title></rect>", escaped(says));
        }
    }

    /// A rectangle that is so many hundredths opaque.
    pub(super) fn shaded(
        &mut self,
        hundredths: i64,
        at: (Tenths, Tenths),
        size: (Tenths, Tenths),
        says: &str,
    ) {
        let (x, y, w, h) = (px(at.0), px(at.1), px(size.0), px(size.1));
        let opacity = if hundredths >= 100 { "1".to_owned() } else { format!("0.{hundredths:02}") };
        let _ = write!(
            self.body,
            "<rect class=\"heat\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill-opacity=\"{opacity}\"><title>{}</title></rect>",
            escaped(says)
        );
    }

    pub(super) fn circle(&mut self, class: &str, at: (Tenths, Tenths), radius: Tenths) {
        let _ = write!(
            self.body,
            "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
            px(at.0),
            px(at.1),
            px(radius)
        );
    }

    pub(super) fn text(&mut self, class: &str, at: (Tenths, Tenths), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (x, y) = (px(at.0), px(at.1));
        let _ =
            write!(self.body, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}>{}</text>", escaped(text));
    }

    /// Straight lines from point to point.
    pub(super) fn path(&mut self, class: &str, points: &[(Tenths, Tenths)], closed: bool) {
        let mut d = String::new();
        for (place, (x, y)) in points.iter().enumerate() {
            let _ = write!(d, "{}{} {}", if place == 0 { "M" } else { "L" }, px(*x), px(*y));
        }
        if closed {
            d.push('Z');
        }
        let _ = write!(self.body, "<path class=\"{class}\" d=\"{d}\"/>");
    }

    /// The picture, with what it is called and what it says in words.
    pub(super) fn finish(self, id: &str, fit: Fit, title: &str, says: &str) -> String {
        let kind = if fit.is_narrow() { "narrow" } else { "wide" };
        format!(
            "<svg class=\"{kind}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-{kind}-t {id}-{kind}-d\"><title id=\"{id}-{kind}-t\">{}</title><desc id=\"{id}-{kind}-d\">{}</desc>{}</svg>\n",
            self.width,
            self.height,
            escaped(title),
            escaped(says),
            self.body
        )
    }
}

/// A straight scale from a span of values to a span of tenths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) from: Tenths,
    pub(super) to: Tenths,
    pub(super) least: i64,
    pub(super) most: i64,
}

impl Scale {
    /// Where a value lies.
    pub(super) fn at(self, value: i64) -> Tenths {
        let span = i128::from((self.most - self.least).max(1));
        let part = i128::from(self.to - self.from) * i128::from(value - self.least) / span;
        self.from + i64::try_from(part).unwrap_or(0)
    }
}

/// Round steps up to the most, so that there are about so many of them; the first is 0 and the last is not less than the most.
pub(super) fn ticks(most: i64, about: i64) -> Vec<i64> {
    let wanted = (most.max(1) + about - 1) / about.max(1);
    let mut step = 1;
    'found: loop {
        for times in [1, 2, 5] {
            if step * times >= wanted {
                step *= times;
                break 'found;
            }
        }
        step *= 10;
    }
    let count = (most.max(1) + step - 1) / step;
    (0..=count).map(|place| place * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_most() {
        assert_eq!(ticks(7, 4), [0, 2, 4, 6, 8]);
        assert_eq!(ticks(93, 4), [0, 50, 100]);
        assert_eq!(ticks(0, 4), [0, 1]);
        assert_eq!(ticks(1_200, 5), [0, 500, 1_000, 1_500]);
    }

    #[test]
    fn a_scale_goes_through_its_ends() {
        let scale = Scale { from: 100, to: 1_100, least: 10, most: 20 };
        assert_eq!([scale.at(10), scale.at(15), scale.at(20)], [100, 600, 1_100]);
        assert_eq!(px(-15), "-1.5");
    }
}
