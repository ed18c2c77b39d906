//! All is well, to the last step.

use crate::clinic::{Answer, PASSWORD, Town, examine, examine_by, expect, expect_text, session};
use postrider::Direction::{Incoming, Outgoing};
use postrider::doctor::{Doctor, Status, StepName};
use postrider_server::Server;

fn bob() -> postrider::Address {
    postrider::Address::new("bob@example.test").unwrap()
}

async fn clinic() -> (Server, Town) {
    let server = Server::builder()
        .user("alice", PASSWORD)
        .user("bob", PASSWORD)
        .certificate_names(&["mail.example.test"])
        .require_auth()
        .start()
        .await
        .unwrap();
    let ports = [
        (587, Answer::Server(server.smtp_port())),
        (995, Answer::Server(server.pop3s_port())),
        (143, Answer::Server(server.imap_port())),
    ];
    let town = Town::trusting(server.ca_pem()).with("mail.example.test", "192.0.2.1", &ports);
    (server, town)
}

fn settings(more: &str) -> String {
    format!(
        "mail.host=mail.example.test\nmail.user=alice@example.test\nmail.smtp.port=587\nmail.imap.port=143\n\
         mail.smtp.password={PASSWORD}\nmail.pop3.password={PASSWORD}\nmail.imap.password={PASSWORD}\n{more}"
    )
}

#[tokio::test]
async fn each_direction_from_the_settings_to_the_mailbox() {
    let (server, town) = clinic().await;
    server.deliver("alice", "Subject: there\r\n\r\nmail\r\n").unwrap();
    for protocol in ["pop3", "imap"] {
        let text = settings(&format!("mail.store.protocol={protocol}\n"));
        let report = examine(&session(&town, &text), Incoming).await;
        assert!(report.is_ok() && report.corrections().is_empty(), "{report}");
        expect(&format!("well_{protocol}"), &report);
        assert_eq!(server.messages("alice", "INBOX").len(), 1);
        assert_eq!(server.flags("alice", "INBOX"), [Vec::<String>::new()], "nothing is touched");
    }
    let report = examine(&session(&town, &settings("")), Outgoing).await;
    assert!(report.is_ok(), "{report}");
    expect("well_smtp_without_sender", &report);
    assert!(server.accepted().is_empty(), "nothing is sent unless it is asked for");
}

#[tokio::test]
async fn a_test_message_is_sent_when_it_is_asked_for_and_a_refusal_is_told() {
    let (server, town) = clinic().await;
    let text = settings("mail.from=alice@example.test\n");
    let session = session(&town, &format!("{text}mail.send.allowreserved=true\n"));
    let doctor = |to: &str| Doctor::new(&session).send_to(postrider::Address::new(to).unwrap());
    let report = examine_by(doctor("bob@example.test"), Outgoing).await;
    expect("test_message", &report);
    let kept = server.messages("bob", "INBOX");
    assert_eq!(kept.len(), 1);
    assert!(String::from_utf8_lossy(&kept[0]).contains("Subject: Postrider: a test\r\n"));
    let report = examine_by(doctor("nobody@example.test"), Outgoing).await;
    assert_eq!(report.step(StepName::TestMessage).unwrap().status, Status::Failed);
    expect("test_message_refused", &report);
    // The rules of the settings hold for this message, too.
    let strict = self::session(&town, &text);
    let report = examine_by(Doctor::new(&strict).send_to(bob()), Outgoing).await;
    expect("test_message_left_out", &report);
    assert_eq!(server.messages("bob", "INBOX").len(), 1);
}

#[tokio::test]
async fn the_report_is_the_same_for_machines() {
    let (_server, town) = clinic().await;
    let text = settings("mail.store.protocol=pop3\nmail.pop3.tls=none\nmail.pop3.port=995\n");
    let report = examine(&session(&town, &text), Incoming).await;
    let json = serde_json::to_string_pretty(&report).unwrap();
    expect_text("json", &json);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["direction"], "incoming");
    assert_eq!(value["steps"][0]["name"], "settings");
}
