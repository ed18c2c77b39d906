//! What is said of each recipient and each message, against what the backend has.

use super::bench::Condition;
use super::fixtures::{ONE, TWO, address, message};
use super::outgoing::{OutKit, made, send, to};
use super::report::Verdict;
use super::trial::{Check, broken, not_tried};
use postrider_core::{ErrorKind, Outcome, RecipientOutcome, Repeat, Verdict as Word};

const THREE: &str = "three@example.org";

/// One is taken, one refused, one deferred.
pub(super) fn recipients(kit: &OutKit<'_>) -> Check {
    let mut bench = (kit.bench)();
    let (Some(two), Some(three)) = (address(TWO), address(THREE)) else { return broken("a bad address") };
    let refuses = bench.arrange(&Condition::RefuseRecipient(two));
    let defers = refuses && bench.arrange(&Condition::DeferRecipient(three));
    if !refuses {
        return not_tried("the bench can't refuse a recipient");
    }
    let list: &[&str] = if defers { &[ONE, TWO, THREE] } else { &[ONE, TWO] };
    let mut transport = made(kit, &*bench)?;
    let outcome = send(kit, &*bench, &mut *transport, &to(list)?, message(1).into_bytes().into())?;
    let sent = outcome.is_ok();
    let said: Vec<RecipientOutcome> = match &outcome {
        Ok(receipt) => receipt.recipients.clone(),
        Err(error) => error.recipients().to_vec(),
    };
    let named: Vec<&str> = said.iter().map(|r| r.address.as_str()).collect();
    if named != list {
        return broken(format!("outcomes for {list:?} are about {named:?}"));
    }
    for (at, outcome) in said.iter().enumerate() {
        let good = match at {
            0 if sent => matches!(outcome.verdict, Word::Accepted(_)),
            0 => matches!(outcome.verdict, Word::NotSent),
            1 => matches!(outcome.verdict, Word::Refused(_)),
            _ => matches!(outcome.verdict, Word::Deferred(_)),
        };
        if !good {
            return broken(format!("of {} it says {:?} (message sent: {sent})", named[at], outcome.verdict));
        }
    }
    let delivered = bench.delivered();
    let gone_to = |who: &str| delivered.iter().any(|has| has.recipients.iter().any(|r| r == who));
    if delivered.len() != usize::from(sent) || gone_to(TWO) || gone_to(THREE) {
        return broken(format!("message sent: {sent}; the backend has {} copies", delivered.len()));
    }
    // All refused is a refusal, however it goes with some.
    let outcome = send(kit, &*bench, &mut *transport, &to(&[TWO])?, message(2).into_bytes().into())?;
    match outcome {
        Err(error) if error.outcome() == Outcome::Rejected => Ok(()),
        other => broken(format!("the only recipient is refused, and it says {other:?}")),
    }
}

/// The message itself is refused, for good and for now.
pub(super) fn refusals(kit: &OutKit<'_>) -> Check {
    let mut tried = 0;
    for (condition, kind, repeat) in [
        (Condition::RefuseMessage, ErrorKind::Rejected, Repeat::Never),
        (Condition::DeferMessage, ErrorKind::Deferred, Repeat::Safe),
    ] {
        let mut bench = (kit.bench)();
        if !bench.arrange(&condition) {
            continue;
        }
        tried += 1;
        let mut transport = made(kit, &*bench)?;
        let outcome = send(kit, &*bench, &mut *transport, &to(&[ONE])?, message(1).into_bytes().into())?;
        let Err(error) = outcome else { return broken(format!("{condition:?}: it says it was delivered")) };
        if (error.kind(), error.repeat()) != (kind, repeat) {
            let (kind, repeat) = (error.kind(), error.repeat());
            return broken(format!("{condition:?} is {kind:?}, repeat {repeat:?}: {error}"));
        }
        if !bench.delivered().is_empty() {
            return broken(format!("{condition:?}: the backend has it"));
        }
    }
    if tried == 0 { not_tried("the bench can't refuse a message") } else { Ok(()) }
}

/// Bodies that look like the end of a message and the beginning of another (CVE-2023-51764).
pub(super) fn injection(kit: &OutKit<'_>) -> Check {
    let next = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<one@example.org>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\n";
    for end in ["\r\n.\r\n", "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n.\r", "\0.\r\n"]
    {
        let bench = (kit.bench)();
        let mut transport = made(kit, &*bench)?;
        let text = format!("Subject: one\r\n\r\nbefore{end}{next}after\r\n");
        let outcome = send(kit, &*bench, &mut *transport, &to(&[ONE])?, text.into_bytes().into())?;
        let has = bench.delivered();
        let wanted = usize::from(outcome.is_ok());
        if has.len() != wanted {
            return broken(format!(
                "a body with {end:?} in it: {wanted} sent, the backend has {}",
                has.len()
            ));
        }
        let whole = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            ["before", "Subject: evil", "after"].iter().all(|part| text.contains(part))
        };
        if !has.iter().all(|has| whole(&has.bytes)) {
            return broken(format!("a body with {end:?} in it is torn apart"));
        }
        if let Err(error) = outcome
            && !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Body | ErrorKind::Unsupported)
        {
            return Err(Verdict::broken(format!("a body with {end:?} in it is {:?}: {error}", error.kind())));
        }
    }
    Ok(())
}
