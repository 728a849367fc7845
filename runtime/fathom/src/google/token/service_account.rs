//! A key of a service account: it signs what it asks for (RFC 7523), and is given a token for that.

use super::credentials::{Credentials, post};
use anyhow::{Context, anyhow};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// What it asks to be allowed.
const SCOPES: &str =
    "https://www.googleapis.com/auth/monitoring.read https://www.googleapis.com/auth/logging.read";

/// Seconds that what is signed holds: the most that Google takes.
const HOLDS: u64 = 3_600;

pub(super) fn token(credentials: &Credentials, audience: Option<&str>) -> anyhow::Result<String> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    let now = since.as_secs();
    let email = credentials.field("client_email")?;
    let mut claims = json!({
        "iss": email, "aud": credentials.token_uri(), "iat": now, "exp": now + HOLDS,
    });
    match audience {
        None => claims["scope"] = SCOPES.into(),
        Some(audience) => {
            claims["sub"] = email.into();
            claims["target_audience"] = audience.into();
        }
    }
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let Ok(key) = credentials.field("private_key_id") {
        header["kid"] = key.into();
    }
    let assertion = signed(&header, &claims, credentials.field("private_key")?)?;
    let answer = post(
        credentials.token_uri(),
        &[
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &assertion),
        ],
    )?;
    super::of(&answer, audience)
}

/// A JSON web token.
fn signed(header: &Value, claims: &Value, key: &str) -> anyhow::Result<String> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let key = key_pair(key)?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .map_err(|_| anyhow!("the private key does not sign"))?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The key in a `-----BEGIN PRIVATE KEY-----`.
fn key_pair(pem: &str) -> anyhow::Result<RsaKeyPair> {
    let body = pem
        .split_once("-----BEGIN PRIVATE KEY-----")
        .and_then(|(_, rest)| rest.split_once("-----END PRIVATE KEY-----"));
    let (body, _) = body.context("`private_key` is no PEM of a private key")?;
    let body: String = body.split_whitespace().collect();
    let der = STANDARD
        .decode(body)
        .context("`private_key` is no PEM of a private key")?;
    RsaKeyPair::from_pkcs8(&der)
        .map_err(|why| anyhow!("`private_key` is not an RSA key that can be used: {why}"))
}
