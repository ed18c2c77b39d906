//! Receiving over IMAP.

use crate::{Done, Result, receive, settings};
use bench_common::{Arguments, peak_kib};
use postrider::imap::{FACTORY, Imap, ImapConfig};
use postrider::{Host, IncomingTransport, MessageId, TokioHost};
use std::sync::Arc;

pub async fn run(given: &Arguments) -> Result<Done> {
    let host: Arc<dyn Host> = Arc::new(TokioHost::new());
    let Some(folders) = given.given("folders") else {
        return one(given, &given.text("folder", "INBOX"), &host).await;
    };
    let mut sum = Done::default();
    for i in 0..folders.parse::<u32>()? {
        let done = one(given, &format!("b{i:02}"), &host).await?;
        sum.messages += done.messages;
        sum.bytes += done.bytes;
    }
    Ok(sum)
}

async fn one(given: &Arguments, folder: &str, host: &Arc<dyn Host>) -> Result<Done> {
    let lines = settings::lines(given, "imap")? + &format!("\nmail.imap.folder={folder}\n");
    let config = ImapConfig::read(&settings::scoped(&lines, "imap", &FACTORY)?)?;
    let mut imap = Box::new(Imap::new(config, Arc::clone(host)));
    let messages = given.number("messages", 1000);
    if messages == 0 {
        imap.connect().await?;
        imap.close().await?;
        return Ok(Done::default());
    }
    let ids = match given.text("ids", "list").as_str() {
        "list" => receive::keys(imap.as_mut(), messages).await?,
        "made" => {
            // As many in each of two runs that are compared: making them is not fetching.
            let mut ids = made(imap.as_mut(), given.number("made", messages)).await?;
            ids.truncate(messages as usize);
            ids
        }
        other => return Err(format!("--ids list|made, not {other}").into()),
    };
    let idle_kib = peak_kib();
    let done = receive::bodies(imap.as_mut(), &ids).await?;
    imap.close().await?;
    Ok(Done { idle_kib, ..done })
}

/// Keys as a program has them that listed the mailbox some other time: the mailbox's UIDs go up one by one from that of
/// its first message.
async fn made(imap: &mut dyn IncomingTransport, messages: u64) -> Result<Vec<MessageId>> {
    let first = receive::keys(imap, 1).await?.pop().ok_or("the mailbox is empty")?;
    let [account, mailbox, validity, uid] = first.parts::<4>("imap")?;
    let uid: u64 = uid.parse()?;
    Ok((uid..uid + messages)
        .map(|uid| MessageId::new("imap", [&*account, &*mailbox, &*validity, &uid.to_string()]))
        .collect())
}
