//! Receiving over POP3, with so many RETR in flight.

use crate::wire::{Result, Wire};
use bench_common::Arguments;
use memchr::{memchr, memmem};

pub fn run(given: &Arguments) -> Result<(u64, u64)> {
    let mut wire = Wire::connect(given)?;
    wire.line_that_begins(b"", b"+OK")?;
    for command in [
        format!("USER {}\r\n", given.text("user", "u001")),
        format!("PASS {}\r\n", given.text("password", "")),
        "STAT\r\n".to_owned(),
    ] {
        wire.socket.write(command.as_bytes())?;
        wire.line_that_begins(b"", b"+OK")?;
    }
    let messages = given.number("messages", 1000u64);
    let window = given.number("window", 200u64).max(1);
    let end = memmem::Finder::new(b"\r\n.\r\n");
    let (mut asked, mut got, mut bytes) = (0, 0, 0);
    let mut out = Vec::with_capacity(64 << 10);
    let (mut inside, mut size) = (false, 0);
    while got < messages {
        // Half a window at a time: one command a segment would be a system call each.
        if asked < messages && asked - got <= window / 2 {
            out.clear();
            while asked < messages && asked - got < window {
                asked += 1;
                push_retr(&mut out, asked);
            }
            wire.socket.write(&out)?;
        }
        if !inside {
            match memchr(b'\n', wire.input()) {
                None => wire.more()?,
                Some(_) if !wire.input().starts_with(b"+OK") => return Err("RETR was refused".into()),
                // Its CRLF may be the first of an empty message.
                Some(line) => {
                    wire.used(line - 1);
                    (inside, size) = (true, 0);
                }
            }
            continue;
        }
        let input = wire.input();
        match end.find(input) {
            Some(place) => {
                bytes += size + place as u64;
                wire.used(place + 5);
                inside = false;
                got += 1;
            }
            None => {
                let keep = input.len().min(4);
                let n = input.len() - keep;
                size += n as u64;
                wire.used(n);
                wire.more()?;
            }
        }
    }
    wire.socket.write(b"QUIT\r\n")?;
    wire.line_that_begins(b"", b"+OK")?;
    Ok((messages, bytes))
}

fn push_retr(out: &mut Vec<u8>, number: u64) {
    use std::io::Write;
    let _ = write!(out, "RETR {number}\r\n");
}
