//! Calling an export of a reactor: arguments as text become values of its parameters' types, results become text.

use crate::{
    InvokeError,
    function::Entry,
    injected::Static,
    state::{self, State},
};
use probe::{Place, ValueType};
use wasmtime::{ExternType, Func, FuncType, Instance, InstancePre, Store, Val, ValType};

/// What will be called, checked before anything of the guest runs.
pub(crate) struct Target {
    export: String,
    arguments: Vec<Val>,
    results: usize,
    initialise_first: bool,
}

/// Finds the export and reads the arguments.
pub(crate) fn target(
    instance: &InstancePre<State>,
    entry: &Entry,
    arguments: &[String],
) -> Result<Target, InvokeError> {
    let export = match entry {
        Entry::Start | Entry::Http => "_start",
        Entry::Invoke(name) => name,
    };
    let module = instance.module();
    let Some(ExternType::Func(function)) = module.get_export(export) else {
        return Err(InvokeError::NoSuchExport {
            name: export.to_owned(),
            candidates: module
                .exports()
                .filter(|export| export.ty().func().is_some())
                .map(|export| export.name().to_owned())
                .collect(),
        });
    };
    let arguments = match entry {
        // A command reads its arguments through WASI.
        Entry::Start | Entry::Http => Vec::new(),
        Entry::Invoke(name) => {
            values(&function, arguments).ok_or_else(|| InvokeError::Arguments {
                name: name.clone(),
                expected: list(function.params().map(|param| param.to_string())),
                given: list(arguments.iter().cloned()),
            })?
        }
    };
    Ok(Target {
        export: export.to_owned(),
        arguments,
        results: function.results().len(),
        initialise_first: matches!(entry, Entry::Invoke(_))
            && module.get_export("_initialize").is_some(),
    })
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    match items.as_slice() {
        [] => "nothing".to_owned(),
        items => format!("({})", items.join(", ")),
    }
}

fn values(function: &FuncType, arguments: &[String]) -> Option<Vec<Val>> {
    if function.params().len() != arguments.len() {
        return None;
    }
    let parameters = function.params().zip(arguments);
    parameters.map(|(ty, text)| value(&ty, text)).collect()
}

/// Integers may be written signed or unsigned.
fn value(ty: &ValType, text: &str) -> Option<Val> {
    match ty {
        ValType::I32 => {
            let signed = text.parse::<i32>();
            let value = signed.or_else(|_| text.parse::<u32>().map(|value| value as i32));
            value.ok().map(Val::I32)
        }
        ValType::I64 => {
            let signed = text.parse::<i64>();
            let value = signed.or_else(|_| text.parse::<u64>().map(|value| value as i64));
            value.ok().map(Val::I64)
        }
        ValType::F32 => text.parse::<f32>().ok().map(Val::from),
        ValType::F64 => text.parse::<f64>().ok().map(Val::from),
        _ => None,
    }
}

impl Target {
    /// The same in an instance that has made calls before.
    pub(crate) fn again(self) -> Target {
        Target {
            initialise_first: false,
            ..self
        }
    }

    /// Runs it in `instance`; the results as text.
    pub(crate) fn run(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<Vec<String>> {
        if self.initialise_first {
            let initialise = instance.get_typed_func::<(), ()>(&mut *store, "_initialize")?;
            state::begin_call(store, instance);
            initialise.call(&mut *store, ())?;
        }
        state::begin_call(store, instance);
        let function = self.function(store, instance)?;
        let mut results = vec![Val::I32(0); self.results];
        function.call(&mut *store, &self.arguments, &mut results)?;
        Ok(results.iter().map(show).collect())
    }

    /// The same, of a guest that is served.
    pub(crate) async fn run_async(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<Vec<String>> {
        if self.initialise_first {
            let initialise = instance.get_typed_func::<(), ()>(&mut *store, "_initialize")?;
            state::begin_call(store, instance);
            initialise.call_async(&mut *store, ()).await?;
        }
        state::begin_call(store, instance);
        let function = self.function(store, instance)?;
        let mut results = vec![Val::I32(0); self.results];
        function
            .call_async(&mut *store, &self.arguments, &mut results)
            .await?;
        Ok(results.iter().map(show).collect())
    }

    fn function(&self, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Func> {
        instance
            .get_func(&mut *store, &self.export)
            .ok_or_else(|| wasmtime::format_err!("no export `{}`", self.export))
    }
}

fn show(value: &Val) -> String {
    match value {
        Val::I32(value) => value.to_string(),
        Val::I64(value) => value.to_string(),
        Val::F32(bits) => f32::from_bits(*bits).to_string(),
        Val::F64(bits) => f64::from_bits(*bits).to_string(),
        Val::V128(bits) => format!("{:#034x}", bits.as_u128()),
        _ => "reference".to_owned(),
    }
}

/// The value of an exported variable now.
pub(crate) fn read(
    store: &mut Store<State>,
    instance: &Instance,
    place: &Place,
    value_type: ValueType,
) -> Option<f64> {
    match place {
        Place::Global { export, .. } => {
            let global = instance.get_global(&mut *store, export)?;
            let bits = match global.get(&mut *store) {
                Val::I32(value) => value as u32 as u64,
                Val::I64(value) => value as u64,
                Val::F32(bits) => u64::from(bits),
                Val::F64(bits) => bits,
                _ => return None,
            };
            value_type.read(&bits.to_le_bytes())
        }
        Place::Static { memory, address } => {
            let memory = instance.get_memory(&mut *store, memory)?;
            let bytes = memory.data_size(&*store);
            Static::at(
                memory.data_ptr(&*store),
                bytes,
                u64::from(*address),
                value_type,
            )?
            .read()
        }
        Place::Parameter { .. }
        | Place::Result { .. }
        | Place::Hits
        | Place::TailCalls
        | Place::Source { .. }
        | Place::Anywhere { .. } => None,
    }
}
