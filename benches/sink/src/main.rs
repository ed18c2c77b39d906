//! An SMTP server that takes everything, keeps nothing and counts: fast enough not to be the bottleneck.
//!
//! `sink [--listen 127.0.0.1:0] [--pipelining] [--chunking] [--tls --ca FILE [--no-resumption]]` prints where it
//! listens, and a line of JSON at the end of every connection. `--ca` is where the authority's certificate is
//! written that a client has to trust; `--tls` means TLS from the first byte, for `localhost`.

mod smtp;
mod tls;

use bench_common::Arguments;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given = Arguments::from_env();
    let offer = smtp::Offer { pipelining: given.flag("pipelining"), chunking: given.flag("chunking") };
    let tls = match given.flag("tls") {
        true => {
            Some(tls::config(&given.text("ca", "/tmp/postrider-sink-ca.pem"), !given.flag("no-resumption"))?)
        }
        false => None,
    };
    let listener = TcpListener::bind(given.text("listen", "127.0.0.1:0"))?;
    say(&format!("listening {}", listener.local_addr()?));
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let tls = tls.clone();
        thread::spawn(move || serve(stream, tls, offer));
    }
    Ok(())
}

fn serve(stream: TcpStream, tls: Option<Arc<rustls::ServerConfig>>, offer: smtp::Offer) {
    let _ = stream.set_nodelay(true);
    let count = match tls {
        None => smtp::serve(stream, offer),
        Some(config) => match rustls::ServerConnection::new(config) {
            Err(_) => return,
            Ok(session) => smtp::serve(rustls::StreamOwned::new(session, stream), offer),
        },
    };
    say(&format!("{{\"messages\":{},\"bytes\":{}}}", count.messages, count.bytes));
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
