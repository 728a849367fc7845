//! `fathom.toml`: one schema for functions and for the server. Unknown keys are errors: a misspelt limit that is
//! silently ignored is no limit.

use crate::{
    args::HeapMode,
    server::{Protocol, SizeBy},
};
use anyhow::Context;
use serde::{Deserialize, Deserializer, de::Error};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use trace::{Bytes, Nanos, Selection};

/// Name of the file in a function's folder.
pub(crate) const FILE_NAME: &str = "fathom.toml";

/// The commented example that `fathom init` writes; a test reads it back.
pub(crate) const EXAMPLE: &str = include_str!("example.toml");

/// A whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) function: FunctionSection,
    pub(crate) inputs: InputsSection,
    pub(crate) watch: Selection,
    pub(crate) heap: HeapSection,
    pub(crate) limits: LimitsSection,
    pub(crate) recommend: RecommendSection,
    pub(crate) serve: ServeSection,
    pub(crate) grants: GrantsSection,
}

/// `[function]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FunctionSection {
    pub(crate) name: Option<String>,
    pub(crate) module: Option<PathBuf>,
    pub(crate) description: Option<String>,
    /// What makes the module where it is absent: said, never run.
    pub(crate) build: Option<String>,
    #[serde(deserialize_with = "optional_bytes")]
    pub(crate) memory: Option<Bytes>,
    pub(crate) invoke: Option<String>,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) mount: Option<String>,
}

/// `[inputs]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct InputsSection {
    pub(crate) path: Option<PathBuf>,
    pub(crate) generator: Option<PathBuf>,
    pub(crate) sweep: Vec<String>,
}

/// `[heap]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HeapSection {
    pub(crate) mode: Option<HeapMode>,
    #[serde(deserialize_with = "heap_interval")]
    pub(crate) interval: Option<Bytes>,
}

/// `[limits]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsSection {
    #[serde(deserialize_with = "optional_duration")]
    pub(crate) timeout: Option<Nanos>,
    #[serde(deserialize_with = "optional_bytes")]
    pub(crate) memory: Option<Bytes>,
    #[serde(deserialize_with = "optional_bytes")]
    pub(crate) output: Option<Bytes>,
    #[serde(deserialize_with = "optional_bytes")]
    pub(crate) scratch: Option<Bytes>,
}

/// `[recommend]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RecommendSection {
    pub(crate) failure_rate: Option<f64>,
}

/// `[serve]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServeSection {
    // Of the server.
    pub(crate) listen: Option<String>,
    #[serde(deserialize_with = "optional_bytes")]
    pub(crate) budget: Option<Bytes>,
    pub(crate) log_calls: Option<bool>,
    /// Of each function, unless that says otherwise.
    pub(crate) workers: Option<u32>,
    // Of the function, or of all.
    pub(crate) calls: Option<u32>,
    pub(crate) size_by: Option<SizeBy>,
    // Of the function.
    pub(crate) reuse: Option<u32>,
    pub(crate) protocol: Protocol,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) image: Option<String>,
    #[serde(deserialize_with = "optional_bytes")]
    pub(crate) requested: Option<Bytes>,
}

/// `[grants]`: what a guest may see of the machine. Nothing, unless it is named here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GrantsSection {
    /// Hosts that it may ask over HTTP.
    pub(crate) hosts: Vec<String>,
    /// A directory below the file's own folder, to read.
    pub(crate) directory: Option<PathBuf>,
    /// To a browser, pages that it answers are of the server's own origin.
    pub(crate) same_origin: bool,
}

impl Config {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Config> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let config: Config = toml::from_str(&text)
            .with_context(|| format!("`{}` is not a valid fathom.toml", path.display()))?;
        config
            .check()
            .with_context(|| format!("`{}`", path.display()))?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        if let Some(rate) = self.recommend.failure_rate {
            anyhow::ensure!(
                rate > 0.0 && rate < 1.0,
                "recommend.failure_rate is {rate}: expected a number between 0 and 1, as in 0.01"
            );
        }
        anyhow::ensure!(
            self.serve.reuse != Some(0),
            "serve.reuse is 0: expected how many calls a sandbox makes, 1 or more"
        );
        Ok(())
    }
}

fn optional_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bytes>, D::Error> {
    let text = String::deserialize(deserializer)?;
    crate::quantity::bytes(&text)
        .map(Some)
        .map_err(D::Error::custom)
}

fn heap_interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bytes>, D::Error> {
    let text = String::deserialize(deserializer)?;
    crate::args::interval(&text)
        .map(Some)
        .map_err(D::Error::custom)
}

fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Nanos>, D::Error> {
    let text = String::deserialize(deserializer)?;
    crate::quantity::duration(&text)
        .map(Some)
        .map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_valid_and_a_misspelt_key_is_not() {
        let config: Config = toml::from_str(EXAMPLE).expect("the example");
        assert_eq!(config.function.memory, Some(Bytes::mib(256)));
        let error = toml::from_str::<Config>("[limits]\nmemroy = \"1 GiB\"").expect_err("misspelt");
        assert!(error.to_string().contains("memroy"), "{error}");
    }
}
