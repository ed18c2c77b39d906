//! The operating system's keyring, by the program that comes with it or by what the host app brings.

use super::command;
use postrider_core::{Error, ErrorKind, Phase, Result, Secret, async_trait};
use std::time::Duration;

/// Where `keyring:SERVICE/USER` is looked up, for host apps that bring a keyring of their own: Windows'
/// Credential Manager, a vault, the crate `keyring`.
#[async_trait]
pub trait Keyring: Send + Sync {
    /// The secret of this service and user.
    ///
    /// # Errors
    /// `Configuration` if there is none; `Authentication` if it is locked. No error repeats any part of a secret.
    ///
    /// # Cancellation
    /// It is not cancelled: others may be waiting for the same secret.
    async fn secret(&self, service: &str, user: &str) -> Result<Secret>;
}

/// Asks the system's own program: the Secret Service's `secret-tool` with the attributes `service` and `username`,
/// as Python's and Rust's `keyring` set them, or macOS's `security`.
pub(super) async fn ask(service: &str, user: &str, patience: Duration) -> Result<Secret> {
    let Some((program, arguments)) = program(service, user) else {
        let what = "this host does not know the keyring of this operating system";
        return Err(Error::new(ErrorKind::Unsupported, Phase::Authenticate, what)
            .with_advice("use command:… with a program that prints the secret, or give the host a Keyring"));
    };
    let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
    command::run(program, &arguments, patience).await.map_err(|error| {
        let what = format!("the keyring gives no secret for this service and user: {}", error.message());
        Error::new(error.kind(), error.phase(), what).with_advice(advice(program))
    })
}

#[cfg(target_os = "macos")]
fn program<'a>(service: &'a str, user: &'a str) -> Option<(&'static str, Vec<&'a str>)> {
    Some(("security", vec!["find-generic-password", "-s", service, "-a", user, "-w"]))
}

#[cfg(all(unix, not(target_os = "macos")))]
fn program<'a>(service: &'a str, user: &'a str) -> Option<(&'static str, Vec<&'a str>)> {
    Some(("secret-tool", vec!["lookup", "service", service, "username", user]))
}

#[cfg(not(unix))]
fn program<'a>(_: &'a str, _: &'a str) -> Option<(&'static str, Vec<&'a str>)> {
    None
}

fn advice(program: &str) -> &'static str {
    if program == "security" {
        "store it with: security add-generic-password -s SERVICE -a USER -w; and unlock the keychain"
    } else {
        "install secret-tool (libsecret-tools), store it with: secret-tool store --label=mail service SERVICE \
         username USER; and unlock the keyring"
    }
}
