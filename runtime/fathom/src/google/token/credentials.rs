//! A file of application default credentials: where it is, and whose it is.

use super::{authorized_user, service_account};
use anyhow::{Context, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longest that a token may take to come.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where tokens are given, unless the file says otherwise.
const TOKENS: &str = "https://oauth2.googleapis.com/token";

pub(super) struct Credentials {
    path: PathBuf,
    document: Value,
}

/// The file that is named, or the one that gcloud writes, if it is there.
pub(super) fn place(named: Option<&Path>) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named.to_owned());
    }
    let folder = match env::var_os("CLOUDSDK_CONFIG") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env::var_os("HOME")?).join(".config/gcloud"),
    };
    let file = folder.join("application_default_credentials.json");
    file.is_file().then_some(file)
}

impl Credentials {
    pub(super) fn read(path: &Path) -> anyhow::Result<Credentials> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the credentials `{}`", path.display()))?;
        let document: Value = serde_json::from_str(&text)
            .with_context(|| format!("the credentials `{}` are not JSON", path.display()))?;
        Ok(Credentials {
            path: path.to_owned(),
            document,
        })
    }

    /// An access token, or one of identity for an audience.
    pub(super) fn token(&self, audience: Option<&str>) -> anyhow::Result<String> {
        let token = match self.document["type"].as_str() {
            Some("authorized_user") => authorized_user::token(self, audience),
            Some("service_account") => service_account::token(self, audience),
            other => bail!(
                "the credentials `{}` are of type `{}`: expected authorized_user or service_account; with others use \
                 `--token-from gcloud`",
                self.path.display(),
                other.unwrap_or("none")
            ),
        };
        token.with_context(|| format!("the credentials `{}`", self.path.display()))
    }

    /// A field that has to be there.
    pub(super) fn field(&self, name: &str) -> anyhow::Result<&str> {
        let field = self.document[name].as_str();
        field.with_context(|| format!("have no `{name}`"))
    }

    /// Where tokens are given.
    pub(super) fn token_uri(&self) -> &str {
        self.document["token_uri"].as_str().unwrap_or(TOKENS)
    }
}

/// What the place that gives tokens answers to a form.
pub(super) fn post(url: &str, form: &[(&str, &str)]) -> anyhow::Result<Value> {
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let fields = form
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)));
    let body = fields.collect::<Vec<String>>().join("&");
    let agent = super::super::rest::agent(TIMEOUT);
    let request = agent
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded");
    let response = request
        .send(body)
        .with_context(|| format!("cannot reach `{url}`"))?;
    super::super::rest::document(response)
}
