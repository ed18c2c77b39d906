//! What a transport says to its settings when it is made.

use crate::diagnose::{has_error, kind_of};
use crate::diagnose_choice::Choice;
use crate::{
    Connection, Diagnosis, DiagnosisKind, Direction, Error, ErrorKind, Host, Layer, LayerKind, Phase,
    Properties, Registry, Result, Severity, Target, async_trait,
};
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

/// Makes the transport and adds what it complains of, unless that key is complained of already.
pub(crate) fn diagnose(
    registry: &Registry,
    choice: &Choice,
    properties: &Properties,
    found: &mut Vec<Diagnosis>,
) {
    let Err(error) = make(registry, choice, properties) else { return };
    let complaint = match without_secret(registry, choice, properties) {
        Some(note) if !has_secret(choice) => note,
        _ => Diagnosis::of_error(&error, kind_of(&error)),
    };
    let Some(key) = complaint.key.clone() else {
        found.push(complaint);
        return;
    };
    if has_error(found, &key) {
        return;
    }
    // Quotes that only looked strange are what is wrong.
    let quotes = |d: &&mut Diagnosis| d.kind == DiagnosisKind::Quotes && d.key.as_deref() == Some(&key);
    match found.iter_mut().find(quotes) {
        Some(quotes) => {
            quotes.severity = Severity::Error;
            quotes.what = complaint.what;
        }
        None => found.push(complaint),
    }
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
