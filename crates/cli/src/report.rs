//! Outcomes as rows of a table and as JSON.

use crate::exit::Failure;
use crate::output::clean;
use postrider::{RecipientOutcome, Reply, Verdict};
use serde::Serialize;
use serde_json::{Value, json};

/// The columns of [`rows`].
pub(crate) const HEADINGS: &[&str] = &["RECIPIENT", "RESULT", "THE SERVER SAID"];

/// One row per recipient.
pub(crate) fn rows(recipients: &[RecipientOutcome]) -> Vec<Vec<String>> {
    let row = |outcome: &RecipientOutcome| {
        let said = match (&outcome.verdict, outcome.verdict.reply()) {
            // Not the server but a rule of the sender's own settings.
            (Verdict::Suppressed(rule), _) => format!("(a sending rule: {})", clean(rule)),
            (_, Some(reply)) => clean(&reply.to_string()),
            (_, None) => "-".to_owned(),
        };
        vec![clean(outcome.address.as_str()), result(&outcome.verdict).to_owned(), said]
    };
    recipients.iter().map(row).collect()
}

/// One recipient for a machine.
#[derive(Serialize)]
struct Recipient<'a> {
    address: &'a str,
    result: String,
    reply: Option<&'a Reply>,
    /// The sending rule that left the recipient out.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    /// The address that got the message instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    instead: Option<&'a str>,
}

/// All recipients for a machine.
pub(crate) fn recipients(recipients: &[RecipientOutcome]) -> Value {
    let one = |r: &RecipientOutcome| {
        json!(Recipient {
            address: r.address.as_str(),
            result: result(&r.verdict).replace(' ', "-"),
            reply: r.verdict.reply(),
            rule: if let Verdict::Suppressed(rule) = &r.verdict { Some(rule) } else { None },
            instead: r.instead.as_ref().map(|a| a.as_str())
        })
    };
    recipients.iter().map(one).collect()
}

/// A failure for a machine, whatever the command was.
pub(crate) fn failure(failure: &Failure) -> Value {
    let mut value = json!({ "code": failure.code.number(), "message": failure.message });
    if let (Some(error), Some(fields)) = (&failure.error, value.as_object_mut()) {
        fields.insert("kind".into(), json!(error.kind()));
        fields.insert("phase".into(), json!(error.phase()));
        fields.insert("outcome".into(), json!(error.outcome()));
        fields.insert("repeat".into(), json!(error.repeat()));
        fields.insert("reply".into(), json!(error.reply()));
        fields.insert("property".into(), json!(error.property().map(|(key, _)| key)));
        fields.insert("advice".into(), json!(error.advice()));
        fields.insert("recipients".into(), recipients(error.recipients()));
    }
    json!({ "error": value })
}

fn result(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted(_) => "accepted",
        Verdict::Refused(_) => "refused",
        Verdict::Deferred(_) => "deferred",
        Verdict::Suppressed(_) => "suppressed",
        Verdict::Unsure => "unsure",
        _ => "not sent",
    }
}
