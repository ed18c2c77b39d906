//! Takes replies out of an inbox into a database, each exactly once, whatever is killed in between.
//!
//! ```console
//! $ cargo run -p watched-inbox -- settings.toml app.db      # until Ctrl-C
//! $ sqlite3 app.db 'SELECT * FROM reply'
//! ```
//!
//! ```toml
//! # settings.toml
//! [mail]
//! store.protocol = "imap" # or pop3
//! imap.host = "mail.example.org"
//! imap.user = "replies@example.org"
//! imap.password = "…"
//! watch.settle = "delete"
//! ```
//!
//! The ledger is in the app's own database. The handler does its work and writes the key down in one transaction: if
//! the key is there already, another process was faster, and nothing is done.

// A program for the command line speaks on stderr.
#![allow(clippy::print_stderr)]

use postrider::ledger::sqlite::{record_in, rusqlite::Connection};
use postrider::ledger::{Recorded, SqliteLedger};
use postrider::{AccountFile, Answer, Arrival, Handler, HandlerError, Session, Watch, async_trait};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The app's own database.
struct Replies(Mutex<Connection>);

#[async_trait]
impl Handler for Replies {
    async fn handle(&self, arrival: Arrival) -> Result<Answer, HandlerError> {
        // Whoever answers such mail by a program makes loops.
        if arrival.marks().is_not_to_be_answered() {
            return Ok(Answer::Refuse("no reply of a person".into()));
        }
        let header = arrival.headers()?;
        let from = header.from().and_then(|from| from.first()).and_then(|from| from.address());
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction()?;
        let reply = (from, header.subject(), arrival.bytes()?.to_vec());
        transaction.execute("INSERT INTO reply VALUES (?1, ?2, ?3)", reply)?;
        if record_in(&transaction, arrival.key())? == Recorded::New {
            transaction.commit()?;
        }
        Ok(Answer::Done)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(settings), Some(database)) = (arguments.next(), arguments.next()) else {
        return Err("usage: watched-inbox SETTINGS.toml DATABASE".into());
    };
    let session = Session::builder()
        .layers(AccountFile::load(std::path::Path::new(&settings))?.layers(None)?)
        .build()?;
    let ledger = Arc::new(SqliteLedger::open(&database)?);
    let connection = Connection::open(&database)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS reply (sender TEXT, subject TEXT, message BLOB NOT NULL)",
    )?;

    let watch = Watch::new(&session, ledger, Replies(Mutex::new(connection)))?;
    let handle = watch.handle();
    let status = async {
        let mut told = handle.status();
        loop {
            told = handle.when(|status| *status != told).await;
            eprintln!("{} ({} handled)", told.health, told.counts.handled);
        }
    };
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
        handle.stop();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = watch.run() => Ok(ended?),
        () = status => Ok(()),
        () = stop => Ok(()),
    }
}
