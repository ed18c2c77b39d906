//! curl sends and receives through all six doors.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use std::process::Command;

use postrider_server::Server;

async fn curl(ca: &std::path::Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "30", "--cacert"]).arg(ca).args(arguments);
    let output = common::run(command).await;
    common::assert_success(&output);
    output.stdout
}

#[tokio::test]
async fn curl_sends_and_receives() {
    if !common::has("curl") {
        return;
    }
    let server = Server::builder().user("alice", "secret").user("bob", "hunter2").start().await.unwrap();
    let (directory, ca) = common::ca_directory(&server);
    let file = directory.path().join("message");
    std::fs::write(&file, common::tricky()).unwrap();
    let file = file.to_str().unwrap();
    let smtp = format!("smtp://localhost:{}", server.smtp_port());
    let smtps = format!("smtps://localhost:{}", server.smtps_port());
    let envelope = ["--mail-from", "alice@example.test", "--mail-rcpt", "bob@example.test", "-T", file];
    let mut sent = 0;
    for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"] {
        let option = format!("AUTH={mechanism}");
        let login = ["--user", "alice:secret", "--login-options", &option];
        for door in [&[smtp.as_str()][..], &[&smtp, "--ssl-reqd"], &[&smtps]] {
            if mechanism == "SCRAM-SHA-256" && !has_scram().await {
                continue;
            }
            curl(&ca, &[door, &login, &envelope].concat()).await;
            sent += 1;
        }
    }
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let option = format!("AUTH={mechanism}");
        let login = ["--user", "alice", "--oauth2-bearer", "secret", "--login-options", &option];
        curl(&ca, &[&[smtps.as_str()], &login[..], &envelope].concat()).await;
        sent += 1;
    }
    let messages = server.messages("bob", "INBOX");
    assert_eq!(messages.len(), sent);
    assert!(messages.iter().all(|m| *m == common::tricky()));

    let pop3 = format!("pop3://localhost:{}/1", server.pop3_port());
    let pop3s = format!("pop3s://localhost:{}/1", server.pop3s_port());
    let imap = format!("imap://localhost:{}/INBOX/;UID=1", server.imap_port());
    let imaps = format!("imaps://localhost:{}/INBOX/;UID=1", server.imaps_port());
    for door in
        [&[pop3.as_str()][..], &[&pop3, "--ssl-reqd"], &[&pop3s], &[&imap], &[&imap, "--ssl-reqd"], &[&imaps]]
    {
        assert_eq!(
            curl(&ca, &[door, &["--user", "bob:hunter2"]].concat()).await,
            common::tricky(),
            "{door:?}"
        );
    }
    let appended = format!("imaps://localhost:{}/Sent", server.imaps_port());
    curl(&ca, &[&appended, "--user", "bob:hunter2", "-T", file]).await;
    assert_eq!(server.messages("bob", "Sent"), [common::tricky()]);
}

/// Debian's curl may be built without GNU SASL, which brings SCRAM.
async fn has_scram() -> bool {
    let mut command = Command::new("curl");
    command.arg("--version");
    String::from_utf8_lossy(&common::run(command).await.stdout).contains("gsasl")
}
