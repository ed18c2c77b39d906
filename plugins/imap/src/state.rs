//! What is known of the session, and what untagged data changes about it. Pure.

use crate::Capabilities;
use crate::codec::{Code, Response, Status, StatusKind};

/// The state of a session (RFC 9051 §3).
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) caps: Capabilities,
    /// UTF8=ACCEPT or IMAP4rev2 is enabled.
    pub(crate) utf8: bool,
    pub(crate) selected: Option<Selected>,
    /// The server's goodbye.
    pub(crate) bye: Option<Status>,
}

/// The selected mailbox.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Selected {
    pub(crate) name: String,
    /// 0 until the server has said it.
    pub(crate) validity: u32,
    pub(crate) uid_next: Option<u32>,
    pub(crate) exists: u32,
    /// How many messages the server has said to be gone: their numbers have shifted since.
    pub(crate) expunged: u64,
    pub(crate) read_only: bool,
    /// UIDs last longer than the session.
    pub(crate) sticky: bool,
    /// There are messages that came after the last listing.
    pub(crate) news: bool,
    /// UIDVALIDITY has changed under our feet.
    pub(crate) rebuilt: bool,
}

impl Selected {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            validity: 0,
            uid_next: None,
            exists: 0,
            expunged: 0,
            read_only: false,
            sticky: true,
            news: false,
            rebuilt: false,
        }
    }
}

impl State {
    /// Takes in what concerns the session as a whole and gives back what may be an answer to a command.
    pub(crate) fn absorb(&mut self, response: Response) -> Option<Response> {
        match response {
            Response::Capability(words) => self.caps = Capabilities::new(words),
            Response::Enabled(words) => {
                self.utf8 |= words.iter().any(|w| w == "UTF8=ACCEPT" || w == "IMAP4REV2");
            }
            Response::Exists(count) => {
                if let Some(selected) = &mut self.selected {
                    selected.news |= count > selected.exists;
                    selected.exists = count;
                }
            }
            Response::Expunge => {
                if let Some(selected) = &mut self.selected {
                    selected.exists = selected.exists.saturating_sub(1);
                    selected.expunged += 1;
                }
            }
            Response::Status(status) if status.kind == StatusKind::Bye => self.bye = Some(status),
            Response::Status(status) => self.code(status.code),
            Response::Unparsed => {}
            other => return Some(other),
        }
        None
    }

    /// What the code of a status response says of the session.
    pub(crate) fn code(&mut self, code: Option<Code>) {
        match (code, &mut self.selected) {
            (Some(Code::Capability(words)), _) => self.caps = Capabilities::new(words),
            (Some(Code::UidValidity(n)), Some(selected)) => {
                selected.rebuilt |= selected.validity != 0 && selected.validity != n;
                selected.validity = n;
            }
            (Some(Code::UidNext(n)), Some(selected)) => selected.uid_next = Some(n),
            (Some(Code::UidNotSticky), Some(selected)) => selected.sticky = false,
            (Some(Code::ReadOnly), Some(selected)) => selected.read_only = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::parse;

    fn after(lines: &[&str]) -> State {
        let mut state = State { selected: Some(Selected::new("INBOX")), ..State::default() };
        for line in lines {
            assert_eq!(state.absorb(parse(line.as_bytes()).unwrap()), None, "{line}");
        }
        state
    }

    #[test]
    fn untagged_data_changes_the_mailbox() {
        let state = after(&[
            "* 3 EXISTS",
            "* OK [UIDVALIDITY 7] ok",
            "* OK [UIDNEXT 12] ok",
            "* NO [UIDNOTSTICKY] really",
            "* 1 EXPUNGE",
            "* FLAGS (\\Seen)",
            "* 2 RECENT",
        ]);
        let s = state.selected.unwrap();
        assert_eq!((s.exists, s.validity, s.uid_next, s.sticky, s.rebuilt), (2, 7, Some(12), false, false));
        assert!(s.news && s.expunged == 1);
    }

    #[test]
    fn one_that_came_after_one_that_went_is_news_and_another_uidvalidity_is_noticed() {
        let mut state = after(&["* 3 EXISTS"]);
        state.selected.as_mut().unwrap().news = false;
        for line in ["* 2 EXPUNGE", "* 3 EXISTS", "* OK [UIDVALIDITY 7] x", "* OK [UIDVALIDITY 8] x"] {
            state.absorb(parse(line.as_bytes()).unwrap());
        }
        let s = state.selected.unwrap();
        assert!(s.news && s.rebuilt && s.validity == 8);
    }

    #[test]
    fn answers_are_left_to_who_asked() {
        let mut state = State::default();
        for line in ["* SEARCH 1", "* 1 FETCH (UID 1)", "* LIST () \"/\" a", "A OK x", "+ x"] {
            assert!(state.absorb(parse(line.as_bytes()).unwrap()).is_some(), "{line}");
        }
        assert_eq!(state.absorb(parse(b"* 9 EXISTS").unwrap()), None);
        state.absorb(parse(b"* BYE [UNAVAILABLE] going down").unwrap());
        assert_eq!(state.bye.unwrap().text, "going down");
    }
}
