//! A host app for the tests of guarantees: handles what comes into a mailbox, and can be killed anywhere.
//!
//! `watched-host SETTINGS LEDGER WORK MODE`: the properties are in the file SETTINGS; MODE says where the work is written
//! down: `transaction`, with the key in one transaction of SQLite, in the ledger's own file; or `file`, a line in the
//! file WORK, and the key in the ledger afterwards; or `postgres`, with the key in one transaction of the database of
//! the URL LEDGER, in the table WORK. It ends when the mailbox is handled, or never with
//! `HOST_STAYS=1`.
//!
//! `HOST_ENDS_AT=recorded:3` kills it at the third message that is written down; `fetched`, `handing` (in the handler,
//! before the work), `working` (in the handler, after it and before its commit), `answered`, `settled` are the others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use postrider::ledger::postgres::tokio_postgres;
use postrider::ledger::sqlite::{record_in, rusqlite};
use postrider::ledger::{PostgresLedger, Recorded, SqliteLedger, postgres};
use postrider::{Answer, Arrival, Event, Handler, HandlerError, Health, Session, Watch, async_trait};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [settings, ledger, work, mode] = arguments.as_slice() else { panic!("SETTINGS LEDGER WORK MODE") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let text = std::fs::read_to_string(settings).unwrap();
        let session = Session::builder().overrides(&text).unwrap().build().unwrap();
        let end = Arc::new(End::from_environment());
        let watch = match mode.as_str() {
            "transaction" => {
                let opened = Arc::new(SqliteLedger::open(ledger).unwrap());
                let connection = rusqlite::Connection::open(ledger).unwrap();
                connection.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
                connection.execute_batch("CREATE TABLE IF NOT EXISTS work (what TEXT NOT NULL)").unwrap();
                Watch::new(&session, opened, InTransaction(Mutex::new(connection), Arc::clone(&end)))
            }
            "file" => {
                let opened = Arc::new(SqliteLedger::open(ledger).unwrap());
                Watch::new(&session, opened, in_file(work, &end))
            }
            "postgres" => {
                let opened = Arc::new(PostgresLedger::connect(ledger).await.unwrap());
                let handler = InPostgres::connect(ledger, work, Arc::clone(&end)).await;
                Watch::new(&session, opened, handler)
            }
            other => panic!("no mode {other}"),
        };
        let watch = watch.unwrap().observed(move |event| end.at(event));
        let handle = watch.handle();
        let stays = std::env::var_os("HOST_STAYS").is_some();
        let stop = async {
            // Looked through: what was retained and what fails is not there in these tests.
            handle.when(|status| status.health == Health::Idle && !stays).await;
            handle.stop();
        };
        let (ended, ()) = tokio::join!(watch.run(), stop);
        ended.unwrap();
        let status = handle.status();
        assert!(status.degraded.is_none(), "{status:?}");
    });
}

/// The subject, which tells the messages of a test apart.
fn subject(arrival: &Arrival) -> String {
    arrival.headers().unwrap().subject().unwrap().to_owned()
}

/// The work and the key are one transaction.
struct InTransaction(Mutex<rusqlite::Connection>, Arc<End>);

#[async_trait]
impl Handler for InTransaction {
    async fn handle(&self, arrival: Arrival) -> Result<Answer, HandlerError> {
        let mut connection = self.0.lock().unwrap();
        let transaction = connection.transaction()?;
        transaction.execute("INSERT INTO work VALUES (?1)", [subject(&arrival)])?;
        if record_in(&transaction, arrival.key())? == Recorded::Already {
            // Handled by another before: the work is not done again.
            transaction.rollback()?;
            return Ok(Answer::Done);
        }
        self.1.reached("working");
        transaction.commit()?;
        Ok(Answer::Done)
    }
}

/// The same in PostgreSQL.
struct InPostgres {
    client: tokio::sync::Mutex<tokio_postgres::Client>,
    insert: String,
    end: Arc<End>,
}

impl InPostgres {
    async fn connect(url: &str, table: &str, end: Arc<End>) -> Self {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let insert = format!("INSERT INTO {table} VALUES ($1)");
        Self { client: tokio::sync::Mutex::new(client), insert, end }
    }
}

#[async_trait]
impl Handler for InPostgres {
    async fn handle(&self, arrival: Arrival) -> Result<Answer, HandlerError> {
        let mut client = self.client.lock().await;
        let transaction = client.transaction().await?;
        transaction.execute(&self.insert, &[&subject(&arrival)]).await?;
        if postgres::record_in(&transaction, arrival.key()).await? == Recorded::Already {
            transaction.rollback().await?;
            return Ok(Answer::Done);
        }
        self.end.reached("working");
        transaction.commit().await?;
        Ok(Answer::Done)
    }
}

/// The work is a line in a file.
fn in_file(work: &str, end: &Arc<End>) -> impl Handler + 'static {
    let file = Mutex::new(OpenOptions::new().append(true).create(true).open(PathBuf::from(work)).unwrap());
    let end = Arc::clone(end);
    move |arrival: Arrival| {
        let line = format!("{}\n", subject(&arrival));
        let mut file: std::sync::MutexGuard<'_, File> = file.lock().unwrap();
        let written = file.write_all(line.as_bytes());
        end.reached("working");
        async move { Ok(written.map(|()| Answer::Done)?) }
    }
}

/// Where it is to end.
struct End(Option<(String, AtomicU32)>);

impl End {
    fn from_environment() -> Self {
        let place = std::env::var("HOST_ENDS_AT").ok();
        Self(place.map(|place| {
            let (name, count) = place.split_once(':').unwrap();
            (name.to_owned(), AtomicU32::new(count.parse().unwrap()))
        }))
    }

    fn at(&self, event: &Event<'_>) {
        match event {
            Event::Fetched(_) => self.reached("fetched"),
            Event::Handing(_) => self.reached("handing"),
            Event::Answered(_) => self.reached("answered"),
            Event::Recorded(_) => self.reached("recorded"),
            Event::Settled(..) => self.reached("settled"),
            Event::Trouble(why) if std::env::var_os("HOST_TELLS").is_some() => {
                let _ = writeln!(std::io::stderr(), "{why}");
            }
            _ => {}
        }
    }

    fn reached(&self, name: &str) {
        let Some((end, left)) = &self.0 else { return };
        if end == name && left.fetch_sub(1, Ordering::Relaxed) == 1 {
            let own = std::process::id().to_string();
            let _ = std::process::Command::new("kill").args(["-KILL", &own]).status();
            unreachable!("it was killed");
        }
    }
}
