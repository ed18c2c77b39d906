//! What the keys of a portal mean here.
//!
//! A portal keeps Jakarta Mail's keys behind `mail.session.` among thousands of its own, and has some of its own
//! about mail. The first are taken over, the others that are about mail are told of one by one, and what is not
//! about mail is none of our business.

use postrider_core::java_properties::JavaEntry;
use postrider_core::{Error, Layer, LayerKind, Note, NoteKind};
use std::collections::BTreeMap;

const SESSION: &str = "mail.session.";
const ADDITIONAL: &str = "mail.session.mail.advanced.properties";
/// Says that the portal's form was saved, in every file of every portal. It sets nothing.
const SAVED: &str = "mail.session.mail";
const BATCH: &str = "mail.batch.size";

/// The portal's own keys that have a counterpart.
const COUNTERPARTS: &[(&str, &str)] = &[
    ("mail.session.jndi.name", "mail.session.name"),
    ("admin.email.from.address", "mail.from"),
    ("admin.email.from.name", "mail.from.name"),
    ("mail.audit.trail", "mail.send.audit"),
    ("mail.send.blacklist", "mail.send.blockedrecipients"),
    (BATCH, "mail.send.recipientspertransaction"),
];

/// Those about mail that have none: exact, or with a dot at the end all that begin so.
const UNUSED: &[(&str, &str)] = &[
    ("mail.throws.exception.on.failure", "a failure is always reported here"),
    ("mail.mx.update", "it is about the portal's own pages"),
    ("mail.hook.", "it is about the portal's own extensions"),
    ("pop.server.notifications.enabled", "a program takes messages where it asks for its inbox"),
    ("pop.server.notifications.interval", "how often messages are taken is up to the program"),
    ("pop.server.subdomain", "which address a reply goes to is up to the program"),
    ("data.limit.mail.message.max.", "how many messages may be sent is up to the program"),
];

/// Turns a portal's entries, given in the order in which they count, into layers.
pub(super) struct PortalLayers {
    settings: Layer,
    additional: Option<Layer>,
    // Where a key that came behind `mail.session.` was set, to tell it from one that came bare.
    session: BTreeMap<String, String>,
}

impl PortalLayers {
    pub(super) fn new(kind: LayerKind, name: &str) -> Self {
        Self { settings: Layer::new(kind, name), additional: None, session: BTreeMap::new() }
    }

    pub(super) fn note(&mut self, note: Note) {
        self.settings.add_note(note);
    }

    /// Takes one entry. Gives the mistakes in additional properties.
    pub(super) fn take(&mut self, entry: &JavaEntry, position: &str) -> Vec<Error> {
        let key = entry.key.as_str();
        if key == SAVED {
            return Vec::new();
        }
        if key == ADDITIONAL {
            let name = format!("{position}, additional properties");
            let (layer, mistakes) = Layer::parse_all(LayerKind::Overrides, &name, entry.value.expose());
            self.additional = Some(layer);
            return mistakes;
        } else if let Some((_, ours)) = COUNTERPARTS.iter().find(|(theirs, _)| *theirs == key) {
            // A batch of 0 is the portal's word for no limit.
            let unlimited = key == BATCH && entry.trimmed().trim() == "0";
            if let Some(other) = self.session.get(*ours) {
                let message = format!("it is not used: {SESSION}{ours} at {other} counts");
                self.note(Note::new(NoteKind::NotUsed, key, position, message));
            } else if !unlimited {
                self.set(ours, entry, position);
            }
        } else if let Some((_, why)) = UNUSED
            .iter()
            .find(|(unused, _)| key == *unused || (unused.ends_with('.') && key.starts_with(unused)))
        {
            self.note(Note::new(NoteKind::NotUsed, key, position, format!("it is not used: {why}")));
        } else if let Some(name) = key.strip_prefix(SESSION) {
            // What is not `mail.…` behind the prefix keeps it, so that the check for unknown keys finds it.
            let ours = if name.starts_with("mail.") { name } else { key };
            self.session.insert(ours.to_owned(), position.to_owned());
            self.set(ours, entry, position);
        } else if key.starts_with("mail.") {
            self.take_bare(entry, position);
        }
        Vec::new()
    }

    fn take_bare(&mut self, entry: &JavaEntry, position: &str) {
        let key = entry.key.as_str();
        let note = |message: String| Note::new(NoteKind::NotUsed, key, position, message);
        if let Some(other) = self.session.get(key) {
            let message = format!("it is not used: mail.session.{key} at {other} counts");
            self.note(note(message).with_advice("delete it"));
            return;
        }
        self.note(
            note("a portal does not read it; here it counts".to_owned())
                .with_advice(format!("write mail.session.{key} for both")),
        );
        self.set(key, entry, position);
    }

    fn set(&mut self, key: &str, entry: &JavaEntry, position: &str) {
        if entry.value.expose().contains("${") {
            let message = "${…} in it is taken as it stands; nothing is put in its place";
            self.note(Note::new(NoteKind::Literal, entry.key.as_str(), position, message));
        }
        self.settings.set_java(key, entry, position);
    }

    /// The settings, and the additional properties if there are any.
    pub(super) fn into_layers(mut self) -> Vec<Layer> {
        let incoming = self.settings.keys().any(|key| {
            key.strip_prefix("mail.pop3").is_some_and(|k| k.starts_with('.') || k.starts_with("s."))
        });
        if incoming && self.settings.position("mail.store.protocol").is_none() {
            self.settings.set_at("mail.store.protocol", "pop3", "the portal's default");
        }
        std::iter::once(self.settings).chain(self.additional).collect()
    }
}
