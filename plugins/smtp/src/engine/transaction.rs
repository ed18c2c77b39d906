//! One message on its way: which reply is due, and what became of it. Pure.

use super::SmtpReply;
use postrider_core::{Address, Envelope, Error, ErrorKind, Phase, RecipientOutcome, Result, Verdict};
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
    /// connection keeps it from sending an empty message.
    Abandon,
    /// The transaction is over: RSET.
    Reset,
}

/// Pairs replies with the commands of one envelope and decides what follows.
pub(crate) struct Transaction {
    recipients: Vec<Address>,
    send_partial: bool,
    mail: Option<SmtpReply>,
    to: Vec<SmtpReply>,
    data: Option<SmtpReply>,
}

impl Transaction {
    pub(crate) fn new(envelope: &Envelope, send_partial: bool) -> Self {
        let recipients = envelope.to.iter().map(|r| r.address.clone()).collect();
        Self { recipients, send_partial, mail: None, to: Vec::new(), data: None }
    }

    /// The phase whose reply is due next.
    pub(crate) fn due(&self) -> Phase {
        if self.mail.is_none() {
            Phase::Sender
        } else if self.to.len() < self.recipients.len() {
            Phase::Recipient
        } else {
            Phase::Data
        }
    }

    /// Takes the reply that was due.
    pub(crate) fn reply(&mut self, reply: SmtpReply) {
        match self.due() {
            Phase::Sender => self.mail = Some(reply),
            Phase::Recipient => self.to.push(reply),
            _ => self.data = Some(reply),
        }
    }

    /// True if the sender was refused: without pipelining nothing more is said then.
    pub(crate) fn sender_refused(&self) -> bool {
        self.mail.as_ref().is_some_and(|r| !r.is_success())
    }

    /// What to do, once MAIL, every RCPT and, if it was said, DATA are answered.
    pub(crate) fn step(&self) -> Step {
        let accepted = self.to.iter().filter(|r| r.is_success()).count();
        let sender = self.mail.as_ref().is_some_and(SmtpReply::is_success);
        let enough = sender && accepted > 0 && (self.send_partial || accepted == self.recipients.len());
        match &self.data {
            None if enough => Step::SayData,
            None => Step::Reset,
            Some(data) if data.code != 354 => Step::Reset,
            Some(_) if enough => Step::SendBody,
            Some(_) if sender && accepted > 0 => Step::Abandon,
            Some(_) => Step::LoneDot,
        }
    }

    /// The error of an envelope that did not get through.
    pub(crate) fn refused(&self, redactor: &Redactor) -> Error {
        let recipients = self.outcomes(redactor, None);
        let failed_sender = self.mail.as_ref().filter(|r| !r.is_success());
        let failed: Vec<&SmtpReply> = self.to.iter().filter(|r| !r.is_success()).collect();
        let failed_data = self.data.as_ref().filter(|r| r.code != 354);
        let (phase, reply, what) = if let Some(reply) = failed_sender {
            (Phase::Sender, Some(reply), "the server refused the sender".to_owned())
        } else if let Some(first) = failed.first() {
            let worst = failed.iter().find(|r| r.is_permanent()).unwrap_or(first);
            let all = self.recipients.len();
            let what = if failed.len() == all && all == 1 {
                "the server refused the recipient".to_owned()
            } else if failed.len() == all {
                format!("the server refused all {all} recipients")
            } else {
                format!("the server refused {} of {all} recipients, so nothing was sent", failed.len())
            };
            (Phase::Recipient, Some(*worst), what)
        } else {
            (Phase::Data, failed_data, "the server refused the message before its body".to_owned())
        };
        refusal(phase, reply, what, redactor).with_recipients(recipients)
    }

    /// Every recipient with its verdict; `end` is the reply to the end of data, if there was one.
    pub(crate) fn outcomes(&self, redactor: &Redactor, end: Option<&SmtpReply>) -> Vec<RecipientOutcome> {
        let delivered = end.is_some_and(SmtpReply::is_success);
        let verdict = |i: usize| match self.to.get(i) {
            Some(reply) if reply.is_success() && delivered => Verdict::Accepted(reply.to_core(redactor)),
            Some(reply) if !reply.is_success() && reply.is_permanent() => {
                Verdict::Refused(reply.to_core(redactor))
            }
            Some(reply) if !reply.is_success() => Verdict::Deferred(reply.to_core(redactor)),
            _ => Verdict::NotSent,
        };
        self.recipients
            .iter()
            .enumerate()
            .map(|(i, a)| RecipientOutcome::new(a.clone(), verdict(i)))
            .collect()
    }

    /// The outcome by the reply to the end of data.
    pub(crate) fn finished(&self, end: &SmtpReply, redactor: &Redactor) -> Result<postrider_core::Receipt> {
        let recipients = self.outcomes(redactor, Some(end));
        if end.is_success() {
            return Ok(postrider_core::Receipt::new(end.to_core(redactor), recipients));
        }
        let what = "the server refused the message after its body".to_owned();
        Err(refusal(Phase::EndOfData, Some(end), what, redactor).with_recipients(recipients))
    }
}

/// Turns a refusing reply into an error that says what to do about it.
pub(crate) fn refusal(phase: Phase, reply: Option<&SmtpReply>, what: String, redactor: &Redactor) -> Error {
    let Some(reply) = reply else { return Error::new(ErrorKind::Protocol, phase, what) };
    let kind = if reply.is_permanent() {
        ErrorKind::Rejected
    } else if reply.code >= 400 {
        ErrorKind::Deferred
    } else {
        ErrorKind::Protocol
    };
    let advice = match reply.code {
        530 | 550 if reply.text.to_ascii_lowercase().contains("authent") => {
            Some("set user and password: the server wants a sign-in")
        }
        530 => Some("the server wants a sign-in or TLS first: set user and password, or tls=starttls"),
        552 => Some("make the message smaller, or ask for a larger limit"),
        421 | 450..=452 => Some("try again later"),
        550 | 553 if phase == Phase::Recipient => Some("check the recipient's address"),
        550 | 553 if phase == Phase::Sender => Some("check that this account may send from this address"),
        _ => None,
    };
    let error = Error::new(kind, phase, what).with_reply(reply.to_core(redactor));
    match advice {
        Some(advice) => error.with_advice(advice),
        None => error,
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
        for code in codes {
            transaction.reply(reply(*code));
        }
        transaction
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
            (false, &[250, 250, 250, 451], Step::Reset),
            (false, &[550, 503, 503, 503], Step::Reset),
        ] {
            assert_eq!(after(partial, codes).step(), step, "{partial} {codes:?}");
        }
    }

    #[test]
    fn the_error_is_the_worst_reply_and_each_recipient_keeps_its_own() {
        let error = after(false, &[250, 450, 550, 503]).refused(&Redactor::default());
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Rejected, Phase::Recipient));
        let verdicts: Vec<_> = error.recipients().iter().map(|r| r.verdict.clone()).collect();
        assert!(matches!(verdicts[..], [Verdict::Deferred(_), Verdict::Refused(_)]));
        let error = after(false, &[250, 250, 450]).refused(&Redactor::default());
        assert_eq!(error.kind(), ErrorKind::Deferred);
        assert!(matches!(error.recipients()[0].verdict, Verdict::NotSent));
        assert_eq!(after(false, &[553, 503, 503]).refused(&Redactor::default()).phase(), Phase::Sender);
        assert_eq!(after(false, &[250, 250, 250, 554]).refused(&Redactor::default()).phase(), Phase::Data);
    }
}
