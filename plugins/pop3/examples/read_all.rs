//! Reads a whole maildrop and keeps nothing of it: for measuring.
//!
//! `MAIL_PASSWORD=… cargo run --release -p postrider-pop3 --example read_all -- HOST:PORT USER [key=value …]`
//!
//! Keys are those of `mail.pop3.`, as `pipelining=false`; without `tls` it is off. Over loopback or with
//! `auth.cleartext=true` only, then. `count` is the number of messages read, all if there are fewer. To count
//! instructions a message: `valgrind --tool=callgrind` over two counts, and divide what they differ by.

#![allow(clippy::print_stdout)]

use postrider_core::{IncomingTransport, Layer, LayerKind, PropertySpec, Query};
use postrider_net::TokioHost;
use postrider_pop3::{FACTORY, Pop3, Pop3Config};
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().ok_or("HOST:PORT is missing")?;
    let (host, port) = server.rsplit_once(':').ok_or("HOST:PORT is expected")?;
    let user = arguments.next().ok_or("USER is missing")?;
    let password = std::env::var("MAIL_PASSWORD")?;
    let mut text = format!(
        "mail.pop3.host={host}\nmail.pop3.port={port}\nmail.pop3.user={user}\nmail.pop3.password={password}\n"
    );
    let (mut count, mut tls) = (usize::MAX, "mail.pop3.tls=none\n");
    for argument in arguments {
        match argument.strip_prefix("count=") {
            Some(n) => count = n.parse()?,
            None => text += &format!("mail.pop3.{argument}\n"),
        }
        if argument.starts_with("tls=") {
            tls = "";
        }
    }
    let layer = Layer::parse(LayerKind::Account, "command line", &(text + tls))?;
    let specs: Vec<PropertySpec> = FACTORY.specs().copied().collect();
    let config = Pop3Config::read(&postrider_core::Properties::new([layer]).scoped(&["pop3"], &specs))?;

    let begun = Instant::now();
    let mut pop3 = Box::new(Pop3::new(config, Arc::new(TokioHost::new())));
    let listing = pop3.list(&Query::all().limit(count)).await?;
    let ids: Vec<_> = listing.messages.into_iter().map(|message| message.id).collect();
    let listed = begun.elapsed();
    pop3.prefetch(&ids);
    let mut bytes = 0u64;
    for id in &ids {
        let mut body = pop3.fetch(id).await?;
        while let Some(chunk) = body.chunk().await? {
            bytes += chunk.len() as u64;
        }
    }
    let read = begun.elapsed() - listed;
    pop3.close().await?;
    let rate = ids.len() as f64 / read.as_secs_f64();
    println!(
        "{} messages, {bytes} bytes, listed in {listed:.1?}, read in {read:.1?}: {rate:.0}/s",
        ids.len()
    );
    Ok(())
}
