//! The steps in which mail goes out.

use super::narrator::Narrator;
use super::post_office::{ALICE, BOB, NOBODY, PostOffice};
use crate::compose::random_word;
use crate::exit::{Code, Failure};
use crate::output::{count, size};
use crate::report;
use postrider::message::{Message, header};
use postrider::{Body, Envelope, Receipt};

/// Alice sends Bob a message; returns its bytes.
pub(crate) async fn write_to_bob(office: &PostOffice, say: &mut Narrator<'_>) -> Result<Vec<u8>, Failure> {
    let message = message(
        "Lunch?",
        "Hello Bob,\r\n\r\nlunch at noon?\r\n\r\n. <- a dot at the start of a line, which SMTP and POP3 must escape\r\n\r\nAlice\r\n",
    )?;
    let (receipt, bytes) = send(office, &message, &[BOB], &[]).await?;
    let Some(user) = office.last_sender() else {
        return Err(Failure::new(
            Code::Software,
            "the message should have come through TLS from somebody known",
        ));
    };
    say.say(format!(
        "The transport \"smtp\" opened TLS, signed in as {user} and handed {} over.",
        size(bytes.len() as u64)
    ))?;
    tell(say, &receipt)?;
    Ok(bytes)
}

/// Alice sends to Bob and to an address that does not exist.
pub(crate) async fn write_to_nobody(office: &PostOffice, say: &mut Narrator<'_>) -> Result<(), Failure> {
    let message = message("To both of you", "Who of you gets this?\r\n")?;
    // Without this, one refused recipient would stop the message for all.
    let partial = [("mail.smtp.sendpartial", "true")];
    let (receipt, _) = send(office, &message, &[BOB, NOBODY], &partial).await?;
    if receipt.failures().count() != 1 {
        return Err(Failure::new(Code::Software, "the server should have refused exactly one recipient"));
    }
    say.say("With mail.smtp.sendpartial=true the message goes to whoever is accepted. The report:")?;
    say.data("recipients", report::recipients(&receipt.recipients));
    say.table(report::HEADINGS, report::rows(&receipt.recipients))?;
    let failed = receipt.failures().count();
    say.say(format!(
        "Nothing is guessed: {} refused, for good (5xx), in the server's own words.",
        count(failed, "recipient")
    ))
}

/// A message of Alice's.
pub(crate) fn message(subject: &str, text: &str) -> Result<Message, Failure> {
    let mailbox = |text: &str| {
        text.parse()
            .map_err(|e| Failure::new(Code::Software, format!("the demo's own address is wrong: {e}")))
    };
    Message::builder()
        .from(mailbox(&format!("Alice <{ALICE}>"))?)
        .to(mailbox(&format!("Bob <{BOB}>"))?)
        .subject(subject)
        .message_id(Some(format!("<{}@example.test>", random_word()?)))
        .header(header::ContentType::TEXT_PLAIN)
        .body(text.to_owned())
        .map_err(|e| Failure::new(Code::Software, format!("the demo's own message can't be built: {e}")))
}

/// Sends it through a session of Alice's; returns what went over the wire too.
pub(crate) async fn send(
    office: &PostOffice,
    message: &Message,
    to: &[&str],
    more: &[(&str, &str)],
) -> Result<(Receipt, Vec<u8>), Failure> {
    let mailer = office.session(ALICE, "imap", more)?.mailer()?;
    let bytes = message.formatted();
    let envelope = Envelope::parse(Some(ALICE), to.iter().copied())?;
    let receipt = mailer.send(&envelope, Body::from_bytes(bytes.clone())).await?;
    mailer.close().await;
    Ok((receipt, bytes))
}

/// Says what the server said.
pub(crate) fn tell(say: &mut Narrator<'_>, receipt: &Receipt) -> Result<(), Failure> {
    say.say(format!("The server took it: {}", receipt.reply))?;
    say.data("reply", &receipt.reply);
    say.data("recipients", report::recipients(&receipt.recipients));
    Ok(())
}
