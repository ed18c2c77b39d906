//! Takes secrets out of text that other people wrote.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use postrider_core::{Reply, Secret};

/// A form shorter than this stands in ordinary words: it is masked only where it stands alone, for a text
/// full of holes would tell what fits them.
const WORD: usize = 4;
/// A piece of base64 shorter than this turns up by chance.
const PIECE: usize = 8;

/// Knows the secrets of a session and masks them where a server repeats them.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    // Longest first, so that no form leaves the rest of a longer one behind.
    forms: Vec<Secret>,
}

impl Redactor {
    /// Masks this secret from now on: as it is, in quotes, percent-encoded and in base64, also as a part of a
    /// longer text that was encoded.
    pub fn add(&mut self, secret: &Secret) {
        let text = secret.expose();
        if text.is_empty() {
            return;
        }
        let mut forms = vec![text.to_owned(), quoted(text), percent(text), STANDARD.encode(text)];
        forms.extend((0..3).map(|before| inside_base64(text, before)).filter(|form| form.len() >= PIECE));
        for form in forms {
            if !self.forms.iter().any(|known| known.expose() == form) {
                self.forms.push(Secret::new(form));
            }
        }
        self.forms.sort_by_key(|form| std::cmp::Reverse(form.expose().len()));
    }

    /// How many forms of secrets are masked: more with each secret that becomes known.
    pub fn forms(&self) -> usize {
        self.forms.len()
    }

    /// The text with every known secret replaced by `***`.
    pub fn clean(&self, text: &str) -> String {
        self.forms.iter().fold(text.to_owned(), |text, form| masked(text, form.expose()))
    }

    /// A reply whose words are masked. What a program reads is not: the status always, and a code of digits
    /// and dots; a password such as `250` must not change what they mean.
    pub fn reply(&self, status: &str, code: Option<&str>, text: &str) -> Reply {
        let is_number = |code: &str| code.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let code = code.map(|c| if is_number(c) { c.to_owned() } else { self.clean(c) });
        Reply::new(status, code, &self.clean(text))
    }
}

fn masked(text: String, form: &str) -> String {
    // Most replies are shorter than most secrets: nothing has to be searched for then.
    if form.len() > text.len() || memchr::memmem::find(text.as_bytes(), form.as_bytes()).is_none() {
        return text;
    }
    if form.len() >= WORD {
        return text.replace(form, "***");
    }
    let mut out = String::with_capacity(text.len());
    let mut last = 0;
    for (at, _) in text.match_indices(form) {
        let (before, after) = (text.get(..at), text.get(at + form.len()..));
        let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        if !inside(before.and_then(|t| t.chars().next_back()))
            && !inside(after.and_then(|t| t.chars().next()))
        {
            out.push_str(text.get(last..at).unwrap_or_default());
            out.push_str("***");
            last = at + form.len();
        }
    }
    out.push_str(text.get(last..).unwrap_or_default());
    out
}

/// As a quoted string of IMAP or JSON has it.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The characters of base64 that depend on this text alone, whatever follows it and with `before` bytes
/// (modulo 3) before it.
fn inside_base64(text: &str, before: usize) -> String {
    // Those bytes make up the first character or two, and a part of the next.
    let skipped = before.min(1) + before;
    let padded = [vec![0; before], text.as_bytes().to_vec()].concat();
    let whole = STANDARD_NO_PAD.encode(&padded);
    // Of a last group that is not full the last character depends on what follows.
    let end = whole.len() - usize::from(!padded.len().is_multiple_of(3));
    whole.get(skipped..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing(secret: &str) -> Redactor {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new(secret));
        redactor
    }

    #[test]
    fn a_secret_is_masked_in_every_form_a_server_may_repeat_it_in() {
        for secret in ["hunter2secret", "pa\"ss\\word", "sesame/öffne+dich=", "0123456789abcdef"] {
            let redactor = knowing(secret);
            for user in ["", "a", "ab", "abc"] {
                for behind in ["", "x", "xy", "xyz"] {
                    let plain = format!("\0{user}\0{secret}{behind}");
                    let shown = redactor.clean(&format!("bad: {} !", STANDARD.encode(&plain)));
                    // What is left of the encoded secret: a character at each edge at most.
                    let core = inside_base64(secret, (2 + user.len()) % 3);
                    assert!(shown.contains("***") && !shown.contains(&core), "{user:?} {behind:?}: {shown}");
                }
            }
            for form in [secret.to_owned(), quoted(secret), percent(secret), STANDARD.encode(secret)] {
                assert_eq!(redactor.clean(&format!("bad: {form} !")), "bad: *** !");
            }
        }
    }

    #[test]
    fn a_short_secret_is_masked_as_a_word_and_leaves_ordinary_words_whole() {
        for (secret, text, want) in [
            ("e", "the server refused e here: e", "the server refused *** here: ***"),
            ("ok", "2.0.0 ok, tokens are okay", "2.0.0 ***, tokens are okay"),
            ("é!", "né! é!", "né! ***"),
        ] {
            assert_eq!(knowing(secret).clean(text), want);
        }
        assert_eq!(Redactor::default().clean("x"), "x");
        assert_eq!(knowing("").clean("x"), "x");
    }

    #[test]
    fn what_a_program_reads_of_a_reply_keeps_its_meaning_whatever_the_password_is() {
        for secret in ["250", "421", "5.7.8", "NO"] {
            let redactor = knowing(secret);
            let reply = redactor.reply("421", Some("4.3.2"), "bye");
            assert_eq!((reply.number(), reply.code()), (Some(421), Some("4.3.2")), "{secret}");
            assert_eq!(redactor.reply("535", Some("5.7.8"), "x").code(), Some("5.7.8"));
            assert_eq!(redactor.reply("NO", None, "x").status(), "NO");
        }
        let echo = knowing("hunter2").reply("NO", Some("REFERRAL imap://me:hunter2@h"), "pass hunter2");
        assert!(!echo.to_string().contains("hunter2"), "{echo}");
    }
}
