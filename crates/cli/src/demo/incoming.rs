//! The steps in which mail comes in.

use super::narrator::Narrator;
use super::outgoing::{message, send};
use super::post_office::{BOB, PostOffice};
use crate::exit::{Code, Failure};
use crate::headline::Head;
use crate::output::{count, size};
use postrider::{Inbox, MessageInfo, Query, Settle, Wake};
use std::time::Duration;

/// The message is under way when the wait begins: it never takes this long.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Bob fetches over POP3 what Alice `sent`, and deletes it.
pub(crate) async fn collect(office: &PostOffice, say: &mut Narrator<'_>, sent: &[u8]) -> Result<(), Failure> {
    let session = office.session(BOB, "pop3", &[])?;
    let mut inbox = session.inbox()?;
    let waiting = inbox.list(&Query::all()).await?.messages;
    say.say(format!(
        "The transport \"pop3\" signed in as {BOB}: {} in the mailbox.",
        count(waiting.len(), "message")
    ))?;
    let info = only(&waiting)?;
    show(&mut inbox, say, info, sent).await?;
    inbox.settle(std::slice::from_ref(&info.id), &Settle::Delete).await?;
    inbox.close().await?;
    say.say("Only now, with the message safely here, Bob deletes it; POP3 does that when it says QUIT.")?;

    let mut inbox = session.inbox()?;
    let left = inbox.list(&Query::all()).await?.messages.len();
    inbox.close().await?;
    if left != 0 {
        return Err(Failure::new(Code::Software, format!("{} left after deleting", count(left, "message"))));
    }
    say.say("A second look: 0 messages in the mailbox.")?;
    say.data("left", left);
    Ok(())
}

/// Bob waits over IMAP while Alice sends, and fetches what woke him.
pub(crate) async fn listen(office: &PostOffice, say: &mut Narrator<'_>) -> Result<(), Failure> {
    let mut inbox = office.session(BOB, "imap", &[])?.inbox()?;
    let before = inbox.list(&Query::all()).await?.messages.len();
    say.say(format!(
        "The transport \"imap\" signed in as {BOB}: {} in the mailbox. Bob waits (IDLE).",
        count(before, "message")
    ))?;
    let message = message("Lunch!", "Hello again, Bob: noon it is.\r\n\r\nAlice\r\n")?;
    // Bob's connection stands, so IDLE is said before Alice has even dialled.
    let (wake, sent) = tokio::join!(inbox.wait(LONGEST_WAIT), send(office, &message, &[BOB], &[]));
    let (receipt, sent) = sent?;
    super::outgoing::tell(say, &receipt)?;
    if wake? != Wake::News {
        return Err(Failure::new(Code::Software, "the server never told Bob of his new message"));
    }
    say.say("The server woke Bob at once; nobody had to ask again and again.")?;
    let waiting = inbox.list(&Query::unseen()).await?.messages;
    let info = only(&waiting)?;
    show(&mut inbox, say, info, &sent).await?;
    inbox.settle(std::slice::from_ref(&info.id), &Settle::Seen).await?;
    let unseen = inbox.list(&Query::unseen()).await?.messages.len();
    inbox.close().await?;
    if unseen != 0 {
        return Err(Failure::new(
            Code::Software,
            format!("{} unseen after marking", count(unseen, "message")),
        ));
    }
    say.say("Bob keeps this one and marks it as seen.")
}

/// Fetches a message, shows it, and holds it against what was sent.
async fn show(
    inbox: &mut Inbox,
    say: &mut Narrator<'_>,
    info: &MessageInfo,
    sent: &[u8],
) -> Result<(), Failure> {
    let message = inbox.receive(&info.id).await?.bytes()?;
    let mut head = Head::default();
    head.add(&message);
    let headline = head.headline();
    let (from, subject) = (headline.from.unwrap_or_default(), headline.subject.unwrap_or_default());
    say.say(format!("From: {from}   Subject: {subject}"))?;
    if message != sent {
        return Err(Failure::new(Code::Software, "the message that came in is not the one that went out"));
    }
    say.say(format!(
        "{}, exactly those that Alice sent. Its lasting key: {}",
        size(message.len() as u64),
        info.id
    ))?;
    say.data("key", &info.id);
    say.data("bytes", message.len());
    say.data("subject", subject);
    Ok(())
}

fn only(messages: &[MessageInfo]) -> Result<&MessageInfo, Failure> {
    match messages {
        [one] => Ok(one),
        others => {
            let found = count(others.len(), "message");
            Err(Failure::new(Code::Software, format!("one message was expected, and there are {found}")))
        }
    }
}
