//! Signs that nobody sees.

/// Whether a sign turns or hides what stands beside it, or is not seen itself. Left out wherever a name is shown: what is read must be
/// what is there.
pub const fn is_unseen(sign: char) -> bool {
    matches!(sign, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
