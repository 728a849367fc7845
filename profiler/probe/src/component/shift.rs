//! Copies a component whose outermost index spaces begin with new items: every index into them moves up. Core modules are
//! copied as they are or replaced, never decoded.

use crate::inject::HOST_MODULE;
use std::{collections::HashMap, convert::Infallible};
use wasm_encoder::{
    ComponentSectionId, InstanceSection, ModuleArg, RawSection,
    reencode::{self, Reencode, ReencodeComponent, component_utils},
};

/// What becomes different.
pub(super) struct Replacements<'r> {
    /// Core modules, by their number in the order of the file.
    pub(super) modules: HashMap<usize, &'r [u8]>,
    /// Core instances of the outermost component that get one more argument: which new instance it is.
    pub(super) arguments: HashMap<u32, u32>,
}

/// By how much which indices move.
pub(super) struct Shift<'r> {
    types: u32,
    functions: u32,
    core_functions: u32,
    core_instances: u32,
    replacements: Replacements<'r>,
    /// How many components and types we are in.
    depth: u32,
    /// Core modules that were met.
    modules: usize,
    /// Core instances of the outermost component that were met.
    instances: u32,
}

impl<'r> Shift<'r> {
    pub(super) fn new(
        types: u32,
        functions: u32,
        core_functions: u32,
        core_instances: u32,
        replacements: Replacements<'r>,
    ) -> Shift<'r> {
        Shift {
            types,
            functions,
            core_functions,
            core_instances,
            replacements,
            depth: 0,
            modules: 0,
            instances: 0,
        }
    }

    fn outermost(&self, index: u32, by: u32) -> u32 {
        if self.depth == 0 { index + by } else { index }
    }
}

impl Reencode for Shift<'_> {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error> {
        Ok(self.outermost(index, self.core_functions))
    }
}

impl ReencodeComponent for Shift<'_> {
    fn component_type_index(&mut self, index: u32) -> u32 {
        self.outermost(index, self.types)
    }

    fn component_func_index(&mut self, index: u32) -> u32 {
        self.outermost(index, self.functions)
    }

    fn instance_index(&mut self, index: u32) -> u32 {
        self.outermost(index, self.core_instances)
    }

    fn outer_component_type_index(&mut self, count: u32, index: u32) -> u32 {
        if count == self.depth {
            index + self.types
        } else {
            index
        }
    }

    // These spaces get nothing new.
    fn outer_type_index(&mut self, _: u32, index: u32) -> Result<u32, reencode::Error> {
        Ok(index)
    }

    fn outer_component_index(&mut self, _: u32, index: u32) -> u32 {
        index
    }

    fn outer_module_index(&mut self, _: u32, index: u32) -> u32 {
        index
    }

    fn push_depth(&mut self) {
        self.depth += 1;
    }

    fn pop_depth(&mut self) {
        self.depth -= 1;
    }

    fn parse_component_submodule(
        &mut self,
        component: &mut wasm_encoder::Component,
        _: wasmparser::Parser,
        module: &[u8],
    ) -> Result<(), reencode::Error> {
        let replaced = self.replacements.modules.get(&self.modules).copied();
        self.modules += 1;
        component.section(&RawSection {
            id: ComponentSectionId::CoreModule.into(),
            data: replaced.unwrap_or(module),
        });
        Ok(())
    }

    fn parse_instance(
        &mut self,
        instances: &mut InstanceSection,
        instance: wasmparser::Instance<'_>,
    ) -> Result<(), reencode::Error> {
        if self.depth > 0 {
            return component_utils::parse_instance(self, instances, instance);
        }
        let argument = self.replacements.arguments.get(&self.instances).copied();
        self.instances += 1;
        match (instance, argument) {
            (wasmparser::Instance::Instantiate { module_index, args }, Some(host)) => {
                let args: Vec<(&str, ModuleArg)> = args
                    .iter()
                    .map(|arg| {
                        (
                            arg.name,
                            ModuleArg::Instance(arg.index + self.core_instances),
                        )
                    })
                    .chain([(HOST_MODULE, ModuleArg::Instance(host))])
                    .collect();
                instances.instantiate(module_index, args);
                Ok(())
            }
            (instance, _) => component_utils::parse_instance(self, instances, instance),
        }
    }

    fn parse_component_custom_section(
        &mut self,
        component: &mut wasm_encoder::Component,
        section: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        // Names of items by their index: nobody reads them, and damaged ones are allowed.
        if section.name() == "component-name" {
            return Ok(());
        }
        component_utils::parse_component_custom_section(self, component, section)
    }
}
