//! Dialogues with imap.gmail.com, through the registry.
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

fn read(text: String) -> impl Fn(VirtualHost) -> Pin<Box<dyn Future<Output = Result<String, String>>>> {
    move |host| {
        let text = text.clone();
        Box::pin(async move {
            let dialed = Dialed::new(&host);
            let mut gmail =
                registry().incoming("gmail", &properties(&text), Arc::new(dialed.clone())).unwrap();
            let outcome = async {
                let listing = gmail.list(&Query::all()).await?;
                let id = &listing.messages[0].id;
                assert_eq!(id.as_str(), "imap:me@gmail.com@imap.gmail.com/INBOX/7/42");
                let body = gmail.fetch(id).await?.read_all(999).await?;
                gmail.close().await?;
                Ok(String::from_utf8(body.to_vec()).unwrap())
            };
            let outcome = outcome.await.map_err(|error: Error| format!("{error:?}"));
            assert_eq!(*dialed.1.lock().unwrap(), [("imap.gmail.com".to_owned(), 993, TlsMode::Implicit)]);
            secrets::assert_absent(&format!("{outcome:?}"), &[APP_PASSWORD, JOINED, TOKEN]);
            outcome
        })
    }
}

#[test]
fn a_message_is_read_by_an_app_password_without_any_other_setting_and_gmails_own_data_disturbs_nothing() {
    let text = sweep::deliveries(&dialogue("imap"), &read(login())).unwrap();
    assert_eq!(text, "Subject: two\r\n\r\nbody\r\n");
}

#[test]
fn each_refusal_of_a_sign_in_comes_with_its_cause() {
    let hello = "S: * OK Gimap ready for requests from 192.0.2.1\nC: {a} CAPABILITY\n\
                 S: * CAPABILITY IMAP4rev1 ID SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=OAUTHBEARER\nS: {a} OK Thats all she wrote!\n";
    let plain = "C~ {b} AUTHENTICATE PLAIN *\n";
    let challenge = "C~ {b} AUTHENTICATE OAUTHBEARER *\n\
        S: + eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==\nC: AQ==\n";
    let browser = "S: * NO [WEBALERT https://accounts.google.com/signin/continue?sarp=1&plt=AKgnsbttoGtD4] Web login required.\n\
                   S: {b} NO [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)\n";
    let no = |text: &str| format!("S: {{b}} NO {text}\n");
    for (settings, script, words) in [
        (
            login(),
            format!(
                "{plain}{}",
                no(
                    "[ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)"
                )
            ),
            ["Authentication(Never)", "app password here"],
        ),
        (
            login(),
            format!("{plain}{}", no("[AUTHENTICATIONFAILED] Invalid credentials (Failure)")),
            ["Authentication(Never)", "app password only"],
        ),
        (login(), format!("{plain}{browser}"), ["Authentication(Never)", "suspicious"]),
        (
            login(),
            format!("{plain}{}", no("[ALERT] Too many simultaneous connections. (Failure)")),
            ["Deferred(Safe)", "15 connections"],
        ),
        (
            login(),
            format!(
                "{plain}{}",
                no(
                    "[ALERT] IMAP access is disabled for your domain. Please contact your domain administrator for questions about this feature. (Failure)"
                )
            ),
            ["Authentication(Never)", "administrator"],
        ),
        (
            login(),
            format!(
                "{plain}{}",
                no(
                    "[ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)"
                )
            ),
            ["Authentication(Never)", "IMAP is switched off"],
        ),
        (
            token(),
            format!("{challenge}{}", no("[AUTHENTICATIONFAILED] Invalid credentials (Failure)")),
            ["Authentication(Never)", "OAuth token was not accepted"],
        ),
        (
            token(),
            format!("{challenge}{}", no("[ALERT] Too many simultaneous connections. (Failure)")),
            ["Deferred(Safe)", "15 connections"],
        ),
    ] {
        let host = VirtualHost::play(&Dialogue::parse(&format!("{hello}{script}")).unwrap());
        let text = run(&host, read(settings)(host.clone())).unwrap().unwrap_err();
        assert!(words.iter().all(|w| text.contains(w)), "{words:?} {text}");
        assert!(host.mismatches().is_empty(), "{:?}", host.mismatches());
    }
}

#[test]
fn a_session_that_is_cut_off_for_its_bandwidth_is_called_that() {
    let script = "S: * OK Gimap ready\nC: {a} CAPABILITY\nS: * CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\nS: {a} OK\n\
                  C~ {b} AUTHENTICATE PLAIN *\nS: {b} OK [CAPABILITY IMAP4rev1 IDLE] me@gmail.com authenticated (Success)\n\
                  C~ {c} SELECT *INBOX*\nC~ {d} UID SEARCH *\nC~ {e} UID FETCH *\nS: * BYE [OVERQUOTA] Account exceeded command or bandwidth limits.\nCUT\n";
    let host = VirtualHost::play(&Dialogue::parse(script).unwrap());
    let text = run(&host, read(login())(host.clone())).unwrap().unwrap_err();
    assert!(text.contains("bandwidth") && text.contains("(Safe)"), "{text}");
}
