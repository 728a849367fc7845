//! The variables a user asked for, `NAME` or `NAME:TYPE`, and what they mean for a variable of the guest.

use super::pattern::{is_pattern, matches};
use crate::{
    error::PlanError,
    inspection::{Function, Inspection, Parameter, Variable, VariableKind, has_room},
    nearest::nearest,
    value::ValueType,
};
use std::collections::BTreeSet;

/// What a user asked to observe; without any, everything.
pub(super) struct Watch {
    specs: Vec<Spec>,
}

struct Spec {
    pattern: String,
    value_type: Option<ValueType>,
}

/// What the selection says about one exported variable.
pub(super) enum Watched {
    /// Observe it with this type.
    As(ValueType),
    /// It would be observed if its type were known.
    TypeUnknown,
    /// Not asked for.
    No,
}

impl Watch {
    pub(super) fn parse(inspection: &Inspection, texts: &[String]) -> Result<Watch, PlanError> {
        let specs = texts
            .iter()
            .map(|text| parse(text))
            .collect::<Result<Vec<Spec>, PlanError>>()?;
        for spec in &specs {
            for variable in &inspection.variables {
                if matches(&spec.pattern, &variable.name) {
                    check(inspection, spec, variable)?;
                }
            }
        }
        Ok(Watch { specs })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }

    pub(super) fn patterns(&self) -> impl Iterator<Item = &str> {
        self.specs.iter().map(|spec| spec.pattern.as_str())
    }

    fn spec(&self, name: &str) -> Option<&Spec> {
        self.specs.iter().find(|spec| matches(&spec.pattern, name))
    }

    /// Whether a variable of this name was asked for.
    pub(super) fn names(&self, name: &str) -> bool {
        self.spec(name).is_some()
    }

    /// Whether it was asked for by its whole name.
    pub(super) fn names_exactly(&self, name: &str) -> bool {
        self.specs.iter().any(|spec| spec.pattern == name)
    }

    /// The type that the user gives a variable, where it takes as many bytes as its own.
    pub(super) fn given_type(&self, name: &str, own: ValueType) -> Option<ValueType> {
        let given = self.spec(name)?.value_type?;
        (given.size() == own.size()).then_some(given)
    }

    /// Whether an exported variable is to be observed.
    pub(super) fn variable(&self, variable: &Variable) -> Watched {
        match self.spec(&variable.name) {
            None if !self.is_empty() => Watched::No,
            spec => resolve(spec, variable),
        }
    }

    /// The same, where a breakpoint already names the variable.
    pub(super) fn named_variable(&self, variable: &Variable) -> Watched {
        resolve(self.spec(&variable.name), variable)
    }

    /// The type in which a parameter or result called `name` is to be observed. Addresses only if asked for.
    pub(super) fn parameter(&self, name: &str, parameter: &Parameter) -> Option<ValueType> {
        let own = parameter.value_type?;
        if self.is_empty() {
            return (!parameter.pointer).then_some(own);
        }
        let spec = self.spec(name)?;
        let fits = |given: &ValueType| given.carrier() == own.carrier();
        Some(spec.value_type.filter(fits).unwrap_or(own))
    }
}

fn resolve(spec: Option<&Spec>, variable: &Variable) -> Watched {
    spec.and_then(|spec| spec.value_type)
        .or(variable.value_type)
        .map_or(Watched::TypeUnknown, Watched::As)
}

fn parse(text: &str) -> Result<Spec, PlanError> {
    // Members of what a pointer points to are written as in C, too.
    let text = text.replace("->", ".");
    let text = text.as_str();
    let Some((name, value_type)) = text.rsplit_once(':') else {
        return Ok(Spec {
            pattern: text.to_owned(),
            value_type: None,
        });
    };
    let value_type = value_type
        .trim()
        .parse()
        .map_err(|source| PlanError::UnknownType {
            name: name.to_owned(),
            source,
        })?;
    Ok(Spec {
        pattern: name.trim().to_owned(),
        value_type: Some(value_type),
    })
}

fn check(inspection: &Inspection, spec: &Spec, variable: &Variable) -> Result<(), PlanError> {
    let wrong = |given: ValueType, actual: String| PlanError::WrongType {
        name: variable.name.clone(),
        given,
        actual,
    };
    match (spec.value_type, variable.value_type) {
        (None, None) if is_pattern(&spec.pattern) => Ok(()),
        (None, None) => Err(type_needed(variable)),
        (None, Some(_)) => Ok(()),
        (Some(given), Some(own)) if variable.typed && given != own => {
            Err(wrong(given, own.to_string()))
        }
        (Some(given), own) => match (variable.kind, &variable.not_scalar) {
            (VariableKind::Global { .. }, _)
                if own.is_some_and(|o| o.carrier() != given.carrier()) =>
            {
                let own = own.map(|own| own.to_string()).unwrap_or_default();
                Err(wrong(given, format!("a global of {own}")))
            }
            (_, Some(what)) => Err(not_a_number(variable, what)),
            (VariableKind::Static { address }, None)
                if !has_room(&inspection.memories, address, given) =>
            {
                let what = format!("too near to the end of memory to be {given}");
                Err(not_a_number(variable, &what))
            }
            _ => Ok(()),
        },
    }
}

fn not_a_number(variable: &Variable, what: &str) -> PlanError {
    PlanError::NotANumber {
        name: variable.name.clone(),
        what: what.to_owned(),
    }
}

/// The error for a variable whose type is neither known nor given.
pub(super) fn type_needed(variable: &Variable) -> PlanError {
    match &variable.not_scalar {
        Some(what) => not_a_number(variable, what),
        None => PlanError::TypeNeeded {
            name: variable.name.clone(),
        },
    }
}

/// The error for a variable that is observed nowhere. `locals` are the names that the debug information knows.
pub(super) fn unknown(inspection: &Inspection, name: &str, locals: &BTreeSet<String>) -> PlanError {
    let exported = inspection.variables.iter().map(|v| v.name.as_str());
    let parameters = |functions: fn(&&Function) -> bool| {
        inspection
            .functions
            .iter()
            .filter(functions)
            .flat_map(|function| &function.parameters)
            .filter_map(|parameter| parameter.name.as_deref())
    };
    if exported
        .clone()
        .chain(parameters(|_| true))
        .any(|n| matches(name, n))
    {
        return PlanError::ElsewhereOnly {
            name: name.to_owned(),
        };
    }
    // Parameters of the libraries inside the guest would only be noise.
    let offered = exported
        .chain(parameters(|function| function.export.is_some()))
        .chain(locals.iter().map(String::as_str));
    PlanError::UnknownVariable {
        name: name.to_owned(),
        nearest: nearest(name, offered),
    }
}
