//! Sending.

use crate::wire::{Result, Wire};
use bench_common::{Arguments, message};
use memchr::memmem::Finder;
use std::thread;

/// Messages sent and their bytes.
pub fn run(given: &Arguments) -> Result<(u64, u64)> {
    let connections = given.number("connections", 1u64).max(1);
    let (messages, size) = (given.number("messages", 1000u64), given.number("size", 4096usize));
    let done = thread::scope(|scope| {
        let share = |i| messages / connections + u64::from(i < messages % connections);
        let tasks: Vec<_> = (0..connections)
            .map(|i| scope.spawn(move || send(given, share(i), size).map_err(|e| e.to_string())))
            .collect();
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

/// What is written. The body is brought in for each message, as it must be where they differ, into a buffer that stays.
struct Work {
    mail: Vec<u8>,
    rcpt: Vec<u8>,
    body: Vec<u8>,
    dots: Finder<'static>,
}

impl Work {
    fn new(given: &Arguments, size: usize) -> Self {
        let to = given.text("to", "u001@example.test");
        Self {
            mail: b"MAIL FROM:<sender@example.test>\r\n".to_vec(),
            rcpt: format!("RCPT TO:<{to}>\r\n").into_bytes(),
            body: message(size),
            dots: Finder::new(b"\n."),
        }
    }

    /// The body with its dots doubled and the final one. It does not begin with a dot, and ends in CRLF.
    fn lines(&self, out: &mut Vec<u8>) {
        let mut from = 0;
        for place in self.dots.find_iter(&self.body) {
            out.extend_from_slice(&self.body[from..=place]);
            out.push(b'.');
            from = place + 1;
        }
        out.extend_from_slice(&self.body[from..]);
        out.extend_from_slice(b".\r\n");
    }

    fn seq(&self, wire: &mut Wire, messages: u64) -> Result<()> {
        let mut out = Vec::new();
        for _ in 0..messages {
            for part in [&self.mail[..], &self.rcpt, b"DATA\r\n"] {
                wire.socket.write(part)?;
                wire.lines(1)?;
            }
            out.clear();
            self.lines(&mut out);
            wire.socket.write(&out)?;
            wire.lines(1)?;
        }
        Ok(())
    }

    fn envelope(&self) -> Vec<u8> {
        [&self.mail[..], &self.rcpt, b"DATA\r\n"].concat()
    }

    fn pipe(&self, wire: &mut Wire, messages: u64) -> Result<()> {
        let (envelope, mut out) = (self.envelope(), Vec::new());
        for _ in 0..messages {
            wire.socket.write(&envelope)?;
            wire.lines(3)?;
            out.clear();
            self.lines(&mut out);
            wire.socket.write(&out)?;
            wire.lines(1)?;
        }
        Ok(())
    }

    fn cross(&self, wire: &mut Wire, messages: u64) -> Result<()> {
        let (envelope, mut out) = (self.envelope(), Vec::new());
        wire.socket.write(&envelope)?;
        wire.lines(3)?;
        for left in (0..messages).rev() {
            out.clear();
            self.lines(&mut out);
            if left > 0 {
                out.extend_from_slice(&envelope);
            }
            wire.socket.write(&out)?;
            wire.lines(if left > 0 { 4 } else { 1 })?;
        }
        Ok(())
    }

    fn bdat(&self, wire: &mut Wire, messages: u64, given: &Arguments) -> Result<()> {
        let chunk = format!("BDAT {} LAST\r\n", self.body.len()).into_bytes();
        let one = self.mail.len() + self.rcpt.len() + chunk.len() + self.body.len();
        // As many as ours by default: what is compared is not the window.
        let bytes = given.number("window-bytes", 4usize << 20) / one;
        let window = given.number("window", 128usize).min(bytes).max(1);
        // Several in one write, as long as that is not much.
        let group = (128 * 1024 / one).clamp(1, window);
        let mut out = Vec::with_capacity(group * one);
        let (mut left, mut replies) = (messages, 0usize);
        while left > 0 || replies > 0 {
            let room = window - replies.div_ceil(3);
            // Half a window or more: small refills would be one system call each.
            if left > 0 && (room >= group.min(window.div_ceil(2)) || replies == 0) {
                let n = group.min(room).min(usize::try_from(left)?);
                out.clear();
                for _ in 0..n {
                    for part in [&self.mail, &self.rcpt, &chunk, &self.body] {
                        out.extend_from_slice(part);
                    }
                }
                wire.socket.write(&out)?;
                left -= n as u64;
                replies += n * 3;
                continue;
            }
            replies -= wire.lines_there(replies)?;
        }
        Ok(())
    }
}
