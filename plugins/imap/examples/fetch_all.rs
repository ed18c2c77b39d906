//! Fetches every message of INBOX and counts them: for measuring.
//!
//! `fetch_all HOST PORT USER PASSWORD [CA_FILE] [key=value …]`, where the keys are properties of `imap` without their
//! prefix. With CA_FILE the connection is TLS from the first byte, with `-` it is in the clear.
#![allow(clippy::print_stdout)]

use postrider_core::{IncomingTransport, Layer, LayerKind, Properties, Query, Result};
use postrider_imap::{FACTORY, Imap, ImapConfig};
use postrider_net::TokioHost;
use std::sync::Arc;
use std::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [host, port, user, password, ca, more @ ..] = &words[..] else {
        println!("usage: fetch_all HOST PORT USER PASSWORD CA_FILE|- [key=value ...]");
        return Ok(());
    };
    let tls = if ca == "-" { "none" } else { "implicit" };
    let mut text = format!(
        "mail.imap.host={host}\nmail.imap.port={port}\nmail.imap.user={user}\nmail.imap.password={password}\nmail.imap.tls={tls}\n"
    );
    more.iter().for_each(|line| text.push_str(&format!("mail.imap.{line}\n")));
    let specs: Vec<_> = FACTORY.specs().copied().collect();
    let layer = Layer::parse(LayerKind::Account, "arguments", &text)?;
    let properties = Properties::new([layer]).scoped(&["imap"], &specs);
    let net = match std::fs::read(ca) {
        Ok(pem) => TokioHost::builder().roots_pem(pem).build()?,
        Err(_) => TokioHost::builder().build()?,
    };
    let mut imap = Imap::new(ImapConfig::read(&properties)?, Arc::new(net));
    let start = Instant::now();
    let (mut ids, mut query) = (Vec::new(), Query::all().limit(10_000));
    loop {
        let page = imap.list(&query).await?;
        ids.extend(page.messages.into_iter().map(|message| message.id));
        match ids.last().filter(|_| page.more) {
            Some(last) => query = query.after(last.clone()),
            None => break,
        }
    }
    let listed = Instant::now();
    let mut bytes = 0u64;
    imap.prefetch(&ids);
    for id in &ids {
        let mut body = imap.fetch(id).await?;
        while let Some(chunk) = body.chunk().await? {
            bytes += chunk.len() as u64;
        }
    }
    let seconds = listed.elapsed().as_secs_f64();
    Box::new(imap).close().await?;
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?").trim();
    println!(
        "{} messages, {bytes} bytes, listed in {:.3} s, fetched in {seconds:.3} s: {:.0} messages/s, {:.1} MB/s, peak {peak}",
        ids.len(),
        (listed - start).as_secs_f64(),
        ids.len() as f64 / seconds,
        bytes as f64 / 1e6 / seconds,
    );
    Ok(())
}
