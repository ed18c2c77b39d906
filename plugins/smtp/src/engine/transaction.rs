//! One message on its way: what follows from the replies so far, and what became of it. Pure.

use super::{Command, SmtpReply, refusal};
use postrider_core::{
    Address, Envelope, Error, ErrorKind, Phase, Receipt, RecipientOutcome, Result, Verdict,
};
use postrider_wire::Redactor;

/// What is to be done once the replies to an envelope are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// MAIL and RCPT are answered well enough; DATA is not said yet.
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
pub(crate) struct Transaction {
    recipients: Vec<Address>,
    send_partial: bool,
    mail: Option<SmtpReply>,
    to: Vec<Option<SmtpReply>>,
    data: Option<SmtpReply>,
}

impl Transaction {
    pub(crate) fn new(envelope: &Envelope, send_partial: bool) -> Self {
        let recipients: Vec<_> = envelope.to.iter().map(|r| r.address.clone()).collect();
        let to = vec![None; recipients.len()];
        Self { recipients, send_partial, mail: None, to, data: None }
    }

    /// Takes the reply to one of its commands.
    pub(crate) fn take(&mut self, command: Command, reply: SmtpReply) {
        match command {
            Command::Mail => self.mail = Some(reply),
            Command::Rcpt(i) => {
                if let Some(slot) = self.to.get_mut(i) {
                    *slot = Some(reply);
                }
            }
            Command::Data => self.data = Some(reply),
            _ => {}
        }
    }

    /// True if there is no use in saying more: the sender was refused, or the server says goodbye.
    pub(crate) fn is_lost(&self) -> bool {
        self.mail.as_ref().is_some_and(SmtpReply::is_refusal) || self.goodbye().is_some()
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

    /// The error of an envelope that did not get through.
    pub(crate) fn refused(&self, redactor: &Redactor) -> Error {
        let recipients = self.outcomes(redactor, false);
        let (phase, reply, what) = self.cause();
        let error = match reply {
            Some(reply) => refusal(phase, reply, what, redactor),
            None => Error::new(ErrorKind::Protocol, phase, what),
        };
        error.with_recipients(recipients)
    }

    /// The outcome by the reply to the end of data.
    pub(crate) fn finished(&self, end: &SmtpReply, redactor: &Redactor) -> Result<Receipt> {
        let recipients = self.outcomes(redactor, end.is_success());
        if end.is_success() {
            return Ok(Receipt::new(end.to_core(redactor), recipients));
        }
        let what = "the server refused the message after its body";
        Err(refusal(Phase::EndOfData, end, what, redactor).with_recipients(recipients))
    }

    /// Every recipient with its verdict; `delivered` says that the server has taken the message.
    pub(crate) fn outcomes(&self, redactor: &Redactor, delivered: bool) -> Vec<RecipientOutcome> {
        // With the sender refused, the replies to RCPT (503) say nothing of the recipients.
        let said = self.mail.as_ref().is_some_and(SmtpReply::is_success);
        let verdict = |reply: &Option<SmtpReply>| match reply {
            Some(r) if said && r.is_success() && delivered => Verdict::Accepted(r.to_core(redactor)),
            Some(r) if said && r.refuses_recipient() => Verdict::Refused(r.to_core(redactor)),
            Some(r) if said && r.is_refusal() => Verdict::Deferred(r.to_core(redactor)),
            _ => Verdict::NotSent,
        };
        let pairs = self.recipients.iter().zip(&self.to);
        pairs.map(|(address, reply)| RecipientOutcome::new(address.clone(), verdict(reply))).collect()
    }

    fn accepted(&self) -> usize {
        self.to.iter().flatten().filter(|r| r.is_success()).count()
    }

    /// True if the message may go to those who were accepted.
    fn goes_on(&self) -> bool {
        let sender = self.mail.as_ref().is_some_and(SmtpReply::is_success);
        let accepted = self.accepted();
        sender
            && accepted > 0
            && (self.send_partial || accepted == self.recipients.len())
            && self.goodbye().is_none()
    }

    /// The reply that announces the end of the connection, with its phase.
    fn goodbye(&self) -> Option<(Phase, &SmtpReply)> {
        let mail = self.mail.iter().map(|r| (Phase::Sender, r));
        let to = self.to.iter().flatten().map(|r| (Phase::Recipient, r));
        let data = self.data.iter().map(|r| (Phase::Data, r));
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
        let all = self.recipients.len();
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
        SmtpReply { code, enhanced: None, text: String::new() }
    }

    fn after(send_partial: bool, codes: &[u16]) -> Transaction {
        let envelope = Envelope::parse(None, ["a@x", "b@x"]).unwrap();
        let mut transaction = Transaction::new(&envelope, send_partial);
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
