//! Postrider, measured.
//!
//! ```text
//! ours smtp --messages N --size BYTES [--via type|messages|mailer|tasks] [--connections N] [--tasks N] [--chunk N]
//! ours pop3 --user U --password P --messages N
//! ours imap --user U --password P --messages N [--folder F | --folders N] [--ids list | --ids made --made N]
//! ours connect --count N [--no-quit]      connections opened and closed one after the other, by one host
//!       all: --server HOST:PORT [--ca FILE] (TLS from the first byte) [--set 'mail.smtp.pipelining=false;…']
//! ```
//!
//! `--via type` is the plugin's own type, which pulls messages one by one, `messages` the same with all of them there, `mailer` a `Session`'s `Mailer` and its batch, `tasks` a `Mailer` that many
//! tasks call for one message each. Everything runs on one thread, as the other clients do.

mod imap;
mod pop3;
mod receive;
mod settings;
mod smtp;

use bench_common::{Arguments, peak_kib, report};
use std::error::Error;
use std::time::Instant;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What was done.
#[derive(Default)]
pub struct Done {
    pub messages: u64,
    pub bytes: u64,
    /// Peak memory before the first body.
    pub idle_kib: u64,
}

fn main() -> Result<()> {
    let given = Arguments::from_env();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let start = Instant::now();
    let done = runtime.block_on(async {
        match given.word(0) {
            "smtp" => smtp::run(&given).await,
            "connect" => smtp::connect(&given).await,
            "pop3" => pop3::run(&given).await,
            "imap" => imap::run(&given).await,
            other => Err(format!("ours smtp|connect|pop3|imap, not \"{other}\"").into()),
        }
    })?;
    report(&[
        ("messages", done.messages as f64),
        ("bytes", done.bytes as f64),
        ("seconds", start.elapsed().as_secs_f64()),
        ("idle_kib", done.idle_kib as f64),
        ("peak_kib", peak_kib() as f64),
    ]);
    Ok(())
}
