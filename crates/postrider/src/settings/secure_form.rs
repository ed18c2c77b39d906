//! The form of the first generation: a secure flag for each direction.

use super::Password;
use super::side::{self, Names, Side};
use postrider_core::{Direction, Layer, LayerKind, Registry, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

const INCOMING: Names = Names {
    protocol: "incoming.server",
    server: "incoming.server",
    port: "incoming.port",
    secure: "incoming.secure",
    start_tls: "incoming.startTls",
    user: "incoming.user",
    password: "incoming.password",
};
const OUTGOING: Names = Names {
    protocol: "outgoing.server",
    server: "outgoing.server",
    port: "outgoing.port",
    secure: "outgoing.secure",
    start_tls: "outgoing.startTls",
    user: "outgoing.user",
    password: "outgoing.password",
};

/// A settings form with "use a secure network connection" for each direction: POP in, SMTP out, whatever else the
/// additional properties say.
///
/// A direction that is left empty is not configured. Serialised passwords are placeholders, see [`Password`].
///
/// ```
/// # use postrider::settings::SecureForm;
/// let form: SecureForm = serde_json::from_str(r#"{
///     "incoming": {"server": "pop.example.org", "port": 995, "secure": true, "user": "me", "password": "secret"},
///     "outgoing": {"server": "smtp.example.org", "port": 465, "secure": true, "user": "me", "password": "secret"},
///     "additionalProperties": "mail.smtp.timeout=20s"
/// }"#).unwrap();
/// # assert_eq!(form.incoming.port, "995");
/// ```
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SecureForm {
    /// The server that messages come from.
    pub incoming: FormServer,
    /// The server that messages go to.
    pub outgoing: FormServer,
    /// "Manually specify additional properties to override the above configuration": `key=value` lines. Serialised as
    /// it stands, so a password is better kept in its own field; Debug does not show it.
    pub additional_properties: String,
}

/// A server in a form.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct FormServer {
    /// Name or address.
    pub server: String,
    /// Its port as a text, or empty; deserialised from a number too.
    #[serde(deserialize_with = "side::port")]
    pub port: String,
    /// "Use a secure network connection": TLS from the start, or required STARTTLS on the ports 25, 587, 110, 143.
    pub secure: bool,
    /// "Enable StartTLS": required STARTTLS, except on a port that is encrypted from the start.
    pub start_tls: bool,
    /// Name to sign in with, or empty.
    pub user: String,
    /// Password, or empty.
    pub password: Password,
}

impl SecureForm {
    /// The form as layers, as [`Form::layers`](super::Form::layers) says.
    ///
    /// # Errors
    /// As there.
    pub fn layers(&self, kind: LayerKind, others: &[Layer], registry: &Registry) -> Result<Vec<Layer>> {
        let sides = [
            self.incoming.side(Direction::Incoming, &INCOMING, "pop3"),
            self.outgoing.side(Direction::Outgoing, &OUTGOING, "smtp"),
        ];
        side::layers(sides, &self.additional_properties, kind, others, registry)
    }

    /// Takes the passwords over that nobody typed anew.
    pub fn keep_passwords(&mut self, stored: &Self) {
        self.incoming.password.keep(&stored.incoming.password);
        self.outgoing.password.keep(&stored.outgoing.password);
    }

    /// The same form, whose passwords are serialised as they are: for the place that stores them.
    pub fn reveal(&self) -> Self {
        let mut form = self.clone();
        form.incoming.password.reveal();
        form.outgoing.password.reveal();
        form
    }
}

impl fmt::Debug for SecureForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureForm")
            .field("incoming", &self.incoming)
            .field("outgoing", &self.outgoing)
            .field("additional_properties", &side::lines(&self.additional_properties))
            .finish()
    }
}

impl FormServer {
    fn side<'a>(&'a self, direction: Direction, names: &'static Names, protocol: &'a str) -> Side<'a> {
        Side {
            direction,
            names,
            protocol,
            server: &self.server,
            port: &self.port,
            secure: Some(self.secure),
            start_tls: Some(self.start_tls),
            user: &self.user,
            password: &self.password,
        }
    }
}
