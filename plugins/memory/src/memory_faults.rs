//! What a test lets go wrong.

use crate::{Call, Memory, SendFault};
use postrider_core::{Address, Error, Verdict};

impl Memory {
    /// Lets the next send end so. Several queue up, one for each send.
    pub fn next_send(&self, fault: SendFault) {
        self.0.lock().sends.push_back(fault);
    }

    /// Gives this verdict about a recipient from now on. With [`Verdict::Refused`] or [`Verdict::Deferred`] for some,
    /// the others are sent to and the receipt tells; for all of them, the send fails so.
    pub fn judge(&self, recipient: Address, verdict: Verdict) {
        self.0.lock().verdicts.insert(recipient, verdict);
    }

    /// Accepts every recipient again.
    pub fn judge_nobody(&self) {
        self.0.lock().verdicts.clear();
    }

    /// Lets the next call of this kind fail so. Several queue up, one for each call.
    pub fn next_error(&self, call: Call, error: Error) {
        self.0.lock().errors.push_back((call, error));
    }

    /// Lets the connection of the next fetch break after so many bytes of the message, if it has more.
    pub fn cut_next_fetch(&self, after: usize) {
        self.0.lock().cuts.push_back(after);
    }
}
