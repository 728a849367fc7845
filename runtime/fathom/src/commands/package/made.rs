//! What is said of a folder that was made: what it is, why an instance is so large, and what to do with it.

use super::{
    binary::{BUILD_STATIC, Binary, Linkage},
    instance::{From, Instance},
};
use crate::guest::Guest;
use std::path::Path;
use trace::{Bytes, Recommendation};

/// What is known of the function's calls.
pub(super) struct Learned {
    pub(super) recommendation: Recommendation,
    pub(super) calls: usize,
}

/// What there is to say.
pub(super) struct Made<'a> {
    pub(super) folder: &'a Path,
    pub(super) guest: &'a Guest,
    pub(super) binary: &'a Binary,
    pub(super) instance: &'a Instance,
    pub(super) learned: Option<&'a Learned>,
    pub(super) has_plan: bool,
    pub(super) deploy: &'a str,
    pub(super) read_back: &'a str,
}

impl Made<'_> {
    /// For people.
    pub(super) fn text(&self) -> String {
        let Made {
            instance, binary, ..
        } = self;
        let program = match binary.linkage {
            Linkage::Static => "linked statically: on an empty image".to_owned(),
            Linkage::Dynamic(needed) => format!(
                "linked dynamically, needs {needed}: on {}; one that needs nothing is built by\n            {}",
                binary.base,
                BUILD_STATIC.join("\n            ")
            ),
        };
        let calls = match instance.concurrency {
            1 => "one call at a time".to_owned(),
            several => format!("{several} calls at a time"),
        };
        let cut = instance.cut_from.map_or(String::new(), |setting| {
            format!(" (its fathom.toml says {setting}, for which --memory makes room)")
        });
        let mut lines = vec![
            format!(
                "made {}: `{}` for Cloud Run functions",
                self.folder.display(),
                self.guest.name
            ),
            format!("  program   {}, {program}", Bytes(binary.bytes)),
            format!("  instance  {}: {}", instance.memory, self.why()),
            format!(
                "  call      at most {}{cut}, {calls}; {} are for the server, its module and its files",
                instance.of_a_call, instance.reserve
            ),
            format!("  body      at most {}, of a request", instance.body),
        ];
        if self.has_plan {
            lines.push("  watches   what its plan says".to_owned());
        }
        lines.push("deploy it:".to_owned());
        lines.push(format!("  {}", self.deploy));
        lines.push("read its calls back:".to_owned());
        lines.push(format!("  {}", self.read_back));
        lines.join("\n") + "\n"
    }

    /// Why an instance has so much memory.
    fn why(&self) -> String {
        let from = self.learned.map(|learned| {
            let calls = match learned.calls {
                1 => "1 recorded call".to_owned(),
                several => format!("{several} recorded calls"),
            };
            format!(
                "{} for each call are recommended from {calls}",
                learned.recommendation.allocation_bytes
            )
        });
        match (self.instance.from, from) {
            (From::Recommendation, Some(from)) => from,
            (From::User, Some(from)) if !self.instance.fits => {
                format!("as you say, which is too small: {from}")
            }
            (From::User, Some(from)) => format!("as you say; {from}"),
            (From::User, None) => "as you say".to_owned(),
            (From::Setting, None) => {
                "room for what its fathom.toml says; no calls of this module are recorded (fathom profile), so nothing is \
                 recommended"
                    .to_owned()
            }
            (_, None) => {
                "the default; no calls of this module are recorded (fathom profile), so nothing is recommended".to_owned()
            }
            (From::Setting | From::Default, Some(from)) => from,
        }
    }

    /// For scripts.
    pub(super) fn json(&self) -> serde_json::Value {
        let glibc = match self.binary.linkage {
            Linkage::Static => None,
            Linkage::Dynamic(needed) => Some(needed.to_string()),
        };
        serde_json::json!({
            "folder": self.folder.display().to_string(),
            "function": self.guest.name,
            "binary": {
                "bytes": self.binary.bytes,
                "needs": glibc,
                "base_image": self.binary.base,
            },
            "memory_bytes": self.instance.memory,
            "memory_from": match self.instance.from {
                From::User => "user",
                From::Recommendation => "recommendation",
                From::Setting => "setting",
                From::Default => "default",
            },
            "fits": self.instance.fits,
            "recommended_bytes": self.learned.map(|learned| learned.recommendation.allocation_bytes),
            "call_memory_bytes": self.instance.of_a_call,
            "call_memory_cut_from_bytes": self.instance.cut_from,
            "body_bytes": self.instance.body,
            "reserved_bytes": self.instance.reserve,
            "concurrency": self.instance.concurrency,
            "plan": self.has_plan,
            "deploy": self.deploy,
            "read_back": self.read_back,
        })
    }
}
