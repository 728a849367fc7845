//! The size to give a function there: what is given to the guest here, as the line takes it there. Where the line is not known well
//! enough there is none, and it is said why.

use super::Line;
use crate::catalogue::Provider;
use trace::{Bytes, CloudSize, Deployed, JoinedBy, Profile};

/// A slope that may as well be so many times as large says nothing of a size.
const WIDEST_SLOPE: f64 = 3.0;

/// What has to hold beside what was measured.
pub(super) fn condition(joined_by: JoinedBy, deployed: &Deployed) -> &'static str {
    match joined_by {
        JoinedBy::Quantiles if deployed.is_memory_of_calls => {
            ", if both had the same inputs equally often"
        }
        JoinedBy::Quantiles => {
            ", if both had the same inputs equally often and instances were sampled when they used the most"
        }
        JoinedBy::Calls | JoinedBy::Nothing => "",
    }
}

/// The smallest size that holds what is given to the guest here, or why there is none.
pub(super) fn size(
    line: Option<&Line>,
    profile: &Profile,
    provider: &Provider,
    condition: &str,
) -> Result<CloudSize, String> {
    let line = line.ok_or("not enough data to say: it needs what the runtime there adds")?;
    let recommended = profile.recommendation.as_ref();
    let recommended = recommended.ok_or("not enough data to say: nothing is recommended here")?;
    if let Some(why) = too_wide(line) {
        return Err(format!("not enough data to say: {why}"));
    }
    let local = recommended.allocation_bytes;
    let upper = line.at(local.as_f64()).high + line.memory.most_above_bytes;
    // No runtime takes anything away from what the guest needs.
    let needed = Bytes::from_f64(upper).max(local);
    let size_mb = provider.size_for(needed.0).map(|size| size.mb);
    let largest = Bytes::from_f64(line.memory.largest_local_bytes);
    let beyond = match local > largest {
        true => format!(
            "; the largest memory here that was compared is {largest}, so the line is extended"
        ),
        false => String::new(),
    };
    let fits = match size_mb {
        Some(mb) => format!("{mb} MB is the smallest size that holds it"),
        None => "no size holds it".to_owned(),
    };
    let farthest = match line.memory.most_above_bytes > 0.0 {
        true => " and the farthest point above it",
        false => "",
    };
    Ok(CloudSize {
        size_mb,
        local_allocation_bytes: local,
        needed_bytes: needed,
        reason: format!(
            "{local} for the guest is {needed} there by the upper end of the line{farthest}{condition}: {fits}{beyond}"
        ),
    })
}

/// Why a line is not known well enough.
fn too_wide(line: &Line) -> Option<String> {
    let (offset, slope) = (&line.memory.offset, &line.memory.slope);
    let largest = line.memory.largest_local_bytes;
    if slope.low <= 0.0 || slope.high > WIDEST_SLOPE * slope.low {
        return Some(format!(
            "the slope may be anything from {:.2} to {:.2}",
            slope.low, slope.high
        ));
    }
    (offset.high - offset.low > largest).then(|| {
        format!(
            "what the runtime there adds is known to {} only, more than the largest memory here, {}",
            Bytes::from_f64(offset.high - offset.low),
            Bytes::from_f64(largest)
        )
    })
}
