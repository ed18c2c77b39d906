//! A token that has expired, and the command that has a fresh one by then.

use crate::{envelope, message};
use postrider::Query;
use postrider_tests::mailbox::Mailbox;
use postrider_tests::properties::Text;
use postrider_tests::servers::{Servers, or_skip};
use std::path::Path;

/// A command that prints an expired token the first time and a good one from then on.
fn command(servers: &Servers, folder: &Path, name: &str) -> String {
    let seen = folder.join(name).display().to_string();
    let (good, expired) = (servers.setting("OAUTH_TOKEN"), servers.setting("OAUTH_EXPIRED_TOKEN"));
    format!("command:sh -c 'echo >> {seen}; test `wc -l < {seen}` -gt 1 && echo {good} || echo {expired}'")
}

#[tokio::test]
async fn an_expired_token_is_replaced_by_a_fresh_one_within_the_same_call() {
    let Some(servers) = or_skip("an_expired_token_is_replaced_by_a_fresh_one_within_the_same_call") else {
        return;
    };
    let (mailbox, folder) = (Mailbox::claim(servers), tempfile::tempdir().unwrap());
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        for (transport, server, tls) in [
            ("smtp", "POSTFIX_SUBMISSION", "starttls"),
            ("imap", "DOVECOT_IMAPS", "implicit"),
            ("pop3", "DOVECOT_POP3S", "implicit"),
        ] {
            let name = format!("{transport}-{mechanism}");
            let text = Text::new(servers, transport, server, tls)
                .and("user", servers.setting("OAUTH_USER"))
                .and("auth.token", command(servers, folder.path(), &name))
                .and("auth.mechanisms", mechanism);
            if transport == "smtp" {
                let sent = text.mailer().send(&envelope(&mailbox), message(&name).into()).await;
                assert!(sent.unwrap().is_complete(), "{name}");
            } else {
                text.inbox().list(&Query::all()).await.unwrap();
            }
            let runs = std::fs::read_to_string(folder.path().join(&name)).unwrap();
            assert_eq!(runs.lines().count(), 2, "{name}");
        }
    }
    assert_eq!(mailbox.arrived(2).len(), 2);
}
