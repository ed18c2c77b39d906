//! From what a mailer says to what comes next for each recipient. Pure.

use postrider_core::{
    Envelope, Error, ErrorKind, Outcome, Phase, Receipt, RecipientOutcome, Reply, Result, Verdict,
};
use std::collections::HashMap;

/// What became of one recipient by one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) fate: Fate,
    pub(super) reply: Option<Reply>,
    pub(super) why: Option<String>,
}

/// What that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Accepted,
    Rejected,
    /// The server wants it later.
    Deferred,
    /// Nothing is wrong with this recipient: it was another's fault, and the message can go at once.
    Again,
    /// This account could not send; another may.
    Elsewhere,
    Unsure,
}

/// What became of every recipient of an envelope, in its order. `given` says whether the transport got the message.
pub(super) fn fates(envelope: &Envelope, outcome: &Result<Receipt>, given: bool) -> Vec<Told> {
    let said = match outcome {
        Ok(receipt) => receipt.recipients.as_slice(),
        Err(error) => error.recipients(),
    };
    let said: HashMap<&str, &RecipientOutcome> = said.iter().map(|r| (r.address.as_str(), r)).collect();
    // Where one recipient's refusal stopped the others, they can go without it. If nobody was refused, waiting is all
    // that can change something.
    let has_culprit = said.values().any(|r| matches!(r.verdict, Verdict::Refused(_) | Verdict::Deferred(_)));
    let of = |to: &postrider_core::Recipient| {
        let own = said.get(to.address.as_str()).map(|r| &r.verdict);
        if let Some(told) = own.and_then(final_word) {
            return told;
        }
        match outcome {
            // A transport that does not name somebody has left it open.
            Ok(_) => match own {
                Some(Verdict::NotSent) => {
                    plain(Fate::Again, "the message went out before it was this one's turn")
                }
                _ => plain(
                    Fate::Unsure,
                    "the server took the message, and it is not known whether for this one",
                ),
            },
            Err(error) => by_error(error, has_culprit, given),
        }
    };
    envelope.to.iter().map(of).collect()
}

/// What was said of one recipient that stands whatever became of the rest.
fn final_word(verdict: &Verdict) -> Option<Told> {
    let said = |fate, reply: &Reply| Some(Told { fate, reply: Some(reply.clone()), why: None });
    match verdict {
        Verdict::Accepted(reply) => said(Fate::Accepted, reply),
        Verdict::Refused(reply) => said(Fate::Rejected, reply),
        Verdict::Deferred(reply) => said(Fate::Deferred, reply),
        Verdict::Suppressed(rule) => Some(plain(Fate::Rejected, &format!("a sending rule: {rule}"))),
        _ => None,
    }
}

/// What an error means for a recipient that nothing was said of.
fn by_error(error: &Error, has_culprit: bool, given: bool) -> Told {
    let (kind, phase) = (error.kind(), error.phase());
    let is_about_recipients = phase == Phase::Recipient && has_culprit;
    let is_about_server = phase < Phase::Sender;
    let fate = match (error.outcome(), kind) {
        (Outcome::Unsure, _) => Fate::Unsure,
        // A transport that fell over says nothing of what it did before.
        (_, ErrorKind::Plugin) if given => Fate::Unsure,
        (Outcome::Rejected | Outcome::Deferred, _) if is_about_recipients => Fate::Again,
        (Outcome::Rejected | Outcome::Deferred, _) if is_about_server => Fate::Elsewhere,
        (Outcome::Rejected, _) => Fate::Rejected,
        (Outcome::Deferred, _) => Fate::Deferred,
        (_, ErrorKind::InvalidInput) => Fate::Rejected,
        // Too large for this server, or in need of what it lacks.
        (_, ErrorKind::Limit | ErrorKind::Unsupported) if phase >= Phase::Sender => Fate::Rejected,
        _ => Fate::Elsewhere,
    };
    // The reply is kept apart; property and advice are what helps where there is none.
    let why = match (error.reply(), error.advice()) {
        (None, Some(advice)) => format!("{phase}: {} -> {advice}", error.message()),
        _ => format!("{phase}: {}", error.message()),
    };
    Told { fate, reply: error.reply().cloned(), why: Some(why) }
}

/// True if the account can't be used at all just now, whatever the message.
pub(super) fn is_down(outcome: &Result<Receipt>) -> bool {
    let Err(error) = outcome else { return false };
    let is_ours = matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Body | ErrorKind::Unsure);
    // The phase of settings has the failures of a plugin, which may be this message's.
    !is_ours && error.phase() < Phase::Sender && error.kind() != ErrorKind::Plugin
}

fn plain(fate: Fate, why: &str) -> Told {
    Told { fate, reply: None, why: Some(why.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::Address;

    fn reply(status: &str) -> Reply {
        Reply::new(status, None, "words")
    }

    fn envelope() -> Envelope {
        Envelope::parse(None, ["a@x", "b@x"]).unwrap()
    }

    fn outcomes(verdicts: [Verdict; 2]) -> Vec<RecipientOutcome> {
        let addresses = ["a@x", "b@x"].map(|a| Address::new(a).unwrap());
        addresses.into_iter().zip(verdicts).map(|(a, v)| RecipientOutcome::new(a, v)).collect()
    }

    fn of(outcome: Result<Receipt>) -> Vec<Fate> {
        fates(&envelope(), &outcome, true).into_iter().map(|told| told.fate).collect()
    }

    fn error(kind: ErrorKind, phase: Phase, verdicts: Option<[Verdict; 2]>) -> Result<Receipt> {
        let error = Error::new(kind, phase, "x");
        Err(match verdicts {
            Some(verdicts) => error.with_recipients(outcomes(verdicts)),
            None => error,
        })
    }

    #[test]
    fn a_receipt_says_it_of_each_and_whom_it_leaves_out_is_in_doubt() {
        let verdicts = [Verdict::Accepted(reply("250")), Verdict::Refused(reply("550"))];
        assert_eq!(of(Ok(Receipt::new(reply("250"), outcomes(verdicts)))), [Fate::Accepted, Fate::Rejected]);
        let verdicts = [Verdict::Suppressed("rule".into()), Verdict::Unsure];
        assert_eq!(of(Ok(Receipt::new(reply("250"), outcomes(verdicts)))), [Fate::Rejected, Fate::Unsure]);
        let verdicts = [Verdict::Deferred(reply("450")), Verdict::NotSent];
        assert_eq!(of(Ok(Receipt::new(reply("250"), outcomes(verdicts)))), [Fate::Deferred, Fate::Again]);
        assert_eq!(of(Ok(Receipt::new(reply("250"), Vec::new()))), [Fate::Unsure, Fate::Unsure]);
    }

    #[test]
    fn one_recipients_refusal_stops_nobody_else_and_in_doubt_it_still_counts() {
        let refused = || [Verdict::Refused(reply("550")), Verdict::NotSent];
        let rejected = error(ErrorKind::Rejected, Phase::Recipient, Some(refused()));
        assert_eq!(of(rejected), [Fate::Rejected, Fate::Again]);
        assert_eq!(
            of(error(ErrorKind::Unsure, Phase::EndOfData, Some(refused()))),
            [Fate::Rejected, Fate::Unsure]
        );
        assert_eq!(
            of(error(ErrorKind::Closed, Phase::Data, Some(refused()))),
            [Fate::Rejected, Fate::Elsewhere]
        );
        // Nobody's fault: again at once would be again forever.
        let nobody = [Verdict::NotSent, Verdict::NotSent];
        assert_eq!(
            of(error(ErrorKind::Deferred, Phase::Recipient, Some(nobody.clone()))),
            [Fate::Deferred; 2]
        );
        assert_eq!(of(error(ErrorKind::Rejected, Phase::EndOfData, Some(nobody))), [Fate::Rejected; 2]);
    }

    #[test]
    fn a_server_that_refuses_us_is_no_server_that_refuses_the_message() {
        for phase in [Phase::Greeting, Phase::Capability, Phase::Authenticate] {
            for kind in [ErrorKind::Rejected, ErrorKind::Deferred, ErrorKind::Authentication] {
                assert_eq!(of(error(kind, phase, None)), [Fate::Elsewhere; 2], "{kind:?} {phase}");
                assert!(is_down(&error(kind, phase, None)));
            }
        }
        for kind in [ErrorKind::Connect, ErrorKind::Resolve, ErrorKind::Tls, ErrorKind::Timeout] {
            assert_eq!(of(error(kind, Phase::Connect, None)), [Fate::Elsewhere; 2]);
        }
        assert_eq!(of(error(ErrorKind::Rejected, Phase::Sender, None)), [Fate::Rejected; 2]);
        assert_eq!(of(error(ErrorKind::InvalidInput, Phase::Configure, None)), [Fate::Rejected; 2]);
        assert!(!is_down(&error(ErrorKind::InvalidInput, Phase::Configure, None)));
        assert!(!is_down(&error(ErrorKind::Closed, Phase::Data, None)), "one connection is not the server");
        assert_eq!(of(error(ErrorKind::Limit, Phase::Sender, None)), [Fate::Rejected; 2]);
        assert_eq!(of(error(ErrorKind::Limit, Phase::Fetch, None)), [Fate::Elsewhere; 2]);
    }

    #[test]
    fn a_transport_that_fell_over_with_the_message_in_hand_leaves_doubt() {
        let fell = error(ErrorKind::Plugin, Phase::Configure, None);
        let fate = |given| fates(&envelope(), &fell, given)[0].fate;
        assert_eq!((fate(true), fate(false)), (Fate::Unsure, Fate::Elsewhere));
    }
}
