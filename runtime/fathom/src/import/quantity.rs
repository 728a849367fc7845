//! Numbers with units, as other programs write them: a unit in the text wins over the one that the mapping says.

use trace::{Bytes, Nanos};

/// A unit of sizes or times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Unit {
    /// Bytes, or seconds.
    one: f64,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Size,
    Time,
}

/// Of sizes, in bytes, and of times, in seconds. Upper and lower case do not differ.
const UNITS: [(&str, f64, What); 20] = [
    ("b", 1.0, What::Size),
    ("kb", 1e3, What::Size),
    ("mb", 1e6, What::Size),
    ("gb", 1e9, What::Size),
    ("tb", 1e12, What::Size),
    ("kib", 1024.0, What::Size),
    ("mib", 1_048_576.0, What::Size),
    ("gib", 1_073_741_824.0, What::Size),
    ("tib", 1_099_511_627_776.0, What::Size),
    ("bytes", 1.0, What::Size),
    ("ns", 1e-9, What::Time),
    ("us", 1e-6, What::Time),
    ("\u{b5}s", 1e-6, What::Time),
    ("ms", 1e-3, What::Time),
    ("s", 1.0, What::Time),
    ("sec", 1.0, What::Time),
    ("m", 60.0, What::Time),
    ("min", 60.0, What::Time),
    ("h", 3_600.0, What::Time),
    ("d", 86_400.0, What::Time),
];

impl Unit {
    /// The unit of that name.
    pub(crate) fn find(name: &str) -> Option<Unit> {
        let name = name.trim().to_lowercase();
        let found = UNITS.iter().find(|(known, ..)| *known == name);
        found.map(|&(_, one, what)| Unit { one, what })
    }

    /// The names there are.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        UNITS.iter().map(|unit| unit.0)
    }

    /// Whether it is one of sizes.
    pub(crate) fn is_of_sizes(self) -> bool {
        self.what == What::Size
    }
}

/// A number, and the unit behind it, where there is one. Digits may be parted by `,` or `_`.
fn parted(text: &str) -> Option<(f64, Option<Unit>)> {
    let text = text.trim();
    let unit_at = text
        .rfind(|c: char| c.is_ascii_digit() || c == '.')
        .map(|last| last + 1)?;
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.replace([',', '_'], "").trim().parse().ok()?;
    if !number.is_finite() {
        return None;
    }
    match unit.trim() {
        "" => Some((number, None)),
        unit => Some((number, Some(Unit::find(unit)?))),
    }
}

/// A size: `512 MB`, `1.2 GiB`, or a plain number in the given unit, bytes where there is none.
pub(crate) fn size(text: &str, unit: Option<Unit>) -> Option<Bytes> {
    let (number, own) = parted(text)?;
    let unit = own.or(unit);
    let bytes = number * unit.map_or(1.0, |unit| unit.one);
    let is_size = unit.is_none_or(Unit::is_of_sizes);
    (is_size && bytes >= 0.0).then(|| Bytes::from_f64(bytes))
}

/// A time: `1.5 s`, `250ms`, `1m 30s`, or a plain number in the given unit, seconds where there is none.
pub(crate) fn time(text: &str, unit: Option<Unit>) -> Option<Nanos> {
    let seconds = match parted(text) {
        Some((number, own)) => {
            let unit = own.or(unit);
            let is_time = unit.is_none_or(|unit| !unit.is_of_sizes());
            number * unit.filter(|_| is_time).map_or(1.0, |unit| unit.one)
        }
        None => humantime::parse_duration(text.trim()).ok()?.as_secs_f64(),
    };
    let length = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    Some(Nanos::from(length))
}

/// A moment, in milliseconds: since 1970-01-01 UTC for `2026-11-20T10:00:00Z`; a plain number is taken as it is, or by its
/// unit where there is one, and orders calls whatever it counts.
pub(crate) fn moment(text: &str, unit: Option<Unit>) -> Option<f64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        let by = unit
            .filter(|unit| !unit.is_of_sizes())
            .map_or(1.0, |unit| unit.one * 1e3);
        return (number.is_finite() && number >= 0.0).then_some(number * by);
    }
    let instant = humantime::parse_rfc3339_weak(text.trim_end_matches(" UTC"));
    let since = instant.ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_secs_f64() * 1e3)
}

/// Any number: sizes in bytes, times in seconds, everything else as it is; `true` is 1.
pub(crate) fn number(text: &str, unit: Option<Unit>) -> Option<f64> {
    match text.trim() {
        "true" => return Some(1.0),
        "false" => return Some(0.0),
        _ => {}
    }
    match text.trim().parse::<f64>() {
        Ok(number) => number
            .is_finite()
            .then_some(number * unit.map_or(1.0, |unit| unit.one)),
        Err(_) => {
            let (number, own) = parted(text)?;
            Some(number * own.or(unit).map_or(1.0, |unit| unit.one))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_times_and_moments_are_read_as_others_write_them() {
        let mib = Unit::find("MiB");
        assert_eq!(size("512 MB", None), Some(Bytes(512_000_000)));
        assert_eq!(size("1.2 GiB", None), Some(Bytes(1_288_490_189)));
        assert_eq!(size("274485248", None), Some(Bytes(274_485_248)));
        assert_eq!(size("128", mib), Some(Bytes::mib(128)));
        assert_eq!(size("1 KB", mib), Some(Bytes(1_000)));
        for text in ["", "-", "much", "-1", "12 s", "1 GB each"] {
            assert_eq!(size(text, None), None, "{text}");
        }
        assert_eq!(time("12291", Unit::find("ms")), Some(Nanos(12_291_000_000)));
        assert_eq!(time("1.5", None), Some(Nanos(1_500_000_000)));
        assert_eq!(time("1m 30s", None), Some(Nanos(90_000_000_000)));
        assert_eq!(moment("1719302573000", None), Some(1_719_302_573_000.0));
        assert_eq!(moment("2.5", Unit::find("s")), Some(2_500.0));
        assert_eq!(
            moment("2026-11-20T10:00:00Z", None),
            Some(1_795_168_800_000.0)
        );
        assert_eq!(number("3 KiB", None), Some(3_072.0));
        assert_eq!(number("true", None), Some(1.0));
        assert_eq!(number("NaN", None), None);
    }
}
