//! Rust libraries that do what Postrider does, by the shortest program their documentation teaches.
//!
//! ```text
//! peer lettre|mail-send --messages N --size BYTES [--connections N]
//! peer async-imap --user U --password P --messages N [--folder F | --folders N] [--mode all|one]
//!       all: --server HOST:PORT [--ca FILE] (TLS from the first byte)
//! ```

mod imap;
mod lettre_client;
mod mail_send_client;

use bench_common::{Arguments, peak_kib, report};
use std::error::Error;
use std::time::Instant;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let given = Arguments::from_env();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let start = Instant::now();
    let (messages, bytes) = runtime.block_on(async {
        match given.word(0) {
            "lettre" => lettre_client::run(&given).await,
            "mail-send" => mail_send_client::run(&given).await,
            "async-imap" => imap::run(&given).await,
            other => Err(format!("peer lettre|mail-send|async-imap, not \"{other}\"").into()),
        }
    })?;
    report(&[
        ("messages", messages as f64),
        ("bytes", bytes as f64),
        ("seconds", start.elapsed().as_secs_f64()),
        ("peak_kib", peak_kib() as f64),
    ]);
    Ok(())
}

/// Host and port of `--server`.
fn server(given: &Arguments) -> Result<(String, u16)> {
    let server = given.text("server", "127.0.0.1:25");
    let (host, port) = server.rsplit_once(':').ok_or("--server HOST:PORT is expected")?;
    Ok((host.to_owned(), port.parse()?))
}

/// How many messages each connection sends.
fn shares(given: &Arguments) -> Vec<u64> {
    let (messages, connections) =
        (given.number("messages", 1000u64), given.number("connections", 1u64).max(1));
    (0..connections).map(|i| messages / connections + u64::from(i < messages % connections)).collect()
}
