//! Numbers as people read them. Whole numbers only, so that they are the same on every machine.

/// A count, with thin spaces between thousands.
pub fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    if number < 0 {
        text.push('\u{2212}');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A share in millionths, as a percentage with one decimal.
pub fn share(millionths: i64) -> String {
    let tenths = (millionths + 500) / 1_000;
    format!("{}.{}\u{202f}%", tenths / 10, tenths % 10)
}

/// Thousandths, with one decimal.
pub fn milli(thousandths: i64) -> String {
    let tenths = (thousandths + 50) / 100;
    format!("{}.{}", count(tenths / 10), tenths % 10)
}

/// A length of time in the two largest units that matter.
pub fn length(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let two = |large: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 {
            format!("{large}\u{a0}{unit}")
        } else {
            format!("{large}\u{a0}{unit} {small}\u{a0}{small_unit}")
        }
    };
    match seconds {
        ..0 => format!("\u{2212}{}", length(seconds.saturating_neg())),
        0..MINUTE => format!("{seconds}\u{a0}s"),
        MINUTE..HOUR => format!("{}\u{a0}min", seconds / MINUTE),
        HOUR..DAY => two(seconds / HOUR, "h", seconds % HOUR / MINUTE, "min"),
        _ => two(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
    }
}

/// A local moment with its offset, as `18 Nov 2026, 07:00`.
pub fn moment(text: &str) -> String {
    let read = || {
        let (day, clock) = text.split_once('T')?;
        Some(format!("{}, {}", self::day(day)?, clock.get(..5)?))
    };
    read().unwrap_or_else(|| text.to_owned())
}

/// A day, `2026-11-18`, as `18 Nov 2026`.
pub fn day(text: &str) -> Option<String> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    Some(format!("{} {month} {year}", day.trim_start_matches('0')))
}

/// Text for HTML.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => safe.push(c),
        }
    }
    safe
}

/// What the words of files are called on the page.
pub fn word(word: &str) -> &str {
    match word {
        "police" => "Police",
        "veilig_thuis" => "Veilig Thuis",
        "municipality" => "Municipality",
        "held" => "Held for a school day",
        "school" => "School",
        "screened_out" => "Screened out",
        "withheld" => "Withheld",
        "recalled" => "Recalled",
        "expired" => "Expired",
        "acknowledged" => "Acknowledged",
        "not_domestic_violence" => "not domestic violence",
        "no_child_of_age" => "no child of age",
        "not_of_age" => "not of age",
        "visitor" => "visitor",
        "registered_elsewhere_absent" => "registered elsewhere, absent",
        "municipality_not_participating" => "municipality takes no part",
        "enrolment_unknown" => "enrolment unknown",
        "enrolment_ambiguous" => "enrolment ambiguous",
        "enrolment_secret" => "enrolment secret",
        "host_school_not_participating" => "host school takes no part",
        "school_not_participating" => "school takes no part",
        "school_outside_region" => "school outside the region",
        "summer_holiday" => "summer holiday",
        "held_too_long" => "held too long",
        "wrong_school" => "wrong school",
        "sent_in_error" => "sent in error",
        "not_screened" => "not screened",
        "not_routed" => "not routed",
        "not_acknowledged" => "not acknowledged",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(12), "12");
        assert_eq!(share(123_456), "12.3\u{202f}%");
        assert_eq!(share(999_960), "100.0\u{202f}%");
        assert_eq!(milli(12_360), "12.4");
        let lengths =
            [(45, "45 s"), (720, "12 min"), (27_600, "7 h 40 min"), (7_200, "2 h"), (273_600, "3 d 4 h")];
        for (seconds, text) in lengths {
            assert_eq!(length(seconds).replace('\u{a0}', " "), text);
        }
        assert_eq!(moment("2026-11-08T07:00:00+01:00"), "8 Nov 2026, 07:00");
    }

    #[test]
    fn nothing_of_a_plan_becomes_markup() {
        assert_eq!(escaped("<b a='1'>&\"\u{7}"), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;");
    }
}
