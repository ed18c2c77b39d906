//! An SMTP server that takes everything, keeps nothing and counts: fast enough not to be the bottleneck. A thread for
//! each connection, one read and one write for each flight, and nothing allocated for a message, but that rustls
//! makes each record's plaintext anew.
//!
//! `sink [--listen 127.0.0.1:0] [--pipelining] [--chunking] [--tls --ca FILE [--no-resumption]]` prints where it
//! listens, and a line of JSON at the end of every connection. `--ca` is where the authority's certificate is
//! written that a client has to trust; `--tls` means TLS from the first byte, for `localhost`.

mod secured;
mod smtp;
mod tls;

use bench_common::Arguments;
use smtp::{Count, Offer, Session};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// What is read at once, at most. More does not fit into a core's cache.
const INPUT: usize = 512 << 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given = Arguments::from_env();
    let offer = Offer { pipelining: given.flag("pipelining"), chunking: given.flag("chunking") };
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

fn serve(mut stream: TcpStream, tls: Option<Arc<rustls::ServerConfig>>, offer: Offer) {
    let _ = stream.set_nodelay(true);
    let (count, suite) = match tls {
        None => (plain(&mut stream, offer), None),
        Some(config) => secured::serve(&mut stream, config, offer),
    };
    let suite = suite.map_or(String::new(), |suite| format!(",\"suite\":\"{suite}\""));
    say(&format!("{{\"messages\":{},\"bytes\":{}{suite}}}", count.messages, count.bytes));
}

/// Speaks until the client goes.
fn plain(stream: &mut TcpStream, offer: Offer) -> Count {
    let mut session = Session::new(offer);
    let mut input = vec![0; INPUT];
    loop {
        if !session.out.is_empty() && stream.write_all(&session.out).is_err() {
            break;
        }
        session.out.clear();
        if session.is_over() {
            break;
        }
        match stream.read(&mut input) {
            Ok(0) | Err(_) => break,
            Ok(n) => session.take(&input[..n]),
        }
    }
    session.count
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
