//! What is known of a component without running it: the nouns that `inspect` fills in.

use crate::Inspection;
use serde::Serialize;
use std::ops::Range;

/// Everything that looking at a component says about it.
#[derive(Clone, Debug, Serialize)]
pub struct ComponentInspection {
    /// Whether it is a command: it exports `wasi:cli/run`.
    pub command: bool,
    /// Bytes of the whole component.
    pub component_bytes: usize,
    /// What it needs from its host.
    pub imports: Vec<WorldItem>,
    /// What it offers to its host.
    pub exports: Vec<WorldItem>,
    /// Components nested in it.
    pub components: usize,
    /// Its core modules in the order in which they stand there, those of nested components included.
    pub modules: Vec<InnerModule>,
}

/// An import or export of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorldItem {
    /// Its name: `wasi:cli/run@0.2.0`.
    pub name: String,
    /// What it is, in words: `functions: run`.
    #[serde(rename = "type")]
    pub ty: String,
}

/// A core module of a component.
#[derive(Clone, Debug, Serialize)]
pub struct InnerModule {
    /// Its name in the name section, else `module` with its number. Unique within the component.
    pub name: String,
    /// How many components it is nested in, 0 in the outermost.
    pub depth: u32,
    /// Why it cannot be rewritten and is observed without probes; `None` where it can be.
    pub untouchable: Option<String>,
    /// What it has to show.
    pub inspection: Inspection,
    /// Its core instance in the component.
    #[serde(skip)]
    pub(crate) instance: Option<u32>,
    /// Its position among the core modules of the component, in the order of the file.
    #[serde(skip)]
    pub(crate) number: usize,
    /// Where it stands in the component.
    #[serde(skip)]
    pub(crate) range: Range<usize>,
    /// Whether it is a library, whose addresses count from where it will be loaded.
    #[serde(skip)]
    pub(crate) library: bool,
}

impl InnerModule {
    /// Its bytes in `component`, which is what was looked into.
    pub fn bytes<'a>(&self, component: &'a [u8]) -> &'a [u8] {
        component.get(self.range.clone()).unwrap_or_default()
    }
}

impl ComponentInspection {
    /// The modules that a linker added to fit others together: adapters of WASI preview 1, shims, tables of functions.
    pub fn is_glue(module: &InnerModule) -> bool {
        module.name.starts_with("wit-component:")
    }

    /// The module that holds the guest's own code, as far as sizes tell: the largest that is not glue.
    pub fn main(&self) -> Option<&InnerModule> {
        let own = self.modules.iter().filter(|m| !Self::is_glue(m));
        own.max_by_key(|module| module.inspection.code_bytes)
    }
}
