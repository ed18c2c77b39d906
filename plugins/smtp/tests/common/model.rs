//! A server of random moods.

use super::model_memory::{Dice, Memory};
use postrider_testkit::{Ending, Script};

/// How a server ends a connection of its own accord.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It closes, and the command is not looked at.
    Deaf,
    /// It does what it is asked for a while without a word, and closes.
    Mute,
    /// As `Mute`, with a reset.
    Reset,
    /// It does what it was asked, and says nothing any more.
    Stall,
    /// 421 in place of an answer.
    Goodbye,
}

pub(crate) struct Moody {
    memory: Memory,
    dice: Dice,
    /// Decides what becomes of message N, the same on each connection.
    fates: u64,
    extensions: &'static str,
    fault: Option<(usize, Fault)>,
    commands: usize,
    buffer: Vec<u8>,
    from: Option<usize>,
    to: Vec<String>,
    body: Vec<u8>,
    data: bool,
    chunk: Option<(usize, bool)>,
    spoilt: bool,
    /// A refused BDAT leaves the transaction open (RFC 3030 §2 lets it).
    keeps: bool,
    ending: Option<Ending>,
    /// So many commands are still done, and not answered.
    mute: Option<(usize, Ending)>,
}

impl Moody {
    pub(crate) fn new(memory: &Memory, seed: u64, dial: u64, extensions: &'static str) -> Self {
        let mut dice = Dice(seed ^ (dial << 32));
        let faults = [Fault::Deaf, Fault::Mute, Fault::Reset, Fault::Stall, Fault::Goodbye];
        let faulty = !memory.seen().healed && dice.one_in(2);
        let fault = faulty.then(|| (dice.roll(40) + 1, faults[dice.roll(faults.len())]));
        let keeps = dice.one_in(2);
        Self {
            memory: memory.clone(),
            dice,
            fates: seed,
            extensions,
            fault,
            commands: 0,
            buffer: Vec::new(),
            from: None,
            to: Vec::new(),
            body: Vec::new(),
            data: false,
            chunk: None,
            spoilt: false,
            keeps,
            ending: None,
            mute: None,
        }
    }

    /// The mood towards one command of the current message.
    fn mood(&mut self, what: &str, n: usize) -> Option<u16> {
        let salt = what.bytes().fold(n as u64, |all, b| all.wrapping_mul(257) + u64::from(b));
        let mut dice = Dice(self.fates.wrapping_mul(31).wrapping_add(salt));
        if self.memory.seen().healed || !dice.one_in(6) {
            return None;
        }
        let code = [450, 451, 550, 554, 552, 421, 421][dice.roll(7)];
        self.memory.seen().refusals.entry(n).or_default().push(code);
        Some(code)
    }

    fn no(&mut self, code: u16) -> String {
        // Some mean it, and some go on.
        if code == 421 && self.dice.one_in(2) {
            self.memory.seen().faults.push("421".into());
            self.ending = Some(Ending::Closed);
        }
        if self.dice.one_in(3) { format!("{code}-no\r\n{code} no\r\n") } else { format!("{code} no\r\n") }
    }

    fn command(&mut self, line: &str) -> String {
        let path = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let current = self.from;
        match line.split(' ').next().unwrap() {
            "EHLO" => format!("250-moody\r\n{}", self.extensions),
            "MAIL" => {
                if self.from.is_some() {
                    self.memory.seen().misdeeds.push(format!("nested {line}"));
                    return "503 nested\r\n".into();
                }
                let n = path.trim_end_matches("@x").trim_start_matches('s').parse().unwrap();
                if let Some(code) = self.mood("mail", n) {
                    return self.no(code);
                }
                (self.from, self.to, self.body, self.spoilt) = (Some(n), Vec::new(), Vec::new(), false);
                "250 ok\r\n".into()
            }
            "RCPT" => {
                let Some(n) = current else { return "503 who from\r\n".into() };
                if let Some(code) = self.mood(&path, n) {
                    return self.no(code);
                }
                let answer = match self.dice.roll(3) {
                    0 => format!("250-2.1.5 yes\r\n250 2.1.5 {path}\r\n"),
                    1 => format!("250 2.1.5 {path}\r\n"),
                    _ => "250 2.1.5 ok\r\n".into(),
                };
                self.to.push(path);
                answer
            }
            "RSET" => {
                (self.from, self.spoilt) = (None, false);
                "250 ok\r\n".into()
            }
            "DATA" => {
                let Some(n) = current.filter(|_| !self.to.is_empty()) else { return "503 nobody\r\n".into() };
                if let Some(code) = self.mood("data", n) {
                    return self.no(code);
                }
                self.data = true;
                "354 go\r\n".into()
            }
            "BDAT" => {
                let length = line.split(' ').nth(1).unwrap().parse().unwrap();
                self.chunk = Some((length, line.ends_with("LAST")));
                String::new()
            }
            "QUIT" => {
                self.ending = Some(Ending::Closed);
                "221 bye\r\n".into()
            }
            _ => {
                self.memory.seen().misdeeds.push(format!("said {line}"));
                "500 what\r\n".into()
            }
        }
    }

    fn chunk_ends(&mut self, last: bool) -> String {
        let Some(n) = self.from else { return "503 nobody\r\n".into() };
        if self.spoilt || self.to.is_empty() {
            return "554 no valid recipients\r\n".into();
        }
        if !last {
            return match self.mood("chunk", n) {
                Some(code) => {
                    self.spoilt = true;
                    self.no(code)
                }
                None => "250 ok\r\n".into(),
            };
        }
        let keeps = self.keeps;
        let answer = self.ends(n);
        if keeps && !answer.starts_with("250") {
            (self.from, self.spoilt) = (Some(n), true);
        }
        answer
    }

    fn ends(&mut self, n: usize) -> String {
        self.from = None;
        let (to, body) = (std::mem::take(&mut self.to), std::mem::take(&mut self.body));
        self.memory.seen().ended.push(n);
        if let Some(code) = self.mood("end", n) {
            return self.no(code);
        }
        self.memory.seen().taken.entry(n).or_default().push((to, body));
        // Each in words of its own, if it has any.
        if n.is_multiple_of(3) { "250 taken\r\n".into() } else { format!("250 2.6.0 taken as {n}\r\n") }
    }

    /// Does the next thing that is there to be done; `None` if nothing is.
    fn step(&mut self) -> Option<String> {
        if self.ending.is_some() {
            return None;
        }
        if let Some((left, last)) = self.chunk {
            let n = left.min(self.buffer.len());
            self.body.extend(self.buffer.drain(..n));
            self.chunk = Some((left - n, last));
            if left > n {
                return None;
            }
            self.chunk = None;
            return Some(self.moody(|it| it.chunk_ends(last)));
        }
        let at = self.buffer.windows(2).position(|w| w == b"\r\n")?;
        let line: Vec<u8> = self.buffer.drain(..at + 2).collect();
        if self.data {
            if line != b".\r\n" {
                self.body.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                return Some(String::new());
            }
            self.data = false;
            return Some(self.moody(|it| match it.from.filter(|_| !it.to.is_empty()) {
                Some(n) => it.ends(n),
                None => "554 nobody\r\n".into(),
            }));
        }
        let line = String::from_utf8(line).unwrap();
        if line.starts_with("BDAT") {
            return Some(self.command(line.trim_end()));
        }
        Some(self.moody(|it| it.command(line.trim_end())))
    }

    fn moody(&mut self, act: impl FnOnce(&mut Self) -> String) -> String {
        self.commands += 1;
        if let Some((left, ending)) = self.mute {
            act(self);
            self.mute = left.checked_sub(1).map(|left| (left, ending));
            self.ending = self.ending.or(self.mute.is_none().then_some(ending));
            return String::new();
        }
        let due = self.fault.filter(|(at, _)| *at == self.commands && !self.memory.seen().healed);
        let Some((_, fault)) = due else { return act(self) };
        self.memory.seen().faults.push(format!("{fault:?} at {}", self.commands));
        let ending = match fault {
            Fault::Reset => Ending::Reset,
            Fault::Stall => Ending::Open,
            _ => Ending::Closed,
        };
        if !matches!(fault, Fault::Deaf | Fault::Goodbye) {
            act(self);
        }
        if matches!(fault, Fault::Mute | Fault::Reset)
            && let Some(left) = self.dice.roll(20).checked_sub(1)
        {
            self.mute = Some((left, ending));
            return String::new();
        }
        self.ending = Some(ending);
        if matches!(fault, Fault::Goodbye) { "421 bye\r\n".into() } else { String::new() }
    }
}

impl Script for Moody {
    fn greet(&mut self) -> Vec<u8> {
        b"220 moody\r\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.buffer.extend_from_slice(bytes);
        // What is not done now is done when the client listens.
        let mut out = String::new();
        while self.dice.one_in(2)
            && let Some(answer) = self.step()
        {
            out.push_str(&answer);
        }
        out.into_bytes()
    }

    fn more(&mut self) -> Vec<u8> {
        let mut out = String::new();
        while out.is_empty()
            && let Some(answer) = self.step()
        {
            out.push_str(&answer);
        }
        out.into_bytes()
    }

    fn ending(&self) -> Ending {
        self.ending.unwrap_or(Ending::Open)
    }
}
