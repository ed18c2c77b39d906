//! Which values are given to somebody, and why others are not.

use crate::diagnose_choice::{Choice, chooser};
use crate::known::prefix_and_name;
use crate::layer::Entry;
use crate::properties::Found;
use crate::{
    Diagnosis, DiagnosisKind, Direction, Layer, LayerKind, Origin, Properties, Registry, Severity, jakarta,
};

/// One value that was looked for: every key it may stand under, and what won.
struct Use {
    keys: Vec<String>,
    winner: Winner,
}

#[derive(Clone)]
struct Winner {
    key: String,
    origin: Origin,
    locked: bool,
    text: crate::Secret,
}

/// All values of the chosen transports and of the session.
pub(crate) struct Uses<'a> {
    uses: Vec<Use>,
    chosen: &'a [Choice],
}

impl<'a> Uses<'a> {
    pub(crate) fn of(properties: &Properties, chosen: &'a [Choice]) -> Self {
        let mut uses = Vec::new();
        let mut add = |view: &Properties, spec| {
            if let Some(found) = view.find(spec) {
                uses.push(Use { keys: view.candidates(spec), winner: Winner::of(&found) });
            }
        };
        for choice in chosen {
            choice.specs().for_each(|spec| add(&choice.scope, spec));
        }
        crate::session_property::PROPERTIES.iter().for_each(|spec| add(properties, spec));
        Self { uses, chosen }
    }

    /// A finding for each value that nobody is given.
    pub(crate) fn diagnose(&self, registry: &Registry, properties: &Properties, found: &mut Vec<Diagnosis>) {
        for layer in properties.layers().iter().filter(|layer| layer.kind() != LayerKind::Preset) {
            for entry in layer.entries() {
                if !registry.declares(&entry.key) {
                    continue;
                }
                let origin = layer.origin(entry);
                let mut of_key = self.uses.iter().filter(|u| u.keys.contains(&entry.key)).peekable();
                if of_key.peek().is_none() {
                    found.extend(self.not_read(registry, entry, origin));
                } else if let Some(winner) = of_key.clone().map(|u| &u.winner).next()
                    && of_key.all(|u| u.winner.key != entry.key || u.winner.origin != origin)
                {
                    found.push(covered(layer, entry, origin, winner));
                }
            }
        }
    }

    /// No chosen transport has the key.
    fn not_read(&self, registry: &Registry, entry: &Entry, origin: Origin) -> Option<Diagnosis> {
        let (prefix, name) = prefix_and_name(&entry.key)?;
        let mut of_prefix: Vec<Direction> =
            registry.factories().filter(|f| f.owns(prefix)).map(|f| f.direction()).collect();
        of_prefix.sort_by_key(|d| *d == Direction::Incoming);
        let tell = |what: String, advice: String| {
            let diagnosis = Diagnosis::new(Severity::Warning, DiagnosisKind::NotRead, what);
            Some(diagnosis.at(entry.key.clone(), Some(origin.clone())).with_advice(advice))
        };
        if of_prefix.is_empty() {
            // A key for all transports, of which no chosen one has it.
            let names: Vec<&str> = self.chosen.iter().map(|c| c.name.as_str()).collect();
            let what = match names.is_empty() {
                true => "nothing reads it: no transport is chosen".to_owned(),
                false => format!("nothing reads it: {} has no such property", names.join(" nor ")),
            };
            return tell(what, "remove it, or choose a transport that has it".into());
        }
        let directions: Vec<Direction> = of_prefix
            .iter()
            .copied()
            .filter(|d| {
                registry
                    .factories()
                    .any(|f| f.direction() == *d && f.owns(prefix) && f.specs().any(|s| s.name == name))
            })
            .collect();
        let direction = *directions.first().or(of_prefix.first())?;
        let key = chooser(direction).name();
        let Some(choice) = self.chosen.iter().find(|c| c.direction == direction) else {
            let what = format!("nothing reads it: no {direction} transport is chosen");
            return tell(what, format!("set mail.{key}={prefix}, or remove it"));
        };
        let what = format!("nothing reads it: {}", choice.told());
        let other = choice.specs().any(|s| s.name == name);
        let choose = format!("mail.{key}={prefix}");
        if other {
            tell(what, format!("write mail.{}.{name}, or choose {choose}", choice.name))
        } else {
            tell(what, format!("remove it, or choose {choose}"))
        }
    }
}

impl Winner {
    fn of(found: &Found<'_>) -> Self {
        Self {
            key: found.key.clone(),
            origin: found.layer.origin(found.entry),
            locked: found.entry.locked,
            text: found.entry.value.clone(),
        }
    }
}

/// Another value beats this one.
fn covered(layer: &Layer, entry: &Entry, origin: Origin, winner: &Winner) -> Diagnosis {
    let other = if winner.key == entry.key { String::new() } else { format!("{} ", winner.key) };
    let place = &winner.origin;
    let (severity, kind, what, advice) = if winner.locked && winner.origin.kind < layer.kind() {
        let what = format!("it has no effect: {} is locked at {place}", winner.key);
        let advice = format!("remove it, or have it changed at {}", place.position);
        (Severity::Warning, DiagnosisKind::Locked, what, advice)
    } else if winner.origin.kind < layer.kind() {
        let what = format!("it has no effect: {other}at {place} is more specific");
        (Severity::Warning, DiagnosisKind::Covered, what, format!("write {} instead", winner.key))
    } else if winner.origin.kind == layer.kind() && winner.key != entry.key {
        let what = format!("it has no effect: {other}at {place} goes before it");
        (Severity::Warning, DiagnosisKind::Covered, what, "remove one of the two".to_owned())
    } else {
        let equal = winner.text.expose() == entry.value.expose();
        let how = if winner.text.expose().trim().is_empty() {
            "is empty and so unsets it"
        } else if equal {
            "says the same and beats it"
        } else {
            "beats it"
        };
        let what = match other.as_str() {
            "" => format!("it has no effect: the value at {place} {how}"),
            other => format!("it has no effect: {other}at {place} {how}"),
        };
        (
            Severity::Note,
            DiagnosisKind::Covered,
            what,
            "remove one of the two if that is not meant".to_owned(),
        )
    };
    Diagnosis::new(severity, kind, what).at(entry.key.clone(), Some(origin)).with_advice(advice)
}

/// The protocol that a transport of this name speaks, where that is plain.
pub(crate) fn family(factory: &crate::TransportFactory) -> Option<jakarta::Family> {
    jakarta::Family::PROTOCOLS.into_iter().find(|family| family.prefixes().contains(&factory.name))
}
