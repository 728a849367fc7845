//! What memory this process may have: that of the machine, or less where it is in a control group with a limit, as in a
//! container. Who gets how much of it is decided elsewhere.

use anyhow::bail;
use std::{fs, path::Path};
use trace::Bytes;

/// Where control groups are.
const ROOT: &str = "/sys/fs/cgroup";

/// Of what calls may have, the part that bodies of requests and what guests print may take besides (`server::bodies`).
const BESIDE: u64 = 8;

/// Memory of the machine, or of the control group where that is less.
///
/// # Errors
///
/// Where the system says neither.
pub(crate) fn of_this_process() -> anyhow::Result<Bytes> {
    let about = rustix::system::sysinfo();
    let machine = (about.totalram as u64).saturating_mul(u64::from(about.mem_unit));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = limit(&groups, |path| fs::read_to_string(path).ok());
    match limit
        .into_iter()
        .chain((machine > 0).then_some(machine))
        .min()
    {
        Some(bytes) => Ok(Bytes(bytes)),
        None => bail!(
            "the system does not say how much memory there is: say how much of it calls may have, with --memory"
        ),
    }
}

/// What calls may have where so much in all is not for them: bodies of requests are beside it.
pub(crate) fn beside(whole: Bytes, reserved: Bytes) -> Bytes {
    let both = whole.saturating_sub(reserved).0;
    Bytes(both / (BESIDE + 1) * BESIDE)
}

/// The other way round: the least whole of which calls may have so much.
pub(crate) fn around(calls: Bytes, reserved: Bytes) -> Bytes {
    let pieces = calls.0.div_ceil(BESIDE);
    let both = pieces.saturating_mul(BESIDE + 1);
    Bytes(both.saturating_add(reserved.0))
}

/// The least limit of the groups that a process is in and of those above them; `groups` is what `/proc/self/cgroup` says. Where a
/// container sees only its own part, that is at the root.
fn limit(groups: &str, read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let mut least: Option<u64> = None;
    // The files at the root too, where nothing is said: a sandbox may show its limit there and no groups.
    for line in groups.lines().chain(["0::/", "0:memory:/"]) {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => (ROOT.to_owned(), "memory.max"),
            several if several.split(',').any(|one| one == "memory") => {
                (format!("{ROOT}/memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // Of the root itself the empty path is left, with which the files of the root are found.
        for above in Path::new(path.trim_start_matches('/')).ancestors() {
            let text = read(&Path::new(&root).join(above).join(file));
            // `max`, where there is none.
            let bytes = text.and_then(|text| text.trim().parse().ok());
            least = least.into_iter().chain(bytes).min();
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(groups: &str, files: &[(&str, &str)]) -> Option<u64> {
        limit(groups, |path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn the_least_limit_of_a_group_and_those_above_it_holds() {
        let own = "/sys/fs/cgroup/a/b/memory.max";
        let above = "/sys/fs/cgroup/a/memory.max";
        assert_eq!(
            limited("0::/a/b\n", &[(own, "max\n"), (above, "268435456\n")]),
            Some(268_435_456)
        );
        assert_eq!(
            limited("0::/a/b\n", &[(own, "1000\n"), (above, "2000\n")]),
            Some(1_000)
        );
        // A container that sees its own group as the root, though the name of it is that outside.
        assert_eq!(
            limited("0::/../x\n", &[("/sys/fs/cgroup/memory.max", "7\n")]),
            Some(7)
        );
        let of_version_1 = "/sys/fs/cgroup/memory/memory.limit_in_bytes";
        assert_eq!(
            limited(
                "3:cpu,cpuacct:/\n2:memory:/docker/x\n",
                &[(of_version_1, "134217728\n")]
            ),
            Some(134_217_728)
        );
        // Nothing is said of groups, or groups have none of these files.
        let at_root = ("/sys/fs/cgroup/memory.max", "9\n");
        assert_eq!(limited("", &[at_root]), Some(9));
        assert_eq!(limited("", &[(of_version_1, "8\n")]), Some(8));
        assert_eq!(limited("0::/\n", &[]), None);
        assert_eq!(limited("", &[]), None);
    }

    #[test]
    fn what_is_around_calls_holds_them() {
        for calls in [1, 1_000_003, 77 << 20] {
            let whole = around(Bytes(calls), Bytes(64 << 20));
            assert!(beside(whole, Bytes(64 << 20)) >= Bytes(calls));
        }
        assert_eq!(beside(Bytes(5), Bytes(6)), Bytes(0));
    }
}
