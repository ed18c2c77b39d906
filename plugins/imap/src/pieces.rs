//! How far a message has come that is fetched in pieces (`BODY[]<origin.count>`, RFC 9051 §6.4.5). Pure.
//!
//! A server that is asked for what lies behind the end of a message gives nothing, and one that lost the message half-way
//! may do the same. So the pieces have to add up to the size the server tells (RFC822.SIZE), or it is an error.

use postrider_core::{Error, ErrorKind, Phase, Result};

const PHASE: Phase = Phase::Fetch;

/// The pieces so far.
#[derive(Debug)]
pub(crate) struct Pieces {
    // Bytes to ask for at a time.
    step: u32,
    // Longest message.
    most: u64,
    // Bytes that have come, and how many of them in this piece.
    done: u64,
    got: u64,
    size: Option<u64>,
}

impl Pieces {
    pub(crate) fn new(step: u32, most: u64) -> Self {
        Self { step, most, done: 0, got: 0, size: None }
    }

    /// The first byte of the piece that is due.
    pub(crate) fn origin(&self) -> u64 {
        self.done - self.got
    }

    /// How long the message is, once the server has said it.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size
    }

    /// The items to fetch for the piece that is due.
    pub(crate) fn items(&self, body: &str) -> String {
        let (origin, step) = (self.origin(), self.step);
        let size = if self.size.is_none() { "RFC822.SIZE " } else { "" };
        format!("(UID {size}{body}<{origin}.{step}>)")
    }

    /// The server tells the size of the message.
    ///
    /// # Errors
    /// If it is too long, or was told otherwise before.
    pub(crate) fn tell_size(&mut self, size: u64) -> Result<()> {
        if size > self.most {
            return Err(too_long(size, self.most));
        }
        if self.size.is_some_and(|before| before != size) {
            return Err(broken("the server tells another size of the message than before"));
        }
        self.size = Some(size);
        Ok(())
    }

    /// A piece of this many bytes begins.
    ///
    /// # Errors
    /// If it is longer than was asked for, or the message is.
    pub(crate) fn begin(&self, length: u64) -> Result<()> {
        if length > u64::from(self.step) {
            return Err(broken("the server sent more of the message than it was asked for"));
        }
        let end = self.origin().saturating_add(length);
        match self.size {
            Some(size) if end > size => {
                Err(broken("the server sends more of the message than it said that there is"))
            }
            _ if end > self.most => Err(too_long(end, self.most)),
            _ => Ok(()),
        }
    }

    /// Some bytes of it have come.
    pub(crate) fn took(&mut self, bytes: usize) {
        self.got = self.got.saturating_add(bytes as u64);
        self.done = self.done.saturating_add(bytes as u64);
    }

    /// The piece is complete: true if the message is not.
    ///
    /// # Errors
    /// If the pieces can't add up to the size any more.
    pub(crate) fn goes_on(&mut self) -> Result<bool> {
        let Some(size) = self.size else {
            return Err(broken("the server does not tell the size of the message"));
        };
        let got = std::mem::take(&mut self.got);
        match self.done.cmp(&size) {
            std::cmp::Ordering::Equal => Ok(false),
            std::cmp::Ordering::Less if got > 0 => Ok(true),
            _ => {
                let done = self.done;
                Err(broken(&format!(
                    "the message is of {size} bytes, and the server gave {done} and no more"
                )))
            }
        }
    }
}

fn too_long(size: u64, most: u64) -> Error {
    let what = format!("the message has {size} bytes or more and at most {most} are allowed");
    Error::new(ErrorKind::Limit, PHASE, what).with_advice("raise the property maxsize to read it")
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::Protocol, PHASE, what)
        .with_advice("fetch the message by one command: unset fetchsize, or set partialfetch=false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_go_on_until_they_add_up() {
        let mut pieces = Pieces::new(4, 100);
        assert_eq!(pieces.items("BODY.PEEK[]"), "(UID RFC822.SIZE BODY.PEEK[]<0.4>)");
        pieces.tell_size(9).unwrap();
        for (length, origin, more) in [(4, 0, true), (3, 4, true), (2, 7, false)] {
            assert_eq!(pieces.origin(), origin);
            pieces.begin(length).unwrap();
            for _ in 0..length {
                pieces.took(1);
                assert_eq!(pieces.origin(), origin, "within a piece its beginning stays");
            }
            assert_eq!(pieces.goes_on().unwrap(), more);
        }
        let mut empty = Pieces::new(4, 100);
        empty.tell_size(0).unwrap();
        assert!(!empty.goes_on().unwrap());
    }

    #[test]
    fn what_does_not_add_up_is_an_error_and_never_an_end() {
        let ends = |size: Option<u64>, got: &[usize]| {
            let mut pieces = Pieces::new(4, 100);
            size.map_or(Ok(()), |size| pieces.tell_size(size))?;
            let mut more = true;
            for length in got {
                pieces.begin(*length as u64)?;
                pieces.took(*length);
                more = pieces.goes_on()?;
            }
            Ok::<_, Error>(more)
        };
        for (size, got, kind) in [
            (Some(9), &[4, 0][..], ErrorKind::Protocol),
            (Some(9), &[0], ErrorKind::Protocol),
            (Some(3), &[4], ErrorKind::Protocol),
            (Some(9), &[5], ErrorKind::Protocol),
            (None, &[4], ErrorKind::Protocol),
            (Some(101), &[], ErrorKind::Limit),
        ] {
            assert_eq!(ends(size, got).unwrap_err().kind(), kind, "{size:?} {got:?}");
        }
        let mut long = Pieces::new(4, 6);
        long.took(4);
        long.got = 0;
        assert_eq!(long.begin(3).unwrap_err().kind(), ErrorKind::Limit);
        let mut other = Pieces::new(4, 100);
        other.tell_size(9).unwrap();
        assert!(other.tell_size(9).is_ok() && other.tell_size(8).is_err());
    }
}
