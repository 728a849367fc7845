//! Sizes, times and rates as people write them.

use trace::{Bytes, Nanos};

/// A plain number below this is hardly meant to be bytes: it is less than the least that any guest has.
const A_PAGE: u64 = 65_536;

/// `64 MiB`, `64MB`, `1.5 GiB`, `65536`. `MB` is 10^6 bytes and `MiB` 2^20.
pub(crate) fn bytes(text: &str) -> Result<Bytes, String> {
    if text.trim().parse::<u64>().is_ok_and(|plain| plain < A_PAGE) {
        let text = text.trim();
        return Err(format!(
            "`{text}` would be bytes: say `{text}MiB`, or `{text}B` where that is meant"
        ));
    }
    let parsed: Result<bytesize::ByteSize, _> = text.trim().parse();
    let size = parsed.ok().filter(|size| size.0 > 0);
    size.map(|size| Bytes(size.0)).ok_or_else(|| {
        format!("`{text}` is not a size: expected a number above 0 with B, KiB, MiB, GiB, KB, MB or GB, as in 256 MiB")
    })
}

/// A size to the byte, as `bytes` reads it: `2 MiB`, `2112 KiB`, `70000 B`.
pub(crate) fn exactly(size: Bytes) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole = units
        .iter()
        .find(|(bits, _)| size.0 > 0 && size.0.trailing_zeros() >= *bits);
    match whole {
        Some((bits, unit)) => format!("{} {unit}", size.0 >> bits),
        None => format!("{} B", size.0),
    }
}

/// `30 s`, `500ms`, `2min`, or a plain number of seconds.
pub(crate) fn duration(text: &str) -> Result<Nanos, String> {
    let text = text.trim();
    let seconds = text
        .parse::<f64>()
        .ok()
        .filter(|s| s.is_finite() && *s >= 0.0);
    let parsed = match seconds {
        Some(seconds) => std::time::Duration::try_from_secs_f64(seconds).ok(),
        None => humantime::parse_duration(text).ok(),
    };
    parsed
        .filter(|duration| !duration.is_zero())
        .map(Nanos::from)
        .ok_or_else(|| {
            format!("`{text}` is not a time: expected a number with ms, s or min, as in 30 s")
        })
}

/// A share between 0 and 1, exclusive; `1%` is 0.01.
pub(crate) fn failure_rate(text: &str) -> Result<f64, String> {
    part(text).ok_or_else(|| {
        format!(
            "`{text}` is not a failure rate: expected a number between 0 and 1, as in 0.01 or 1%"
        )
    })
}

/// Likewise, of whatever it is a share.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    part(text).ok_or_else(|| {
        format!("`{text}` is not a share: expected a number between 0 and 1, as in 0.05 or 5%")
    })
}

/// How much larger something may be, as a share of it: `0%`, `5%`, `0.05`, `150%`. A plain number above 1 is rather a forgotten `%`.
pub(crate) fn growth(text: &str) -> Result<f64, String> {
    let is_meant = |growth: &f64| *growth >= 0.0 && (*growth <= 1.0 || text.contains('%'));
    ratio(text).filter(is_meant).ok_or_else(|| {
        format!("`{text}` is not a share: expected a number from 0 to 1, as in 0.05, or of a hundred, as in 5% or 150%")
    })
}

fn part(text: &str) -> Option<f64> {
    ratio(text).filter(|part| *part > 0.0 && *part < 1.0)
}

/// A finite number, or one of a hundred.
fn ratio(text: &str) -> Option<f64> {
    let text = text.trim();
    let parsed = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|p| p / 100.0),
        None => text.parse::<f64>(),
    };
    parsed.ok().filter(|ratio| ratio.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_as_people_write_them() {
        assert_eq!(bytes("256 MiB"), Ok(Bytes::mib(256)));
        assert_eq!(bytes("256MB"), Ok(Bytes(256_000_000)));
        assert_eq!(bytes("65536"), Ok(Bytes(65536)));
        assert!(bytes("512").unwrap_err().contains("512MiB"));
        assert_eq!(bytes("512B"), Ok(Bytes(512)));
        for size in [1, 70_000, 2112 << 10, 2 << 20, 3 << 30, 1 << 40] {
            assert_eq!(bytes(&exactly(Bytes(size))), Ok(Bytes(size)));
        }
        assert_eq!(exactly(Bytes(2112 << 10)), "2112 KiB");
        assert_eq!((growth("5%"), growth("150%")), (Ok(0.05), Ok(1.5)));
        assert!(growth("5").is_err());
        assert!(bytes("much").unwrap_err().contains("expected a number"));
        assert_eq!(duration("1.5"), Ok(Nanos(1_500_000_000)));
        assert_eq!(duration("30 s"), Ok(Nanos(30_000_000_000)));
        assert_eq!(duration("250ms"), Ok(Nanos(250_000_000)));
        assert!(duration("0").is_err() && duration("soon").is_err());
        assert_eq!(failure_rate("1%"), Ok(0.01));
        assert!(failure_rate("1").is_err());
    }
}
