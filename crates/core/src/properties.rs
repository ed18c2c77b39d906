//! Layers on top of each other, read by typed keys.

use crate::layer::Entry;
use crate::shown::without_login;
use crate::{
    Error, ErrorKind, Layer, Origin, Phase, Property, PropertySpec, PropertyValue, Result, ValueType,
};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// All layers of a session, lowest first, and optionally the view of one transport on them.
///
/// Cheap to clone. Every value can say where it came from; reading remembers which keys were read. Debug
/// shows keys, never values.
#[derive(Clone)]
pub struct Properties {
    layers: Arc<[Layer]>,
    read: Arc<Mutex<BTreeSet<String>>>,
    // The prefixes of the transport this view is for, the chosen name first.
    prefixes: Arc<[String]>,
    specs: Arc<[PropertySpec]>,
}

/// A value's entry and where it stands.
pub(crate) struct Found<'a> {
    pub(crate) key: String,
    pub(crate) entry: &'a Entry,
    pub(crate) layer: &'a Layer,
    pub(crate) rank: usize,
}

impl Properties {
    /// Puts layers on top of each other by their kind; of two of the same kind the later is higher.
    pub fn new(layers: impl IntoIterator<Item = Layer>) -> Self {
        let mut layers: Vec<Layer> = layers.into_iter().collect();
        layers.sort_by_key(Layer::kind);
        Self { layers: layers.into(), read: Arc::default(), prefixes: Arc::from([]), specs: Arc::from([]) }
    }

    /// The same with one more layer, sorted in by its kind below others of that kind.
    pub fn below(&self, layer: Layer) -> Self {
        let mut layers = self.layers.to_vec();
        let at = layers.partition_point(|l| l.kind() < layer.kind());
        layers.insert(at, layer);
        Self { layers: layers.into(), ..self.clone() }
    }

    /// The view of a transport: `mail.<prefix>.<name>` for each prefix, the first preferred within a layer.
    pub fn scoped(&self, prefixes: &[&str], specs: &[PropertySpec]) -> Self {
        let prefixes = prefixes.iter().map(|p| (*p).to_owned()).collect();
        Self { prefixes, specs: specs.into(), ..self.clone() }
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Reads a property: its value if one is set, else its default, else `None`. An empty text counts as
    /// not set, and covers what lower layers say.
    ///
    /// # Errors
    /// `Configuration` naming the key, the layer and what is expected.
    pub fn read<T: PropertyValue>(&self, property: &Property<T>) -> Result<Option<T>> {
        let spec = property.spec();
        if let Some(found) = self.find(&spec) {
            self.note(&found.key);
            let text = found.entry.value.expose();
            let text = if spec.value == ValueType::Secret { text } else { text.trim() };
            if !text.is_empty() {
                return T::parse(text).map(Some).map_err(|why| self.fault_at(&spec, &found, &why));
            }
        } else {
            self.note(&self.key(&spec));
        }
        spec.default
            .map(T::parse)
            .transpose()
            .map_err(|why| self.fault(property, &format!("its default: {why}")))
    }

    /// Reads a property that must have a value.
    ///
    /// # Errors
    /// `Configuration`, also if it is not set.
    pub fn require<T: PropertyValue>(&self, property: &Property<T>) -> Result<T> {
        self.read(property)?.ok_or_else(|| {
            let key = self.key(&property.spec());
            Error::new(ErrorKind::Configuration, Phase::Configure, format!("{key} is not set"))
                .with_advice(format!("set {key}: {}", property.spec().doc))
                .with_property(key, None)
        })
    }

    /// Where the value of a property came from; `None` for a default.
    pub fn origin<T: PropertyValue>(&self, property: &Property<T>) -> Option<Origin> {
        self.find(&property.spec()).map(|found| found.layer.origin(found.entry))
    }

    /// An error about the value of a property, naming its key and origin.
    pub fn fault<T: PropertyValue>(&self, property: &Property<T>, why: &str) -> Error {
        let spec = property.spec();
        match self.find(&spec) {
            Some(found) => self.fault_at(&spec, &found, why),
            None => {
                let key = self.key(&spec);
                Error::new(ErrorKind::Configuration, Phase::Configure, format!("{key}: {why}"))
                    .with_property(key, None)
            }
        }
    }

    /// The full key of a property and where its value came from, for an error that is found later than it is
    /// read.
    pub fn place<T: PropertyValue>(&self, property: &Property<T>) -> (String, Option<Origin>) {
        let spec = property.spec();
        match self.find(&spec) {
            Some(found) => (found.key.clone(), Some(found.layer.origin(found.entry))),
            None => (self.key(&spec), None),
        }
    }

    fn fault_at(&self, spec: &PropertySpec, found: &Found<'_>, why: &str) -> Error {
        let shown = if spec.is_secret() {
            String::new()
        } else {
            format!(" is \"{}\"", without_login(found.entry.value.expose()).escape_debug())
        };
        Error::new(ErrorKind::Configuration, Phase::Configure, format!("{}{shown}: {why}", found.key))
            .with_property(found.key.clone(), Some(found.layer.origin(found.entry)))
            .with_advice(format!("{}: {}", spec.value, spec.doc))
    }

    /// The full key a person would set for this property.
    pub(crate) fn key(&self, spec: &PropertySpec) -> String {
        match self.prefixes.first() {
            Some(prefix) => format!("mail.{prefix}.{}", spec.name),
            None => format!("mail.{}", spec.name),
        }
    }

    /// The standing of the layer a value came from: higher wins, and nothing is higher than a locked one.
    pub(crate) fn rank<T: PropertyValue>(&self, property: &Property<T>) -> Option<usize> {
        let found = self.find(&property.spec())?;
        Some(if found.entry.locked { usize::MAX } else { found.rank })
    }

    /// Every key this property may be set under, the preferred one first.
    pub(crate) fn candidates(&self, spec: &PropertySpec) -> Vec<String> {
        let own = self.prefixes.iter().map(|p| format!("mail.{p}.{}", spec.name));
        let shared = (self.prefixes.is_empty() || spec.shared).then(|| format!("mail.{}", spec.name));
        own.chain(shared).collect()
    }

    pub(crate) fn find(&self, spec: &PropertySpec) -> Option<Found<'_>> {
        let own: Vec<String> = self.prefixes.iter().map(|p| format!("mail.{p}.{}", spec.name)).collect();
        let shared = format!("mail.{}", spec.name);
        let bare = self.prefixes.is_empty() || spec.shared;
        let own = self.winner(&own);
        match if bare { self.winner(&[shared]) } else { None } {
            // What is locked for all transports can't be changed for one of them from above.
            Some(shared) if shared.entry.locked => match own {
                Some(own) if own.rank <= shared.rank => Some(own),
                _ => Some(shared),
            },
            shared => own.or(shared),
        }
    }

    /// The highest entry of any of these keys, or the first locked one.
    pub(crate) fn winner(&self, keys: &[String]) -> Option<Found<'_>> {
        let mut winner: Option<Found<'_>> = None;
        for (rank, layer) in self.layers.iter().enumerate() {
            if winner.as_ref().is_some_and(|w| w.entry.locked) {
                break;
            }
            if let Some((key, entry)) = keys.iter().find_map(|k| layer.entry(k).map(|e| (k, e))) {
                winner = Some(Found { key: key.clone(), entry, layer, rank });
            }
        }
        winner
    }

    /// What the transport of this view declares; empty without a view.
    pub fn specs(&self) -> &[PropertySpec] {
        &self.specs
    }

    /// The prefixes of the transport of this view, the chosen name first; empty without a view.
    pub fn prefixes(&self) -> &[String] {
        &self.prefixes
    }

    /// The full keys that were read so far, in the order of the alphabet.
    pub fn keys_read(&self) -> Vec<String> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Notes that a full key was read elsewhere, on a copy of these properties.
    pub fn note_read(&self, key: &str) {
        self.note(key);
    }

    pub(crate) fn was_read(&self, key: &str) -> bool {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    fn note(&self, key: &str) {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Properties").field("layers", &self.layers).field("prefixes", &self.prefixes).finish()
    }
}

#[cfg(test)]
#[path = "properties_tests.rs"]
mod tests;
