//! Sending.

use crate::wire::{Result, Wire};
use bench_common::{Arguments, message};
use std::thread;

/// Messages sent and their bytes.
pub fn run(given: &Arguments) -> Result<(u64, u64)> {
    let connections = given.number("connections", 1u64).max(1);
    let (messages, size) = (given.number("messages", 1000u64), given.number("size", 4096usize));
    let done = thread::scope(|scope| {
        let share = |i| messages / connections + u64::from(i < messages % connections);
        let tasks: Vec<_> =
            (0..connections).map(|i| scope.spawn(move || send(given, share(i), size).map_err(|e| e.to_string()))).collect();
        tasks.into_iter().try_for_each(|task| task.join().map_err(|_| "a thread panicked".to_owned())?)
    });
    done?;
    Ok((messages, messages * size as u64))
}

fn send(given: &Arguments, messages: u64, size: usize) -> Result<()> {
    let mut wire = Wire::connect(given)?;
    wire.line_that_begins(b"220", b" ")?;
    wire.socket.write(b"EHLO [127.0.0.1]\r\n")?;
    wire.line_that_begins(b"250 ", b"")?;
    let work = Work::new(given, size);
    match given.text("mode", "pipe").as_str() {
        "seq" => work.seq(&mut wire, messages)?,
        "pipe" => work.pipe(&mut wire, messages)?,
        "cross" => work.cross(&mut wire, messages)?,
        "bdat" => work.bdat(&mut wire, messages, given)?,
        other => return Err(format!("--mode seq|pipe|cross|bdat, not {other}").into()),
    }
    wire.socket.write(b"QUIT\r\n")?;
    wire.line_that_begins(b"221", b"")
}

/// What is written, made once.
struct Work {
    mail: Vec<u8>,
    rcpt: Vec<u8>,
    /// Stuffed, with the final dot.
    lines: Vec<u8>,
    plain: Vec<u8>,
}

impl Work {
    fn new(given: &Arguments, size: usize) -> Self {
        let plain = message(size);
        let mut lines = Vec::with_capacity(size + size / 50);
        for line in plain.split_inclusive(|b| *b == b'\n') {
            if line.starts_with(b".") {
                lines.push(b'.');
            }
            lines.extend_from_slice(line);
        }
        lines.extend_from_slice(b".\r\n");
        let to = given.text("to", "u001@example.test");
        Self {
            mail: b"MAIL FROM:<sender@example.test>\r\n".to_vec(),
            rcpt: format!("RCPT TO:<{to}>\r\n").into_bytes(),
            lines,
            plain,
        }
    }

    fn seq(&self, wire: &mut Wire, messages: u64) -> Result<()> {
        for _ in 0..messages {
            for part in [&self.mail[..], &self.rcpt, b"DATA\r\n", &self.lines] {
                wire.socket.write(part)?;
                wire.lines(1)?;
            }
        }
        Ok(())
    }

    fn envelope(&self) -> Vec<u8> {
        [&self.mail[..], &self.rcpt, b"DATA\r\n"].concat()
    }

    fn pipe(&self, wire: &mut Wire, messages: u64) -> Result<()> {
        let envelope = self.envelope();
        for _ in 0..messages {
            wire.socket.write(&envelope)?;
            wire.lines(3)?;
            wire.socket.write(&self.lines)?;
            wire.lines(1)?;
        }
        Ok(())
    }

    fn cross(&self, wire: &mut Wire, messages: u64) -> Result<()> {
        let envelope = self.envelope();
        let both = [&self.lines[..], &envelope].concat();
        wire.socket.write(&envelope)?;
        wire.lines(3)?;
        for _ in 1..messages {
            wire.socket.write(&both)?;
            wire.lines(4)?;
        }
        wire.socket.write(&self.lines)?;
        wire.lines(1)
    }

    fn bdat(&self, wire: &mut Wire, messages: u64, given: &Arguments) -> Result<()> {
        let chunk = format!("BDAT {} LAST\r\n", self.plain.len()).into_bytes();
        let one = [&self.mail[..], &self.rcpt, &chunk, &self.plain].concat();
        let bytes = given.number("window-bytes", 4usize << 20) / one.len();
        let window = given.number("window", 100usize).min(bytes).max(1);
        // Several in one write, as long as that is not much.
        let group = (128 * 1024 / one.len()).clamp(1, window);
        let many = one.repeat(group);
        let (mut left, mut replies) = (messages, 0usize);
        while left > 0 || replies > 0 {
            let room = window - replies.div_ceil(3);
            // Half a window or more: small refills would be one system call each.
            if left > 0 && (room >= group.min(window.div_ceil(2)) || replies == 0) {
                let n = group.min(room).min(usize::try_from(left)?);
                wire.socket.write(&many[..n * one.len()])?;
                left -= n as u64;
                replies += n * 3;
                continue;
            }
            replies -= wire.lines_there(replies)?;
        }
        Ok(())
    }
}
