//! Cuts what the server sends into responses, and the body that was asked for out of its literal.
//!
//! Every byte is looked at once; nothing is allocated because a server announced it.

use super::line::{body_at, is_data, literal, trim_line_end};
use super::quick;
use super::response::Response;
use super::{Fault, parse};
use bytes::{Buf, Bytes, BytesMut};

/// Longest response outside literals.
const MAX_TEXT: usize = 1024 * 1024;
/// Most bytes of literals that are kept in one response: names and the like. Longer ones are passed over.
const MAX_SMALL: u64 = 64 * 1024;
/// Most bytes of literals that are passed over in one response: nobody asked for them.
const MAX_SKIPPED: u64 = 64 * 1024 * 1024;

/// A piece of what the server says.
#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    /// A whole response without its last line end; small literals are in it, streamed and long ones show as empty.
    Response(Bytes),
    /// The literal of a message begins; its bytes and its end follow. `head` is what the response said before.
    BodyStart { size: u64, head: Head },
    /// Some bytes of the message.
    Body(Bytes),
    /// The literal is complete; the rest of its response follows.
    BodyEnd,
    /// The literal is complete, and nothing else stood in its response.
    BodyClosed,
}

/// What a response says before the literal of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Head {
    pub(crate) uid: Option<u32>,
    pub(crate) size: Option<u64>,
}

/// The incremental framer; one per connection.
#[derive(Debug)]
pub(crate) struct Framer {
    text: BytesMut,
    state: State,
    // Bytes of `text` that are not literals, and that are.
    outside: usize,
    small: u64,
    skipped: u64,
    // Where in `text` the line begins that is being read: what was in a literal announces nothing.
    line: usize,
    // A message is due: its literal is streamed if it begins at this byte and is not longer than this.
    wanted: Option<(u64, u64)>,
    // In this response the place of a body has been looked at already.
    looked: bool,
    // Responses of the usual form need not be seen as text.
    quick: bool,
}

#[derive(Debug, PartialEq)]
enum State {
    Line,
    Small(u64),
    Skip(u64),
    Body(u64),
    /// As `Body`, of a response of the usual form and of this UID: `text` is empty.
    Quick(u64, u32),
}

impl Framer {
    pub(crate) fn new() -> Self {
        Self {
            text: BytesMut::new(),
            state: State::Line,
            outside: 0,
            small: 0,
            skipped: 0,
            line: 0,
            wanted: None,
            looked: false,
            quick: false,
        }
    }

    /// Whether responses of the usual form, `* 1 FETCH (UID 2 BODY[] {3}`, may be read where they lie: it is faster,
    /// and the text of them is not seen by anybody.
    pub(crate) fn be_quick(&mut self, quick: bool) {
        self.quick = quick;
    }

    /// So many bytes of a message are still to come.
    pub(crate) fn body_left(&self) -> u64 {
        match self.state {
            State::Body(left) | State::Quick(left, _) => left,
            _ => 0,
        }
    }

    /// A whole message of the usual form and at most this long, if it is next and all of it is there: its UID and text.
    pub(crate) fn whole(&mut self, input: &mut BytesMut, longest: u64) -> Option<(u32, Bytes)> {
        if !self.quick || self.wanted.is_none() || self.state != State::Line || !self.text.is_empty() {
            return None;
        }
        let head = quick::head(input).filter(|head| head.size <= longest)?;
        let size = usize::try_from(head.size).ok()?;
        let end = head.length.checked_add(size)?;
        if !input.get(end..)?.starts_with(quick::TAIL) {
            return None;
        }
        let mut whole = input.split_to(end + quick::TAIL.len());
        whole.advance(head.length);
        whole.truncate(size);
        Some((head.uid, whole.freeze()))
    }

    /// True if the beginning of a message of the usual form and at most this long is next, and the rest of it is still
    /// to come.
    pub(crate) fn is_due(&self, input: &[u8], longest: u64) -> bool {
        let reads = self.quick && self.wanted.is_some() && self.state == State::Line && self.text.is_empty();
        let head = if reads { quick::head(input) } else { None };
        head.is_some_and(|head| {
            let due = head.size.saturating_add((head.length + quick::TAIL.len()) as u64);
            head.size <= longest && (input.len() as u64) < due
        })
    }

    /// The literal of a message is to be streamed: the one that begins at this byte of it, at most this long.
    pub(crate) fn want_body(&mut self, origin: u64, max_size: u64) {
        self.wanted = Some((origin, max_size));
    }

    /// No message is due any more.
    pub(crate) fn want_nothing(&mut self) {
        self.wanted = None;
    }

    /// The next event, taken from the front of `input`; `None` if more has to come.
    ///
    /// # Errors
    /// If a limit is passed or a literal's size is malformed. The connection is of no use then.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Fault> {
        loop {
            match self.state {
                State::Body(0) => {
                    (self.state, self.line) = (State::Line, self.text.len());
                    return Ok(Some(Event::BodyEnd));
                }
                State::Quick(0, uid) => match quick::tail(input) {
                    Some(true) => {
                        input.advance(quick::TAIL.len());
                        self.state = State::Line;
                        return Ok(Some(Event::BodyClosed));
                    }
                    Some(false) => {
                        self.text.extend_from_slice(quick::rebuilt(uid).as_bytes());
                        (self.state, self.line, self.outside) =
                            (State::Line, self.text.len(), self.text.len());
                        self.looked = true;
                        return Ok(Some(Event::BodyEnd));
                    }
                    None => return Ok(None),
                },
                State::Small(0) | State::Skip(0) => (self.state, self.line) = (State::Line, self.text.len()),
                _ if input.is_empty() => return Ok(None),
                State::Body(left) => {
                    let chunk = take(input, left);
                    self.state = State::Body(left - chunk.len() as u64);
                    return Ok(Some(Event::Body(chunk.freeze())));
                }
                State::Quick(left, uid) => {
                    let chunk = take(input, left);
                    self.state = State::Quick(left - chunk.len() as u64, uid);
                    return Ok(Some(Event::Body(chunk.freeze())));
                }
                State::Skip(left) => {
                    let part = take(input, left);
                    self.state = State::Skip(left - part.len() as u64);
                }
                State::Small(left) => {
                    let part = take(input, left);
                    self.text.extend_from_slice(&part);
                    self.state = State::Small(left - part.len() as u64);
                }
                State::Line => {
                    if let Some(event) = self.quick_start(input) {
                        return Ok(Some(event));
                    }
                    let end = memchr::memchr(b'\n', input);
                    let part = input.split_to(end.map_or(input.len(), |at| at + 1));
                    self.outside += part.len();
                    if self.outside > MAX_TEXT {
                        return Err(Fault::limit(format!("the server sent a line of over {MAX_TEXT} bytes")));
                    }
                    self.text.extend_from_slice(&part);
                    if end.is_some()
                        && let Some(event) = self.line_end()?
                    {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    /// The beginning of a message in a response of the usual form, if all of that is there.
    fn quick_start(&mut self, input: &mut BytesMut) -> Option<Event> {
        let (0, max) = self.wanted.filter(|_| self.quick && self.text.is_empty())? else { return None };
        let head = quick::head(input).filter(|head| head.size <= max)?;
        input.advance(head.length);
        self.state = State::Quick(head.size, head.uid);
        Some(Event::BodyStart { size: head.size, head: Head { uid: Some(head.uid), size: None } })
    }

    /// A line is complete: the response is, or a literal follows.
    fn line_end(&mut self) -> Result<Option<Event>, Fault> {
        let line = trim_line_end(self.text.get(self.line..).unwrap_or_default());
        let length = self.line + line.len();
        // The text of a status response may say anything; only data has literals.
        let announced = if is_data(&self.text) { literal(line)? } else { None };
        let Some((before, size)) = announced else {
            let mut response = std::mem::take(&mut self.text);
            response.truncate(length);
            (self.outside, self.small, self.skipped, self.line, self.looked) = (0, 0, 0, 0, false);
            return Ok(Some(Event::Response(response.freeze())));
        };
        let before = self.line + before.len();
        if let Some((from, max)) = self.wanted
            && !self.looked
            && let Some(head) = self.body_head(before, from)?
        {
            if size > max {
                let what = format!("the message has {size} bytes and at most {max} are allowed");
                return Err(Fault::limit(what).with_advice("raise the property maxsize to read it"));
            }
            self.empty_literal(before);
            self.state = State::Body(size);
            return Ok(Some(Event::BodyStart { size, head }));
        }
        if self.small.saturating_add(size) <= MAX_SMALL {
            self.small += size;
            self.state = State::Small(size);
            return Ok(None);
        }
        // What was asked for can't be passed over: it would look as if the message were empty.
        let body = body_at(&self.text, before);
        if body.is_some() && body == self.wanted.map(|(from, _)| from) {
            return Err(Fault::limit("the server sends the message inside of something else"));
        }
        self.skipped = self.skipped.saturating_add(size);
        if self.skipped > MAX_SKIPPED {
            return Err(Fault::limit(format!("the server sends {size} bytes that nobody asked for")));
        }
        if body.is_some() {
            // A message that nobody asked for yet, and no empty one.
            self.text.truncate(before);
            self.text.extend_from_slice(b"NIL");
        } else {
            self.empty_literal(before);
        }
        self.state = State::Skip(size);
        Ok(None)
    }

    /// Lets the literal that was announced behind `before` look empty.
    fn empty_literal(&mut self, before: usize) {
        self.text.truncate(before);
        self.text.extend_from_slice(b"{0}\r\n");
    }

    /// What the response says before the literal at `end`, if that literal is the message from this byte on.
    fn body_head(&mut self, end: usize, from: u64) -> Result<Option<Head>, Fault> {
        if body_at(&self.text, end) != Some(from) {
            return Ok(None);
        }
        let head = self.text.get(..end).unwrap_or_default();
        // Once per response: to look again at every literal would not be linear.
        self.looked = true;
        let whole = [head, b" NIL)"].concat();
        Ok(match parse(&whole)? {
            Response::Fetch(fetch) => Some(Head { uid: fetch.uid, size: fetch.size }),
            _ => None,
        })
    }
}

fn take(input: &mut BytesMut, most: u64) -> BytesMut {
    let n = usize::try_from(most).map_or(input.len(), |most| most.min(input.len()));
    input.split_to(n)
}

#[cfg(test)]
#[path = "framer_tests.rs"]
mod tests;
