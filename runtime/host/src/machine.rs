//! What calls run on: processor, kernel, engine. Read once per process; text as the system gives it.

use std::fs;
use trace::Machine;

/// The lock file says which wasmtime this is: the crate itself does not.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// This machine, with an engine of these `settings`.
pub(crate) fn machine(settings: &str) -> Machine {
    let kernel = rustix::system::uname();
    Machine {
        processor: processor(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
        kernel: format!(
            "{} {}",
            kernel.sysname().to_string_lossy(),
            kernel.release().to_string_lossy()
        ),
        engine: format!("wasmtime {}, {settings}", version_in(LOCK)),
    }
}

/// The model where `/proc/cpuinfo` has one. Arm processors have none, but numbers of implementer and part; where there is
/// nothing at all, the architecture.
fn processor(cpuinfo: &str) -> String {
    let value = |key: &str| {
        let mut fields = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        let found = fields.find(|(name, _)| name.trim() == key)?.1.trim();
        (!found.is_empty()).then(|| found.to_owned())
    };
    let architecture = std::env::consts::ARCH;
    if let Some(model) = value("model name") {
        return model;
    }
    match (value("CPU implementer"), value("CPU part")) {
        (Some(implementer), Some(part)) => {
            format!("{architecture}, implementer {implementer}, part {part}")
        }
        _ => architecture.to_owned(),
    }
}

fn version_in(lock: &str) -> &str {
    let (_, after) = lock
        .split_once("name = \"wasmtime\"\nversion = \"")
        .unwrap_or_default();
    after.split('"').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_named_by_what_there_is() {
        let amd = "processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC 7B13\n";
        assert_eq!(processor(amd), "AMD EPYC 7B13");
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n";
        let architecture = std::env::consts::ARCH;
        assert_eq!(
            processor(arm),
            format!("{architecture}, implementer 0x41, part 0xd0c")
        );
        assert_eq!(processor(""), architecture);
        assert!(version_in(LOCK).starts_with("48."), "{}", version_in(LOCK));
    }
}
