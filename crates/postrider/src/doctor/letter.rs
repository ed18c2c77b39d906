//! The last steps of the way out: the sender, and a test message.

use crate::doctor::observer::Observer;
use crate::doctor::report::{Finding, Status, Step, StepName};
use crate::doctor::steps;
use crate::doctor::trial::Trial;
use crate::doctor::watch::ROUNDS;
use lettre::Message;
use lettre::message::Mailbox;
use postrider_core::{Address, ErrorKind, Outcome, Phase, RecipientOutcome, Result, within};

impl Trial<'_> {
    fn from(&self) -> Option<Address> {
        let mailer = self.session.mailer().ok()?;
        mailer.from()
    }

    /// Is there an address that messages are from?
    pub(crate) fn sender(&self) -> Step {
        let name = StepName::Sender;
        match self.from() {
            Some(address) => Step::new(name, Status::Ok, format!("mail.from is {}", address.as_str())),
            None => {
                let mut finding = Finding::new(
                    "the program must name a sender for each message itself",
                    "set mail.from, if it does not",
                );
                if let Ok(address) = Address::new(self.patient.user.as_str()) {
                    finding = finding.correct("mail.from", address.as_str());
                }
                Step::new(name, Status::Warning, "mail.from is not set").finding(finding)
            }
        }
    }

    /// Sends one message, if that was asked for.
    pub(crate) async fn message(&self, observer: &Observer) -> Step {
        let name = StepName::TestMessage;
        let Some(to) = self.send_to else { return not_asked() };
        let from = self.from().or_else(|| Address::new(self.patient.user.as_str()).ok());
        let Some(from) = from else {
            let finding = Finding::new("there is no sender", "set mail.from");
            return Step::new(name, Status::Failed, "no message could be made").finding(finding);
        };
        let message = match letter(&from, to) {
            Ok(message) => message,
            Err(why) => {
                let finding =
                    Finding::new("an address can't stand in a message", "check mail.from and the recipient");
                return Step::new(name, Status::Failed, why).finding(finding);
            }
        };
        // The session's own mailer: its rules about senders and recipients hold for this message too.
        let mailer = match self.session.mailer() {
            Ok(mailer) => mailer,
            Err(error) => return steps::failed_step(&self.patient, &observer.notes.open(), name, &error),
        };
        let limit = self.patience.saturating_mul(ROUNDS);
        let outcome = within(observer, limit, Phase::EndOfData, mailer.send_message(&message)).await;
        mailer.close().await;
        match outcome {
            Ok(receipt) => {
                let said = |r: &RecipientOutcome| match r.verdict.reply() {
                    Some(reply) => {
                        format!("{}: {}", r.address.as_str(), self.patient.clean(&reply.to_string()))
                    }
                    None => format!("{}: {:?}", r.address.as_str(), r.verdict),
                };
                let details = receipt.recipients.iter().map(said).collect();
                let saw = format!("the server said: {}", self.patient.clean(&receipt.reply.to_string()));
                if receipt.failures().count() == 0 {
                    return Step::new(name, Status::Ok, format!("accepted; {saw}")).details(details);
                }
                Step::new(name, Status::Failed, saw).details(details).finding(Finding::new(
                    "the recipient was refused, or left out by a rule of the settings",
                    "check the address, and the rules about recipients",
                ))
            }
            Err(error) => {
                let mut step = steps::failed_step(&self.patient, &observer.notes.open(), name, &error);
                if error.outcome() == Outcome::Unsure || error.kind() == ErrorKind::Timeout {
                    step.details.push("it may have been accepted all the same".into());
                }
                step
            }
        }
    }
}

/// The step of a message that nobody asked for.
pub(crate) fn not_asked() -> Step {
    Step::skipped(StepName::TestMessage, "not asked for")
}

fn letter(from: &Address, to: &Address) -> Result<Message, String> {
    let mailbox = |address: &Address| {
        address.as_str().parse::<Mailbox>().map_err(|why| format!("{}: {why}", address.as_str()))
    };
    Message::builder()
        .from(mailbox(from)?)
        .to(mailbox(to)?)
        .subject("Postrider: a test")
        .header(lettre::message::header::ContentType::TEXT_PLAIN)
        .body("This message was sent by `postrider check` to see whether mail goes out.\n".to_owned())
        .map_err(|why| why.to_string())
}
