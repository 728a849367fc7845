//! Numbers as people read them: bytes, counts, shares, rates, times, money. Not prose: sentences are in `words`.

use trace::{Bytes, Predictor};

/// Bytes in IEC units with one decimal, so that they line up: `24.9 MiB`, `3.0 MiB`; none from a hundred on.
pub(crate) fn size(bytes: Bytes) -> String {
    let text = bytes.to_string();
    match text.split_once(".0 ") {
        Some((whole, unit)) if whole.len() >= 3 => format!("{whole} {unit}"),
        _ => text,
    }
}

/// Bytes that somebody chose, without decimals where there are none: `64 MiB`, `5 MiB`, but `24.9 MiB`.
pub(crate) fn round_size(bytes: Bytes) -> String {
    let units = (1..=5).rev().map(|power| 1024_u64.pow(power));
    let whole = units.into_iter().find(|u| bytes.0 >= *u);
    if whole.is_none_or(|u| bytes.0.is_multiple_of(u)) {
        bytes.to_string().replace(".0 ", " ")
    } else {
        size(bytes)
    }
}

/// A value of a variable: in bytes where its name says so, a count otherwise.
pub(crate) fn value(variable: &str, value: f64) -> String {
    if is_bytes(variable) && value >= 0.0 {
        size(Bytes::from_f64(value))
    } else {
        number(value)
    }
}

/// A value of a predictor, likewise; a product is a count, of whatever.
pub(crate) fn value_of(predictor: &Predictor, x: f64) -> String {
    match predictor.times {
        None => value(&predictor.feature.variable, x),
        Some(_) => number(x),
    }
}

/// Whether a predictor is an amount of bytes.
pub(crate) fn is_in_bytes(predictor: &Predictor) -> bool {
    predictor.times.is_none() && is_bytes(&predictor.feature.variable)
}

/// Whether a variable is an amount of bytes: all input features that are say so in their names.
pub(crate) fn is_bytes(variable: &str) -> bool {
    variable.ends_with("bytes")
}

/// A number with its thousands parted: `250,000`, `0.125`, `-3`. Very large and very small ones as `1.2e18`.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "not a number".to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-3..1e15).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    if value.fract() == 0.0 || magnitude >= 1e4 {
        return grouped(&format!("{value:.0}"));
    }
    let digits = if magnitude >= 100.0 { 1 } else { 3 };
    let text = format!("{value:.digits$}");
    grouped(text.trim_end_matches('0').trim_end_matches('.'))
}

/// A count of things.
pub(crate) fn count(things: usize) -> String {
    grouped(&things.to_string())
}

/// An amount to the last unit, however large.
pub(crate) fn whole_number(amount: f64) -> String {
    grouped(&format!("{amount:.0}"))
}

/// `1 call`, `2 calls`.
pub(crate) fn counted(things: usize, one: &str) -> String {
    let plural = if things == 1 { "" } else { "s" };
    format!("{} {one}{plural}", count(things))
}

fn grouped(text: &str) -> String {
    let (sign, rest) = text
        .strip_prefix('-')
        .map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = match rest.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (rest, String::new()),
    };
    let mut out = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + &fraction
}

/// A share as a percentage: `97 %`, `1.4 %`, `<0.1 %`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        return "unknown".to_owned();
    }
    let magnitude = percent.abs();
    if magnitude == 0.0 {
        "0 %".to_owned()
    } else if magnitude < 0.1 {
        "<0.1 %".to_owned()
    } else if (99.5..100.0).contains(&magnitude) {
        // Downwards: nearly all is not all.
        format!("{:.1} %", (percent * 10.0).trunc() / 10.0)
    } else if magnitude < 9.95 && (magnitude - magnitude.round()).abs() >= 0.05 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// A share that must not be rounded up to certainty: `99.97 %` stays below 100.
pub(crate) fn share_explained(share: f64) -> String {
    if (0.99..1.0).contains(&share) {
        // Downwards: 0.99999 is not everything.
        format!("{:.2} %", (share * 1e4).floor() / 100.0)
    } else {
        percent(share)
    }
}

/// A failure rate as odds: `1 in 100`; as a percentage where it is no such fraction.
pub(crate) fn odds(rate: f64) -> String {
    let calls = rate.recip();
    if calls.is_finite() && calls >= 2.0 && (calls - calls.round()).abs() / calls < 0.02 {
        format!("1 in {}", number(calls.round()))
    } else {
        percent(rate)
    }
}

/// A length of time: `0.4 ms`, `0.18 s`, `2.1 s`, `3 min 5 s`.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => "unknown".to_owned(),
        s if s <= 0.0 => "0 s".to_owned(),
        s if s < 1e-4 => format!("{:.0} us", s * 1e6),
        s if s < 1e-2 => format!("{:.1} ms", s * 1e3),
        s if s < 0.1 => format!("{:.0} ms", s * 1e3),
        s if s < 0.995 => format!("{s:.2} s"),
        s if s < 120.0 => format!("{s:.1} s"),
        s => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
    }
}

/// A size as providers name it: `1,536 MB`.
pub(crate) fn megabytes(size_mb: u64) -> String {
    format!("{} MB", grouped(&size_mb.to_string()))
}

/// US dollars, two decimals, four below a cent's tenth.
pub(crate) fn usd(amount: f64) -> String {
    if !amount.is_finite() {
        "unknown".to_owned()
    } else if amount != 0.0 && amount.abs() < 0.1 {
        format!("{amount:.4}")
    } else {
        grouped(&format!("{amount:.2}"))
    }
}

/// A moment in UTC, to the minute: `2026-11-20 16:02 UTC`.
pub(crate) fn utc(unix_ms: u64) -> String {
    let minutes = unix_ms / 60_000;
    let (year, month, day) = civil(minutes / 1440);
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// The same to the second, of which it is the reader's to know that it is UTC: `2026-11-20 16:02:07`.
pub(crate) fn utc_seconds(unix_ms: u64) -> String {
    let minute = utc(unix_ms);
    format!(
        "{}:{:02}",
        minute.trim_end_matches(" UTC"),
        unix_ms / 1_000 % 60
    )
}

/// Days since 1970-01-01 as a date: H. Hinnant, "chrono-compatible low-level date algorithms", 2013, from 1970 on.
pub(crate) fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (shown, expected) in [
            (size(Bytes::mib(256)), "256 MiB"),
            (size(Bytes::mib(3)), "3.0 MiB"),
            (round_size(Bytes::mib(64)), "64 MiB"),
            (round_size(Bytes(26_083_328)), "24.9 MiB"),
            (size(Bytes(26_083_328)), "24.9 MiB"),
            (size(Bytes(17 * 65_536)), "1.1 MiB"),
            (size(Bytes(999)), "999 B"),
            (number(250_000.0), "250,000"),
            (number(-1_234.5), "-1,234.5"),
            (number(0.125), "0.125"),
            (number(1e18), "1.00e18"),
            (number(f64::NAN), "not a number"),
            (value("stdin_bytes", 2048.0), "2.0 KiB"),
            (percent(0.97), "97 %"),
            (percent(0.0141), "1.4 %"),
            (percent(0.0001), "<0.1 %"),
            (percent(0.9999), "99.9 %"),
            (share_explained(0.999_99), "99.99 %"),
            (odds(1.0 / 13.0), "1 in 13"),
            (odds(0.35), "35 %"),
            (seconds(0.18), "0.18 s"),
            (seconds(0.000_4), "0.4 ms"),
            (seconds(185.0), "3 min 5 s"),
            (usd(5.25), "5.25"),
            (usd(1234.5), "1,234.50"),
            (utc(1_795_190_520_000), "2026-11-20 16:02 UTC"),
            (utc(0), "1970-01-01 00:00 UTC"),
            (utc(951_782_400_000), "2000-02-29 00:00 UTC"),
        ] {
            assert_eq!(shown, expected);
        }
    }
}
