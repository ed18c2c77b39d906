//! One direction of a form: what both generations have in common.

use super::Password;
use postrider_core::{
    Direction, Error, ErrorKind, Layer, LayerKind, Note, NoteKind, Phase, Properties, Registry, Result,
    Secret, is_this_machine, session_property,
};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// What a form's fields are called.
pub(super) struct Names {
    pub(super) protocol: &'static str,
    pub(super) server: &'static str,
    pub(super) port: &'static str,
    pub(super) secure: &'static str,
    pub(super) start_tls: &'static str,
    pub(super) user: &'static str,
    pub(super) password: &'static str,
}

/// One direction of a form.
pub(super) struct Side<'a> {
    pub(super) direction: Direction,
    pub(super) names: &'static Names,
    pub(super) protocol: &'a str,
    pub(super) server: &'a str,
    pub(super) port: &'a str,
    /// Where the form has such a flag.
    pub(super) secure: Option<bool>,
    /// Where the form has such a flag.
    pub(super) start_tls: Option<bool>,
    pub(super) user: &'a str,
    pub(super) password: &'a Password,
}

pub(super) fn layers(
    sides: [Side<'_>; 2],
    additional: &str,
    kind: LayerKind,
    others: &[Layer],
    registry: &Registry,
) -> Result<Vec<Layer>> {
    let additional = Layer::parse(LayerKind::Overrides, "additional properties", additional)?;
    let mut fields = Fields { layer: Layer::new(kind, "form"), texts: BTreeMap::new() };
    let sides: Vec<Side<'_>> = sides.into_iter().filter(|side| !side.is_empty()).collect();
    for side in &sides {
        side.choose(&mut fields.layer);
    }
    let known = others.iter().chain([&fields.layer, &additional]).cloned();
    let properties = Properties::new(known);
    for side in &sides {
        let key = match side.direction {
            Direction::Incoming => &session_property::STORE_PROTOCOL,
            Direction::Outgoing => &session_property::TRANSPORT_PROTOCOL,
        };
        if let Some(protocol) = properties.read(key)? {
            side.fill(&protocol, &mut fields, registry)?;
        }
    }
    Ok(vec![fields.layer, additional])
}

/// The layer of a form's fields while it is filled.
struct Fields {
    layer: Layer,
    texts: BTreeMap<String, Secret>,
}

impl Fields {
    /// Two directions of one protocol share its keys: they must not say different things.
    fn set(&mut self, key: String, text: &str, field: &str) -> Result<()> {
        let position = at(field);
        if let (Some(other), Some(before)) = (self.layer.position(&key), self.texts.get(&key)) {
            if before.expose() != text {
                return Err(fault(format!(
                    "{position} and {other} are both {key}, and say different things"
                ))
                .with_advice("give both the same value, empty one of them, or choose different protocols"));
            }
            return Ok(());
        }
        self.texts.insert(key.clone(), Secret::new(text));
        self.layer.set_at(key, text, position);
        Ok(())
    }

    fn note(&mut self, key: String, field: &str, message: impl Into<String>) {
        self.layer.add_note(Note::new(NoteKind::Encryption, key, at(field), message));
    }
}

impl Side<'_> {
    fn is_empty(&self) -> bool {
        let texts = [self.server, self.port, self.user];
        texts.iter().all(|text| text.trim().is_empty())
            && self.password.is_empty()
            && self.secure != Some(true)
    }

    fn choose(&self, layer: &mut Layer) {
        let key = match self.direction {
            Direction::Incoming => "mail.store.protocol",
            Direction::Outgoing => "mail.transport.protocol",
        };
        let written = self.protocol.trim();
        // The names of protocols are written in small letters, and nobody means another by capital ones.
        let name = written.to_ascii_lowercase();
        if name != written {
            let message = format!("\"{}\" is read as \"{name}\"", written.escape_debug());
            layer.add_note(Note::new(NoteKind::Renamed, key, at(self.names.protocol), message));
        }
        if !name.is_empty() {
            layer.set_at(key, name, at(self.names.protocol));
        }
    }

    fn fill(&self, protocol: &str, fields: &mut Fields, registry: &Registry) -> Result<()> {
        let names = self.names;
        let key = |name: &str| format!("mail.{protocol}.{name}");
        let texts = [
            ("host", self.server, names.server),
            ("port", self.port, names.port),
            ("user", self.user, names.user),
        ];
        for (name, text, field) in texts {
            if !text.trim().is_empty() {
                fields.set(key(name), text.trim(), field)?;
            }
        }
        if self.password.is_unchanged() {
            let position = at(names.password);
            return Err(fault(format!("{position} is the placeholder for a password that did not change"))
                .with_advice("fill it in from the stored form first (keep_passwords)"));
        }
        if let Some(password) = self.password.given() {
            fields.set(key("password"), password.expose(), names.password)?;
        }
        // A transport that is not linked is let pass, as its other keys are.
        let names = ["ssl.enable", "starttls.enable", "tls"];
        let factory = registry.factory(self.direction, protocol);
        if factory.is_ok_and(|f| !names.iter().all(|name| f.specs().any(|spec| spec.name == *name))) {
            self.without_choice(protocol, &key, fields);
            return Ok(());
        }
        if let Some(secure) = self.secure {
            self.secure(secure, &key, fields)?;
        }
        self.start_tls(&key, fields)
    }

    fn without_choice(&self, protocol: &str, key: &dyn Fn(&str) -> String, fields: &mut Fields) {
        let flags = [
            (self.secure, "ssl.enable", self.names.secure),
            (self.start_tls, "starttls.enable", self.names.start_tls),
        ];
        for (_, name, field) in flags.into_iter().filter(|(flag, ..)| *flag == Some(true)) {
            fields.note(
                key(name),
                field,
                format!("it is left out: {protocol} leaves no choice about encryption"),
            );
        }
    }

    /// Port-aware: "secure" means STARTTLS on the ports that begin in clear text, and TLS from the start elsewhere.
    /// What is not secure is still not sent in clear text to another machine.
    fn secure(&self, secure: bool, key: &dyn Fn(&str) -> String, fields: &mut Fields) -> Result<()> {
        let (name, field) = (key("ssl.enable"), self.names.secure);
        match self.port.trim() {
            port @ ("25" | "587" | "110" | "143") if secure => {
                let message = format!("on port {port} it means STARTTLS, which is required");
                fields.note(name.clone(), field, message);
            }
            port @ ("465" | "993" | "995") if !secure => {
                let message = format!("it is off, and port {port} is encrypted from the start all the same");
                fields.note(name, field, message);
                return Ok(());
            }
            _ => {}
        }
        if secure {
            return fields.set(name, "true", field);
        }
        if self.start_tls == Some(true) || self.server.trim().is_empty() {
            return Ok(());
        }
        if is_this_machine(self.server.trim()) {
            return fields.set(key("tls"), "none", field);
        }
        let message = "it is off, and the connection is encrypted all the same, or fails";
        let advice = format!("{}=none among the additional properties allows clear text", key("tls"));
        fields.layer.add_note(Note::new(NoteKind::Encryption, name, at(field), message).with_advice(advice));
        Ok(())
    }

    fn start_tls(&self, key: &dyn Fn(&str) -> String, fields: &mut Fields) -> Result<()> {
        let (name, field) = (key("starttls.enable"), self.names.start_tls);
        match self.start_tls {
            Some(true) => {
                if let port @ ("465" | "993" | "995") = self.port.trim() {
                    let message = format!("port {port} is encrypted from the start, without STARTTLS");
                    fields.note(name.clone(), field, message);
                }
                fields.set(name, "true", field)
            }
            // Off beside a secure flag says nothing of its own.
            Some(false) if self.secure.is_none() => fields.set(name, "false", field),
            _ => Ok(()),
        }
    }
}

fn at(field: &str) -> String {
    format!("form: {field}")
}

fn fault(message: String) -> Error {
    Error::new(ErrorKind::Configuration, Phase::Configure, message)
}

/// What Debug shows of additional properties: any of their lines may hold a secret.
pub(super) fn lines(additional: &str) -> impl std::fmt::Debug {
    format!("{} lines", additional.lines().count())
}

/// A port as pages send it: a number, a text or nothing. What it is worth is found out where it is used, with an
/// error that names the field.
pub(super) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Port {
        Number(i64),
        Text(String),
        Nothing,
    }
    Ok(match Port::deserialize(deserializer)? {
        Port::Number(number) => number.to_string(),
        Port::Text(text) => text,
        Port::Nothing => String::new(),
    })
}
