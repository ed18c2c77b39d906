//! What a transport says of itself before it does anything.

use super::bench::Bench;
use super::report::Verdict;
use super::trial::{Check, Kit, broken, not_tried};
use super::watch::Watch;
use postrider_core::{ErrorKind, Host, Make, Phase, Properties, PropertySpec, Result as Answer, ValueType};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Every property is declared once, with a text, a default that can be read, and as a secret if it is one; and the
/// table has every key that the transport is set up with.
pub(super) fn properties<B: Bench + ?Sized>(kit: &Kit<'_, B>) -> Check {
    if kit.factory.about.trim().is_empty() {
        return broken("the factory does not say what it is (about)");
    }
    let mut names = BTreeSet::new();
    for spec in kit.factory.specs() {
        let name = spec.name;
        let fault = if !names.insert(name) {
            "is declared twice"
        } else if name.is_empty()
            || name.chars().any(|c| c.is_whitespace() || c.is_control() || "=:#!\\".contains(c))
        {
            "has a name that can't stand in a property file"
        } else if spec.doc.trim().len() < 10 {
            "has no documentation"
        } else if spec.default.is_some_and(|text| spec.check(text).is_err()) {
            "has a default that it does not accept itself"
        } else if names_a_secret(name) && !spec.is_secret() {
            "names a secret and is not declared as one"
        } else {
            continue;
        };
        return broken(format!("the property {name:?} {fault}"));
    }
    let bench = (kit.bench)();
    let unknown = kit.registry()?.unknown_keys(&kit.properties(&bench, &[])?, kit.factory.prefixes);
    match unknown.first() {
        Some(error) => broken(format!("a key it is set up with is not in its table: {error}")),
        None => Ok(()),
    }
}

fn names_a_secret(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    ["password", "passphrase", "secret", "clientsecret", "token", "refreshtoken"].contains(&last)
}

/// A value that can't be read is refused when the transport is made, by its key.
pub(super) fn bad_values<B: Bench + ?Sized>(kit: &Kit<'_, B>) -> Check {
    let mut tried = 0;
    let bench = (kit.bench)();
    for spec in kit.factory.specs() {
        let Some(text) = unreadable(spec) else { continue };
        let key = format!("mail.{}.{}", kit.factory.name, spec.name);
        let properties = kit.properties(&bench, &[(key.clone(), text.to_owned())])?;
        let made = make(kit, &properties, bench.host())?;
        kit.note(&made);
        let Err(error) = made else {
            let read = properties.keys_read();
            // What counts only together with another key (`proxy.port` with `proxy.host`) may be left alone.
            let family =
                spec.name.split_once('.').map(|(family, _)| format!("mail.{}.{family}.", kit.factory.name));
            let excused = family.is_some_and(|family| read.iter().any(|other| other.starts_with(&family)));
            match read.contains(&key) {
                true => {
                    return broken(format!("{key} is read, and \"{}\" is taken for it", text.escape_debug()));
                }
                false if !excused => return broken(format!("{key} is declared, and nothing reads it")),
                false => continue,
            }
        };
        if error.kind() != ErrorKind::Configuration || error.phase() != Phase::Configure {
            return broken(format!(
                "{key} with a bad value is {:?} in {:?}, not Configuration: {error}",
                error.kind(),
                error.phase()
            ));
        }
        if error.property().is_none_or(|(named, _)| named != key) {
            return broken(format!("the error about a bad {key} does not name it: {error}"));
        }
        tried += 1;
    }
    if tried == 0 { not_tried("no property has a value that can be wrong") } else { Ok(()) }
}

fn unreadable(spec: &PropertySpec) -> Option<&'static str> {
    let candidates = ["no such value \u{1}", "-1", "99999999999999999999999", "a\r\nb", "a\0b"];
    // Line ends can't come in by a property file, but by code.
    let skip = if spec.value == ValueType::Secret { 3 } else { 0 };
    candidates.into_iter().skip(skip).find(|text| spec.check(text).is_err())
}

/// Making it is no reason to do anything yet.
pub(super) fn made_without_io<B: Bench + ?Sized>(kit: &Kit<'_, B>) -> Check {
    let bench = (kit.bench)();
    let asked = Arc::new(AtomicUsize::new(0));
    let host = Arc::new(Watch { host: bench.host(), asked: Arc::clone(&asked) });
    let made = make(kit, &kit.properties(&bench, &[])?, host)?;
    kit.good("making it", made)?;
    match asked.load(Ordering::Relaxed) {
        0 => Ok(()),
        n => broken(format!("making it asked the host {n} times for a connection, a timer or a secret")),
    }
}

/// Makes the transport and lets it go.
fn make<B: Bench + ?Sized>(
    kit: &Kit<'_, B>,
    properties: &Properties,
    host: Arc<dyn Host>,
) -> Result<Answer<()>, Verdict> {
    let registry = kit.registry()?;
    Ok(match kit.factory.make {
        Make::Incoming(_) => registry.incoming(kit.factory.name, properties, host).map(drop),
        _ => registry.outgoing(kit.factory.name, properties, host).map(drop),
    })
}
