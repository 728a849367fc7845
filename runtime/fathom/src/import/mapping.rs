//! Which column, or which field, says what of a call.

use super::quantity::Unit;
use clap::Args;
use std::{fmt, str::FromStr};

/// What a column says of calls.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct MappingArgs {
    /// Name of the function of all calls
    #[arg(
        long,
        value_name = "NAME",
        value_parser = clap::builder::NonEmptyStringValueParser::new(),
        help_heading = "What is in the file"
    )]
    pub(crate) function: Option<String>,
    /// Column with the name of the function
    #[arg(
        long,
        value_name = "COLUMN",
        conflicts_with = "function",
        help_heading = "What is in the file"
    )]
    pub(crate) function_column: Option<Column>,
    /// Column by which calls are ordered: a time, or a number [default: the order in the file]
    #[arg(long, value_name = "COLUMN", help_heading = "What is in the file")]
    pub(crate) order: Option<Column>,
    /// Column with the memory that the call has used at most
    #[arg(long, value_name = "COLUMN", help_heading = "What is in the file")]
    pub(crate) target: Option<Column>,
    /// Column with something known of the call before it was made, a number or a word; may be given several times
    #[arg(
        long = "feature",
        value_name = "COLUMN",
        help_heading = "What is in the file"
    )]
    pub(crate) features: Vec<Column>,
    /// Column with the memory that the call was configured to have
    #[arg(long, value_name = "COLUMN", help_heading = "What is in the file")]
    pub(crate) configured: Option<Column>,
    /// Column with the time that the call took, seconds unless said
    #[arg(long, value_name = "COLUMN", help_heading = "What is in the file")]
    pub(crate) duration: Option<Column>,
    /// Column that says how the call ended: 0, 200, ok, completed ... for calls that succeeded, 137 or `out of memory` for
    /// those that were stopped for want of memory, timeout for those stopped at their deadline;
    /// calls without are left out [default: all succeeded]
    #[arg(long, value_name = "COLUMN", help_heading = "What is in the file")]
    pub(crate) outcome: Option<Column>,
    /// Column that says which input the call had: calls of one input count once [default: each call has its own]
    #[arg(long, value_name = "COLUMN", help_heading = "What is in the file")]
    pub(crate) input: Option<Column>,
}

/// A column, and the unit of its numbers: `realtime:ms`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) unit: Option<Unit>,
}

impl FromStr for Column {
    type Err = String;

    /// What is behind the last colon is a unit; a name with a colon of its own ends with one: `a:b:`.
    fn from_str(text: &str) -> Result<Column, String> {
        let (name, unit) = match text.rsplit_once(':') {
            None | Some((_, "")) => (text.trim_end_matches(':'), None),
            Some((name, unit)) => {
                let found = Unit::find(unit).ok_or_else(|| {
                    format!(
                        "`{unit}` is not a unit{}",
                        crate::near::did_you_mean(unit, Unit::names())
                    )
                })?;
                (name, Some(found))
            }
        };
        if name.is_empty() {
            return Err("expected COLUMN or COLUMN:UNIT, as in realtime:ms".to_owned());
        }
        Ok(Column {
            name: name.to_owned(),
            unit,
        })
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl MappingArgs {
    /// All columns that are named.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &Column> {
        let single = [
            &self.function_column,
            &self.order,
            &self.target,
            &self.configured,
            &self.duration,
            &self.outcome,
            &self.input,
        ];
        single.into_iter().flatten().chain(&self.features)
    }

    /// That the unit behind a column is one of what the column says.
    fn check_units(&self) -> anyhow::Result<()> {
        let of = |column: &Option<Column>| column.clone().into_iter();
        let sizes = of(&self.target).chain(of(&self.configured));
        let times = of(&self.duration).chain(of(&self.order));
        let texts = of(&self.function_column)
            .chain(of(&self.outcome))
            .chain(of(&self.input));
        let checks = sizes
            .map(|column| (column, "a size, as MiB", Some(true)))
            .chain(times.map(|column| (column, "a time, as ms", Some(false))))
            .chain(texts.map(|column| (column, "a text, which has none", None)));
        for (column, what, of_sizes) in checks {
            if let Some(unit) = column.unit
                && Some(unit.is_of_sizes()) != of_sizes
            {
                anyhow::bail!("the unit of `{column}` is not one of what it says: {what}");
            }
        }
        Ok(())
    }

    /// That a form which says nothing by itself is told what it has to be told.
    pub(crate) fn check_whole(&self) -> anyhow::Result<()> {
        self.check_units()?;
        for (at, column) in self.features.iter().enumerate() {
            // A variable with one is a word: `mode=gray`.
            anyhow::ensure!(
                !column.name.contains('='),
                "--feature {column}: a column with `=` in its name cannot be a variable; rename it"
            );
            let before = &self.features[..at];
            anyhow::ensure!(
                !before.iter().any(|before| before.name == column.name),
                "--feature {column} is given twice"
            );
        }
        anyhow::ensure!(
            self.target.is_some(),
            "say which column has the memory that a call has used: --target COLUMN"
        );
        anyhow::ensure!(
            self.function.is_some() || self.function_column.is_some(),
            "say which function the calls are of: --function NAME, or --function-column COLUMN"
        );
        Ok(())
    }

    /// That a form which says everything by itself is told nothing else.
    pub(crate) fn check_none(&self, form: &str) -> anyhow::Result<()> {
        match self.columns().next() {
            None => Ok(()),
            Some(column) => anyhow::bail!(
                "`{column}` names a column, and {form} has none: only --function can be said of it"
            ),
        }
    }
}
