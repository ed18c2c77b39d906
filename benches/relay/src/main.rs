//! A proxy that holds each direction's bytes for half of a round trip, without limiting the rate, and counts round
//! trips.
//!
//! `relay --to HOST:PORT [--rtt MILLISECONDS] [--listen 127.0.0.1:0]` prints where it listens, and at the end of every
//! connection a line of JSON: `rounds` (see `rounds.rs`), `turns` (how often the client spoke after the server had), and
//! the bytes `up` and `down`. The connection itself takes a round trip too, as it would: what the client sends counts
//! as sent one round trip after it was accepted here.

mod held;
mod rounds;

use bench_common::Arguments;
use held::Held;
use rounds::Rounds;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Client,
    Server,
}

fn main() -> std::io::Result<()> {
    let given = Arguments::from_env();
    let to = given.text("to", "127.0.0.1:25");
    let half = Duration::from_micros((given.number("rtt", 0.0) * 500.0) as u64);
    let listener = TcpListener::bind(given.text("listen", "127.0.0.1:0"))?;
    say(&format!("listening {}", listener.local_addr()?));
    for client in listener.incoming() {
        let (Ok(client), to) = (client, to.clone()) else { continue };
        thread::spawn(move || match relay(client, &to, half) {
            Ok(line) => say(&line),
            Err(error) => eprintln!("relay: {error}"),
        });
    }
    Ok(())
}

fn relay(client: TcpStream, to: &str, half: Duration) -> std::io::Result<String> {
    let accepted = Instant::now();
    client.set_nodelay(true)?;
    let open = accepted + 2 * half;
    let rounds = Arc::new(Mutex::new(Rounds::default()));
    let up = Arc::new(Held::default());
    let reader = {
        let (from, held, rounds) = (client.try_clone()?, up.clone(), rounds.clone());
        thread::spawn(move || read(from, &held, &rounds, Side::Client, half, open))
    };
    // The server hears of the connection when the client's first bytes could arrive.
    thread::sleep((open + half).saturating_duration_since(Instant::now()));
    let server = TcpStream::connect(to)?;
    server.set_nodelay(true)?;
    let down = Arc::new(Held::default());
    let writer = {
        let (to, rounds) = (server.try_clone()?, rounds.clone());
        thread::spawn(move || write(to, &up, &rounds, Side::Server))
    };
    let back = {
        let (from, held, rounds) = (server.try_clone()?, down.clone(), rounds.clone());
        thread::spawn(move || read(from, &held, &rounds, Side::Server, half, accepted))
    };
    let down_bytes = write(client, &down, &rounds, Side::Client);
    let _ = back.join();
    // A client that waits for nobody may still be sending, to a server that is gone.
    let _ = server.shutdown(Shutdown::Both);
    let _ = reader.join();
    let up_bytes = writer.join().unwrap_or(0);
    let rounds = rounds.lock().map(|r| *r).unwrap_or_default();
    Ok(format!(
        "{{\"rounds\":{},\"turns\":{},\"up\":{up_bytes},\"down\":{down_bytes}}}",
        rounds.deepest, rounds.turns
    ))
}

fn read(mut from: TcpStream, held: &Held, rounds: &Mutex<Rounds>, side: Side, half: Duration, open: Instant) {
    let mut buffer = vec![0; 128 << 10];
    while let Ok(n) = from.read(&mut buffer) {
        if n == 0 {
            break;
        }
        let depth = rounds.lock().map_or(0, |mut rounds| match side {
            Side::Client => rounds.client_spoke(),
            Side::Server => rounds.server_spoke(),
        });
        held.put(Instant::now().max(open) + half, depth, &buffer[..n]);
    }
    held.end(Instant::now().max(open) + half);
}

/// Writes what is due until the end, and says how much it was.
fn write(mut to: TcpStream, held: &Held, rounds: &Mutex<Rounds>, side: Side) -> u64 {
    let mut written = 0;
    while let Some(chunk) = held.next() {
        thread::sleep(chunk.due.saturating_duration_since(Instant::now()));
        if chunk.bytes.is_empty() {
            break;
        }
        if let Ok(mut rounds) = rounds.lock() {
            match side {
                Side::Client => rounds.client_heard(chunk.depth),
                Side::Server => rounds.server_heard(chunk.depth),
            }
        }
        if to.write_all(&chunk.bytes).is_err() {
            held.give_up();
            break;
        }
        written += chunk.bytes.len() as u64;
    }
    let _ = to.shutdown(Shutdown::Write);
    written
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
