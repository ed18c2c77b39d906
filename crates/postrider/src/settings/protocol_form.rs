//! The form of the second generation: a protocol for each direction, and StartTLS flags.

use super::Password;
use super::side::{self, Names, Side};
use postrider_core::{Direction, Layer, LayerKind, Registry, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

const INCOMING: Names = Names {
    protocol: "storeProtocol",
    server: "incomingPOPServer",
    port: "incomingPOPPort",
    secure: "storeProtocol",
    start_tls: "enableIncomingStartTLS",
    user: "popUserName",
    password: "popPassword",
};
const OUTGOING: Names = Names {
    protocol: "transportProtocol",
    server: "outgoingSMTPServer",
    port: "outgoingSMTPPort",
    secure: "transportProtocol",
    start_tls: "enableStartTLS",
    user: "smtpUserName",
    password: "smtpPassword",
};

/// A settings form with a protocol for each direction. Its fields have the names of a portal's configuration when
/// serialised, and its defaults: a POP3 and an SMTP server on this machine, the ports 110 and 25, StartTLS out.
///
/// Any incoming protocol will do (`imap`), whatever the names of the fields say. Serialised passwords are
/// placeholders, see [`Password`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProtocolForm {
    /// Whether the portal takes messages at all: for the program to heed. It is no property.
    #[serde(rename = "enablePOPServerNotifications")]
    pub enable_notifications: bool,
    /// The server that messages come from.
    #[serde(rename = "incomingPOPServer")]
    pub incoming_server: String,
    /// Its port as a text, or empty; deserialised from a number too.
    #[serde(rename = "incomingPOPPort", deserialize_with = "side::port")]
    pub incoming_port: String,
    /// `pop3`, `pop3s`, `imap`, `imaps`, or another incoming transport's name.
    #[serde(rename = "storeProtocol")]
    pub store_protocol: String,
    /// Required STARTTLS in; `None`, as where the portal has no such field, leaves it to the port, encrypted or fail.
    #[serde(rename = "enableIncomingStartTLS", skip_serializing_if = "Option::is_none")]
    pub incoming_start_tls: Option<bool>,
    /// Name to sign in with at the incoming server, or empty.
    #[serde(rename = "popUserName")]
    pub incoming_user: String,
    /// Password for the incoming server, or empty.
    #[serde(rename = "popPassword")]
    pub incoming_password: Password,
    /// The server that messages go to.
    #[serde(rename = "outgoingSMTPServer")]
    pub outgoing_server: String,
    /// Its port as a text, or empty; deserialised from a number too.
    #[serde(rename = "outgoingSMTPPort", deserialize_with = "side::port")]
    pub outgoing_port: String,
    /// `smtp`, `smtps`, or another outgoing transport's name.
    #[serde(rename = "transportProtocol")]
    pub transport_protocol: String,
    /// Required STARTTLS out, except on a port that is encrypted from the start. Off: clear text on other ports, where
    /// nobody signs in.
    #[serde(rename = "enableStartTLS")]
    pub outgoing_start_tls: bool,
    /// Name to sign in with at the outgoing server, or empty.
    #[serde(rename = "smtpUserName")]
    pub outgoing_user: String,
    /// Password for the outgoing server, or empty.
    #[serde(rename = "smtpPassword")]
    pub outgoing_password: Password,
    /// `key=value` lines that beat everything else. Serialised as it stands, so a password is better kept in its own
    /// field; Debug does not show it.
    #[serde(rename = "additionalJavaMailProperties")]
    pub additional_properties: String,
}

impl Default for ProtocolForm {
    fn default() -> Self {
        Self {
            enable_notifications: false,
            incoming_server: "localhost".into(),
            incoming_port: "110".into(),
            store_protocol: "pop3".into(),
            incoming_start_tls: None,
            incoming_user: String::new(),
            incoming_password: Password::default(),
            outgoing_server: "localhost".into(),
            outgoing_port: "25".into(),
            transport_protocol: "smtp".into(),
            outgoing_start_tls: true,
            outgoing_user: String::new(),
            outgoing_password: Password::default(),
            additional_properties: String::new(),
        }
    }
}

impl ProtocolForm {
    /// The form as layers, as [`Form::layers`](super::Form::layers) says.
    ///
    /// # Errors
    /// As there.
    pub fn layers(&self, kind: LayerKind, others: &[Layer], registry: &Registry) -> Result<Vec<Layer>> {
        let incoming = Side {
            direction: Direction::Incoming,
            names: &INCOMING,
            protocol: &self.store_protocol,
            server: &self.incoming_server,
            port: &self.incoming_port,
            secure: None,
            start_tls: self.incoming_start_tls,
            user: &self.incoming_user,
            password: &self.incoming_password,
        };
        let outgoing = Side {
            direction: Direction::Outgoing,
            names: &OUTGOING,
            protocol: &self.transport_protocol,
            server: &self.outgoing_server,
            port: &self.outgoing_port,
            secure: None,
            start_tls: Some(self.outgoing_start_tls),
            user: &self.outgoing_user,
            password: &self.outgoing_password,
        };
        side::layers([incoming, outgoing], &self.additional_properties, kind, others, registry)
    }

    /// Takes the passwords over that nobody typed anew.
    pub fn keep_passwords(&mut self, stored: &Self) {
        self.incoming_password.keep(&stored.incoming_password);
        self.outgoing_password.keep(&stored.outgoing_password);
    }

    /// The same form, whose passwords are serialised as they are: for the place that stores them.
    pub fn reveal(&self) -> Self {
        let mut form = self.clone();
        form.incoming_password.reveal();
        form.outgoing_password.reveal();
        form
    }
}

impl fmt::Debug for ProtocolForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtocolForm")
            .field("enable_notifications", &self.enable_notifications)
            .field("incoming_server", &self.incoming_server)
            .field("incoming_port", &self.incoming_port)
            .field("store_protocol", &self.store_protocol)
            .field("incoming_start_tls", &self.incoming_start_tls)
            .field("incoming_user", &self.incoming_user)
            .field("incoming_password", &self.incoming_password)
            .field("outgoing_server", &self.outgoing_server)
            .field("outgoing_port", &self.outgoing_port)
            .field("transport_protocol", &self.transport_protocol)
            .field("outgoing_start_tls", &self.outgoing_start_tls)
            .field("outgoing_user", &self.outgoing_user)
            .field("outgoing_password", &self.outgoing_password)
            .field("additional_properties", &side::lines(&self.additional_properties))
            .finish()
    }
}
