//! What the programs share: arguments, messages to send, and the figures they print.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::str::FromStr;

/// Options that take no value.
const FLAGS: [&str; 6] = ["no-quit", "quick", "pipelining", "chunking", "tls", "no-resumption"];

/// `WORD… --name value --flag …` of the command line.
pub struct Arguments {
    words: Vec<String>,
    options: HashMap<String, String>,
}

impl Arguments {
    pub fn from_env() -> Self {
        let mut words = Vec::new();
        let mut options = HashMap::new();
        let mut given = std::env::args().skip(1).peekable();
        while let Some(argument) = given.next() {
            match argument.strip_prefix("--") {
                None => words.push(argument),
                Some(name) => {
                    let value = given.next_if(|next| !FLAGS.contains(&name) && !next.starts_with("--"));
                    options.insert(name.to_owned(), value.unwrap_or_else(|| "true".to_owned()));
                }
            }
        }
        Self { words, options }
    }

    /// The word at this place, "" if there is none.
    pub fn word(&self, place: usize) -> &str {
        self.words.get(place).map_or("", String::as_str)
    }

    pub fn words(&self) -> &[String] {
        &self.words
    }

    pub fn text(&self, name: &str, default: &str) -> String {
        self.options.get(name).map_or(default, String::as_str).to_owned()
    }

    pub fn given(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// A number, or what stands for it if the option is not there. A value that is no number ends the program.
    pub fn number<T: FromStr>(&self, name: &str, default: T) -> T {
        let Some(text) = self.options.get(name) else { return default };
        text.parse().unwrap_or_else(|_| {
            eprintln!("--{name} {text}: a number is expected");
            std::process::exit(2)
        })
    }

    pub fn flag(&self, name: &str) -> bool {
        self.options.contains_key(name)
    }
}

/// A message of exactly this many bytes: headers and lines of text that end in CRLF. Every 50th line begins with a
/// dot, so that stuffing has something to do.
pub fn message(size: usize) -> Vec<u8> {
    let mut out = b"From: <sender@example.test>\r\nTo: <u001@example.test>\r\nSubject: A message to measure with\r\n\
                    Date: Thu, 26 Nov 2026 12:00:00 +0000\r\nMessage-ID: <bench@example.test>\r\nMIME-Version: 1.0\r\n\
                    Content-Type: text/plain; charset=us-ascii\r\n\r\n"
        .to_vec();
    let mut line = 0;
    while out.len() < size {
        let start = if line % 50 == 49 { ".and" } else { "Pack" };
        out.extend_from_slice(start.as_bytes());
        out.extend_from_slice(b" my box with five dozen liquor jugs, and weigh it on the way.\r\n");
        line += 1;
    }
    out.truncate(size.max(2));
    let end = out.len() - 2;
    // A CR that was cut from its LF would be one too many.
    for byte in &mut out[end.saturating_sub(2)..] {
        if matches!(*byte, b'\r' | b'\n') {
            *byte = b'.';
        }
    }
    out[end..].copy_from_slice(b"\r\n");
    out
}

/// Peak of this process's own memory so far, in KiB (VmHWM). What it was before exec does not count.
pub fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Prints the figures as one line of JSON.
pub fn report(figures: &[(&str, f64)]) {
    let mut line = String::new();
    for (name, value) in figures {
        let separator = if line.is_empty() { '{' } else { ',' };
        let _ = write!(line, "{separator}\"{name}\":{value}");
    }
    println!("{line}}}");
}
