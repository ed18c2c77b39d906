//! Passes on every message of an IMAP mailbox to an address by SMTP, in constant memory: a message of
//! 100 MiB takes no more of it than one of 100 bytes.
//!
//! ```console
//! $ cargo run --release -p relay -- settings.toml you@example.org
//! passed on imap:me@imap.example.org/INBOX/1/7: 250 2.0.0 Ok: queued as 4XyZ
//! ```
//!
//! ```toml
//! # settings.toml
//! [mail]
//! from = "me@example.org"
//! store.protocol = "imap"
//! imap.host = "imap.example.org"
//! imap.user = "me@example.org"
//! imap.password = "…"
//! imap.maxsize = "200MiB" # the default is 50 MiB
//! smtp.host = "smtp.example.org"
//! smtp.user = "me@example.org"
//! smtp.password = "…"
//! ```
//!
//! What has been passed on is deleted from the mailbox. Stopped at any moment, it leaves every message in
//! one of two states: still in the mailbox, or accepted by the SMTP server. Between the server's acceptance
//! and the deletion lies a moment in which both hold; a crash just there passes the message on once more
//! at the next start. A program that can't have that writes down the key first, as `take-replies` does.

// A program for the command line speaks on stdout and stderr.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use postrider::{
    AccountFile, Address, Error, ErrorKind, Inbox, Mailer, MessageInfo, Phase, Query, Receipt, Result,
    Session, Settle,
};
use std::path::Path;
use std::process::ExitCode;

// Reading and writing take turns: one thread, and no buffer between two.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [settings, to] = arguments.as_slice() else {
        eprintln!("usage: relay SETTINGS TO");
        return ExitCode::from(64);
    };
    match relay(Path::new(settings), to).await {
        Ok(left) => ExitCode::from(u8::from(left > 0)),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Passes on what is there, and tells how many messages had to be left.
async fn relay(settings: &Path, to: &str) -> Result<usize> {
    let mut builder = Session::builder();
    for layer in AccountFile::load(settings)?.layers(None)? {
        builder = builder.layer(layer);
    }
    let session = builder.build()?;
    let to = Address::new(to)?;
    let (mut inbox, mailer) = (session.inbox()?, session.mailer()?);

    let mut left = 0;
    let mut query = Query::all();
    loop {
        // A page at a time: a mailbox of a million messages is not held in memory either.
        let page = inbox.list(&query).await?;
        for info in &page.messages {
            if !pass_on(&mut inbox, &mailer, &to, info).await? {
                left += 1;
            }
        }
        match page.messages.last() {
            Some(last) if page.more => query = query.after(last.id.clone()),
            _ => break,
        }
    }
    mailer.close().await;
    inbox.close().await?;
    Ok(left)
}

/// Passes on one message; false if it has to stay. An error stops the whole run: another message would fare
/// no better.
async fn pass_on(inbox: &mut Inbox, mailer: &Mailer, to: &Address, info: &MessageInfo) -> Result<bool> {
    match copy(inbox, mailer, to, info).await {
        Ok(receipt) => {
            println!("passed on {}: {}", info.id, receipt.reply);
            inbox.settle(std::slice::from_ref(&info.id), &Settle::Delete).await?;
            Ok(true)
        }
        Err(error) if is_about_the_message(&error) => {
            eprintln!("left {}: {error}", info.id);
            Ok(false)
        }
        // NotSent: the next start begins with it. Unsure: it may have been accepted, and whoever starts this
        // again should look first; the error says so.
        Err(error) => {
            eprintln!("stopped at {}", info.id);
            Err(error)
        }
    }
}

/// Nothing is read ahead: a piece of the body is fetched when the one before has gone out. If either
/// connection fails in between, the end of data is never sent, and so nothing half is delivered.
async fn copy(inbox: &mut Inbox, mailer: &Mailer, to: &Address, info: &MessageInfo) -> Result<Receipt> {
    let envelope = mailer.envelope([to.clone()])?;
    let body = inbox.fetch(&info.id).await?;
    mailer.send(&envelope, body).await
}

/// Refused, too large, gone in the meantime: other messages need not be.
fn is_about_the_message(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Limit | ErrorKind::Unsupported | ErrorKind::NotFound => true,
        // The same words in a greeting or while signing in are about us.
        ErrorKind::Rejected | ErrorKind::Deferred => {
            (Phase::Sender..=Phase::EndOfData).contains(&error.phase())
        }
        _ => false,
    }
}
