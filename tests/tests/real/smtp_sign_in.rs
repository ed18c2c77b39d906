//! Signing in to Postfix, whose passwords are Dovecot's.

use crate::{assert_clear, envelope, message};
use postrider::{ErrorKind, Outcome, Phase};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::properties::Text;
use postrider_tests::servers::{Servers, or_skip};

fn text(servers: &Servers) -> Text {
    Text::new(servers, "smtp", "POSTFIX_SUBMISSION", "starttls").and("auth", true)
}

#[tokio::test]
async fn every_mechanism_signs_in() {
    let Some(servers) = or_skip("every_mechanism_signs_in") else { return };
    let mailbox = Mailbox::claim(servers);
    let (token, user) = (servers.setting("OAUTH_TOKEN"), servers.setting("OAUTH_USER"));
    let mechanisms = ["PLAIN", "LOGIN", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"];
    for mechanism in mechanisms {
        let text = text(servers).and("auth.mechanisms", mechanism);
        let text = match mechanism {
            "XOAUTH2" | "OAUTHBEARER" => text.and("user", user).and("auth.token", token),
            _ => text.signed_in(servers, "bob"),
        };
        let sent = text.mailer().send(&envelope(&mailbox), message(mechanism).into()).await;
        assert!(sent.unwrap().is_complete(), "{mechanism}");
    }
    assert_eq!(mailbox.arrived(mechanisms.len()).len(), mechanisms.len());
}

#[tokio::test]
async fn a_wrong_password_is_told_from_a_mechanism_that_is_not_there() {
    let Some(servers) = or_skip("a_wrong_password_is_told_from_a_mechanism_that_is_not_there") else {
        return;
    };
    let mailbox = Mailbox::claim(servers);
    for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"] {
        let text =
            text(servers).and("user", "bob").and("password", "wrong").and("auth.mechanisms", mechanism);
        let error = text.mailer().send(&envelope(&mailbox), message("x").into()).await.unwrap_err();
        assert_clear(&error, ErrorKind::Authentication, Phase::Authenticate, &[mechanism, "535", "password"]);
        assert_eq!(error.outcome(), Outcome::NotSent);
    }
    // Dovecot knows no channel binding, and a mechanism that was chosen is not swapped for another.
    let text = text(servers).signed_in(servers, "bob").and("auth.mechanisms", "SCRAM-SHA-256-PLUS");
    let error = text.mailer().send(&envelope(&mailbox), message("x").into()).await.unwrap_err();
    assert_clear(&error, ErrorKind::Authentication, Phase::Authenticate, &["PLAIN", "auth.mechanisms"]);
    assert!(mailbox.settled().is_empty());
}

#[tokio::test]
async fn an_expired_token_is_refused_in_words() {
    let Some(servers) = or_skip("an_expired_token_is_refused_in_words") else { return };
    let mailbox = Mailbox::claim(servers);
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let expired = servers.setting("OAUTH_EXPIRED_TOKEN");
        let text =
            text(servers).and("user", "alice").and("auth.token", expired).and("auth.mechanisms", mechanism);
        let error = text.mailer().send(&envelope(&mailbox), message("x").into()).await.unwrap_err();
        assert_clear(&error, ErrorKind::Authentication, Phase::Authenticate, &[mechanism, "auth.token"]);
        assert!(!format!("{error:?}").contains(expired), "the token shows");
    }
}

#[tokio::test]
async fn submission_without_credentials_says_what_is_missing() {
    let Some(servers) = or_skip("submission_without_credentials_says_what_is_missing") else { return };
    let mailbox = Mailbox::claim(servers);
    let error = text(servers).session().unwrap().mailer().unwrap_err();
    assert_clear(&error, ErrorKind::Configuration, Phase::Configure, &["mail.smtp.auth", "password"]);
    let unsigned = Text::new(servers, "smtp", "POSTFIX_SUBMISSION", "starttls").mailer();
    let error = unsigned.send(&envelope(&mailbox), message("x").into()).await.unwrap_err();
    assert_clear(&error, ErrorKind::Rejected, error.phase(), &["554", "set user and password"]);
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_one_is_wanted() {
    let Some(servers) = or_skip("a_client_certificate_is_shown_where_one_is_wanted") else { return };
    let mailbox = Mailbox::claim(servers);
    let bare = Text::new(servers, "smtp", "POSTFIX_CERT_SMTPS", "implicit");
    let shown = bare
        .clone()
        .and("ssl.certfile", servers.setting("CLIENT_CERT"))
        .and("ssl.keyfile", servers.setting("CLIENT_KEY"));
    shown.mailer().send(&envelope(&mailbox), message("certificate").into()).await.unwrap();
    assert_eq!(mailbox.arrived(1).len(), 1);
    let error = bare.mailer().send(&envelope(&mailbox), message("none").into()).await.unwrap_err();
    assert_clear(&error, ErrorKind::Deferred, Phase::Greeting, &["No client certificate presented"]);
    assert_eq!(mailbox.settled().len(), 1);
}
