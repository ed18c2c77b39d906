//! The server's side of one connection: as little as can be done and still be SMTP. It neither reads nor writes; who
//! does that gives it what came in, and sends what it has to say.

use memchr::memchr;
use memchr::memmem::Finder;

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
/// Longest command line that is kept together when it comes in pieces.
const LINE: usize = 4096;

pub struct Session {
    offer: Offer,
    state: State,
    end: Finder<'static>,
    /// The beginning of a command whose end has not come.
    begun: Vec<u8>,
    /// What is to be sent.
    pub out: Vec<u8>,
    pub count: Count,
}

impl Session {
    /// One whose greeting is to be sent.
    pub fn new(offer: Offer) -> Self {
        Self {
            offer,
            state: State::Command,
            end: Finder::new(END),
            begun: Vec::new(),
            out: b"220 sink.example.test ESMTP\r\n".to_vec(),
            count: Count::default(),
        }
    }

    /// Whether there is nothing more to be said.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Takes what came in, wherever it was cut.
    pub fn take(&mut self, input: &[u8]) {
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            at += match self.state {
                State::Over => return,
                State::Command => self.line(rest),
                State::Chunk { left, last } => {
                    let n = left.min(rest.len() as u64);
                    self.count.bytes += n;
                    self.state = State::Chunk { left: left - n, last };
                    self.end_of_chunk();
                    n as usize
                }
                State::Data { matched } => self.data(rest, matched),
            };
        }
    }

    fn line(&mut self, rest: &[u8]) -> usize {
        let Some(end) = memchr(b'\n', rest) else {
            self.begun.extend_from_slice(rest);
            if self.begun.len() > LINE {
                self.state = State::Over;
            }
            return rest.len();
        };
        if self.begun.is_empty() {
            self.command(&rest[..end]);
        } else {
            let mut line = std::mem::take(&mut self.begun);
            line.extend_from_slice(&rest[..end]);
            self.command(&line);
            line.clear();
            self.begun = line;
        }
        end + 1
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
        let used = match self.end.find(rest) {
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
        let mut words = line.split(|b| matches!(b, b' ' | b'\r')).filter(|word| !word.is_empty()).skip(1);
        let size = words.next().and_then(|word| {
            let digit = |n: u64, b: &u8| n.checked_mul(10)?.checked_add(u64::from(b.wrapping_sub(b'0')));
            word.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| digit(n, b))?)
        });
        let last = words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"LAST"));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said to the input, cut at every so many bytes.
    fn said(input: &[u8], cut: usize) -> (String, Count) {
        let mut session = Session::new(Offer { pipelining: true, chunking: true });
        session.out.clear();
        input.chunks(cut).for_each(|piece| session.take(piece));
        (String::from_utf8(session.out).unwrap(), session.count)
    }

    #[test]
    fn wherever_the_input_is_cut_the_same_is_said_and_counted() {
        let input = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\r\n.\r\n\
                      MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n\
                      MAIL FROM:<a@b>\r\nrcpt TO:<c@d>\r\nBDAT 3\r\nabcbdat 4 last\r\n\r\n.\r\
                      BDAT 0 LAST\r\nBDAT x\r\nBDAT 99999999999999999999 LAST\r\nQUIT\r\n";
        let whole = said(input, input.len());
        assert_eq!(whole.1.messages, 4);
        assert_eq!(whole.0.matches("250 2.0.0 taken").count(), 4);
        assert_eq!(whole.0.matches("501 ").count(), 2);
        assert!(whole.0.ends_with("221 2.0.0 bye\r\n"));
        for cut in 1..input.len() {
            let cut = said(input, cut);
            assert_eq!((cut.0, cut.1.bytes), (whole.0.clone(), whole.1.bytes));
        }
    }
}
