//! What a transport says to its settings when it is made.

use crate::diagnose::kind_of;
use crate::diagnose_choice::Choice;
use crate::{
    Connection, Diagnosis, DiagnosisKind, Direction, Error, ErrorKind, Host, Layer, LayerKind, Phase,
    Properties, Registry, Result, Severity, Target, TlsMode, async_trait,
};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Making a transport is without I/O, so nothing is asked of its host.
struct Nobody;

#[async_trait]
impl Host for Nobody {
    async fn connect(&self, _: &Target) -> Result<Box<dyn Connection>> {
        Err(Error::new(ErrorKind::Connect, Phase::Connect, "settings are checked without a network"))
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

/// More complaints than this of one transport help nobody.
const MOST: usize = 16;

/// Makes the transport and adds what it complains of. A value that is complained of is left out and the transport
/// made again: a transport names one mistake at a time, and a person wants all.
pub(crate) fn diagnose(
    registry: &Registry,
    choice: &Choice,
    properties: &Properties,
    found: &mut Vec<Diagnosis>,
) {
    let mut wrong: BTreeSet<String> =
        found.iter().filter(|d| d.is_error()).filter_map(|d| d.key.clone()).collect();
    for _ in 0..MOST {
        let sound = without(properties, &wrong);
        let Err(error) = make(registry, choice, &sound) else { return };
        let complaint = match without_secret(registry, choice, &sound) {
            Some(note) if !has_secret(choice) => note,
            _ => Diagnosis::of_error(&error, kind_of(&error)),
        };
        let key = complaint.key.clone().unwrap_or_default();
        let is_set = complaint.origin.is_some();
        // What is missing because its key or value is wrong is told with that.
        let told = |d: &Diagnosis| d.is_error() && (d.key.as_ref() == Some(&key) || d.advises(&key));
        if is_set || !found.iter().any(told) {
            add(complaint, &key, choice, found);
        }
        if !is_set || !wrong.insert(key) {
            return;
        }
    }
}

fn add(mut complaint: Diagnosis, key: &str, choice: &Choice, found: &mut Vec<Diagnosis>) {
    if key.ends_with(".host")
        && let Some(advice) = choice.find("host").and_then(|at| plain_host(at.entry.value.expose(), choice))
    {
        complaint.advice = Some(advice);
    }
    // Quotes that only looked strange are what is wrong.
    let quotes = |d: &&mut Diagnosis| d.kind == DiagnosisKind::Quotes && d.key.as_deref() == Some(key);
    match found.iter_mut().find(quotes) {
        Some(quotes) => {
            quotes.severity = Severity::Error;
            quotes.what = complaint.what;
        }
        None => found.push(complaint),
    }
}

/// What was meant by a host with a scheme, a port or a path.
fn plain_host(text: &str, choice: &Choice) -> Option<String> {
    let rest = text.trim().split_once("://").map_or(text.trim(), |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next()?;
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().ok()?)),
        None => (rest, None),
    };
    let host = Target::new(host, 1, TlsMode::None).ok()?.host;
    let port =
        port.map(|port| format!(", and the port as mail.{}.port={port}", choice.name)).unwrap_or_default();
    Some(format!("write {host}{port}"))
}

/// The settings without these keys.
fn without(properties: &Properties, keys: &BTreeSet<String>) -> Properties {
    Properties::new(properties.layers().iter().map(|layer| {
        let mut kept = Layer::new(layer.kind(), layer.name());
        for entry in layer.entries().iter().filter(|entry| !keys.contains(&entry.key)) {
            kept.set_at(entry.key.as_str(), entry.value.clone(), entry.position.as_str());
            if entry.locked {
                kept.lock(&entry.key);
            }
        }
        kept
    }))
}

fn make(registry: &Registry, choice: &Choice, properties: &Properties) -> Result<()> {
    match choice.direction {
        Direction::Outgoing => registry.outgoing(&choice.name, properties, Arc::new(Nobody)).map(drop),
        Direction::Incoming => registry.incoming(&choice.name, properties, Arc::new(Nobody)).map(drop),
    }
}

fn has_secret(choice: &Choice) -> bool {
    choice.scope.specs().iter().filter(|spec| spec.is_secret()).any(|spec| choice.scope.find(spec).is_some())
}

/// A file that holds no password is a good one: if that is all that is missing, it is no error.
fn without_secret(registry: &Registry, choice: &Choice, properties: &Properties) -> Option<Diagnosis> {
    let key = format!("mail.{}.password", choice.name);
    choice.spec(&key).filter(|spec| spec.is_secret())?;
    let secret = Layer::new(LayerKind::Overrides, "a password").with(key.clone(), "x");
    let all = Properties::new(properties.layers().iter().cloned().chain([secret]));
    make(registry, choice, &all).ok()?;
    let what = format!("{key} is not set: these settings need a password or token from somewhere else");
    Some(Diagnosis::new(Severity::Note, DiagnosisKind::Missing, what).at(key, None))
}
