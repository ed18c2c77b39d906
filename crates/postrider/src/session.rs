//! Properties, a registry and a host: all that sending and receiving needs.

use crate::{Inbox, Mailer, MailerConfig};
use postrider_core::{
    Direction, Error, ErrorKind, Explained, Host, Layer, LayerKind, Phase, Properties, Registry, Result,
    Secret, session_property,
};
use std::sync::Arc;

/// Transports that this project has; their keys are no mistakes where they are not linked.
const FIRST_PARTY: &[&str] = &["smtp", "smtps", "pop3", "pop3s", "imap", "imaps", "gmail", "gmail-pop3"];

/// A configured place to send from and receive at. Cheap to clone; two sessions share nothing.
#[derive(Clone, Debug)]
pub struct Session {
    properties: Properties,
    registry: Arc<Registry>,
    host: SharedHost,
}

#[derive(Clone)]
struct SharedHost(Arc<dyn Host>);

impl std::fmt::Debug for SharedHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

impl Session {
    /// Begins a session.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// A way to send messages by the transport that `mail.transport.protocol` names, `smtp` if it is not set.
    /// Each call makes a mailer with connections of its own: keep one and clone it.
    ///
    /// # Errors
    /// `Configuration`; no I/O happens.
    pub fn mailer(&self) -> Result<Mailer> {
        let name = self.protocol(Direction::Outgoing)?;
        let scope = self.registry.scope(Direction::Outgoing, &name, &self.properties)?;
        let config = MailerConfig::read(&self.properties, &scope)?;
        let (registry, properties) = (Arc::clone(&self.registry), self.properties.clone());
        let (host, lent) = (Arc::clone(&self.host.0), Arc::clone(&self.host.0));
        let make = {
            let name = name.clone();
            move || registry.outgoing(&name, &properties, Arc::clone(&lent))
        };
        Mailer::new(name, &config, host, make)
    }

    /// A mailbox by the transport that `mail.store.protocol` names.
    ///
    /// # Errors
    /// `Configuration`; no I/O happens.
    pub fn inbox(&self) -> Result<Inbox> {
        let name = self.protocol(Direction::Incoming)?;
        Ok(Inbox::new(self.registry.incoming(&name, &self.properties, Arc::clone(&self.host.0))?))
    }

    /// The name of the transport that a direction uses: what `mail.transport.protocol` or
    /// `mail.store.protocol` says. Which transports are linked never changes the choice.
    ///
    /// # Errors
    /// `Configuration` if the incoming one is not set, or the chosen one is not there.
    pub fn protocol(&self, direction: Direction) -> Result<String> {
        let key = match direction {
            Direction::Incoming => &session_property::STORE_PROTOCOL,
            Direction::Outgoing => &session_property::TRANSPORT_PROTOCOL,
        };
        let full_key = format!("mail.{}", key.name());
        let Some(name) = self.properties.read(key)? else {
            return Err(self.not_chosen(direction, &full_key));
        };
        match self.registry.factory(direction, &name) {
            Ok(_) => Ok(name),
            Err(error) => Err(error.with_property(full_key, self.properties.origin(key))),
        }
    }

    fn not_chosen(&self, direction: Direction, key: &str) -> Error {
        let factories = self.registry.iter().map(|(f, _)| f).filter(|f| f.direction() == direction);
        let names: Vec<&str> = factories.flat_map(|f| f.names()).collect();
        let (there, advice) = match names.first() {
            Some(first) => {
                (format!("there are: {}", names.join(", ")), format!("set {key}, for example {key}={first}"))
            }
            None => (
                "none is linked".to_owned(),
                "enable a feature of the postrider crate, such as features = [\"smtp\", \"imap\"]".to_owned(),
            ),
        };
        let what = format!("no {direction} transport is chosen; {there}");
        Error::new(ErrorKind::Configuration, Phase::Configure, what)
            .with_property(key, None)
            .with_advice(advice)
    }

    /// Every key with its value, where it came from and what it covered; secrets are masked. With a
    /// direction also the preset and the defaults of its transport.
    ///
    /// # Errors
    /// As [`protocol`](Self::protocol).
    pub fn explain(&self, direction: Option<Direction>) -> Result<Vec<Explained>> {
        Ok(match direction {
            Some(d) => self.registry.scope(d, &self.protocol(d)?, &self.properties)?.explain(),
            None => self.properties.explain(),
        })
    }

    /// The layers of the session.
    pub fn properties(&self) -> &Properties {
        &self.properties
    }

    /// The transports it can choose from.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

/// Puts a [`Session`] together. Layers may come in any order: their kind decides which wins.
#[derive(Default)]
pub struct SessionBuilder {
    layers: Vec<Layer>,
    code: Option<Layer>,
    registry: Option<Registry>,
    host: Option<Arc<dyn Host>>,
}

impl SessionBuilder {
    /// Adds a layer.
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Sets a property in the layer of host code.
    pub fn property(mut self, key: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.code.get_or_insert_with(|| Layer::new(LayerKind::Host, "host code")).set(key, value);
        self
    }

    /// Adds the text of "additional properties to override the above": `key=value` lines that beat all else.
    ///
    /// # Errors
    /// `Configuration` with the line.
    pub fn overrides(self, text: &str) -> Result<Self> {
        Ok(self.layer(Layer::parse(LayerKind::Overrides, "overrides", text)?))
    }

    /// Uses these transports instead of all that are linked.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Uses this host instead of a `TokioHost` with the system's certificates.
    pub fn host(mut self, host: Arc<dyn Host>) -> Self {
        self.host = Some(host);
        self
    }

    /// Checks every key and makes the session. No I/O happens.
    ///
    /// A key of one of this project's transports that is not linked here is let pass, so that one file of
    /// settings serves several programs; it is checked where its transport is linked.
    ///
    /// # Errors
    /// `Configuration` for an unknown key (the first of them, with their number) or two transports of one
    /// name.
    pub fn build(self) -> Result<Session> {
        let registry = match self.registry {
            Some(registry) => registry,
            None => Registry::linked()?,
        };
        let properties = Properties::new(self.layers.into_iter().chain(self.code));
        let mut unknown = registry.unknown_keys(&properties, FIRST_PARTY);
        if !unknown.is_empty() {
            let others = unknown.len() - 1;
            let first = unknown.swap_remove(0);
            return Err(if others == 0 {
                first
            } else {
                let advice = format!("{}; {others} more like it", first.advice().unwrap_or("check the key"));
                first.with_advice(advice)
            });
        }
        let host = match self.host {
            Some(host) => host,
            None => default_host()?,
        };
        Ok(Session { properties, registry: Arc::new(registry), host: SharedHost(host) })
    }
}

#[cfg(feature = "net")]
fn default_host() -> Result<Arc<dyn Host>> {
    Ok(Arc::new(postrider_net::TokioHost::new()))
}

#[cfg(not(feature = "net"))]
fn default_host() -> Result<Arc<dyn Host>> {
    Err(Error::new(ErrorKind::Configuration, Phase::Configure, "the session has no host to connect by")
        .with_advice("give one by SessionBuilder::host, or enable the feature `net` of the postrider crate"))
}
