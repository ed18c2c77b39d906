//! Secrets that are kept elsewhere, looked up when a connection needs them.

mod command;
pub(crate) mod file;
mod flight;
mod keyring;

pub(crate) use flight::Flights;
pub use keyring::Keyring;

use postrider_core::{Error, ErrorKind, Phase, Result, Secret, SecretRef};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

/// More than any password or token has, in bytes.
const MOST: u64 = 64 * 1024;
/// Time for a person to type the passphrase that a command may ask for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which references may be looked up.
type SecretFilter = Arc<dyn Fn(&SecretRef) -> bool + Send + Sync>;

/// How a host looks secrets up. Clones share what is under way.
#[derive(Clone)]
pub(crate) struct Secrets {
    pub(crate) filter: Option<SecretFilter>,
    pub(crate) keyring: Option<Arc<dyn Keyring>>,
    pub(crate) patience: Duration,
    // Programs are run once for everybody who wants the same secret at the same time.
    flights: Arc<Flights<SecretRef>>,
    warned: Arc<Mutex<HashSet<PathBuf>>>,
}

impl Default for Secrets {
    fn default() -> Self {
        let (flights, warned) = (Arc::default(), Arc::default());
        Self { filter: None, keyring: None, patience: PATIENCE, flights, warned }
    }
}

impl Secrets {
    pub(crate) async fn find(&self, reference: &SecretRef) -> Result<Secret> {
        if self.filter.as_ref().is_some_and(|allowed| !allowed(reference)) {
            let what = format!("this program does not allow secrets from {reference}");
            return Err(missing(what).with_advice(
                "ask whoever runs it which kinds of references it allows, or give the secret itself",
            ));
        }
        match reference {
            SecretRef::File(path) => self.file(path).await,
            SecretRef::Environment(name) => environment(name),
            SecretRef::Command { program, arguments } => {
                let (program, arguments, patience) = (program.clone(), arguments.clone(), self.patience);
                let work = async move { command::run(&program, &arguments, patience).await };
                self.flights.join(reference, work).await
            }
            SecretRef::Keyring { service, user } => {
                let (service, user, patience) = (service.clone(), user.clone(), self.patience);
                let keyring = self.keyring.clone();
                let work = async move {
                    match keyring {
                        Some(keyring) => keyring.secret(&service, &user).await,
                        None => keyring::ask(&service, &user, patience).await,
                    }
                };
                self.flights.join(reference, work).await
            }
            other => {
                let what = format!("this host can't look up a secret in {other}");
                Err(Error::new(ErrorKind::Unsupported, Phase::Authenticate, what))
            }
        }
    }

    async fn file(&self, path: &Path) -> Result<Secret> {
        let owned = path.to_owned();
        let read = tokio::task::spawn_blocking(move || file::read(&owned)).await;
        let found = read.unwrap_or_else(|_| Err(missing("reading the file failed".into())))?;
        if found.open_to_others {
            let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
            if warned.insert(path.to_owned()) {
                let path = path.display();
                tracing::warn!(%path, "other users can read this file with a secret: chmod 600 it");
            }
        }
        Ok(found.secret)
    }
}

fn environment(name: &str) -> Result<Secret> {
    let shown = format!("the environment variable {}", name.escape_debug());
    match std::env::var(name) {
        Ok(value) => one_line(value, &shown),
        Err(std::env::VarError::NotPresent) => Err(missing(format!("{shown} is not set"))
            .with_advice("set it for this program, and start the program anew")),
        Err(std::env::VarError::NotUnicode(_)) => Err(missing(format!("{shown} is not UTF-8"))),
    }
}

/// What was read, as the secret it is.
fn secret(bytes: &[u8], whence: &str) -> Result<Secret> {
    match std::str::from_utf8(bytes) {
        Ok(text) => one_line(text.to_owned(), whence),
        Err(_) => Err(missing(format!("{whence} is not UTF-8"))),
    }
}

/// What was found, without the line end at its end: one line that is not empty.
fn one_line(text: String, whence: &str) -> Result<Secret> {
    let text = Zeroizing::new(text);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(missing(format!("{whence} holds no secret: it is empty")));
    }
    if line.contains(['\n', '\r', '\0']) {
        return Err(missing(format!("{whence} holds more than one line")).with_advice(
            "a secret is one line; a command can be cut down to it: command:sh -c \"… | head -n 1\"",
        ));
    }
    Ok(Secret::new(line))
}

/// An error about a secret that is not where it should be.
fn missing(message: String) -> Error {
    Error::new(ErrorKind::Configuration, Phase::Authenticate, message)
}
