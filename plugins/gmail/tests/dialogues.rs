//! Dialogues with Google's servers, through the registry.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_testkit::{Dialogue, VirtualHost, run, secrets, sweep};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

const TOKEN: &str = "ya29.a0AfB-secret-token";

fn token() -> String {
    format!("mail.gmail.user=me@gmail.com\nmail.gmail.auth.token={TOKEN}\n")
}

fn send(text: String) -> impl Fn(VirtualHost) -> Pin<Box<dyn Future<Output = Result<Receipt, String>>>> {
    move |host| {
        let text = text.clone();
        Box::pin(async move {
            let dialed = Dialed::new(&host);
            let mut gmail =
                registry().outgoing("gmail", &properties(&text), Arc::new(dialed.clone())).unwrap();
            let envelope = Envelope::parse(Some("me@gmail.com"), ["you@example.org"]).unwrap();
            let outcome = gmail.send(&envelope, "Subject: hi\r\n".into()).await;
            assert_eq!(*dialed.1.lock().unwrap(), [("smtp.gmail.com".to_owned(), 465, TlsMode::Implicit)]);
            if outcome.is_ok() {
                gmail.close().await.unwrap();
            }
            let outcome = outcome.map_err(|error| format!("{error:?}"));
            secrets::assert_absent(&format!("{outcome:?}"), &[APP_PASSWORD, JOINED, TOKEN]);
            outcome
        })
    }
}

#[test]
fn a_message_goes_out_by_an_app_password_without_any_other_setting() {
    let receipt = sweep::deliveries(&dialogue("send"), &send(login())).unwrap();
    assert!(receipt.is_complete() && receipt.reply.text().contains("gsmtp"));
}

#[test]
fn an_expired_token_is_called_that_and_not_a_wrong_password() {
    let text = sweep::deliveries(&dialogue("token-smtp"), &send(token())).unwrap_err();
    assert!(
        text.contains("OAuth token was not accepted") && text.contains("Authentication(Never)"),
        "{text}"
    );
}

#[test]
fn a_token_goes_by_the_mechanism_that_is_offered() {
    for (offered, used) in [("PLAIN XOAUTH2", "XOAUTH2"), ("XOAUTH2 OAUTHBEARER PLAIN", "OAUTHBEARER")] {
        let script = format!(
            "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 250-smtp.gmail.com\nS: 250 AUTH {offered}\nC~ AUTH {used} *\n\
             S: 235 2.7.0 Accepted\nC~ MAIL FROM:*\nS: 550 5.7.1 no\nC: RSET\nS: 250 ok\n"
        );
        let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
        assert!(run(&host, send(token())(host.clone())).unwrap().unwrap_err().contains("5.7.1"));
        host.assert_followed();
        let script = format!(
            "S: +OK hi\nC: CAPA\nS: +OK\nS: SASL {offered}\nS: .\nC~ AUTH {used} *\nS: -ERR [SYS/TEMP] no\n"
        );
        let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
        assert!(run(&host, read_pop3(token())(host.clone())).unwrap().unwrap_err().contains("SYS/TEMP"));
        host.assert_followed();
    }
}

#[test]
fn each_refusal_of_a_send_comes_with_its_cause() {
    let hello = "S: 220 smtp.gmail.com ESMTP\nC: EHLO [127.0.0.1]\nS: 250-smtp.gmail.com\nS: 250-AUTH PLAIN\n\
                 S: 250 ENHANCEDSTATUSCODES\n";
    let auth = "C~ AUTH PLAIN *\n";
    let rest = "S: 235 2.7.0 Accepted\nC~ MAIL FROM:*\nS: 250 2.1.0 OK\nC~ RCPT TO:*\nS: 250 2.1.5 OK\nC: DATA\nS: 354 go\n\
                C: Subject: hi\nC: .\n";
    for (script, words) in [
        (
            "S: 421-4.7.0 Try again later, closing connection. (EHLO)\nS: 421 4.7.0 - gsmtp\nCUT\n"
                .to_owned(),
            ["Deferred(Safe)", "wants less"],
        ),
        (
            format!(
                "{hello}{auth}S: 534-5.7.9 Application-specific password required. For more information, go to\nS: 534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor - gsmtp\n"
            ),
            ["Authentication(Never)", "app password here"],
        ),
        (
            format!(
                "{hello}{auth}S: 535-5.7.8 Username and Password not accepted.\nS: 535 5.7.8  https://support.google.com/mail/?p=BadCredentials - gsmtp\n"
            ),
            ["Authentication(Never)", "app password only"],
        ),
        (
            format!(
                "{hello}{auth}S: 534-5.7.14 <https://accounts.google.com/signin/continue?plt=AKgnsbt> Please log in via your web browser and\nS: 534-5.7.14 then try again.\nS: 534 5.7.14 https://support.google.com/mail/answer/78754 - gsmtp\n"
            ),
            ["Authentication(Never)", "suspicious"],
        ),
        (
            format!("{hello}{auth}S: 454 4.7.0 Too many login attempts, please try again later. - gsmtp\n"),
            ["Deferred(Safe)", "wants less"],
        ),
        (
            format!(
                "{hello}{auth}{rest}S: 550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\nS: 550 5.4.5 https://support.google.com/a/answer/166852 - gsmtp\n"
            ),
            ["Rejected(Safe)", "24 hours"],
        ),
        (
            format!(
                "{hello}{auth}{rest}S: 552-5.2.3 Your message exceeded Google's message size limits.\nS: 552 5.2.3 - gsmtp\n"
            ),
            ["Rejected(Never)", "25 MB"],
        ),
        (
            format!(
                "{hello}{auth}{rest}S: 552-5.7.0 This message was blocked because its content presents a potential\nS: 552 5.7.0 security issue. - gsmtp\n"
            ),
            ["Rejected(Never)", "attachments"],
        ),
        (
            format!("{hello}{auth}{rest}S: 550-5.7.26 This mail is unauthenticated\nS: 550 5.7.26 - gsmtp\n"),
            ["Rejected(Never)", "SPF and DKIM"],
        ),
        (format!("{hello}{auth}{rest}CUT\n"), ["Unsure(MayDuplicate)", ""]),
    ] {
        let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
        let text = run(&host, send(login())(host.clone())).unwrap().unwrap_err();
        assert!(words.iter().all(|w| text.contains(w)), "{words:?} {text}");
        assert!(host.mismatches().is_empty(), "{:?}", host.mismatches());
    }
}

fn read_pop3(text: String) -> impl Fn(VirtualHost) -> Pin<Box<dyn Future<Output = Result<String, String>>>> {
    move |host| {
        let text = text.clone();
        Box::pin(async move {
            let dialed = Dialed::new(&host);
            let mut gmail =
                registry().incoming("gmail-pop3", &properties(&text), Arc::new(dialed.clone())).unwrap();
            let outcome = async {
                let listing = gmail.list(&Query::all()).await?;
                // Whatever the mode, the same message has the same key.
                assert_eq!(
                    listing.messages[0].id.as_str(),
                    "pop3:me@gmail.com@pop.gmail.com/GmailId194a2f0c1d2e3f40"
                );
                let body = gmail.fetch(&listing.messages[0].id).await?.read_all(999).await?;
                gmail.close().await?;
                Ok(String::from_utf8(body.to_vec()).unwrap())
            };
            let outcome = outcome.await.map_err(|error: Error| format!("{error:?}"));
            assert_eq!(*dialed.1.lock().unwrap(), [("pop.gmail.com".to_owned(), 995, TlsMode::Implicit)]);
            secrets::assert_absent(&format!("{outcome:?}"), &[APP_PASSWORD, JOINED, TOKEN]);
            outcome
        })
    }
}

#[test]
fn recent_mode_is_a_prefix_of_the_user_and_keys_do_not_show_it() {
    let text = format!("{}mail.gmail-pop3.recent=true\n", login());
    let read = sweep::deliveries(&dialogue("recent"), &read_pop3(text)).unwrap();
    assert_eq!(read, "Subject: two\r\n\r\nbody\r\n");
}

#[test]
fn pop_that_is_switched_off_is_called_that() {
    let text = sweep::deliveries(&dialogue("pop-off"), &read_pop3(login())).unwrap_err();
    assert!(text.contains("POP is switched off") && text.contains("Rejected(Never)"), "{text}");
}

#[test]
fn each_refusal_of_a_pop_sign_in_comes_with_its_cause() {
    let hello = "S: +OK Gpop ready\nC: CAPA\nS: +OK\nS: USER\nS: SASL PLAIN XOAUTH2 OAUTHBEARER\nS: .\n";
    let challenge =
        "C~ AUTH OAUTHBEARER *\nS: + eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyJ9\nC: AQ==\n";
    let plain = "C~ AUTH PLAIN *\n";
    for (settings, script, words) in [
        (
            login(),
            format!(
                "{plain}S: -ERR [AUTH] Application-specific password required: http://support.google.com/accounts/bin/answer.py?answer=185833\n"
            ),
            ["Authentication(Never)", "app password here"],
        ),
        (
            login(),
            format!(
                "{plain}S: -ERR [AUTH] Web login required: https://support.google.com/mail/answer/78754\n"
            ),
            ["Authentication(Never)", "suspicious"],
        ),
        (
            login(),
            format!("{plain}S: -ERR [AUTH] Username and password not accepted.\n"),
            ["Authentication(Never)", "app password only"],
        ),
        (
            login(),
            format!("{plain}S: -ERR [SYS/TEMP] Temporary system problem. Please try again later.\n"),
            ["Deferred(Safe)", "passing problem"],
        ),
        (
            token(),
            format!("{challenge}S: -ERR [AUTH] Username and password not accepted.\n"),
            ["Authentication(Never)", "OAuth token was not accepted"],
        ),
    ] {
        let host = VirtualHost::play(&Dialogue::parse(&format!("{hello}{script}")).unwrap());
        let text = run(&host, read_pop3(settings)(host.clone())).unwrap().unwrap_err();
        assert!(words.iter().all(|w| text.contains(w)), "{words:?} {text}");
        assert!(host.mismatches().is_empty(), "{:?}", host.mismatches());
    }
}
