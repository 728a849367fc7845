//! What `gcloud auth application-default login` writes: a refresh token, for which an access token is given, and with it one that
//! says who asks.

use super::credentials::{Credentials, post};

pub(super) fn token(credentials: &Credentials, audience: Option<&str>) -> anyhow::Result<String> {
    let answer = post(
        credentials.token_uri(),
        &[
            ("grant_type", "refresh_token"),
            ("client_id", credentials.field("client_id")?),
            ("client_secret", credentials.field("client_secret")?),
            ("refresh_token", credentials.field("refresh_token")?),
        ],
    )?;
    super::of(&answer, audience)
}
