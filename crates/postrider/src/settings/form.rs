//! A settings form, whichever it is.

use super::{ProtocolForm, SecureForm, SystemForm};
use postrider_core::{Layer, LayerKind, Registry, Result};

/// A settings form, for [`SessionBuilder::form`](crate::SessionBuilder::form).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Form {
    /// With a secure flag for each direction.
    Secure(SecureForm),
    /// With a protocol for each direction, and StartTLS flags.
    Protocol(ProtocolForm),
    /// What holds for a whole system.
    System(SystemForm),
}

impl Form {
    /// The form as layers: the fields with the standing `kind`, and the additional properties as overrides.
    ///
    /// The fields' keys have the prefix of the protocol that counts in the end, which `others`, all other layers of
    /// the session, may have a say in: so an override of `mail.store.protocol` does not leave the form's values
    /// behind. A flag about encryption is left out, with a [`Note`](crate::Note), where the transport of that name in `registry`
    /// has no such choice (gmail). Positions are the fields' names (`form: outgoing.port`) and
    /// `additional properties:3`.
    ///
    /// # Errors
    /// `Configuration` for a mistake in the additional properties, a password that is still the placeholder, or two
    /// directions of one protocol with different values.
    pub fn layers(&self, kind: LayerKind, others: &[Layer], registry: &Registry) -> Result<Vec<Layer>> {
        match self {
            Self::Secure(form) => form.layers(kind, others, registry),
            Self::Protocol(form) => form.layers(kind, others, registry),
            Self::System(form) => Ok(vec![form.layer(kind)]),
        }
    }
}

impl From<SecureForm> for Form {
    fn from(form: SecureForm) -> Self {
        Self::Secure(form)
    }
}

impl From<ProtocolForm> for Form {
    fn from(form: ProtocolForm) -> Self {
        Self::Protocol(form)
    }
}

impl From<SystemForm> for Form {
    fn from(form: SystemForm) -> Self {
        Self::System(form)
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
