//! Which transports settings choose.

use crate::diagnose::{has_error, kind_of};
use crate::known::prefix_and_name;
use crate::properties::Found;
use crate::{
    Diagnosis, Direction, Properties, Property, PropertySpec, Registry, TransportFactory, session_property,
};

/// A transport that is chosen, and its view of the settings.
pub(crate) struct Choice {
    pub(crate) direction: Direction,
    pub(crate) name: String,
    pub(crate) factory: &'static TransportFactory,
    pub(crate) scope: Properties,
}

/// The key that chooses in a direction.
pub(crate) fn chooser(direction: Direction) -> &'static Property<String> {
    match direction {
        Direction::Incoming => &session_property::STORE_PROTOCOL,
        Direction::Outgoing => &session_property::TRANSPORT_PROTOCOL,
    }
}

/// What is chosen in each direction. A name that is not there is an error; the default counts only where
/// something is set for it.
pub(crate) fn choices(
    registry: &Registry,
    properties: &Properties,
    found: &mut Vec<Diagnosis>,
) -> Vec<Choice> {
    let mut out = Vec::new();
    for direction in [Direction::Outgoing, Direction::Incoming] {
        let key = chooser(direction);
        let name = match properties.read(key) {
            Ok(Some(name)) => name,
            // Not chosen, or no text at all, which is found with the other values.
            Ok(None) | Err(_) => continue,
        };
        let by_key = properties.origin(key).is_some();
        let scope = registry.scope(direction, &name, properties);
        match (registry.factory(direction, &name), scope) {
            (Ok(factory), Ok(scope)) => {
                if by_key || is_set_for(factory, properties) {
                    out.push(Choice { direction, name, factory, scope });
                }
            }
            (Err(error), _) | (_, Err(error)) => {
                let full = format!("mail.{}", key.name());
                let error = error.with_property(full.clone(), properties.origin(key));
                if by_key && !has_error(found, &full) {
                    found.push(Diagnosis::of_error(&error, kind_of(&error)));
                }
            }
        }
    }
    out
}

fn is_set_for(factory: &TransportFactory, properties: &Properties) -> bool {
    let mut keys = properties.layers().iter().flat_map(|layer| layer.keys());
    keys.any(|key| prefix_and_name(key).is_some_and(|(prefix, _)| factory.owns(prefix)))
}

impl Choice {
    /// Everything the transport reads: its own properties, and those of the session that can be set for it.
    pub(crate) fn specs(&self) -> impl Iterator<Item = &PropertySpec> {
        self.scope.specs().iter().chain(session_property::PROPERTIES.iter().filter(|spec| spec.shared))
    }

    /// The declaration of a full key that this transport may read.
    pub(crate) fn spec(&self, key: &str) -> Option<PropertySpec> {
        self.specs().find(|spec| self.scope.candidates(spec).iter().any(|k| k == key)).copied()
    }

    /// The value that this transport is given for a property, if one is set.
    pub(crate) fn find(&self, name: &str) -> Option<Found<'_>> {
        self.scope.specs().iter().find(|spec| spec.name == name).and_then(|spec| self.scope.find(spec))
    }

    /// `the outgoing transport is gmail (mail.transport.protocol at file:1)`.
    pub(crate) fn told(&self) -> String {
        let key = chooser(self.direction);
        let why = match self.scope.scoped(&[], &[]).origin(key) {
            Some(origin) => format!("mail.{} at {origin}", key.name()),
            None => format!("mail.{} is not set", key.name()),
        };
        format!("the {} transport is {} ({why})", self.direction, self.name)
    }
}
