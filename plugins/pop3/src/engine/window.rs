//! Messages on their way: those asked for and not read, and those to be asked for next.

use postrider_wire::dot::Decoder;
use std::collections::VecDeque;

/// What is still to come up to this many bytes is read and thrown away when it is not wanted after all; of more,
/// the connection costs less. Also what is asked for ahead before the reader has shown that it reads on.
pub(crate) const LITTLE: u64 = 256 * 1024;
/// How many messages are asked for ahead before the reader has shown that it reads on.
const FIRST: usize = 16;
/// By how many the window opens for each message read in order. With each round trip it is four times as large then,
/// and what comes in vain is at most three times what was read.
const STEP: u16 = 3;
/// How far ahead of the reader in its order a message is looked for that was passed over.
const SKIPPED: usize = 1_000;

/// The messages in flight on one connection, and the hint of what comes next.
///
/// The window opens as TCP's does, if faster: by three for each message read in the order that was said. Anything else
/// closes it: what came in vain is little then.
#[derive(Debug)]
pub(crate) struct Window {
    /// Most messages in flight.
    most: usize,
    /// Asks for more as long as fewer bytes than this are to come.
    most_bytes: u64,
    open: usize,
    open_bytes: u64,
    /// Names in the order they will be fetched in.
    wanted: VecDeque<String>,
    asked: VecDeque<Asked>,
    /// Sizes of the asked ones together.
    asked_bytes: u64,
    body: Option<Incoming>,
    // The last call was a fetch in the order that was said.
    following: bool,
}

/// A RETR that was written and not answered.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) name: String,
    size: u64,
    /// It was written when others before it had no answer yet.
    pub(crate) behind: bool,
    hinted: bool,
}

/// The message that is being read.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) decoder: Decoder,
    /// Bytes read so far.
    pub(crate) read: u64,
    size: u64,
}

impl Window {
    /// An empty one that never holds more than this.
    pub(crate) fn new(most: usize, most_bytes: u64) -> Self {
        Self {
            most: most.max(1),
            most_bytes,
            open: FIRST,
            open_bytes: LITTLE,
            wanted: VecDeque::new(),
            asked: VecDeque::new(),
            asked_bytes: 0,
            body: None,
            following: false,
        }
    }

    /// The next fetches will be for these. What is in flight already is not asked for twice.
    pub(crate) fn want(&mut self, names: impl IntoIterator<Item = String>) {
        self.wanted.clear();
        let mut flying = self.asked.iter();
        let mut next = flying.next();
        for name in names {
            match next {
                Some(asked) if asked.name == name => next = flying.next(),
                // From here on the order is another one: what flies behind is read for nothing.
                _ => {
                    next = None;
                    self.wanted.push_back(name);
                }
            }
        }
    }

    /// True if nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.asked.is_empty() && self.body.is_none()
    }

    /// The RETR that is answered next.
    pub(crate) fn first(&self) -> Option<&Asked> {
        self.asked.front()
    }

    /// True if no body is under way and the next answer is the message of this name.
    pub(crate) fn is_next(&self, name: &str) -> bool {
        self.body.is_none() && self.first().is_some_and(|asked| asked.name == name)
    }

    /// Bytes to come before the answer for this name, or before all is answered.
    pub(crate) fn due_before(&self, name: Option<&str>) -> u64 {
        let place = name.and_then(|name| self.asked.iter().position(|asked| asked.name == name));
        let passed = self.asked.iter().take(place.unwrap_or(self.asked.len()));
        self.body_due() + passed.map(|asked| asked.size).sum::<u64>()
    }

    /// Something else is done than to fetch in the order that was said. If there is a part of it left, nothing is
    /// asked for ahead until two messages in a row are fetched in order again.
    pub(crate) fn interrupted(&mut self) {
        self.following = false;
        if !self.wanted.is_empty() || !self.asked.is_empty() {
            self.close_to(1);
        }
    }

    /// The connection is gone: what was asked for is wanted still.
    pub(crate) fn lost(&mut self) {
        self.body = None;
        self.asked_bytes = 0;
        while let Some(asked) = self.asked.pop_back() {
            if asked.hinted {
                self.wanted.push_front(asked.name);
            }
        }
        self.close_to(self.open.min(FIRST));
    }

    /// A message is fetched that was not asked for: notes that its RETR is written now.
    pub(crate) fn ask(&mut self, name: &str, size: Option<u64>) {
        let place = self.wanted.iter().take(SKIPPED).position(|wanted| wanted == name);
        if let Some(place) = place {
            self.wanted.drain(..=place);
        } else {
            self.interrupted();
        }
        self.push(name.to_owned(), size, place.is_some());
    }

    /// The name to ask for ahead, if there is room.
    pub(crate) fn next_wanted(&self) -> Option<&str> {
        let flying = self.asked.len() + usize::from(self.body.is_some());
        let room = flying < self.open.min(self.most) && self.due() < self.open_bytes.min(self.most_bytes);
        self.wanted.front().filter(|_| room).map(String::as_str)
    }

    /// True if it may be asked for: what can't be thrown away is asked for ahead only after two messages were
    /// fetched in order, and never if `strict`, where the connection must not be given up.
    pub(crate) fn fits(&self, size: Option<u64>, strict: bool) -> bool {
        let free = !strict && self.open_bytes > LITTLE;
        free || size.is_some_and(|size| self.due().saturating_add(size) <= LITTLE)
    }

    /// True if a good part of the window is free: asking message by message would be as many segments.
    pub(crate) fn is_low(&self) -> bool {
        if !self.following || self.wanted.is_empty() {
            return false;
        }
        let (open, open_bytes) = (self.open.min(self.most), self.open_bytes.min(self.most_bytes));
        self.asked.len() <= open - open.div_ceil(4) && self.due() <= open_bytes / 4 * 3
    }

    /// The next wanted one can't be had, or not by asking ahead.
    pub(crate) fn skip_wanted(&mut self) {
        self.wanted.pop_front();
    }

    /// Notes that RETR is written for the next wanted one.
    pub(crate) fn ask_wanted(&mut self, size: Option<u64>) {
        if let Some(name) = self.wanted.pop_front() {
            self.push(name, size, true);
        }
    }

    /// The message whose answer comes next is fetched: the window opens if the one before it was too.
    pub(crate) fn goes_on(&mut self) {
        let Some(first) = self.asked.front().filter(|first| first.hinted) else { return };
        if self.following {
            self.open = self.open.saturating_add(STEP.into()).min(self.most);
            let opened = self.open_bytes.saturating_add(first.size.saturating_mul(STEP.into()));
            self.open_bytes = opened.min(self.most_bytes.max(LITTLE));
        }
        self.following = true;
    }

    /// The next RETR was answered; a message comes if `ok`.
    pub(crate) fn answered(&mut self, ok: bool) {
        let Some(asked) = self.asked.pop_front() else { return };
        self.asked_bytes = self.asked_bytes.saturating_sub(asked.size);
        if ok {
            self.begin(asked.size);
        }
    }

    /// A message comes that was not asked for by RETR.
    pub(crate) fn begin(&mut self, size: u64) {
        self.body = Some(Incoming { decoder: Decoder::new(), read: 0, size });
    }

    /// The message that is under way.
    pub(crate) fn body(&mut self) -> Option<&mut Incoming> {
        self.body.as_mut()
    }

    /// All of the message has been read.
    pub(crate) fn end(&mut self) {
        self.body = None;
    }

    fn push(&mut self, name: String, size: Option<u64>, hinted: bool) {
        // Of an unknown size nothing is asked for behind it; of known ones the sum stays far from an overflow.
        let size = size.unwrap_or(self.most_bytes).min(u64::MAX >> 24);
        self.asked_bytes += size;
        self.asked.push_back(Asked { name, size, behind: !self.is_idle(), hinted });
    }

    fn close_to(&mut self, open: usize) {
        self.open = open;
        self.open_bytes = LITTLE;
    }

    fn due(&self) -> u64 {
        self.asked_bytes.saturating_add(self.body_due())
    }

    fn body_due(&self) -> u64 {
        self.body.as_ref().map_or(0, |body| body.size.saturating_sub(body.read))
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
