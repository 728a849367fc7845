//! Takes a component apart: where its core modules are, how they are instantiated, how its index spaces begin and end.
//! Validates everything, the modules included, so that all that follows may rely on it. Looks into no module.
//!
//! A component can be small and unfold into very much: components are instantiated in components, each several times.
//! What it unfolds into is counted here, before an engine does it.

use crate::error::{ComponentTooLarge, InspectError, invalid};
use std::ops::Range;
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Instance, Parser, Payload, ValidPayload, Validator, WasmFeatures,
    types::Types,
};

/// Components may be nested so deep.
const DEEPEST: usize = 32;
/// Core modules a component may have.
const MOST_MODULES: usize = 1000;
/// Core and component instances that it may unfold into.
const MOST_INSTANCES: u64 = 1000;

/// A component taken apart.
pub(crate) struct Component<'a> {
    /// Its core modules in the order of the file, those of nested components included.
    pub(crate) modules: Vec<CoreModule<'a>>,
    /// Components nested in it.
    pub(crate) components: usize,
    /// Names of its imports and exports.
    pub(crate) imports: Vec<&'a str>,
    pub(crate) exports: Vec<&'a str>,
    /// Types and sizes of the index spaces of the outermost component.
    pub(crate) types: Types,
}

/// A core module in a component.
pub(crate) struct CoreModule<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where it stands in the file.
    pub(crate) range: Range<usize>,
    pub(crate) depth: u32,
    /// Its instances in the component that it stands in.
    pub(crate) instances: Vec<u32>,
    /// Whether something else is done with it: exported, passed on, used from within.
    pub(crate) used_otherwise: bool,
}

/// A component or module that is being read.
enum Open {
    Module,
    Component(Space),
}

/// Index spaces of a component that is being read, as far as they matter here.
#[derive(Default)]
struct Space {
    /// The core module behind each index, where it is known.
    modules: Vec<Option<usize>>,
    /// How many instances the component behind each index unfolds into.
    components: Vec<u64>,
    core_instances: u32,
    /// Instances that this component unfolds into, itself included.
    unfolds_into: u64,
}

impl<'a> Component<'a> {
    pub(crate) fn parse_and_validate(wasm: &'a [u8]) -> Result<Component<'a>, InspectError> {
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        let mut allocations = wasmparser::FuncValidatorAllocations::default();
        let mut reader = Reader::default();
        let mut types = None;
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(|e| invalid(&e, wasm))?;
            match validator.payload(&payload).map_err(|e| invalid(&e, wasm))? {
                ValidPayload::Func(to_validate, body) => {
                    let mut function = to_validate.into_validator(allocations);
                    function.validate(&body).map_err(|e| invalid(&e, wasm))?;
                    allocations = function.into_allocations();
                }
                // The last is that of the outermost.
                ValidPayload::End(of_this) => types = Some(of_this),
                ValidPayload::Ok | ValidPayload::Parser(_) => {}
            }
            reader
                .read(payload, wasm)
                .map_err(|e| invalid(&e, wasm))?
                .map_err(InspectError::ComponentTooLarge)?;
        }
        let types = types.ok_or(InspectError::Truncated { length: wasm.len() })?;
        Ok(Component {
            modules: reader.modules,
            components: reader.components,
            imports: reader.imports,
            exports: reader.exports,
            types,
        })
    }
}

#[derive(Default)]
struct Reader<'a> {
    modules: Vec<CoreModule<'a>>,
    components: usize,
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
    open: Vec<Open>,
}

type TooLarge = Result<(), ComponentTooLarge>;

impl<'a> Reader<'a> {
    fn space(&mut self) -> Option<&mut Space> {
        match self.open.last_mut() {
            Some(Open::Component(space)) => Some(space),
            _ => None,
        }
    }

    fn outermost(&self) -> bool {
        self.open.len() == 1
    }

    fn read(&mut self, payload: Payload<'a>, wasm: &'a [u8]) -> wasmparser::Result<TooLarge> {
        match payload {
            Payload::Version { encoding, .. } => return Ok(self.begin(encoding)),
            Payload::End(_) => return Ok(self.end()),
            Payload::ModuleSection {
                unchecked_range, ..
            } => return Ok(self.module(wasm, unchecked_range)),
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    if self.outermost() {
                        self.imports.push(import.name.name);
                    }
                    match import.ty {
                        ComponentTypeRef::Module(_) => self.unknown_module(),
                        // What is passed in as a component can unfold into anything.
                        ComponentTypeRef::Component(_) => return Ok(Err(passed_on())),
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    if self.outermost() {
                        self.exports.push(export.name.name);
                    }
                    // An export is an item of its own, after those that were there.
                    self.used(export.kind, export.index);
                    match export.kind {
                        ComponentExternalKind::Module => self.unknown_module(),
                        ComponentExternalKind::Component => return Ok(Err(passed_on())),
                        _ => {}
                    }
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    if let Err(too_large) = self.alias(&alias?) {
                        return Ok(Err(too_large));
                    }
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    self.instance(&instance?);
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    self.component_instance(&instance?);
                }
            }
            _ => {}
        }
        let unfolds_into = self.space().map_or(0, |space| space.unfolds_into);
        Ok(limit("instances", MOST_INSTANCES, unfolds_into))
    }

    fn begin(&mut self, encoding: Encoding) -> TooLarge {
        match encoding {
            Encoding::Module => self.open.push(Open::Module),
            Encoding::Component => {
                self.components += usize::from(!self.open.is_empty());
                self.open.push(Open::Component(Space {
                    unfolds_into: 1,
                    ..Space::default()
                }));
            }
        }
        limit("levels of nesting", DEEPEST as u64, self.open.len() as u64)
    }

    fn end(&mut self) -> TooLarge {
        if let Some(Open::Component(ended)) = self.open.pop()
            && let Some(outer) = self.space()
        {
            outer.components.push(ended.unfolds_into);
        }
        Ok(())
    }

    fn module(&mut self, wasm: &'a [u8], range: Range<usize>) -> TooLarge {
        let number = self.modules.len();
        self.modules.push(CoreModule {
            // The parser has not read it yet; that it is all there, it will find out.
            bytes: wasm.get(range.clone()).unwrap_or_default(),
            range,
            depth: self.open.len().saturating_sub(1) as u32,
            instances: Vec::new(),
            used_otherwise: false,
        });
        if let Some(space) = self.space() {
            space.modules.push(Some(number));
        }
        limit("core modules", MOST_MODULES as u64, number as u64 + 1)
    }

    fn unknown_module(&mut self) {
        if let Some(space) = self.space() {
            space.modules.push(None);
        }
    }

    fn used(&mut self, kind: ComponentExternalKind, index: u32) {
        if kind == ComponentExternalKind::Module
            && let Some(number) = self
                .space()
                .and_then(|space| space.modules.get(index as usize).copied().flatten())
        {
            self.modules[number].used_otherwise = true;
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) -> TooLarge {
        match *alias {
            ComponentAlias::InstanceExport { kind, .. } => match kind {
                ComponentExternalKind::Module => self.unknown_module(),
                ComponentExternalKind::Component => return Err(passed_on()),
                _ => {}
            },
            ComponentAlias::Outer { kind, count, index } => {
                let level = self.open.len().checked_sub(1 + count as usize);
                let outer = level.and_then(|level| match &self.open[level] {
                    Open::Component(space) => Some(space),
                    Open::Module => None,
                });
                match kind {
                    ComponentOuterAliasKind::CoreModule => {
                        let number =
                            outer.and_then(|space| space.modules.get(index as usize).copied());
                        if let Some(number) = number.flatten() {
                            self.modules[number].used_otherwise = true;
                        }
                        self.unknown_module();
                    }
                    ComponentOuterAliasKind::Component => {
                        let unfolds_into =
                            outer.and_then(|space| space.components.get(index as usize).copied());
                        if let Some(space) = self.space() {
                            space.components.push(unfolds_into.unwrap_or(1));
                        }
                    }
                    ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => {}
                }
            }
            ComponentAlias::CoreInstanceExport { .. } => {}
        }
        Ok(())
    }

    fn instance(&mut self, instance: &Instance<'_>) {
        let Some(space) = self.space() else { return };
        let index = space.core_instances;
        space.core_instances += 1;
        space.unfolds_into = space.unfolds_into.saturating_add(1);
        if let Instance::Instantiate { module_index, .. } = instance
            && let Some(number) = space.modules.get(*module_index as usize).copied().flatten()
        {
            self.modules[number].instances.push(index);
        }
    }

    fn component_instance(&mut self, instance: &ComponentInstance<'_>) {
        match instance {
            ComponentInstance::Instantiate {
                component_index,
                args,
            } => {
                for arg in args {
                    self.used(arg.kind, arg.index);
                }
                if let Some(space) = self.space() {
                    let inner = space.components.get(*component_index as usize);
                    let inner = inner.copied().unwrap_or(1);
                    space.unfolds_into = space.unfolds_into.saturating_add(inner);
                }
            }
            ComponentInstance::FromExports(exports) => {
                for export in exports {
                    self.used(export.kind, export.index);
                }
            }
        }
    }
}

fn limit(what: &'static str, most: u64, found: u64) -> TooLarge {
    if found > most {
        return Err(ComponentTooLarge::TooMany { what, most });
    }
    Ok(())
}

fn passed_on() -> ComponentTooLarge {
    ComponentTooLarge::ComponentPassedOn
}
