//! Receiving over IMAP: each response is found, its literal counted and passed over.

use crate::wire::{Result, Wire};
use bench_common::Arguments;
use memchr::memchr;
use std::thread;

pub fn run(given: &Arguments) -> Result<(u64, u64)> {
    let connections = given.number("connections", 1u64).max(1);
    let messages = given.number("messages", 1000u64);
    let parts: std::result::Result<Vec<(u64, u64)>, String> = thread::scope(|scope| {
        let share = messages / connections;
        let tasks: Vec<_> = (0..connections)
            .map(|i| {
                let last = if i + 1 == connections { messages } else { (i + 1) * share };
                scope.spawn(move || fetch(given, i * share + 1, last).map_err(|e| e.to_string()))
            })
            .collect();
        tasks.into_iter().map(|task| task.join().map_err(|_| "a thread panicked".to_owned())?).collect()
    });
    Ok(parts?.into_iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1)))
}

fn fetch(given: &Arguments, first: u64, last: u64) -> Result<(u64, u64)> {
    let mut wire = Wire::connect(given)?;
    wire.line_that_begins(b"* ", b"OK")?;
    let login = format!("a LOGIN {} {}\r\n", given.text("user", "u001"), given.text("password", ""));
    wire.socket.write(login.as_bytes())?;
    wire.line_that_begins(b"a ", b"OK")?;
    wire.socket.write(format!("b EXAMINE {}\r\n", given.text("folder", "INBOX")).as_bytes())?;
    wire.line_that_begins(b"b ", b"OK")?;
    let window = match given.text("mode", "all").as_str() {
        "all" => u64::MAX,
        "windows" => given.number("window", 100).max(1),
        other => return Err(format!("--mode all|windows, not {other}").into()),
    };
    let (mut got, mut bytes, mut next) = (0, 0, first);
    while next <= last {
        let end = next.saturating_add(window - 1).min(last);
        wire.socket.write(format!("c UID FETCH {next}:{end} (UID BODY.PEEK[])\r\n").as_bytes())?;
        let part = responses(&mut wire)?;
        got += part.0;
        bytes += part.1;
        next = end + 1;
    }
    wire.socket.write(b"d LOGOUT\r\n")?;
    wire.line_that_begins(b"d ", b"OK")?;
    Ok((got, bytes))
}

/// Messages and bytes up to the tagged line.
fn responses(wire: &mut Wire) -> Result<(u64, u64)> {
    let (mut got, mut bytes) = (0, 0);
    loop {
        let Some(end) = memchr(b'\n', wire.input()) else {
            wire.more()?;
            continue;
        };
        let line = &wire.input()[..end];
        if let Some(tagged) = line.strip_prefix(b"c ") {
            let good = tagged.starts_with(b"OK");
            wire.used(end + 1);
            return if good { Ok((got, bytes)) } else { Err("FETCH was refused".into()) };
        }
        let size = literal(line);
        wire.used(end + 1);
        let Some(size) = size else { continue };
        got += 1;
        bytes += size;
        let mut left = size;
        while left > 0 {
            let n = left.min(wire.input().len() as u64);
            wire.used(n as usize);
            left -= n;
            if left > 0 {
                wire.more()?;
            }
        }
    }
}

/// The size of the literal that a line ends in: `… {4096}` and CR.
fn literal(line: &[u8]) -> Option<u64> {
    let digits = line.strip_suffix(b"}\r")?;
    let start = digits.iter().rposition(|b| *b == b'{')? + 1;
    digits[start..].iter().try_fold(0u64, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
}
