//! One message on its way: what follows from the replies so far, and what became of it. Pure.

use super::{Command, SmtpReply, refusal};
use postrider_core::{Envelope, Error, ErrorKind, Phase, Receipt, RecipientOutcome, Result, Verdict};
use postrider_wire::Redactor;

/// What is to be done once the replies to an envelope are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// MAIL and RCPT are answered well enough, and DATA is not said: the body may follow by BDAT.
    SayData,
    /// The server waits for the body.
    SendBody,
    /// The server waits for a body that nobody accepted: a lone dot ends it (RFC 2920 §3.1).
    LoneDot,
    /// The server waits for a body that must not go out, and some recipients are accepted: only closing the
    /// connection keeps it from sending an empty message to them.
    Abandon,
    /// The transaction is over: RSET.
    Reset,
}

/// The replies to one envelope.
#[derive(Debug)]
pub(crate) struct Transaction {
    envelope: Envelope,
    send_partial: bool,
    mail: Option<SmtpReply>,
    to: Vec<Option<SmtpReply>>,
    data: Option<SmtpReply>,
    /// The first refusal of a part of the body (RFC 3030).
    chunk: Option<SmtpReply>,
    /// One of them says goodbye.
    goodbye: bool,
}

impl Transaction {
    pub(crate) fn new(envelope: Envelope, send_partial: bool) -> Self {
        let to = vec![None; envelope.to.len()];
        Self { envelope, send_partial, mail: None, to, data: None, chunk: None, goodbye: false }
    }

    /// The envelope, for another try.
    pub(crate) fn into_envelope(self) -> Envelope {
        self.envelope
    }

    /// How many there are.
    pub(crate) fn recipients(&self) -> usize {
        self.to.len()
    }

    /// Takes the reply to one of its commands.
    pub(crate) fn take(&mut self, command: Command, reply: SmtpReply) {
        self.goodbye |= reply.code == 421;
        match command {
            Command::Mail => self.mail = Some(reply),
            Command::Rcpt(i) => {
                if let Some(slot) = self.to.get_mut(i) {
                    *slot = Some(reply);
                }
            }
            Command::Data => self.data = Some(reply),
            Command::Chunk if reply.is_refusal() && self.chunk.is_none() => self.chunk = Some(reply),
            _ => {}
        }
    }

    /// True if there is no use in saying more: the sender was refused, or the server says goodbye.
    pub(crate) fn is_lost(&self) -> bool {
        self.mail.as_ref().is_some_and(SmtpReply::is_refusal) || self.goodbye
    }

    /// True if the server has refused it to everybody, whatever it says to its end.
    pub(crate) fn is_refused(&self) -> bool {
        let answered = self.mail.is_some() && self.to.iter().all(Option::is_some);
        let sender = self.mail.as_ref().is_some_and(SmtpReply::is_refusal);
        sender || self.chunk.is_some() || (answered && self.accepted() == 0)
    }

    /// True if the body goes out in vain: the server is known not to take it.
    pub(crate) fn is_hopeless(&self) -> bool {
        let answered = self.to.iter().all(Option::is_some);
        self.is_lost() || self.chunk.is_some() || (answered && self.mail.is_some() && !self.goes_on())
    }

    /// False if it is known already that DATA would be in vain.
    pub(crate) fn may_say_data(&self) -> bool {
        let spoilt = self.to.iter().flatten().any(SmtpReply::is_refusal) && !self.send_partial;
        let open = self.mail.is_none() || self.to.iter().any(Option::is_none);
        !self.is_lost() && !spoilt && (open || self.goes_on())
    }

    /// What to do, once all that was said is answered.
    pub(crate) fn step(&self) -> Step {
        match &self.data {
            None if self.goes_on() => Step::SayData,
            None => Step::Reset,
            Some(data) if data.code != 354 => Step::Reset,
            Some(_) if self.goes_on() => Step::SendBody,
            Some(_) if self.accepted() > 0 => Step::Abandon,
            Some(_) => Step::LoneDot,
        }
    }

    /// True if the refusals, `end` among them, tell of a server that lost commands or does not like them to
    /// come together: they are no verdict on the message.
    pub(crate) fn is_out_of_step(&self, end: Option<&SmtpReply>) -> bool {
        let sender = self.mail.as_ref().is_some_and(SmtpReply::is_success);
        let envelope = sender && self.accepted() > 0;
        let lost = |reply: &SmtpReply, in_order: bool| reply.is_out_of_step(in_order);
        self.mail.iter().any(|r| lost(r, true))
            || self.to.iter().flatten().any(|r| lost(r, sender))
            || self.data.iter().chain(&self.chunk).chain(end).any(|r| lost(r, envelope))
    }

    /// The error of an envelope that did not get through.
    pub(crate) fn refused(&mut self, redactor: &Redactor) -> Error {
        let (phase, reply, what) = self.cause();
        let error = match reply {
            Some(reply) => refusal(phase, reply, what, redactor),
            None => Error::new(ErrorKind::Protocol, phase, what),
        };
        error.with_recipients(self.outcomes(redactor, false))
    }

    /// The outcome by the reply to the end of data.
    pub(crate) fn finished(&mut self, end: SmtpReply, redactor: &Redactor) -> Result<Receipt> {
        let sender = self.mail.as_ref().is_some_and(SmtpReply::is_success);
        let taken = end.is_success();
        // Nobody was to get it, or not all of it: whatever the server says to its end, it can't be this message
        // that it has taken. If it has taken something, only it knows what.
        if taken && (self.chunk.is_some() || (!sender && self.accepted() > 0)) {
            let what = "the server refused a part of the message, and took the whole of it";
            return Err(Error::new(ErrorKind::Unsure, Phase::EndOfData, what)
                .with_reply(end.to_core(redactor))
                .with_advice(
                    "find out whether it arrived before you send it again; pipelining=false may help",
                )
                .with_recipients(self.unsure_outcomes(redactor)));
        }
        if !sender || self.accepted() == 0 || self.chunk.is_some() {
            return Err(self.refused(redactor));
        }
        let recipients = self.outcomes(redactor, taken);
        if taken {
            return Ok(Receipt::new(end.to_core(redactor), recipients));
        }
        let what = "the server refused the message after its body";
        Err(refusal(Phase::EndOfData, &end, what, redactor).with_recipients(recipients))
    }

    /// Every recipient with its verdict; `delivered` says that the server has taken the message. Told once: the
    /// addresses go along.
    pub(crate) fn outcomes(&mut self, redactor: &Redactor, delivered: bool) -> Vec<RecipientOutcome> {
        // With the sender refused, the replies to RCPT (503) say nothing of the recipients.
        let said = self.mail.as_ref().is_some_and(SmtpReply::is_success);
        let verdict = |reply: Option<SmtpReply>| match reply {
            Some(r) if said && r.is_success() && delivered => Verdict::Accepted(r.to_core(redactor)),
            Some(r) if said && r.refuses_recipient() => Verdict::Refused(r.to_core(redactor)),
            Some(r) if said && r.is_refusal() => Verdict::Deferred(r.to_core(redactor)),
            _ => Verdict::NotSent,
        };
        let recipients = std::mem::take(&mut self.envelope.to).into_iter();
        let pairs = recipients.zip(std::mem::take(&mut self.to));
        pairs.map(|(recipient, reply)| RecipientOutcome::new(recipient.address, verdict(reply))).collect()
    }

    /// As [`outcomes`](Self::outcomes), of a message that the server may have taken.
    pub(crate) fn unsure_outcomes(&mut self, redactor: &Redactor) -> Vec<RecipientOutcome> {
        let mut recipients = self.outcomes(redactor, false);
        for recipient in recipients.iter_mut().filter(|r| r.verdict == Verdict::NotSent) {
            recipient.verdict = Verdict::Unsure;
        }
        recipients
    }

    fn accepted(&self) -> usize {
        self.to.iter().flatten().filter(|r| r.is_success()).count()
    }

    /// True if the message may go to those who were accepted.
    fn goes_on(&self) -> bool {
        let sender = self.mail.as_ref().is_some_and(SmtpReply::is_success);
        let accepted = self.accepted();
        sender && accepted > 0 && (self.send_partial || accepted == self.to.len()) && !self.goodbye
    }

    /// The reply that announces the end of the connection, with its phase.
    fn goodbye(&self) -> Option<(Phase, &SmtpReply)> {
        let mail = self.mail.iter().map(|r| (Phase::Sender, r));
        let to = self.to.iter().flatten().map(|r| (Phase::Recipient, r));
        let data = self.data.iter().chain(&self.chunk).map(|r| (Phase::Data, r));
        mail.chain(to).chain(data).find(|(_, r)| r.code == 421)
    }

    /// Why the envelope did not get through: phase, the reply that says it worst, and a sentence.
    fn cause(&self) -> (Phase, Option<&SmtpReply>, String) {
        if let Some((phase, reply)) = self.goodbye() {
            return (phase, Some(reply), "the server closes the connection".to_owned());
        }
        if let Some(reply) = self.mail.as_ref().filter(|r| r.is_refusal()) {
            return (Phase::Sender, Some(reply), "the server refused the sender".to_owned());
        }
        let failed: Vec<&SmtpReply> = self.to.iter().flatten().filter(|r| r.is_refusal()).collect();
        let all = self.to.len();
        match failed.first() {
            Some(first) if !self.goes_on() => {
                let worst = failed.iter().find(|r| r.refuses_recipient()).unwrap_or(first);
                let what = match failed.len() {
                    1 if all == 1 => "the server refused the recipient".to_owned(),
                    n if n == all => format!("the server refused all {all} recipients"),
                    n => format!("the server refused {n} of {all} recipients, so nothing was sent"),
                };
                (Phase::Recipient, Some(worst), what)
            }
            _ => {
                if let Some(reply) = &self.chunk {
                    let what = "the server refused the message while it was sent";
                    return (Phase::Data, Some(reply), what.to_owned());
                }
                let reply = self.data.as_ref().filter(|r| r.is_refusal());
                (Phase::Data, reply, "the server refused the message before its body".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16) -> SmtpReply {
        SmtpReply::bare(code)
    }

    fn after(send_partial: bool, codes: &[u16]) -> Transaction {
        let envelope = Envelope::parse(None, ["a@x", "b@x"]).unwrap();
        let mut transaction = Transaction::new(envelope, send_partial);
        let commands = [Command::Mail, Command::Rcpt(0), Command::Rcpt(1), Command::Data];
        for (command, code) in commands.into_iter().zip(codes) {
            transaction.take(command, reply(*code));
        }
        transaction
    }

    fn verdicts(error: &Error) -> Vec<char> {
        let letter = |v: &Verdict| match v {
            Verdict::Accepted(_) => 'a',
            Verdict::Refused(_) => 'r',
            Verdict::Deferred(_) => 'd',
            _ => 'n',
        };
        error.recipients().iter().map(|r| letter(&r.verdict)).collect()
    }

    #[test]
    fn every_pattern_of_replies_has_its_one_next_step() {
        for (partial, codes, step) in [
            (false, &[250, 250, 250][..], Step::SayData),
            (false, &[250, 250, 550], Step::Reset),
            (true, &[250, 250, 550], Step::SayData),
            (true, &[250, 451, 550], Step::Reset),
            (false, &[250, 250, 251, 354], Step::SendBody),
            (false, &[250, 250, 550, 354], Step::Abandon),
            (true, &[250, 250, 550, 354], Step::SendBody),
            (true, &[250, 550, 550, 354], Step::LoneDot),
            (false, &[250, 550, 550, 354], Step::LoneDot),
            (false, &[550, 503, 503, 354], Step::LoneDot),
            // A server that refuses the sender and takes the rest: its recipients must not get an empty one.
            (true, &[550, 250, 250, 354], Step::Abandon),
            (false, &[250, 250, 250, 451], Step::Reset),
            (false, &[550, 503, 503, 503], Step::Reset),
        ] {
            assert_eq!(after(partial, codes).step(), step, "{partial} {codes:?}");
        }
    }

    #[test]
    fn the_error_is_the_worst_reply_and_each_recipient_keeps_its_own() {
        for (partial, codes, kind, phase, want) in [
            (false, &[250, 450, 550, 503][..], ErrorKind::Rejected, Phase::Recipient, ['d', 'r']),
            (false, &[250, 250, 450], ErrorKind::Deferred, Phase::Recipient, ['n', 'd']),
            (false, &[553, 503, 503], ErrorKind::Rejected, Phase::Sender, ['n', 'n']),
            (false, &[451, 250, 503], ErrorKind::Deferred, Phase::Sender, ['n', 'n']),
            (false, &[250, 250, 250, 554], ErrorKind::Rejected, Phase::Data, ['n', 'n']),
            // What stopped the message was DATA, not the one recipient it would have gone without.
            (true, &[250, 550, 250, 451], ErrorKind::Deferred, Phase::Data, ['r', 'n']),
            (true, &[250, 550, 421], ErrorKind::Deferred, Phase::Recipient, ['r', 'd']),
            (false, &[250, 250, 552], ErrorKind::Deferred, Phase::Recipient, ['n', 'd']),
        ] {
            let error = after(partial, codes).refused(&Redactor::default());
            assert_eq!((error.phase(), verdicts(&error)), (phase, want.to_vec()), "{codes:?}: {error}");
            assert_eq!(error.kind(), kind, "{codes:?}");
        }
    }
}
