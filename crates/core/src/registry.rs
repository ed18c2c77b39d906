//! Every transport a session can choose from.

use crate::suggest::nearest;
use crate::{
    Direction, Error, ErrorKind, Host, IncomingTransport, Layer, LayerKind, Make, OutgoingTransport, Phase,
    Properties, PropertySpec, Result, Target, TransportFactory, jakarta, session_property,
};
use std::fmt;
use std::sync::Arc;

/// What `register!` leaves behind.
#[doc(hidden)]
pub struct Registered {
    pub factory: &'static TransportFactory,
    pub origin: &'static str,
}

inventory::collect!(Registered);

/// The transports a session can choose from: a value, not a global. Nothing depends on link order.
#[derive(Clone, Default)]
pub struct Registry {
    entries: Vec<(&'static TransportFactory, String)>,
}

impl Registry {
    /// A registry without transports.
    pub fn empty() -> Self {
        Self::default()
    }

    /// All transports linked into this program and registered by [`register!`](crate::register).
    ///
    /// # Errors
    /// `Configuration` if two of them have one name and direction; it names both crates.
    pub fn linked() -> Result<Self> {
        let mut linked: Vec<&Registered> = inventory::iter::<Registered>.into_iter().collect();
        linked.sort_by_key(|r| (r.factory.name, r.origin));
        let mut registry = Self::empty();
        for registered in linked {
            registry.add(registered.factory, registered.origin)?;
        }
        Ok(registry)
    }

    /// Adds a transport; `origin` says where it came from (a crate and version, a file).
    ///
    /// # Errors
    /// `Configuration` if one of its names is taken in its direction, naming both origins, is no valid name, or is
    /// reserved: with a transport called `store`, `mail.store.protocol` would be its key and the session's too.
    pub fn add(&mut self, factory: &'static TransportFactory, origin: impl Into<String>) -> Result<()> {
        let origin = origin.into();
        for name in factory.names() {
            let valid = !name.is_empty()
                && name.len() <= 32
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if !valid {
                return Err(fault(format!(
                    "\"{}\" from {origin} is not a transport name: lower-case letters, digits and hyphens, at most 32",
                    name.escape_debug()
                )));
            }
            if let Some(key) = taken_by(name) {
                return Err(fault(format!(
                    "the transport \"{name}\" from {origin} has a reserved name: {key} is not a transport's key"
                ))
                .with_advice("give the transport another name"));
            }
            if let Some((_, other)) = self.find(factory.direction(), name) {
                return Err(fault(format!(
                    "two {} transports are called \"{name}\": one from {other}, one from {origin}",
                    factory.direction()
                ))
                .with_advice("link or load only one of them"));
            }
        }
        self.entries.push((factory, origin));
        self.entries.sort_by_key(|(f, _)| (f.name, f.direction()));
        Ok(())
    }

    /// Every transport with where it came from, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static TransportFactory, &str)> {
        self.entries.iter().map(|(factory, origin)| (*factory, origin.as_str()))
    }

    /// The transport of this name or alias.
    ///
    /// # Errors
    /// `Configuration` that lists what is there and says what would bring the missing one.
    pub fn factory(&self, direction: Direction, name: &str) -> Result<&'static TransportFactory> {
        if let Some((factory, _)) = self.find(direction, name) {
            return Ok(factory);
        }
        let names: Vec<&str> = self
            .entries
            .iter()
            .filter(|(f, _)| f.direction() == direction)
            .flat_map(|(f, _)| f.names())
            .collect();
        let there = if names.is_empty() {
            "none is linked".to_owned()
        } else {
            format!("there are: {}", names.join(", "))
        };
        let mut error =
            fault(format!("there is no {direction} transport \"{}\" here; {there}", name.escape_debug()));
        let other = if direction == Direction::Incoming { Direction::Outgoing } else { Direction::Incoming };
        error = if self.find(other, name).is_some() {
            error.with_advice(format!("\"{name}\" is an {other} transport: choose an {direction} one"))
        } else if let Some(near) = nearest(name, names.iter().copied()) {
            error.with_advice(format!("did you mean \"{near}\"?"))
        } else {
            error.with_advice(
                "a built-in transport is linked by the feature of its name on the postrider crate \
                 (features = [\"smtp\", \"imap\", \"pop3\", \"gmail\"]); one of your own by naming its crate \
                 (`use my_transport as _;`)",
            )
        };
        Err(error)
    }

    /// The view of the properties that the transport of this name has, its preset included.
    ///
    /// # Errors
    /// `Configuration` for an unknown name.
    pub fn scope(&self, direction: Direction, name: &str, properties: &Properties) -> Result<Properties> {
        let factory = self.factory(direction, name)?;
        let alias = factory.aliases.iter().find(|a| a.name == name);
        let mut prefixes = vec![name];
        for prefix in factory.names().chain(factory.prefixes.iter().copied()) {
            if prefix != name {
                prefixes.push(prefix);
            }
        }
        let specs: Vec<PropertySpec> = factory.specs().copied().collect();
        let preset = factory.preset.iter().chain(alias.map(|a| a.preset).unwrap_or_default());
        let mut layer = Layer::new(LayerKind::Preset, format!("preset of {name}"));
        for (key, text) in preset {
            layer.set(*key, *text);
        }
        Ok(properties.below(layer).scoped(&prefixes, &specs))
    }

    /// Makes the outgoing transport of this name. No I/O happens.
    ///
    /// # Errors
    /// `Configuration` for an unknown name or a value that can't be used.
    pub fn outgoing(
        &self,
        name: &str,
        properties: &Properties,
        host: Arc<dyn Host>,
    ) -> Result<Box<dyn OutgoingTransport>> {
        let scope = self.scope(Direction::Outgoing, name, properties)?;
        match self.factory(Direction::Outgoing, name)?.make {
            Make::Outgoing(make) => make(&scope, host),
            Make::Incoming(_) => Err(fault(format!("\"{name}\" is not an outgoing transport"))),
        }
    }

    /// Makes the incoming transport of this name. No I/O happens.
    ///
    /// # Errors
    /// `Configuration` for an unknown name or a value that can't be used.
    pub fn incoming(
        &self,
        name: &str,
        properties: &Properties,
        host: Arc<dyn Host>,
    ) -> Result<Box<dyn IncomingTransport>> {
        let scope = self.scope(Direction::Incoming, name, properties)?;
        match self.factory(Direction::Incoming, name)?.make {
            Make::Incoming(make) => make(&scope, host),
            Make::Outgoing(_) => Err(fault(format!("\"{name}\" is not an incoming transport"))),
        }
    }

    /// Every key of every layer that nothing here knows, each as an error with what was meant; and every key of
    /// Jakarta Mail's that is refused, with the reason and what to write instead.
    /// `elsewhere` names transports that are known but not linked: their keys are left alone.
    pub fn unknown_keys(&self, properties: &Properties, elsewhere: &[&str]) -> Vec<Error> {
        let mut errors = Vec::new();
        for layer in properties.layers() {
            for entry in layer.entries() {
                if let Some(found) = self.key_fault(&entry.key, &entry.value, elsewhere, errors.len()) {
                    errors.push(
                        fault(found.what)
                            .with_advice(found.advice)
                            .with_property(entry.key.clone(), Some(layer.origin(entry))),
                    );
                }
            }
        }
        errors
    }

    fn find(&self, direction: Direction, name: &str) -> Option<&(&'static TransportFactory, String)> {
        self.entries.iter().find(|(f, _)| f.direction() == direction && f.names().any(|n| n == name))
    }
}

/// The key `mail.<name>` or `mail.<name>.…` that belongs to the session, to every transport or to Jakarta Mail.
fn taken_by(name: &str) -> Option<String> {
    let session = session_property::PROPERTIES.iter().map(|spec| spec.name);
    let shared = Target::PROPERTIES.iter().filter(|spec| spec.shared).map(|spec| spec.name);
    let theirs = jakarta::keys().filter(|key| key.family == jakarta::Family::Session).map(|key| key.name);
    let is_under = |key: &&str| key.split('.').next() == Some(name);
    session.chain(shared).chain(theirs).find(is_under).map(|key| format!("mail.{key}"))
}

fn fault(message: String) -> Error {
    Error::new(ErrorKind::Configuration, Phase::Configure, message)
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
