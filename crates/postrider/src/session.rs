//! Properties, a registry and a host: all that sending and receiving needs.

use crate::live::{Applied, Live};
use crate::setup::Setup;
use crate::{Inbox, Mailer};
use postrider_core::{Direction, Explained, Host, Layer, LayerKind, Properties, Registry, Result, Secret};
use std::fmt;
use std::sync::Arc;

/// Transports that this project has; their keys are no mistakes where they are not linked.
const FIRST_PARTY: &[&str] = &["smtp", "smtps", "pop3", "pop3s", "imap", "imaps", "gmail", "gmail-pop3"];

/// A configured place to send from and receive at. Cheap to clone; the clones and their mailers follow the
/// settings that [`apply`](Self::apply) brings, and two sessions built share nothing, least of all connections.
#[derive(Clone)]
pub struct Session(Arc<Live>);

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
        self.0.mailer()
    }

    /// A mailbox by the transport that `mail.store.protocol` names. It keeps its settings until it is closed,
    /// whatever [`apply`](Self::apply) brings: what it has settled may still have to be committed where it was
    /// settled.
    ///
    /// # Errors
    /// `Configuration`; no I/O happens.
    pub fn inbox(&self) -> Result<Inbox> {
        self.0.setup().inbox()
    }

    /// Puts new settings in the place of all that the session had, while it runs.
    ///
    /// First they are checked as [`SessionBuilder::build`], [`mailer`](Self::mailer) and
    /// [`inbox`](Self::inbox) do. Then they are tried: each transport they use connects and signs in, by a
    /// connection of its own beside those in use, and nothing is sent. Only then they take effect, all at once:
    /// a message that has a connection goes on by the old settings to its end; one that still waits for a
    /// connection, and all that come, go by the new ones. No message fails because of it. Idle connections of
    /// the old settings are closed in good order, which this waits for, at most 5 s. While the server stays the
    /// same (its transport, name and port), old and new connections together keep to
    /// `mail.mailer.connections`.
    ///
    /// Of the builder all layers count, and the registry and the host if it has any: otherwise the session
    /// keeps its own. Several changes at a time take effect one after the other.
    ///
    /// # Errors
    /// What is wrong with the settings, or what stopped the trial. Then nothing has changed.
    ///
    /// # Cancellation
    /// Before the settings take effect nothing has changed; after that, old connections are cut.
    pub async fn apply(&self, settings: SessionBuilder) -> Result<Applied> {
        self.0.apply(settings, true).await
    }

    /// As [`apply`](Self::apply), but without trying the settings: for a server that is down right now.
    ///
    /// # Errors
    /// What is wrong with the settings. Then nothing has changed.
    ///
    /// # Cancellation
    /// As [`apply`](Self::apply).
    pub async fn apply_untried(&self, settings: SessionBuilder) -> Result<Applied> {
        self.0.apply(settings, false).await
    }

    /// The name of the transport that a direction uses: what `mail.transport.protocol` or
    /// `mail.store.protocol` says. Which transports are linked never changes the choice.
    ///
    /// # Errors
    /// `Configuration` if the incoming one is not set, or the chosen one is not there.
    pub fn protocol(&self, direction: Direction) -> Result<String> {
        self.0.setup().protocol(direction)
    }

    /// Every key with its value, where it came from and what it covered; secrets are masked. With a
    /// direction also the preset and the defaults of its transport.
    ///
    /// # Errors
    /// As [`protocol`](Self::protocol).
    pub fn explain(&self, direction: Option<Direction>) -> Result<Vec<Explained>> {
        self.0.setup().explain(direction)
    }

    /// The layers of the session as they are now.
    pub fn properties(&self) -> Properties {
        self.0.setup().properties.clone()
    }

    /// The transports it can choose from.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.0.setup().registry)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let setup = self.0.setup();
        f.debug_struct("Session")
            .field("properties", &setup.properties)
            .field("registry", &setup.registry)
            .finish_non_exhaustive()
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
        Ok(Session(Live::new(self.setup(None)?)))
    }

    /// Checks every key. What was not given is as it is in the `current` setup.
    pub(crate) fn setup(self, current: Option<&Setup>) -> Result<Setup> {
        let registry = match (self.registry, current) {
            (Some(registry), _) => Arc::new(registry),
            (None, Some(current)) => Arc::clone(&current.registry),
            (None, None) => Arc::new(Registry::linked()?),
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
        let host = match (self.host, current) {
            (Some(host), _) => host,
            (None, Some(current)) => Arc::clone(&current.host),
            (None, None) => default_host()?,
        };
        Ok(Setup { properties, registry, host })
    }
}

#[cfg(feature = "net")]
fn default_host() -> Result<Arc<dyn Host>> {
    Ok(Arc::new(postrider_net::TokioHost::new()))
}

#[cfg(not(feature = "net"))]
fn default_host() -> Result<Arc<dyn Host>> {
    use postrider_core::{Error, ErrorKind, Phase};
    Err(Error::new(ErrorKind::Configuration, Phase::Configure, "the session has no host to connect by")
        .with_advice("give one by SessionBuilder::host, or enable the feature `net` of the postrider crate"))
}
