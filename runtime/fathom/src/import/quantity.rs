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

/// Of sizes, in bytes, and of times, in seconds. Longer names are the same in upper and lower case.
const UNITS: [(&str, f64, What); 28] = [
    ("B", 1.0, What::Size),
    ("bytes", 1.0, What::Size),
    ("KB", 1e3, What::Size),
    ("MB", 1e6, What::Size),
    ("GB", 1e9, What::Size),
    ("TB", 1e12, What::Size),
    ("KiB", KIB, What::Size),
    ("MiB", KIB * KIB, What::Size),
    ("GiB", KIB * KIB * KIB, What::Size),
    ("TiB", KIB * KIB * KIB * KIB, What::Size),
    ("Ki", KIB, What::Size),
    ("Mi", KIB * KIB, What::Size),
    ("Gi", KIB * KIB * KIB, What::Size),
    ("Ti", KIB * KIB * KIB * KIB, What::Size),
    // As Slurm, Java and Docker mean them.
    ("K", KIB, What::Size),
    ("M", KIB * KIB, What::Size),
    ("G", KIB * KIB * KIB, What::Size),
    ("T", KIB * KIB * KIB * KIB, What::Size),
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

const KIB: f64 = 1_024.0;

/// The largest size that is taken for one, bytes: a PiB. What is larger is a slip.
const LARGEST: f64 = KIB * KIB * KIB * KIB * KIB;

/// The longest time that is taken for one, seconds: three years.
const LONGEST: f64 = 1e8;

impl Unit {
    /// The unit of that name.
    pub(crate) fn find(name: &str) -> Option<Unit> {
        let name = name.trim();
        let exact = UNITS.iter().find(|(known, ..)| *known == name);
        // Of one letter a minute is told from a mebibyte by its case alone.
        let of_any_case = || {
            let mut units = UNITS.iter();
            units.find(|(known, ..)| known.eq_ignore_ascii_case(name))
        };
        exact
            .or_else(of_any_case)
            .map(|&(_, one, what)| Unit { one, what })
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

/// A number as people write it: its thousands may be parted by `,` or `_`, and a single comma that parts no thousands is a
/// decimal one.
fn decimal(text: &str) -> Option<f64> {
    let text = text.trim().replace('_', "");
    let whole = text.split('.').next().unwrap_or_default();
    let mut groups = whole.trim_start_matches('-').split(',');
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    let are_thousands = (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
    let text = match rest.len() {
        // Behind a full stop a comma parts nothing.
        0 if text.contains(',') => return None,
        0 => text,
        _ if are_thousands => text.replace(',', ""),
        1 if !text.contains('.') => text.replace(',', "."),
        _ => return None,
    };
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A number, and the unit behind it, where there is one.
fn parted(text: &str) -> Option<(f64, Option<Unit>)> {
    let text = text.trim();
    let unit_at = text
        .rfind(|c: char| c.is_ascii_digit() || c == '.')
        .map(|last| last + 1)?;
    let (number, unit) = text.split_at(unit_at);
    let number = decimal(number)?;
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
    (is_size && (0.0..=LARGEST).contains(&bytes)).then(|| Bytes::from_f64(bytes))
}

/// A time: `1.5 s`, `250ms`, `1m 30s`, or a plain number in the given unit, seconds where there is none.
pub(crate) fn time(text: &str, unit: Option<Unit>) -> Option<Nanos> {
    let seconds = match parted(text) {
        Some((number, own)) => {
            let unit = own.or(unit);
            if unit.is_some_and(Unit::is_of_sizes) {
                return None;
            }
            number * unit.map_or(1.0, |unit| unit.one)
        }
        None => humantime::parse_duration(text.trim()).ok()?.as_secs_f64(),
    };
    let is_length = (0.0..=LONGEST).contains(&seconds);
    is_length.then(|| Nanos((seconds * 1e9).round() as u64))
}

/// A moment, in milliseconds: since 1970-01-01 UTC for `2026-11-20T10:00:00Z` or `2026-11-20 12:00:00+02:00`; a plain number is
/// taken as it is, or by its unit where there is one, and orders calls whatever it counts.
pub(crate) fn moment(text: &str, unit: Option<Unit>) -> Option<f64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        let at = number * unit.map_or_else(|| milliseconds(number), |unit| unit.one * 1e3);
        return (at.is_finite() && at >= 0.0).then_some(at);
    }
    let text = text.trim_end_matches(" UTC");
    let (local, offset) = offset(text)?;
    let instant = humantime::parse_rfc3339_weak(local).ok()?;
    let since = instant.duration_since(std::time::UNIX_EPOCH).ok()?;
    let at = since.as_secs_f64() * 1e3 - offset * 60_000.0;
    (at >= 0.0).then_some(at)
}

/// How many milliseconds one of a number without a unit is, which may be no time at all: from 2001 to 2096 seconds, microseconds and
/// nanoseconds since 1970 are told by how large they are.
fn milliseconds(number: f64) -> f64 {
    match number {
        1e9..4e9 => 1e3,
        1e15..4e15 => 1e-3,
        1e18..4e18 => 1e-6,
        _ => 1.0,
    }
}

/// A time without what it says of its zone, and by how many minutes that is before UTC.
fn offset(text: &str) -> Option<(&str, f64)> {
    const DATE: usize = "2026-11-20".len();
    let Some(sign) = text.get(DATE..)?.rfind(['+', '-']).map(|at| at + DATE) else {
        return Some((text, 0.0));
    };
    let (local, zone) = text.split_at(sign);
    let digits = zone[1..].replace(':', "");
    let (hours, minutes) = (digits.get(..2)?, digits.get(2..).unwrap_or_default());
    let minutes: f64 = match minutes {
        "" => 0.0,
        minutes => minutes.parse().ok()?,
    };
    let offset = hours.parse::<f64>().ok()? * 60.0 + minutes;
    Some((
        local,
        if zone.starts_with('-') {
            -offset
        } else {
            offset
        },
    ))
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
        assert_eq!(size("1,5 GB", None), Some(Bytes(1_500_000_000)));
        assert_eq!(size("1,048,576", None), Some(Bytes::mib(1)));
        assert_eq!(size("1_000", None), Some(Bytes(1_000)));
        assert_eq!(size("123456K", None), Some(Bytes(123_456 * 1_024)));
        assert_eq!(size("512Mi", None), Some(Bytes::mib(512)));
        assert_eq!(size("5M", None), Some(Bytes::mib(5)));
        for text in [
            "",
            "-",
            "much",
            "-1",
            "12 s",
            "5 m",
            "1 GB each",
            "1.024,5 MB",
            "1,2,3",
            "1e300",
            "NaN",
            "inf",
            "9999 TB",
            "\u{661} MB",
        ] {
            assert_eq!(size(text, None), None, "{text}");
        }
        assert_eq!(time("12291", Unit::find("ms")), Some(Nanos(12_291_000_000)));
        assert_eq!(time("1.5", None), Some(Nanos(1_500_000_000)));
        assert_eq!(time("1m 30s", None), Some(Nanos(90_000_000_000)));
        assert_eq!(time("0,25", None), Some(Nanos(250_000_000)));
        for text in ["5 MB", "-1", "NaN", "1e300", "5M"] {
            assert_eq!(time(text, None), None, "{text}");
        }
        assert_eq!(time("5", Unit::find("MB")), None);
        for same in [
            "2026-11-20 10:00:00",
            "2026-11-20T12:00:00+02:00",
            "2026-11-20T05:00:00.000-0500",
            "2026-11-20 10:00:00 UTC",
        ] {
            assert_eq!(moment(same, None), Some(1_795_168_800_000.0), "{same}");
        }
        assert_eq!(moment("soon", None), None);
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
