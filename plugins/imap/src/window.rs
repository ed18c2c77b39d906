//! Messages that were asked for and have not been taken yet, on one connection. Pure.
//!
//! A message is given to whom it is due by the UID in its response, and is gone only when the command that asked for it
//! has ended in OK without it: servers may answer in any order (RFC 9051 §7.5.2). One that comes before its turn is
//! parked, as long as there is room; where there is none, the connection has to go and the messages are asked for one
//! by one.

use crate::codec::Head;
use crate::plan::Portion;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// Most octets of commands that are under way: they always fit into the buffers between us and a server that does not
/// read while it writes.
const MAX_TEXT: usize = 8 * 1024;
/// A command beside its set.
const WORDS: usize = 50;

/// What became of a message that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It came before its turn.
    Parked(Bytes),
    /// The server has no such message any more.
    Missing,
    /// The command failed, or gave no text of it: nothing is known.
    Unclear,
}

/// There is no room for what comes, or it is not said of which message it is.
#[derive(Debug, PartialEq)]
pub(crate) struct Misfit;

/// The window of one connection.
#[derive(Debug, Default)]
pub(crate) struct Window {
    commands: VecDeque<Asked>,
    fates: BTreeMap<u32, Fate>,
    parked: u64,
    // Messages and bytes that are due.
    waiting: usize,
    bytes: u64,
    text: usize,
    reading: Option<Reading>,
}

#[derive(Debug)]
struct Asked {
    tag: String,
    left: VecDeque<(u32, u32)>,
    text: usize,
}

/// The message that is coming in.
#[derive(Debug)]
struct Reading {
    uid: Option<u32>,
    taker: Taker,
}

#[derive(Debug)]
enum Taker {
    /// Whoever asked for it reads it now.
    Reader,
    /// It waits for its turn.
    Park(Vec<u8>),
    /// Nobody: it is passed over.
    Nobody,
}

/// What becomes of a message that begins.
#[derive(Debug, PartialEq)]
pub(crate) enum Begun {
    /// It is the one that is wanted.
    Wanted,
    /// It is kept or passed over.
    Other,
}

impl Window {
    /// True if nothing is due.
    pub(crate) fn is_idle(&self) -> bool {
        self.commands.is_empty() && self.reading.is_none()
    }

    /// Messages that are due.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Bytes that are due, beside those of the message that is being read.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Messages that were asked for and have not been taken, and their bytes, beside those of the one that is being read:
    /// what is due, and what came before its turn.
    pub(crate) fn ahead(&self) -> (usize, u64) {
        (self.waiting + self.fates.len(), self.bytes.saturating_add(self.parked))
    }

    /// True if another command may be under way.
    pub(crate) fn has_room(&self) -> bool {
        self.text + crate::plan::MAX_SET + WORDS <= MAX_TEXT
    }

    /// True if a message was asked for and not taken.
    pub(crate) fn holds(&self, uid: u32) -> bool {
        let mut commands = self.commands.iter().map(|command| &command.left);
        let comes = |reading: &Reading| reading.uid == Some(uid) && matches!(reading.taker, Taker::Park(_));
        commands.any(|left| place(left, uid).is_some())
            || self.fates.contains_key(&uid)
            || self.reading.as_ref().is_some_and(comes)
    }

    /// A command was sent.
    pub(crate) fn ask(&mut self, tag: String, portion: Portion) {
        let text = portion.set.len() + WORDS;
        self.waiting += portion.uids.len();
        self.bytes += portion.uids.iter().map(|(_, size)| u64::from(*size)).sum::<u64>();
        self.text += text;
        self.commands.push_back(Asked { tag, left: portion.uids, text });
    }

    /// What is known already of a message.
    pub(crate) fn take(&mut self, uid: u32) -> Option<Fate> {
        if self.fates.is_empty() {
            return None;
        }
        let fate = self.fates.remove(&uid)?;
        if let Fate::Parked(bytes) = &fate {
            self.parked = self.parked.saturating_sub(bytes.len() as u64);
        }
        Some(fate)
    }

    /// Nobody wants this message any more.
    pub(crate) fn forget(&mut self, uid: u32) {
        if self.take(uid).is_none() {
            self.answered(uid);
        }
    }

    /// Only what `wanted` says is wanted still.
    pub(crate) fn forget_but(&mut self, wanted: impl Fn(u32) -> bool) {
        let asked = self.commands.iter().flat_map(|command| command.left.iter().map(|(uid, _)| *uid));
        let gone: Vec<u32> = asked.chain(self.fates.keys().copied()).filter(|uid| !wanted(*uid)).collect();
        gone.into_iter().for_each(|uid| self.forget(uid));
    }

    /// The text of a message begins; at most `room` bytes may be parked.
    pub(crate) fn begin(
        &mut self,
        size: u64,
        head: Head,
        want: Option<u32>,
        room: u64,
    ) -> Result<Begun, Misfit> {
        let (taker, begun) = match head.uid {
            Some(uid) if !self.answered(uid) => (Taker::Nobody, Begun::Other),
            Some(uid) if want == Some(uid) => (Taker::Reader, Begun::Wanted),
            _ if self.parked.saturating_add(size) > room => return Err(Misfit),
            _ => (
                Taker::Park(Vec::with_capacity(usize::try_from(size).unwrap_or(0).min(64 * 1024))),
                Begun::Other,
            ),
        };
        self.reading = Some(Reading { uid: head.uid, taker });
        Ok(begun)
    }

    /// Some bytes of it; back they come for whoever reads it.
    pub(crate) fn chunk(&mut self, chunk: Bytes) -> Option<Bytes> {
        match self.reading.as_mut().map(|reading| &mut reading.taker) {
            Some(Taker::Reader) => return Some(chunk),
            Some(Taker::Park(kept)) => kept.extend_from_slice(&chunk),
            Some(Taker::Nobody) | None => {}
        }
        None
    }

    /// True while a message is coming in.
    pub(crate) fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// Whoever reads it has gone: what is left of it is passed over.
    pub(crate) fn leave(&mut self) {
        if let Some(reading) = &mut self.reading
            && matches!(reading.taker, Taker::Reader)
        {
            reading.taker = Taker::Nobody;
        }
    }

    /// Its response is complete, and may have said only behind the text of which message it is.
    pub(crate) fn finish(&mut self, named: Option<u32>) -> Result<(), Misfit> {
        let Some(reading) = self.reading.take() else { return Ok(()) };
        if matches!((reading.uid, named), (Some(before), Some(behind)) if before != behind) {
            return Err(Misfit);
        }
        if let Taker::Park(kept) = reading.taker {
            let Some(uid) = reading.uid.or(named) else { return Err(Misfit) };
            if reading.uid.is_some() || self.answered(uid) {
                self.park(uid, kept.into());
            }
        }
        Ok(())
    }

    /// A text that is all there, kept if it is of a message that is due: that of the wanted one comes back.
    pub(crate) fn whole(
        &mut self,
        uid: u32,
        text: Bytes,
        want: Option<u32>,
        room: u64,
    ) -> Result<Option<Bytes>, Misfit> {
        if !self.answered(uid) {
            return Ok(None);
        }
        if want == Some(uid) {
            return Ok(Some(text));
        }
        if self.parked.saturating_add(text.len() as u64) > room {
            return Err(Misfit);
        }
        // A copy: a slice would keep all of the buffer that it is of.
        self.park(uid, Bytes::copy_from_slice(&text));
        Ok(None)
    }

    /// The server names a message that is due and gives no text of it.
    pub(crate) fn withheld(&mut self, uid: u32) {
        if self.answered(uid) {
            self.fates.insert(uid, Fate::Unclear);
        }
    }

    /// The status of a command: `is_all` if what it has not given is not there. False if there is none of this tag.
    pub(crate) fn ended(&mut self, tag: &str, is_all: bool) -> bool {
        let Some(at) = self.commands.iter().position(|command| command.tag == tag) else { return false };
        let Some(command) = self.commands.remove(at) else { return false };
        self.text = self.text.saturating_sub(command.text);
        for (uid, size) in command.left {
            self.waiting = self.waiting.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(u64::from(size));
            self.fates.insert(uid, if is_all { Fate::Missing } else { Fate::Unclear });
        }
        true
    }

    fn park(&mut self, uid: u32, bytes: Bytes) {
        self.parked += bytes.len() as u64;
        self.fates.insert(uid, Fate::Parked(bytes));
    }

    /// A message is due no more; false if it was not.
    fn answered(&mut self, uid: u32) -> bool {
        for command in &mut self.commands {
            let Some(at) = place(&command.left, uid) else { continue };
            let asked = if at == 0 { command.left.pop_front() } else { command.left.remove(at) };
            if let Some((_, size)) = asked {
                self.waiting = self.waiting.saturating_sub(1);
                self.bytes = self.bytes.saturating_sub(u64::from(size));
                return true;
            }
        }
        false
    }
}

/// Where a message stands among those that a command has asked for: mostly in front.
fn place(left: &VecDeque<(u32, u32)>, uid: u32) -> Option<usize> {
    let (first, _) = left.front()?;
    if *first == uid {
        return Some(0);
    }
    left.binary_search_by_key(&uid, |(uid, _)| *uid).ok()
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
