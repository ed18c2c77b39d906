//! The example against the embedded server.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use postrider_server::Server;
use tokio::process::Command;

const PASSWORD: &str = "hunter2secret";

#[tokio::test(flavor = "multi_thread")]
async fn the_message_arrives_and_every_failure_has_its_exit_status() {
    let server =
        Server::builder().user("alice", PASSWORD).user("bob", "x").require_auth().start().await.unwrap();
    server.refuse("full@example.test", 452, "4.2.2 mailbox full");
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("ca.pem"), server.ca_pem()).unwrap();
    let keys = [
        ("from", "\"alice@example.test\"".to_owned()),
        ("send.allowreserved", "true".to_owned()),
        ("smtp.host", "\"localhost\"".to_owned()),
        ("smtp.port", server.smtps_port().to_string()),
        ("smtp.tls", "\"implicit\"".to_owned()),
        ("smtp.user", "\"alice\"".to_owned()),
        ("smtp.ssl.cafile", format!("{:?}", path("ca.pem"))),
    ];
    let lines = |form: fn(&str, &str) -> String| keys.iter().map(|(k, v)| form(k, v)).collect::<String>();
    std::fs::write(path("settings.toml"), lines(|k, v| format!("mail.{k} = {v}\n"))).unwrap();
    std::fs::write(path("settings.properties"), lines(|k, v| format!("mail.{k}={}\n", v.trim_matches('"'))))
        .unwrap();

    for (settings, password, to, status) in [
        ("settings.toml", PASSWORD, "bob@example.test", 0),
        ("settings.properties", PASSWORD, "bob@example.test", 0),
        ("settings.toml", "wrong-hunter3", "bob@example.test", 69),
        ("settings.toml", PASSWORD, "nobody@example.test", 69),
        ("settings.toml", PASSWORD, "full@example.test", 75),
        ("settings.toml", PASSWORD, "no address", 64),
        ("missing.toml", PASSWORD, "bob@example.test", 69),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_send-one"));
        let output =
            command.arg(path(settings)).arg(to).env("MAIL_PASSWORD", password).output().await.unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(status), "{settings} {to}: {said}");
        assert!(!said.contains("hunter"), "{said}");
        assert_eq!(said.starts_with("accepted for bob@example.test: 250"), status == 0, "{said}");
    }
    assert_eq!(server.messages("bob", "INBOX").len(), 2);
}
