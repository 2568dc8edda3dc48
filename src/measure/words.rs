//! Figures as people read them: thousands separators, shares, spans of time. Not for files that programs read.

/// `2147000` as `2,147,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A signed number with its sign always there: `+1,200`, `-30`, `0`.
pub fn signed(number: i64) -> String {
    let magnitude = grouped(number.unsigned_abs());
    match number {
        0 => magnitude,
        1.. => format!("+{magnitude}"),
        _ => format!("-{magnitude}"),
    }
}

/// `1 record`, `2,147,000 records`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", grouped(number))
}

/// A length of time (s) in its two largest units: `1h 20m`, `25m 10s`, `4.2s`, `350ms`; not finite is `never`.
pub fn span(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "never".to_owned();
    }
    if seconds < 0.0 {
        return format!("-{}", span(-seconds));
    }
    if seconds < 0.9995 {
        let millis = (seconds * 1000.0).round();
        return if millis < 1.0 && seconds > 0.0 {
            "under 1ms".to_owned()
        } else if millis < 1.0 {
            "0s".to_owned()
        } else {
            format!("{millis}ms")
        };
    }
    if seconds < 9.95 {
        let text = format!("{seconds:.1}");
        return format!("{}s", text.strip_suffix(".0").unwrap_or(&text));
    }
    // Rounded to the smaller of the two units that are shown.
    let unit = match seconds {
        86_370.0.. => 3_600.0,
        3_599.5.. => 60.0,
        _ => 1.0,
    };
    let whole = ((seconds / unit).round() * unit) as u64;
    let (days, hours, minutes, secs) = (
        whole / 86_400,
        whole / 3_600 % 24,
        whole / 60 % 60,
        whole % 60,
    );
    let pair = |large: u64, unit: &str, small: u64, lesser: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit} {small}{lesser}"),
    };
    match (days, hours, minutes) {
        (1.., _, _) => pair(days, "d", hours, "h"),
        (_, 1.., _) => pair(hours, "h", minutes, "m"),
        (_, _, 1..) => pair(minutes, "m", secs, "s"),
        _ => format!("{secs}s"),
    }
}

/// A share from 0 to 1 as `26 %`; what is there but rounds to nothing is `under 1 %`.
pub fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.005 {
        return "under 1 %".to_owned();
    }
    if (0.995..1.0).contains(&share) {
        return "over 99 %".to_owned();
    }
    format!("{:.0} %", share * 100.0)
}

/// A rate or a mean with as many digits as help: `1.1`, `0.08`, `240`.
pub fn short(number: f64) -> String {
    if !number.is_finite() {
        return "never".to_owned();
    }
    let size = number.abs();
    if size >= 100.0 {
        let whole = grouped(size.round() as u64);
        return if number < 0.0 {
            format!("-{whole}")
        } else {
            whole
        };
    }
    let text = if size >= 10.0 || size == 0.0 {
        format!("{number:.1}")
    } else if size >= 0.1 {
        format!("{number:.2}")
    } else {
        format!("{number:.4}")
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}

/// With a capital first letter.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated_by_commas() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (2_147_000, "2,147,000"),
        ];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(signed(-1_200), "-1,200");
        assert_eq!(signed(1_200), "+1,200");
    }

    #[test]
    fn spans_show_their_two_largest_units() {
        let cases = [
            (0.0, "0s"),
            (0.00001, "under 1ms"),
            (0.35, "350ms"),
            (4.2, "4.2s"),
            (9.0, "9s"),
            (59.6, "1m"),
            (310.0, "5m 10s"),
            (4_800.0, "1h 20m"),
            (3_599.7, "1h"),
            (5_390.0, "1h 30m"),
            (90_000.0, "1d 1h"),
            (86_390.0, "1d"),
            (f64::INFINITY, "never"),
            (f64::NAN, "never"),
        ];
        for (seconds, text) in cases {
            assert_eq!(span(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn shares_never_round_to_nothing_or_everything() {
        assert_eq!(percent(0.257), "26 %");
        assert_eq!(percent(0.001), "under 1 %");
        assert_eq!(percent(0.999), "over 99 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.0), "0 %");
    }

    #[test]
    fn short_numbers_keep_the_digits_that_help() {
        let cases = [
            (1.07, "1.07"),
            (0.0833, "0.0833"),
            (240.4, "240"),
            (12_345.0, "12,345"),
        ];
        for (number, text) in cases {
            assert_eq!(short(number), text);
        }
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
