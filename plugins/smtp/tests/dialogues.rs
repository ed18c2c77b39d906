//! Recorded dialogues: however the bytes are delivered, and wherever they are cut.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use common::*;
use postrider_core::*;
use postrider_smtp::SmtpConfig;
use postrider_testkit::{VirtualHost, secrets, sweep};
use std::future::Future;
use std::pin::Pin;

type Work = Pin<Box<dyn Future<Output = Vec<String>>>>;

fn refused_then_sent(host: VirtualHost) -> Work {
    Box::pin(async move {
        let mut smtp = smtp(config(TlsMode::Implicit), &host);
        let refused = smtp.send(&to(&["nobody@example.org"]), Body::from_bytes(NORMALISED)).await;
        let sent = smtp.send(&to(&["you@example.org"]), Body::from_bytes(NORMALISED)).await;
        Box::new(smtp).close().await.unwrap();
        vec![word(&refused), word(&sent)]
    })
}

fn partly_sent(config: SmtpConfig) -> impl Fn(VirtualHost) -> Work {
    move |host| {
        let config = config.clone();
        Box::pin(async move {
            let mut smtp = smtp(config, &host);
            let envelope = to(&["you@example.org", "two@example.org"]).with_id("id1").unwrap();
            let envelope = envelope.with_returned(ReturnContent::Headers);
            let envelope = envelope.with_notify(Notify::On { success: false, failure: true, delay: false });
            let body = Body::generate(0, |i| async move {
                let chunks: Vec<&'static str> = vec!["Subject: x\r", "\n\r\n", ".", "dot\r\nend\n", "\r\n"];
                Ok(chunks.get(i).map(|c| ((*c).into(), i + 1)))
            });
            vec![word(&smtp.send(&envelope, body).await)]
        })
    }
}

fn starttls() -> SmtpConfig {
    let mut config = config(TlsMode::StartTls);
    config.send_partial = true;
    config
}

#[test]
fn a_refused_message_leaves_the_connection_for_the_next_one_however_bytes_arrive() {
    let outcomes = sweep::deliveries(&dialogue("plain"), &refused_then_sent);
    assert_eq!(outcomes, ["Rejected Recipient", "delivered 1"]);
}

#[test]
fn starttls_pipelining_and_partial_delivery_work_however_bytes_arrive() {
    assert_eq!(sweep::deliveries(&dialogue("starttls"), &partly_sent(starttls())), ["delivered 1"]);
}

#[test]
fn a_server_without_ehlo_gets_helo() {
    let work = |host: VirtualHost| -> Work {
        Box::pin(async move {
            let mut smtp = smtp(anonymous(TlsMode::None), &host);
            vec![word(&smtp.send(&to(&["you@example.org"]), Body::from_bytes(BODY)).await)]
        })
    };
    assert_eq!(sweep::deliveries(&dialogue("helo"), &work), ["delivered 1"]);
}

#[test]
fn a_refused_token_is_explained_and_no_secret_shows_even_if_the_server_repeats_it() {
    let work = |host: VirtualHost| -> Work {
        Box::pin(async move {
            let mut config = config(TlsMode::Implicit);
            config.login.token = config.login.password.take();
            let error = smtp(config, &host).send(&to(&["you@example.org"]), "x".into()).await.unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Authentication, Phase::Authenticate));
            vec![error.to_string(), format!("{error:?}")]
        })
    };
    let texts = sweep::deliveries(&dialogue("xoauth2"), &work);
    assert!(texts[0].contains("https://mail.google.com/") && texts[0].contains("535 5.7.8"), "{}", texts[0]);
    secrets::assert_absent(&texts.join("\n"), &[SECRET]);
}

/// Where the server's bytes are cut, the outcome is Delivered only if all of the final reply was read, and
/// Unsure exactly while it was not and everything before it was.
#[test]
fn a_cut_never_makes_a_false_delivered_and_unsure_only_where_it_is_true() {
    let last_reply = "250 2.0.0 queued\r\n".len();
    sweep::cuts(&dialogue("starttls"), &partly_sent(starttls()), |n, total, outcomes| {
        let want = if n == total {
            "delivered 1"
        } else if n == total - last_reply {
            // A connection that is gone is noticed before the end of data goes out; a silent one is not.
            assert!(["NotSent Data", "Unsure EndOfData"].contains(&outcomes[0].as_str()), "{outcomes:?}");
            return;
        } else if n > total - last_reply {
            "Unsure EndOfData"
        } else {
            "NotSent"
        };
        assert!(outcomes[0].starts_with(want), "{n} of {total}: {outcomes:?}, not {want}");
    });
    sweep::cuts(&dialogue("plain"), &refused_then_sent, |n, total, outcomes| {
        assert!(
            n + "221 2.0.0 bye\r\n".len() >= total || !outcomes[1].starts_with("delivered"),
            "{n}: {outcomes:?}"
        );
    });
}

#[test]
fn a_client_cut_is_unsure_only_if_the_whole_terminator_reached_the_server() {
    sweep::client_cuts(&dialogue("starttls"), &partly_sent(starttls()), |n, total, outcomes| {
        let want = if n == total { "delivered" } else { "NotSent" };
        assert!(outcomes[0].starts_with(want), "{n} of {total}: {outcomes:?}");
    });
}
