//! The answers to the server's challenges (RFC 9051 §6.2.2). Pure.

use crate::lent::{STAND_IN, Swap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_core::{Error, ErrorKind, Phase, Result, Secret};
use postrider_wire::Redactor;
use postrider_wire::sasl::Exchange;

/// No mechanism takes more than four.
const ROUNDS: usize = 8;

/// One run of AUTHENTICATE. async-imap asks it for each answer and gets a stand-in; the answer itself goes to the
/// connection.
pub(crate) struct Answers<'a> {
    pub(crate) exchange: Exchange,
    pub(crate) swap: Swap,
    pub(crate) redactor: &'a mut Redactor,
    pub(crate) rounds: usize,
    /// Why it was given up.
    pub(crate) failed: Option<Error>,
}

impl Answers<'_> {
    fn answer(&mut self, challenge: &[u8]) -> Result<Secret> {
        self.rounds += 1;
        if self.rounds > ROUNDS {
            let what = "the server never comes to an end of its challenges";
            return Err(Error::new(ErrorKind::Protocol, Phase::Authenticate, what));
        }
        let answer = self.exchange.answer(&STANDARD.encode(challenge))?;
        // A server may repeat the line; a short one stands in ordinary words.
        if answer.expose().len() > 3 {
            self.redactor.add(&answer);
        }
        Ok(answer)
    }
}

impl async_imap::Authenticator for &mut Answers<'_> {
    type Response = &'static [u8];

    fn process(&mut self, challenge: &[u8]) -> Self::Response {
        let line = self.answer(challenge).unwrap_or_else(|error| {
            self.failed.get_or_insert(error);
            Secret::new("*")
        });
        self.swap.put(line);
        STAND_IN
    }
}
