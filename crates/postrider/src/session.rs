//! Properties, a registry and a host: all that sending and receiving needs.

use crate::live::{Applied, Live};
use crate::settings::{Form, Sessions};
use crate::setup::Setup;
use crate::{Inbox, Mailer};
use postrider_core::{
    Diagnosis, Direction, Explained, Host, Layer, LayerKind, Note, Properties, Registry, Result, Secret,
    session_property,
};
use std::fmt;
use std::sync::Arc;

/// Transports that this project has; their keys are no mistakes where they are not linked.
const FIRST_PARTY: &[&str] = &["smtp", "smtps", "pop3", "pop3s", "imap", "imaps", "gmail", "gmail-pop3"];

/// A configured place to send from and receive at. Cheap to clone; the clones and their mailers follow the
/// settings that [`apply`](Self::apply) brings, and two sessions built share nothing, least of all connections.
#[derive(Clone)]
pub struct Session(Arc<Live>, Arc<[Note]>);

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

    /// What a person should know about the settings although they can be used: what their readers dropped or
    /// read otherwise, and, of a session that is [lent](Sessions), what is without effect beside it.
    pub fn notes(&self) -> Vec<Note> {
        let setup = self.0.setup();
        let layers = setup.properties.layers().iter().flat_map(Layer::notes);
        self.1.iter().chain(layers).cloned().collect()
    }

    /// A session like this one with one more layer: an account for one message or a few, by a layer of the kind
    /// [`Message`](LayerKind::Message). It shares nothing with this one, least of all connections, and does not
    /// follow what [`apply`](Self::apply) brings here.
    ///
    /// # Errors
    /// As [`SessionBuilder::build`].
    pub fn with_layer(&self, layer: Layer) -> Result<Session> {
        let setup = self.0.setup();
        let builder = Self::builder().layers(setup.properties.layers().to_vec()).layer(layer);
        builder.registry(Registry::clone(&setup.registry)).host(Arc::clone(&setup.host)).build()
    }

    /// The same session with notes of its own.
    pub(crate) fn noted(&self, notes: Vec<Note>) -> Self {
        Self(Arc::clone(&self.0), notes.into())
    }

    /// The host it connects by, as it is now.
    pub fn host(&self) -> Arc<dyn Host> {
        Arc::clone(&self.0.setup().host)
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
    forms: Vec<(LayerKind, Form)>,
    sessions: Sessions,
    registry: Option<Registry>,
    host: Option<Arc<dyn Host>>,
}

impl SessionBuilder {
    /// Adds a layer.
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Adds several layers.
    pub fn layers(mut self, layers: impl IntoIterator<Item = Layer>) -> Self {
        self.layers.extend(layers);
        self
    }

    /// Adds a settings form of this standing: system, instance or account. Its additional properties are
    /// overrides. Which keys its fields are is found out when all layers are known, since one of them may choose
    /// another protocol.
    pub fn form(mut self, kind: LayerKind, form: impl Into<Form>) -> Self {
        self.forms.push((kind, form.into()));
        self
    }

    /// Lends sessions that are there already: `mail.session.name` takes one of them, as it is.
    pub fn sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = sessions;
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
    /// `Configuration` for an unknown key (the first of them, with their number), two transports of one name, a
    /// form that can't be used or a session that is not lent.
    pub fn build(mut self) -> Result<Session> {
        let registry = match self.registry.take() {
            Some(registry) => registry,
            None => Registry::linked()?,
        };
        let properties = self.properties(&registry)?;
        self.registry = Some(registry);
        match properties.read(&session_property::SESSION_NAME)? {
            Some(name) => self.sessions.lend(&name, &properties),
            None => Ok(Session(Live::new(self.setup(None)?), Arc::from([]))),
        }
    }

    /// Everything that is wrong with these settings or should be known about them, at once: what
    /// [`build`](Self::build) would refuse, and what it would take that is likely not meant. No I/O happens.
    ///
    /// # Errors
    /// `Configuration` if two transports have one name, or a form can't be read.
    pub fn diagnose(mut self) -> Result<Vec<Diagnosis>> {
        let registry = match self.registry.take() {
            Some(registry) => registry,
            None => Registry::linked()?,
        };
        let properties = self.properties(&registry)?;
        Ok(registry.diagnose(&properties, FIRST_PARTY))
    }

    /// All layers, the forms among them.
    fn properties(&mut self, registry: &Registry) -> Result<Properties> {
        self.layers.extend(self.code.take());
        let forms = std::mem::take(&mut self.forms);
        let alone = forms.iter().map(|(kind, form)| form.layers(*kind, &self.layers, registry));
        let alone = alone.collect::<Result<Vec<_>>>()?;
        let given = self.layers.clone();
        for (at, (kind, form)) in forms.iter().enumerate() {
            // Each form has a say in which protocol counts for the others.
            let others = alone.iter().enumerate().filter(|(i, _)| *i != at).flat_map(|(_, layers)| layers);
            let others: Vec<Layer> = given.iter().chain(others).cloned().collect();
            self.layers.extend(form.layers(*kind, &others, registry)?);
        }
        Ok(Properties::new(self.layers.clone()))
    }

    /// Checks every key. What was not given is as it is in the `current` setup.
    pub(crate) fn setup(mut self, current: Option<&Setup>) -> Result<Setup> {
        let registry = match (self.registry.take(), current) {
            (Some(registry), _) => Arc::new(registry),
            (None, Some(current)) => Arc::clone(&current.registry),
            (None, None) => Arc::new(Registry::linked()?),
        };
        let properties = self.properties(&registry)?;
        if properties.read(&session_property::SESSION_NAME)?.is_some() {
            let why = "a session that was made can't become one that is lent";
            return Err(properties
                .fault(&session_property::SESSION_NAME, why)
                .with_advice("build a session instead"));
        }
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
