//! The form for what holds for a whole system: rules for sending, and a lent session.

use super::side;
use postrider_core::{Layer, LayerKind, Note, NoteKind};
use serde::{Deserialize, Deserializer, Serialize};

/// The part of a portal's settings that there is once for all instances, with its names when serialised. Beside it
/// stands a [`ProtocolForm`](super::ProtocolForm) for the servers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SystemForm {
    /// Addresses that get a copy of everything: `mail.send.audit`.
    #[serde(deserialize_with = "list")]
    pub audit_trail: String,
    /// Most recipients of one transaction, 0 or empty for no limit: `mail.send.recipientspertransaction`.
    #[serde(deserialize_with = "side::port")]
    pub batch_size: String,
    /// Name of a lent session: `mail.session.name`.
    pub jndi_name: String,
    /// Part of the addresses that replies go to: for the program to heed. It is no property.
    pub pop_server_subdomain: String,
    /// Addresses that nothing is sent to: `mail.send.blockedrecipients`.
    #[serde(deserialize_with = "list")]
    pub send_blacklist: String,
    /// Whether a failure reaches the caller. It always does here.
    pub throws_exception_on_failure: bool,
}

impl SystemForm {
    /// The form as a layer; positions are the fields' names (`form: sendBlacklist`).
    pub fn layer(&self, kind: LayerKind) -> Layer {
        let mut layer = Layer::new(kind, "form");
        let batch = Some(self.batch_size.trim()).filter(|size| *size != "0").unwrap_or_default();
        let fields = [
            ("mail.send.audit", self.audit_trail.as_str(), "auditTrail"),
            ("mail.send.recipientspertransaction", batch, "batchSize"),
            ("mail.session.name", self.jndi_name.as_str(), "jndiName"),
            ("mail.send.blockedrecipients", self.send_blacklist.as_str(), "sendBlacklist"),
        ];
        for (key, text, field) in fields {
            // A portal writes lists with bars.
            let text = text.replace('|', " ");
            if !text.trim().is_empty() {
                layer.set_at(key, text.trim(), format!("form: {field}"));
            }
        }
        let unused = [
            (
                !self.pop_server_subdomain.trim().is_empty(),
                "popServerSubdomain",
                "which address a reply goes to is up to the program",
            ),
            (
                self.throws_exception_on_failure,
                "throwsExceptionOnFailure",
                "a failure is always reported here",
            ),
        ];
        for (_, field, why) in unused.into_iter().filter(|(set, ..)| *set) {
            let message = format!("it is not used: {why}");
            layer.add_note(Note::new(NoteKind::NotUsed, field, format!("form: {field}"), message));
        }
        layer
    }
}

/// A text or a list of texts.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List {
        One(String),
        Many(Vec<String>),
    }
    Ok(match List::deserialize(deserializer)? {
        List::One(text) => text,
        List::Many(texts) => texts.join(" "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::Properties;

    #[test]
    fn a_portals_system_settings_are_sending_rules_and_what_is_not_used_is_noted() {
        let form: SystemForm = serde_json::from_str(
            r#"{"auditTrail": "audit@example.org", "batchSize": 50, "jndiName": "mail/MailSession",
                "popServerSubdomain": "events", "sendBlacklist": ["a@example.org", "b@example.org | c@example.org"],
                "throwsExceptionOnFailure": true}"#,
        )
        .unwrap();
        let layer = form.layer(LayerKind::System);
        let all = Properties::new([layer.clone()])
            .explain()
            .into_iter()
            .filter_map(|e| Some(format!("{}={} {}", e.key, e.value, e.origin?)));
        assert_eq!(
            all.collect::<Vec<_>>(),
            [
                "mail.send.audit=audit@example.org form: auditTrail (system)",
                "mail.send.blockedrecipients=a@example.org b@example.org   c@example.org form: sendBlacklist (system)",
                "mail.send.recipientspertransaction=50 form: batchSize (system)",
                "mail.session.name=mail/MailSession form: jndiName (system)",
            ]
        );
        let notes: Vec<String> = layer.notes().iter().map(|note| note.position.clone()).collect();
        assert_eq!(notes, ["form: popServerSubdomain", "form: throwsExceptionOnFailure"]);
    }

    #[test]
    fn an_empty_form_sets_nothing_and_a_batch_of_nought_is_no_limit() {
        let form: SystemForm = serde_json::from_str(r#"{"batchSize": "0", "sendBlacklist": ""}"#).unwrap();
        assert_eq!(form.layer(LayerKind::System).keys().count(), 0);
    }
}
