//! Plays a dialogue as a server, over all its dials.

use crate::dialogue::Step;
use crate::{Dialogue, Ending, Script};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Where a dialogue stands; shared by the connections it is played on.
pub(crate) struct Player {
    dialogue: Dialogue,
    at: usize,
    repeated: usize,
    pending: Vec<u8>,
    words: HashMap<String, String>,
    ending: Ending,
    // Where a dial was given up while something was still expected of it.
    left: Option<usize>,
    pub(crate) mismatches: Vec<String>,
}

/// The part of a player that one connection sees.
pub(crate) struct Played(pub(crate) Arc<Mutex<Player>>);

impl Player {
    pub(crate) fn new(dialogue: &Dialogue) -> Self {
        Self {
            dialogue: dialogue.clone(),
            at: 0,
            repeated: 0,
            pending: Vec::new(),
            words: HashMap::new(),
            ending: Ending::Open,
            left: None,
            mismatches: Vec::new(),
        }
    }

    /// A dial begins: true if the script lets it happen.
    pub(crate) fn dial(&mut self, first: bool) -> bool {
        self.pending.clear();
        self.repeated = 0;
        if first {
            return match self.step() {
                Some(Step::Connect(accept)) => {
                    self.at += 1;
                    accept
                }
                _ => true,
            };
        }
        // What the last dial left unsaid is skipped: the client went away. It was not to go in the middle.
        if self.ending == Ending::Open && matches!(self.step(), Some(Step::Expect { .. } | Step::Tls(_))) {
            self.left.get_or_insert(self.at);
        }
        self.ending = Ending::Open;
        while let Some(step) = self.step() {
            self.at += 1;
            if let Step::Connect(accept) = step {
                return accept;
            }
        }
        false
    }

    pub(crate) fn is_finished(&self) -> bool {
        matches!(self.step(), None | Some(Step::Silence)) && self.pending.is_empty() && self.left.is_none()
    }

    pub(crate) fn unfinished(&self) -> String {
        let at = self.left.unwrap_or(self.at);
        let said = String::from_utf8_lossy(&self.pending);
        let step = self.dialogue.steps.get(at);
        format!("{}: the client left before step {step:?}, the last it sent: {said:?}", self.dialogue.name)
    }

    fn step(&self) -> Option<Step> {
        self.dialogue.steps.get(self.at).cloned()
    }

    /// What the server says until it is the client's turn; repeated lines in portions.
    fn talk(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while self.ending == Ending::Open && out.len() < 65_536 {
            match self.step() {
                Some(Step::Say(bytes)) => out.extend(self.fill_in(&bytes)),
                Some(Step::Repeat(count, line)) if self.repeated < count => {
                    out.extend(line);
                    self.repeated += 1;
                    continue;
                }
                Some(Step::Repeat(..)) => self.repeated = 0,
                Some(Step::Cut) => self.ending = Ending::Closed,
                Some(Step::Reset) => self.ending = Ending::Reset,
                _ => break,
            }
            self.at += 1;
        }
        out
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        while let Some(Step::Expect { text, wild }) = self.step() {
            let want = if wild { None } else { Some(self.fill_in(&text)) };
            let has_names = want.as_ref().is_some_and(|w| self.has_names(w));
            let end = if !text.ends_with(b"\r\n") {
                text.len()
            } else {
                match self.pending.windows(2).position(|w| w == b"\r\n") {
                    Some(at) => at + 2,
                    None => {
                        // A line that is wrong already need not be waited for.
                        match want {
                            Some(want) if !has_names && !want.starts_with(&self.pending) => {
                                self.pending.len()
                            }
                            _ => return,
                        }
                    }
                }
            };
            if self.pending.len() < end {
                return;
            }
            let got: Vec<u8> = self.pending.drain(..end).collect();
            if !self.matches(&text, &got, wild) {
                let (want, got) =
                    (String::from_utf8_lossy(&text).into_owned(), String::from_utf8_lossy(&got).into_owned());
                self.mismatches
                    .push(format!("{}: expected {want:?}, the client sent {got:?}", self.dialogue.name));
                self.ending = Ending::Closed;
                return;
            }
            self.at += 1;
        }
        // Whoever waits for the answer has nothing more to say before it.
        if !self.pending.is_empty() && matches!(self.step(), Some(Step::Say(_) | Step::Repeat(..))) {
            let early = String::from_utf8_lossy(&self.pending).into_owned();
            self.mismatches
                .push(format!("{}: before the answer the client sent {early:?}", self.dialogue.name));
            self.ending = Ending::Closed;
            self.pending.clear();
        }
    }

    fn matches(&mut self, want: &[u8], got: &[u8], wild: bool) -> bool {
        let (want, got) =
            (String::from_utf8_lossy(want).into_owned(), String::from_utf8_lossy(got).into_owned());
        let (mut rest_want, mut rest_got) = (want.as_str(), got.as_str());
        while let Some((before, name, after)) = name_in(rest_want) {
            let Some(tail) = rest_got.strip_prefix(before) else { return false };
            let end = tail.find(char::is_whitespace).unwrap_or(tail.len());
            let (word, tail) = tail.split_at(end);
            match self.words.get(name) {
                Some(known) if known != word => return false,
                Some(_) => {}
                None => {
                    self.words.insert(name.to_owned(), word.to_owned());
                }
            }
            (rest_want, rest_got) = (after, tail);
        }
        if wild { glob(rest_want.as_bytes(), rest_got.as_bytes()) } else { rest_want == rest_got }
    }

    fn has_names(&self, text: &[u8]) -> bool {
        name_in(&String::from_utf8_lossy(text)).is_some()
    }

    fn fill_in(&self, bytes: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, name, after)) = name_in(rest) {
            out.push_str(before);
            match self.words.get(name) {
                Some(word) => out.push_str(word),
                None => out.push_str(&format!("{{{name}}}")),
            }
            rest = after;
        }
        out.push_str(rest);
        out.into_bytes()
    }
}

/// The first `{name}` with what is before and after it.
fn name_in(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = text.get(from..)?.find('{').map(|i| i + from) {
        let (before, tail) = (text.get(..open)?, text.get(open + 1..)?);
        if let Some((name, after)) = tail.split_once('}')
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase())
        {
            return Some((before, name, after));
        }
        from = open + 1;
    }
    None
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            glob(rest, text) || text.split_first().is_some_and(|(_, t)| glob(pattern, t))
        }
        (Some((p, rest)), Some((t, tail))) => p == t && glob(rest, tail),
        _ => false,
    }
}

impl Played {
    fn player(&self) -> std::sync::MutexGuard<'_, Player> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Script for Played {
    fn greet(&mut self) -> Vec<u8> {
        self.player().talk()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut player = self.player();
        let mut out = Vec::new();
        player.hear(bytes);
        // Several lines may have come at once, each with its own answer.
        loop {
            let before = player.at;
            out.extend(player.talk());
            player.hear(b"");
            if player.at == before || out.len() > 1 << 20 {
                return out;
            }
        }
    }

    fn start_tls(&mut self) -> bool {
        let mut player = self.player();
        match player.step() {
            // Said in the clear and ahead of the handshake, it would count as said inside TLS.
            Some(Step::Tls(_)) if !player.pending.is_empty() => {
                let early = String::from_utf8_lossy(&player.pending).into_owned();
                let what = format!("{}: before TLS the client sent {early:?}", player.dialogue.name);
                player.mismatches.push(what);
                false
            }
            Some(Step::Tls(good)) => {
                player.at += 1;
                good
            }
            other => {
                let what = format!("{}: TLS was started where {other:?} was due", player.dialogue.name);
                player.mismatches.push(what);
                false
            }
        }
    }

    fn more(&mut self) -> Vec<u8> {
        self.player().talk()
    }

    fn ending(&self) -> Ending {
        self.player().ending
    }
}
