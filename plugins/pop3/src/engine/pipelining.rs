//! Whether a server that offers PIPELINING (RFC 2449 §6.6) has it.

use postrider_core::ErrorKind;

/// So many doubts, and one command goes at a time for good.
const ENOUGH: u8 = 2;
/// After so many answers to commands sent behind others a connection that ends was not broken by them.
const PROVEN: u32 = 1_000;

/// What the sessions of a transport have shown so far.
#[derive(Debug, Default)]
pub(crate) struct Pipelining {
    doubts: u8,
    works: bool,
    // The last failure was one that may be due to it.
    doubted: bool,
    alone: Alone,
}

/// Whether a RETR that was refused behind others was asked for again alone: once, for that costs what is in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Alone {
    #[default]
    Untried,
    Asking,
    Told,
}

impl Pipelining {
    /// True if commands must go one at a time.
    pub(crate) fn is_broken(&self) -> bool {
        self.doubts >= ENOUGH
    }

    /// Commands that went out behind others were answered otherwise than alone.
    pub(crate) fn broken(&mut self) {
        self.doubts = ENOUGH;
    }

    /// An answer that was due to a command sent behind others did not come, after `answers` that did. A connection
    /// ends for many reasons; silence and nonsense have hardly another one.
    pub(crate) fn doubt(&mut self, kind: ErrorKind, answers: u32) {
        if answers >= PROVEN {
            self.doubts = 0;
        }
        self.doubted = true;
        self.doubts += if kind == ErrorKind::Closed { 1 } else { ENOUGH };
        self.doubts = self.doubts.min(ENOUGH);
    }

    /// True once: what was refused behind others is to be asked for again alone.
    pub(crate) fn asks_alone(&mut self) -> bool {
        let first = self.alone == Alone::Untried;
        if first {
            self.alone = Alone::Asking;
        }
        first
    }

    /// True once after [`asks_alone`](Self::asks_alone): what is asked for now is what was refused.
    pub(crate) fn told_alone(&mut self) -> bool {
        let asked = self.alone == Alone::Asking;
        if asked {
            self.alone = Alone::Told;
        }
        asked
    }

    /// A session came to its end in good order, after so many answers to commands sent behind others.
    pub(crate) fn proved(&mut self, answers: u32) {
        if !self.is_broken() {
            self.doubts = 0;
            self.works |= answers > 0;
        }
    }

    /// True if it did work: worth relying on where a command that is lost or refused because of others would look
    /// like a wrong password.
    pub(crate) fn is_proven(&self) -> bool {
        self.works && self.doubts == 0
    }

    /// True once after a [`doubt`](Self::doubt): what failed is worth another try.
    pub(crate) fn take_doubted(&mut self) -> bool {
        std::mem::take(&mut self.doubted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_at_once_and_an_end_only_when_it_comes_again_too_soon() {
        let mut p = Pipelining::default();
        p.doubt(ErrorKind::Closed, 5);
        assert!(!p.is_broken() && p.take_doubted() && !p.take_doubted());
        p.doubt(ErrorKind::Closed, PROVEN);
        assert!(!p.is_proven());
        p.proved(1);
        assert!(p.is_proven());
        p.doubt(ErrorKind::Closed, 5);
        assert!(!p.is_broken() && !p.is_proven());
        p.doubt(ErrorKind::Closed, 5);
        assert!(p.is_broken());
        let mut p = Pipelining::default();
        p.doubt(ErrorKind::Timeout, PROVEN);
        assert!(p.is_broken());
    }
}
