//! What Postfix refuses, recipient by recipient and as a whole.

use crate::{assert_clear, envelope, message};
use bytes::Bytes;
use postrider::{Body, Envelope, ErrorKind, Outcome, Phase, Repeat, Verdict};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::properties::Text;
use postrider_tests::servers::{Servers, or_skip};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn text(servers: &Servers) -> Text {
    Text::new(servers, "smtp", "POSTFIX_SMTP", "starttls")
}

fn to(mailbox: &Mailbox, others: &[&str]) -> Envelope {
    let others = others.iter().map(|name| format!("{name}@example.test"));
    let all: Vec<String> = std::iter::once(mailbox.address()).chain(others).collect();
    Envelope::parse(Some("sender@example.test"), all.iter().map(String::as_str)).unwrap()
}

/// What became of each recipient: the first digits of the reply, or what stands for none.
fn verdicts(recipients: &[postrider::RecipientOutcome]) -> Vec<String> {
    recipients
        .iter()
        .map(|r| match &r.verdict {
            Verdict::Accepted(reply) => format!("accepted {}", reply.status()),
            Verdict::Refused(reply) => format!("refused {}", reply.status()),
            Verdict::Deferred(reply) => format!("deferred {}", reply.status()),
            _ => "not sent".to_owned(),
        })
        .collect()
}

#[tokio::test]
async fn one_refused_recipient_cancels_the_message_and_each_verdict_is_told() {
    let Some(servers) = or_skip("one_refused_recipient_cancels_the_message_and_each_verdict_is_told") else {
        return;
    };
    let mailbox = Mailbox::claim(servers);
    let mailer = text(servers).mailer();
    let envelope = to(&mailbox, &["deferred", "full", "nobody"]);
    let error = mailer.send(&envelope, message("cancelled").into()).await.unwrap_err();
    assert_eq!(error.phase(), Phase::Recipient, "{error:?}");
    assert_eq!(verdicts(error.recipients()), ["not sent", "deferred 450", "refused 552", "refused 550"]);
    let code = |n: usize| error.recipients()[n].verdict.reply().and_then(|r| r.code());
    assert_eq!((code(1), code(2)), (Some("4.2.1"), Some("5.2.2")));
    // The same connection goes on, and nothing of the first came through.
    mailer.send(&to(&mailbox, &[]), message("sent").into()).await.unwrap();
    assert_eq!(mailbox.arrived(1).len(), 1);
    assert_eq!(mailbox.settled().len(), 1);
}

#[tokio::test]
async fn sendpartial_sends_to_who_is_accepted() {
    let Some(servers) = or_skip("sendpartial_sends_to_who_is_accepted") else { return };
    let (mailbox, other) = (Mailbox::claim(servers), Mailbox::claim(servers));
    let mailer = text(servers).and("sendpartial", true).mailer();
    let envelope = to(&mailbox, &["deferred", other.user(), "full", "nobody"]);
    let receipt = mailer.send(&envelope, message("partial").into()).await.unwrap();
    let want = ["accepted 250", "deferred 450", "accepted 250", "refused 552", "refused 550"];
    assert_eq!(verdicts(&receipt.recipients), want);
    assert_eq!((mailbox.arrived(1).len(), other.arrived(1).len()), (1, 1));
    let all_refused = Envelope::parse(None, ["full@example.test", "nobody@example.test"]).unwrap();
    let error = mailer.send(&all_refused, message("none").into()).await.unwrap_err();
    assert_eq!(verdicts(error.recipients()), ["refused 552", "refused 550"]);
    assert_eq!((error.outcome(), mailbox.settled().len()), (Outcome::Rejected, 1));
}

#[tokio::test]
async fn each_refusal_says_whether_to_try_again() {
    let Some(servers) = or_skip("each_refusal_says_whether_to_try_again") else { return };
    let mailer = text(servers).mailer();
    for (name, kind, phase, repeat, word) in [
        ("deferred", ErrorKind::Deferred, Phase::Recipient, Repeat::Safe, "450 4.2.1"),
        ("full", ErrorKind::Rejected, Phase::Recipient, Repeat::Never, "552 5.2.2"),
        ("nobody", ErrorKind::Rejected, Phase::Recipient, Repeat::Never, "550 5.1.1"),
        ("late", ErrorKind::Rejected, Phase::EndOfData, Repeat::Never, "554 5.7.1"),
    ] {
        let to =
            Envelope::parse(Some("sender@example.test"), [format!("{name}@example.test").as_str()]).unwrap();
        let error = mailer.send(&to, message(name).into()).await.unwrap_err();
        assert_clear(&error, kind, phase, &[word]);
        assert_eq!(error.repeat(), repeat, "{error:?}");
    }
    let elsewhere = Envelope::parse(None, ["x@elsewhere.invalid"]).unwrap();
    let error = mailer.send(&elsewhere, message("relay").into()).await.unwrap_err();
    assert_clear(&error, ErrorKind::Rejected, Phase::Recipient, &["554", "Relay access denied"]);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_before_its_body_is_read() {
    let Some(servers) = or_skip("a_message_that_is_too_large_is_refused_before_its_body_is_read") else {
        return;
    };
    let mailbox = Mailbox::claim(servers);
    let limit: u64 = servers.setting("POSTFIX_SMALL_LIMIT").parse().unwrap();
    let mailer = Text::new(servers, "smtp", "POSTFIX_SMALL", "none").mailer();
    let read = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&read);
    let body = Body::generate((), move |()| {
        seen.store(true, Ordering::Relaxed);
        async { Ok(Some((Bytes::from_static(b"x\r\n"), ()))) }
    });
    let error = mailer.send(&envelope(&mailbox), body.with_size(limit + 1)).await.unwrap_err();
    assert_clear(&error, ErrorKind::Limit, error.phase(), &["100001", "100000"]);
    assert!(!read.load(Ordering::Relaxed) && error.outcome() == Outcome::NotSent, "{error:?}");
    // Of unknown size it is read up to the limit and not further, and the end of data is not sent.
    let lines = Bytes::from("x".repeat(70) + "\r\n");
    let endless = Body::generate(0u64, move |n| {
        let lines = lines.clone();
        async move { Ok((n < 3 * limit).then(|| (lines.clone(), n + lines.len() as u64))) }
    });
    let error = mailer.send(&envelope(&mailbox), endless).await.unwrap_err();
    assert_clear(&error, ErrorKind::Limit, error.phase(), &["100000"]);
    assert_eq!(error.outcome(), Outcome::NotSent);
    mailer.send(&envelope(&mailbox), message("small").into()).await.unwrap();
    mailbox.arrived(1);
    assert_eq!(mailbox.settled().len(), 1);
}

#[tokio::test]
async fn a_body_that_fails_half_way_is_not_sent() {
    let Some(servers) = or_skip("a_body_that_fails_half_way_is_not_sent") else { return };
    let mailbox = Mailbox::claim(servers);
    let mailer = text(servers).mailer();
    let failing = Body::generate(0, |n| async move {
        if n == 3 {
            return Err(postrider::Error::new(ErrorKind::Body, Phase::Data, "the disk is gone"));
        }
        Ok(Some((Bytes::from(vec![b'x'; 70_000]), n + 1)))
    });
    let error = mailer.send(&envelope(&mailbox), failing).await.unwrap_err();
    assert_eq!((error.outcome(), error.message()), (Outcome::NotSent, "the disk is gone"));
    mailer.send(&envelope(&mailbox), message("whole").into()).await.unwrap();
    mailbox.arrived(1);
    assert_eq!(mailbox.settled().len(), 1);
}
