//! Where tokens come from: what each source is asked, and that what it gives is shown to Google.

use super::{
    compare, here,
    stand_in::{Answer, Asked, StandIn},
};
use crate::support::{Place, printed};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, process::Command};

/// Has nothing, but wants to be shown a token for that.
fn google(
    token: &'static str,
    mut otherwise: impl FnMut(&Asked) -> Answer + Send + 'static,
) -> StandIn {
    StandIn::new(move |asked: &Asked| {
        let is_api = asked.path.starts_with("/v3/") || asked.path.starts_with("/v2/");
        match asked.field("authorization") {
            _ if !is_api => otherwise(asked),
            shown if shown == format!("Bearer {token}") => Answer::json(json!({})),
            _ => Answer::refused(403, "PERMISSION_DENIED", "Not you."),
        }
    })
}

/// Asks, and is told that there is nothing: so the token was taken.
fn is_let_in(
    place: &Place,
    stand_in: &StandIn,
    args: &[&str],
    set: impl Fn(&mut assert_cmd::Command),
) {
    let all = [
        &[
            "f",
            "--project",
            "p",
            "--monitoring-url",
            &stand_in.url,
            "--logging-url",
            &stand_in.url,
        ],
        args,
    ];
    let mut command = compare(place, &all.concat());
    set(&mut command);
    let (_, _, said) = printed(&mut command);
    assert!(
        said.contains("nothing is known there of a call of `f`"),
        "{args:?}: {said}"
    );
}

#[test]
fn tokens_come_from_gcloud_and_from_the_metadata_server() {
    let place = Place::new();
    here(&place);
    let gcloud = place.write(
        "bin/gcloud",
        "#!/bin/sh\n[ \"$*\" = 'auth print-access-token' ] && echo from-gcloud\n",
    );
    fs::set_permissions(&gcloud, fs::Permissions::from_mode(0o755)).expect("it");
    let bin = place.path("bin");
    for args in [&["--token-from", "gcloud"][..], &[]] {
        let stand_in = google("from-gcloud", |_| Answer(404, Vec::new(), String::new()));
        is_let_in(&place, &stand_in, args, |command| {
            command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        });
    }
    let stand_in = google("from-metadata", |asked| {
        assert_eq!(asked.field("metadata-flavor"), "Google");
        assert_eq!(
            asked.path,
            "/computeMetadata/v1/instance/service-accounts/default/token"
        );
        Answer::json(
            json!({ "access_token": "from-metadata", "expires_in": 3599, "token_type": "Bearer" }),
        )
    });
    let host = stand_in.url.trim_start_matches("http://").to_owned();
    for args in [&["--token-from", "metadata"][..], &[]] {
        is_let_in(&place, &stand_in, args, |command| {
            command
                .env("GCE_METADATA_HOST", &host)
                .env("PATH", "/nowhere");
        });
    }
    let nothing = ["f", "--project", "p", "--monitoring-url", &stand_in.url];
    let mut command = compare(&place, &nothing);
    command
        .env("GCE_METADATA_HOST", "127.0.0.1:1")
        .env("PATH", "/nowhere");
    let (code, _, said) = printed(&mut command);
    assert!(
        code == 125 && said.contains("no credentials: there is no file"),
        "{said}"
    );
}

#[test]
fn a_service_account_signs_what_it_asks_for() {
    let place = Place::new();
    here(&place);
    let args = [
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
    ];
    let Ok(made) = Command::new("openssl").args(args).output() else {
        eprintln!("skipped: there is no openssl to make a key with");
        return;
    };
    let key = String::from_utf8(made.stdout).expect("a PEM");
    let body: String = key.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD
        .decode(body)
        .expect("base64");
    let public = RsaKeyPair::from_pkcs8(&der)
        .expect("a key")
        .public_key()
        .as_ref()
        .to_vec();
    let stand_in = google("from-account", move |asked| {
        let form = asked.text();
        let assertion = form.split("assertion=").nth(1).expect("an assertion");
        let (signed, signature) = assertion.rsplit_once('.').expect("three parts");
        let part = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64");
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public);
        public
            .verify(signed.as_bytes(), &part(signature))
            .expect("its signature");
        let claims = signed.split('.').nth(1).expect("claims");
        let claims: Value = serde_json::from_slice(&part(claims)).expect("JSON");
        assert_eq!(claims["iss"], "me@p.iam.gserviceaccount.com");
        assert!(
            claims["scope"]
                .as_str()
                .expect("it")
                .contains("auth/monitoring.read")
        );
        assert!(claims["aud"].as_str().expect("it").ends_with("/token"));
        Answer::json(json!({ "access_token": "from-account" }))
    });
    let account = json!({
        "type": "service_account", "client_email": "me@p.iam.gserviceaccount.com", "private_key": key,
        "private_key_id": "k", "token_uri": format!("{}/token", stand_in.url),
    });
    place.write("account.json", account.to_string());
    is_let_in(
        &place,
        &stand_in,
        &["--credentials", "account.json"],
        |_| {},
    );
    for (credentials, expected) in [
        (
            json!({ "type": "external_account" }),
            "are of type `external_account`: expected",
        ),
        (
            json!({ "type": "service_account" }),
            "have no `client_email`",
        ),
        (
            json!({ "type": "service_account", "client_email": "me", "private_key": "no key" }),
            "is no PEM of a private key",
        ),
    ] {
        place.write("wrong.json", credentials.to_string());
        let args = ["f", "--project", "p", "--credentials", "wrong.json"];
        let (code, _, said) = printed(&mut compare(&place, &args));
        assert!(code == 125 && said.contains(expected), "{said}");
    }
}
