//! Tokens: for Google's APIs, and for a deployed function that asks who calls it. One file per source. Tokens are kept in memory
//! alone, and are never printed.

mod authorized_user;
mod credentials;
mod gcloud;
mod metadata;
mod service_account;

use anyhow::Context;
use clap::ValueEnum;
use credentials::Credentials;
use serde_json::Value;
use std::path::PathBuf;

/// Where tokens come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenFrom {
    /// The first that is there: a file of credentials, gcloud, the metadata server
    Auto,
    /// Application default credentials: --credentials, or the file that `gcloud auth application-default login` writes
    Credentials,
    /// `gcloud auth print-access-token` and `print-identity-token`
    Gcloud,
    /// The metadata server of a machine at Google
    Metadata,
    /// Nowhere: nobody asks for one
    None,
}

/// The tokens of this process.
pub(crate) struct Tokens {
    from: TokenFrom,
    file: Option<PathBuf>,
    access: Option<String>,
}

impl Tokens {
    pub(crate) fn new(from: TokenFrom, file: Option<PathBuf>) -> Tokens {
        Tokens {
            from,
            file,
            access: None,
        }
    }

    /// A token for the APIs, fetched anew if that is asked; `None` where there is to be none.
    pub(crate) fn access(&mut self, anew: bool) -> anyhow::Result<Option<String>> {
        if self.access.is_none() || anew {
            self.access = self.fetch(None)?;
        }
        Ok(self.access.clone())
    }

    /// A token that says to the function at an address who calls it, fetched now; `None` where there is to be none.
    pub(crate) fn identity(&self, audience: &str) -> anyhow::Result<Option<String>> {
        self.fetch(Some(audience))
    }

    fn fetch(&self, audience: Option<&str>) -> anyhow::Result<Option<String>> {
        let token = match self.from {
            TokenFrom::None => return Ok(None),
            TokenFrom::Credentials => {
                let path = credentials::place(self.file.as_deref()).context(
                    "no file of credentials: `gcloud auth application-default login` writes one, or say where it is with --credentials",
                )?;
                Credentials::read(&path)?.token(audience)
            }
            TokenFrom::Gcloud => gcloud::token(audience),
            TokenFrom::Metadata => metadata::token(audience),
            TokenFrom::Auto => match credentials::place(self.file.as_deref()) {
                Some(path) => Credentials::read(&path)?.token(audience),
                None if gcloud::is_there() => gcloud::token(audience),
                None => metadata::token(audience).context(
                    "no credentials: there is no file of application default credentials (--credentials), no gcloud, and no \
                     metadata server; without any, `--from FILE` compares with exported JSON",
                ),
            },
        };
        token.map(Some)
    }
}

/// The token in an answer.
fn of(answer: &Value, audience: Option<&str>) -> anyhow::Result<String> {
    let field = match audience {
        None => "access_token",
        Some(_) => "id_token",
    };
    let token = answer[field].as_str();
    Ok(token
        .with_context(|| format!("there is no `{field}` in the answer"))?
        .to_owned())
}
