//! A message goes in.

use super::sql::{Sql, Value};
use super::{Letter, LetterId, State};
use postrider_core::{Error, ErrorKind, Notify, Phase, Recipient, Result, ReturnContent};

/// Writes a message and its recipients.
pub(super) async fn put<D: Sql>(db: &D, letter: &Letter) -> Result<LetterId> {
    let now = db.now().await?;
    let envelope = letter.envelope();
    let values = [
        now.into(),
        letter.expiry().map(|d| now.saturating_add(Value::ms(d))).into(),
        envelope.from.as_ref().map(|a| a.as_str()).into(),
        envelope.id.as_deref().into(),
        envelope.returned.map(returned_text).into(),
        letter.message_id().into(),
        i64::try_from(letter.message().len()).unwrap_or(i64::MAX).into(),
    ];
    let sql = "INSERT INTO postrider_outbox_message (enqueued, expires, sender, envid, ret, message_id, size, next) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?1) RETURNING id";
    let rows = db.query(sql, &values).await?;
    let id = rows.first().ok_or_else(unnumbered)?.int(0)?;
    let sql = "INSERT INTO postrider_outbox_body (message, bytes) VALUES (?1, ?2)";
    db.run(sql, &[id.into(), Value::Blob(letter.message().to_vec())]).await?;
    let sql = "INSERT INTO postrider_outbox_recipient \
               (message, n, address, notify, original, state, tries, due, changed) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?7)";
    for (n, recipient) in (0i64..).zip(&envelope.to) {
        let values = [
            id.into(),
            n.into(),
            recipient.address.as_str().into(),
            recipient.notify.map(notify_text).as_ref().into(),
            recipient.original.as_ref().map(|a| a.as_str()).into(),
            State::Queued.name().into(),
            now.into(),
        ];
        db.run(sql, &values).await?;
    }
    Ok(LetterId(id))
}

/// RET of RFC 3461 as text.
fn returned_text(returned: ReturnContent) -> &'static str {
    match returned {
        ReturnContent::Full => "full",
        _ => "headers",
    }
}

/// And back.
pub(super) fn returned(text: &str) -> ReturnContent {
    if text == "full" { ReturnContent::Full } else { ReturnContent::Headers }
}

/// NOTIFY of RFC 3461 as text.
fn notify_text(notify: Notify) -> String {
    let Notify::On { success, failure, delay } = notify else { return "never".into() };
    let words = [(success, "success"), (failure, "failure"), (delay, "delay")];
    words.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect::<Vec<_>>().join(",")
}

/// A recipient from what was written.
pub(super) fn recipient(
    address: String,
    notify: Option<String>,
    original: Option<String>,
) -> Result<Recipient> {
    let mut recipient = Recipient::new(postrider_core::Address::new(address)?);
    recipient.notify = notify.map(|text| {
        let has = |word| text.split(',').any(|w| w == word);
        if text == "never" {
            return Notify::Never;
        }
        Notify::On { success: has("success"), failure: has("failure"), delay: has("delay") }
    });
    recipient.original = original.map(postrider_core::Address::new).transpose()?;
    Ok(recipient)
}

fn unnumbered() -> Error {
    Error::new(ErrorKind::Protocol, Phase::Append, "the database gave the message no number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_for_reports_come_back_as_they_were() {
        let mut wishes = vec![None, Some(Notify::Never)];
        for n in 0..8 {
            wishes.push(Some(Notify::On { success: n & 1 > 0, failure: n & 2 > 0, delay: n & 4 > 0 }));
        }
        for notify in wishes {
            let back = recipient("a@b".into(), notify.map(notify_text), Some("c@d".into())).unwrap();
            assert_eq!((back.notify, back.original.unwrap().as_str()), (notify, "c@d"));
        }
        assert_eq!(returned(returned_text(ReturnContent::Full)), ReturnContent::Full);
        assert_eq!(returned(returned_text(ReturnContent::Headers)), ReturnContent::Headers);
    }
}
