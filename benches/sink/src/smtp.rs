//! The server's side of one connection: as little as can be done and still be SMTP.

use memchr::{memchr, memmem};
use std::io::{Read, Write};

/// What EHLO offers.
#[derive(Clone, Copy)]
pub struct Offer {
    pub pipelining: bool,
    pub chunking: bool,
}

/// What came in.
#[derive(Default)]
pub struct Count {
    pub messages: u64,
    pub bytes: u64,
}

enum State {
    Command,
    /// Lines up to the final dot; how many bytes of CRLF.CRLF the input so far ends in.
    Data {
        matched: usize,
    },
    /// So many octets are left of a chunk, the last one or not.
    Chunk {
        left: u64,
        last: bool,
    },
    Over,
}

const END: &[u8] = b"\r\n.\r\n";

/// Speaks until the client goes.
pub fn serve(mut stream: impl Read + Write, offer: Offer) -> Count {
    let mut session =
        Session { offer, state: State::Command, out: Vec::with_capacity(64 << 10), count: Count::default() };
    session.out.extend_from_slice(b"220 sink.example.test ESMTP\r\n");
    let mut buffer = vec![0; 512 << 10];
    let mut filled = 0;
    loop {
        if stream.write_all(&session.out).and_then(|()| stream.flush()).is_err() {
            break;
        }
        session.out.clear();
        if matches!(session.state, State::Over) || filled == buffer.len() {
            break;
        }
        filled += match stream.read(&mut buffer[filled..]) {
            Ok(0) | Err(_) => break,
            Ok(n) => n,
        };
        let used = session.take(&buffer[..filled]);
        buffer.copy_within(used..filled, 0);
        filled -= used;
    }
    session.count
}

struct Session {
    offer: Offer,
    state: State,
    out: Vec<u8>,
    count: Count,
}

impl Session {
    /// Takes what it can of the input and says how much that was.
    fn take(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            match self.state {
                State::Over => return input.len(),
                State::Command => match memchr(b'\n', rest) {
                    None => break,
                    Some(end) => {
                        self.command(&rest[..end]);
                        at += end + 1;
                    }
                },
                State::Chunk { left, last } => {
                    let n = left.min(rest.len() as u64);
                    self.count.bytes += n;
                    at += n as usize;
                    self.state = State::Chunk { left: left - n, last };
                    self.end_of_chunk();
                }
                State::Data { matched } => at += self.data(rest, matched),
            }
        }
        at
    }

    fn data(&mut self, rest: &[u8], matched: usize) -> usize {
        // The end may have begun in the last read.
        if matched > 0 {
            let wanted = &END[matched..];
            let n = wanted.len().min(rest.len());
            if rest[..n] == wanted[..n] {
                if n == wanted.len() {
                    self.accept();
                } else {
                    self.state = State::Data { matched: matched + n };
                }
                self.count.bytes += n as u64;
                return n;
            }
            // Of CRLF.CR the CR may begin another end; no shorter beginning has one in it.
            self.state = State::Data { matched: usize::from(matched == 4) };
            return 0;
        }
        let used = match memmem::find(rest, END) {
            Some(place) => {
                self.accept();
                place + END.len()
            }
            None => {
                let tail = (1..END.len()).rev().find(|&m| rest.ends_with(&END[..m])).unwrap_or(0);
                self.state = State::Data { matched: tail };
                rest.len()
            }
        };
        self.count.bytes += used as u64;
        used
    }

    fn accept(&mut self) {
        self.count.messages += 1;
        self.state = State::Command;
        self.out.extend_from_slice(b"250 2.0.0 taken\r\n");
    }

    fn end_of_chunk(&mut self) {
        match self.state {
            State::Chunk { left: 0, last: true } => self.accept(),
            State::Chunk { left: 0, last: false } => {
                self.state = State::Command;
                self.out.extend_from_slice(b"250 2.0.0 more\r\n");
            }
            _ => {}
        }
    }

    fn command(&mut self, line: &[u8]) {
        let verb: [u8; 4] = line.get(..4).and_then(|v| v.try_into().ok()).unwrap_or(*b"    ");
        let reply: &[u8] = match &verb.map(|b| b.to_ascii_uppercase()) {
            b"MAIL" => b"250 2.1.0 sender ok\r\n",
            b"RCPT" => b"250 2.1.5 recipient ok\r\n",
            b"DATA" => {
                // As if a CRLF had been read: a message may be empty.
                self.state = State::Data { matched: 2 };
                b"354 go on\r\n"
            }
            b"BDAT" => return self.bdat(line),
            b"EHLO" => return self.ehlo(),
            b"HELO" => b"250 sink.example.test\r\n",
            b"RSET" | b"NOOP" => b"250 2.0.0 ok\r\n",
            b"QUIT" => {
                self.state = State::Over;
                b"221 2.0.0 bye\r\n"
            }
            _ => b"500 5.5.1 not known here\r\n",
        };
        self.out.extend_from_slice(reply);
    }

    fn bdat(&mut self, line: &[u8]) {
        let text = std::str::from_utf8(line).unwrap_or("").trim_end();
        let mut words = text.split_ascii_whitespace().skip(1);
        let size = words.next().and_then(|w| w.parse::<u64>().ok());
        let last = words.next().is_some_and(|w| w.eq_ignore_ascii_case("LAST"));
        match size {
            None => self.out.extend_from_slice(b"501 5.5.4 size?\r\n"),
            Some(left) => {
                self.state = State::Chunk { left, last };
                self.end_of_chunk();
            }
        }
    }

    fn ehlo(&mut self) {
        self.out.extend_from_slice(b"250-sink.example.test\r\n");
        if self.offer.pipelining {
            self.out.extend_from_slice(b"250-PIPELINING\r\n");
        }
        if self.offer.chunking {
            self.out.extend_from_slice(b"250-CHUNKING\r\n");
        }
        self.out.extend_from_slice(b"250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 1073741824\r\n");
    }
}
