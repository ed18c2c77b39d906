//! What a session is put together from, and how that is checked.

use crate::Session;
use crate::live::Live;
use crate::settings::{Form, Sessions};
use crate::setup::Setup;
use postrider_core::{
    Diagnosis, Host, Layer, LayerKind, Properties, Registry, Result, Secret, session_property,
};
use std::sync::Arc;

/// Transports that this project has; their keys are no mistakes where they are not linked.
const FIRST_PARTY: &[&str] = &["smtp", "smtps", "pop3", "pop3s", "imap", "imaps", "gmail", "gmail-pop3"];

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
            None => Ok(Session::of(Live::new(self.setup(None)?))),
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
