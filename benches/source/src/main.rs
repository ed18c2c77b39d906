//! A server of mail that gives out one message as often as it is asked to, from memory: fast enough that it is not the
//! bottleneck where Dovecot is one. It knows what the clients here say and no more, lets everybody in, and forgets
//! nothing it is told to delete.
//!
//! `source --protocol imap|pop3 [--listen 127.0.0.1:0] [--mailbox MESSAGES] [--size BYTES]` prints where it listens, and
//! a line of JSON at the end of every connection.

mod imap;
mod pop3;

use bench_common::{Arguments, message};
use memchr::memchr;
use std::io::{Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// What is written at once, about.
const OUTPUT: usize = 128 << 10;

fn main() -> Result<()> {
    let given = Arguments::from_env();
    let mailbox = given.number("mailbox", 10_000u64);
    let body = message(given.number("size", 4096));
    let imap = match given.text("protocol", "imap").as_str() {
        "imap" => true,
        "pop3" => false,
        other => return Err(std::io::Error::other(format!("--protocol imap|pop3, not {other}"))),
    };
    let body: Arc<[u8]> = if imap { body.into() } else { pop3::reply(&body).into() };
    let size = given.number("size", 4096);
    let listener = TcpListener::bind(given.text("listen", "127.0.0.1:0"))?;
    say(&format!("listening {}", listener.local_addr()?));
    for stream in listener.incoming() {
        let (Ok(stream), body) = (stream, body.clone()) else { continue };
        thread::spawn(move || {
            let messages = match imap {
                true => serve(stream, imap::Session::new(&body, mailbox)),
                false => serve(stream, pop3::Session::new(&body, mailbox, size)),
            };
            // How it ends is the client's affair.
            say(&format!("{{\"messages\":{}}}", messages.unwrap_or_default()));
        });
    }
    Ok(())
}

/// A protocol's side of a connection.
trait Speaks {
    fn greet(&self, out: &mut Out) -> Result<()>;

    /// Answers a line. False if there is nothing more to be said.
    fn answer(&mut self, line: &[u8], out: &mut Out) -> Result<bool>;

    /// How many messages were given out.
    fn given(&self) -> u64;
}

/// What is to be sent; written when there is enough of it, or nothing more to be answered.
struct Out {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Out {
    fn put(&mut self, part: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(part);
        if self.bytes.len() < OUTPUT { Ok(()) } else { self.flush() }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) -> Result<()> {
        let _ = self.bytes.write_fmt(line);
        self.put(b"\r\n")
    }

    fn flush(&mut self) -> Result<()> {
        self.stream.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }
}

fn serve(mut stream: TcpStream, mut session: impl Speaks) -> Result<u64> {
    stream.set_nodelay(true)?;
    let mut out = Out { stream: stream.try_clone()?, bytes: Vec::with_capacity(2 * OUTPUT) };
    session.greet(&mut out)?;
    let mut input = vec![0; 64 << 10];
    let (mut start, mut end) = (0, 0);
    loop {
        while let Some(length) = memchr(b'\n', &input[start..end]) {
            let line = &input[start..start + length];
            start += length + 1;
            if !session.answer(line.strip_suffix(b"\r").unwrap_or(line), &mut out)? {
                out.flush()?;
                return Ok(session.given());
            }
        }
        out.flush()?;
        input.copy_within(start..end, 0);
        (start, end) = (0, end - start);
        match stream.read(&mut input[end..])? {
            // The client is gone, or its line has no end.
            0 => return Ok(session.given()),
            n => end += n,
        }
    }
}

/// A number of digits alone.
fn number(word: &[u8]) -> Option<u64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
