//! One file per command: its arguments, and what it does with the stages.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod deploy;
pub(crate) mod describe;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod flame;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod inject;
pub(crate) mod inspect;
pub(crate) mod invoke;
pub(crate) mod learn;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod profile;
pub(crate) mod recommend;
pub(crate) mod remove;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod stacks;
pub(crate) mod traces;
