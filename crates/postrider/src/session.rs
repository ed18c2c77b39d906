//! Properties, a registry and a host: all that sending and receiving needs.

use crate::live::{Applied, Live};
use crate::{Inbox, Mailer, SessionBuilder};
use postrider_core::{Direction, Explained, Host, Layer, Note, Properties, Registry, Result};
use std::fmt;
use std::sync::Arc;

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
    /// read otherwise, and, of a session that is [lent](crate::settings::Sessions), what is without effect beside it.
    pub fn notes(&self) -> Vec<Note> {
        let setup = self.0.setup();
        let layers = setup.properties.layers().iter().flat_map(Layer::notes);
        self.1.iter().chain(layers).cloned().collect()
    }

    /// A session like this one with one more layer: an account for one message or a few, by a layer of the kind
    /// [`Message`](postrider_core::LayerKind::Message). It shares nothing with this one, least of all connections, and does not
    /// follow what [`apply`](Self::apply) brings here.
    ///
    /// # Errors
    /// As [`SessionBuilder::build`].
    pub fn with_layer(&self, layer: Layer) -> Result<Session> {
        let setup = self.0.setup();
        let builder = Self::builder().layers(setup.properties.layers().to_vec()).layer(layer);
        builder.registry(Registry::clone(&setup.registry)).host(Arc::clone(&setup.host)).build()
    }

    /// A session without notes of its own.
    pub(crate) fn of(live: Arc<Live>) -> Self {
        Self(live, Arc::from([]))
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
