//! Takes replies out of an inbox by POP3 or IMAP and deletes each once it has been handled.
//!
//! ```console
//! $ cargo run -p take-replies -- settings.toml replies.tsv          # until Ctrl-C
//! $ cargo run -p take-replies -- --once settings.toml replies.tsv   # until it has caught up
//! ```
//!
//! ```toml
//! # settings.toml
//! [mail]
//! store.protocol = "pop3" # or imap
//! pop3.host = "mail.example.org"
//! pop3.user = "replies@example.org"
//! pop3.password = "…"
//! ```
//!
//! The order is what matters, and it is always this one:
//!
//! 1. **list** and **receive**: a message is handled only when all of it is here;
//! 2. **handle** it and **write down its key** durably, in one step (`record.rs`);
//! 3. only then **settle** it on the server.
//!
//! Whatever breaks, in whatever line: before step 2 is done the message is still on the server and comes
//! again; after it the message may come again too, and then its key is on record and it is not handled
//! twice. The server delivers at least once, the record makes that once.

// A program for the command line speaks on stdout and stderr.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod record;

use mail_parser::MessageParser;
use postrider::{AccountFile, Inbox, MessageInfo, Query, Repeat, Session, Settle};
use record::{Record, Reply};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Longest wait for news before the mailbox is looked at again, news or not.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How long to leave a server alone that has failed.
const AFTER_A_FAILURE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--once", settings, record] => run(Path::new(settings), Path::new(record), true).await,
        [settings, record] if !settings.starts_with('-') => {
            run(Path::new(settings), Path::new(record), false).await
        }
        _ => Err("usage: take-replies [--once] SETTINGS RECORD".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: &Path, record: &Path, once: bool) -> Result<()> {
    let mut builder = Session::builder();
    for layer in AccountFile::load(settings)?.layers(None)? {
        builder = builder.layer(layer);
    }
    let mut inbox = builder.build()?.inbox()?;
    let mut record = Record::open(record)?;

    if once {
        catch_up(&mut inbox, &mut record).await?;
    } else {
        // Dropping the work half-way is safe at every await: it costs the connection, never a message.
        tokio::select! {
            outcome = keep_up(&mut inbox, &mut record) => outcome?,
            stopped = tokio::signal::ctrl_c() => stopped?,
        }
    }
    // Over POP3 this is what deletes; an error here says that the messages may come again.
    inbox.close().await?;
    Ok(())
}

/// Takes replies as they come. Ends only by an error that another try would not cure.
async fn keep_up(inbox: &mut Inbox, record: &mut Record) -> Result<()> {
    loop {
        let outcome = match catch_up(inbox, record).await {
            Ok(()) => inbox.wait(PATIENCE).await.map(drop).map_err(Into::into),
            Err(error) => Err(error),
        };
        let Err(error) = outcome else { continue };
        // A server that is away comes back; a wrong password or a full disk stays what it is.
        match error.downcast_ref::<postrider::Error>() {
            Some(mail) if mail.repeat() == Repeat::Safe => eprintln!("{mail}"),
            _ => return Err(error),
        }
        tokio::time::sleep(AFTER_A_FAILURE).await;
    }
}

/// Handles and settles everything that is there, a page at a time.
async fn catch_up(inbox: &mut Inbox, record: &mut Record) -> Result<()> {
    let mut query = Query::all().limit(100);
    loop {
        let page = inbox.list(&query).await?;
        let mut handled = Vec::new();
        for info in &page.messages {
            if take(inbox, record, info).await? {
                handled.push(info.id.clone());
            }
        }
        // All of them are on record by now. If this fails they come again, and are skipped.
        inbox.settle(&handled, &Settle::Delete).await?;
        match page.messages.last() {
            Some(last) if page.more => query = query.after(last.id.clone()),
            _ => return Ok(()),
        }
    }
}

/// Handles one message, unless that was done before; false if it must not be deleted.
async fn take(inbox: &mut Inbox, record: &mut Record, info: &MessageInfo) -> Result<bool> {
    if info.stable && record.has(info.id.as_str()) {
        return Ok(true);
    }
    let message = inbox.receive(&info.id).await?;
    let bytes = message.bytes()?;
    // A POP3 server without UIDL has no lasting keys: what the message says has to stand for it.
    let key = if info.stable { info.id.as_str().to_owned() } else { fingerprint(&bytes) };
    if record.has(&key) {
        return Ok(true);
    }
    let Some(reply) = read(&bytes) else {
        // Trying again would not help, and deleting it would lose it: a person has to look.
        eprintln!("left {}: it is no message that can be read", info.id);
        return Ok(false);
    };
    record.add(&key, &reply)?;
    println!("{} from {}: {}", info.id, reply.from, reply.subject);
    Ok(true)
}

fn fingerprint(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn read(bytes: &[u8]) -> Option<Reply> {
    let message = MessageParser::default().parse_headers(bytes)?;
    let from = message.from()?.first()?.address()?.to_owned();
    Some(Reply { from, subject: message.subject().unwrap_or_default().to_owned() })
}
