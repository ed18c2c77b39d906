//! A scripted dialogue: what the server says and what the client must say, line by line.

use std::path::Path;
use std::sync::Arc;

/// A dialogue read from text.
///
/// | line | meaning |
/// |---|---|
/// | `S: text` | the server sends the text and CRLF |
/// | `C: text` | the client must send exactly the text and CRLF |
/// | `C~ pattern` | the same, `*` stands for anything |
/// | `S\| text`, `C\| text` | raw bytes, without CRLF; `\r \n \0 \\ \xNN` are escapes |
/// | `REPEAT n: text` | the server sends the line n times |
/// | `TLS`, `FAIL-TLS` | the client starts TLS here, and it works or fails |
/// | `CUT`, `RESET`, `SILENCE` | the server closes, resets, or never says anything more |
/// | `CONNECT` | another dial begins here; the first goes without saying |
/// | `REFUSE` | another dial begins here and fails |
/// | `# text` | a comment |
///
/// What stands in consecutive client lines may come at once (pipelining); to say more before the server's
/// answer has been given is a mismatch.
///
/// `{name}` in a client line captures a word, or must equal it if it was captured before; in a server line
/// it stands for that word. Only lower-case letters make a name: `{5}` is an IMAP literal.
#[derive(Clone, Debug)]
pub struct Dialogue {
    pub(crate) name: Arc<str>,
    pub(crate) steps: Arc<[Step]>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Say(Vec<u8>),
    Repeat(usize, Vec<u8>),
    Expect { text: Vec<u8>, wild: bool },
    Tls(bool),
    Cut,
    Reset,
    Silence,
    Connect(bool),
}

impl Dialogue {
    /// Reads a dialogue.
    ///
    /// # Errors
    /// A sentence with the line number.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::named("dialogue", text)
    }

    /// Reads a dialogue from a file.
    ///
    /// # Errors
    /// A sentence with the path and line number.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, String> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Self::named(&path.display().to_string(), &text)
    }

    fn named(name: &str, text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            steps.push(step(line).ok_or_else(|| format!("{name}:{}: not a dialogue line: {line}", i + 1))?);
        }
        Ok(Self { name: name.into(), steps: steps.into() })
    }
}

fn step(line: &str) -> Option<Step> {
    let crlf = |text: &str| [text.as_bytes(), b"\r\n"].concat();
    Some(match line.trim_end() {
        "TLS" => Step::Tls(true),
        "FAIL-TLS" => Step::Tls(false),
        "CUT" => Step::Cut,
        "RESET" => Step::Reset,
        "SILENCE" => Step::Silence,
        "CONNECT" => Step::Connect(true),
        "REFUSE" => Step::Connect(false),
        "S:" => Step::Say(crlf("")),
        "C:" => Step::Expect { text: crlf(""), wild: false },
        _ => {
            if let Some(text) = line.strip_prefix("S: ") {
                Step::Say(crlf(text))
            } else if let Some(text) = line.strip_prefix("C: ") {
                Step::Expect { text: crlf(text), wild: false }
            } else if let Some(text) = line.strip_prefix("C~ ") {
                Step::Expect { text: crlf(text), wild: true }
            } else if let Some(text) = line.strip_prefix("S| ") {
                Step::Say(unescape(text)?)
            } else if let Some(text) = line.strip_prefix("C| ") {
                Step::Expect { text: unescape(text)?, wild: false }
            } else {
                let (count, text) = line.strip_prefix("REPEAT ")?.split_once(": ")?;
                Step::Repeat(count.parse().ok()?, crlf(text))
            }
        }
    })
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match chars.next()? {
            'r' => out.push(b'\r'),
            'n' => out.push(b'\n'),
            '0' => out.push(0),
            '\\' => out.push(b'\\'),
            'x' => {
                let hex: String = chars.by_ref().take(2).collect();
                out.push(u8::from_str_radix(&hex, 16).ok()?);
            }
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_read_and_others_name_their_number() {
        let d = Dialogue::parse("# x\nS: a {5}\nC: b\nC~ c*\nS| \\r\\x41\nREPEAT 3: z\nTLS\nCUT\nCONNECT\n")
            .unwrap();
        assert_eq!(d.steps.len(), 8);
        assert_eq!(d.steps[3], Step::Say(b"\rA".to_vec()));
        assert!(Dialogue::parse("S: a\nwhat").unwrap_err().contains(":2"));
    }
}
