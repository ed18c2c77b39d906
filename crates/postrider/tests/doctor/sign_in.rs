//! Who is not let in, and why.

use crate::clinic::{Answer, PASSWORD, Town, examine, expect, expect_text, session};
use postrider::Direction::{self, Incoming, Outgoing};
use postrider_server::Server;

async fn clinic(mechanisms: &[&str]) -> (Server, Town) {
    let server = Server::builder()
        .user("alice@example.test", "another-password")
        .certificate_names(&["mail.example.test"])
        .mechanisms(mechanisms)
        .start()
        .await
        .unwrap();
    let ports = [
        (465, Answer::Server(server.smtps_port())),
        (995, Answer::Server(server.pop3s_port())),
        (993, Answer::Server(server.imaps_port())),
    ];
    let town = Town::trusting(server.ca_pem()).with("mail.example.test", "192.0.2.1", &ports);
    (server, town)
}

fn settings(protocol: &str, secret: &str) -> String {
    let chooser = if protocol == "smtp" { "transport" } else { "store" };
    format!(
        "mail.{chooser}.protocol={protocol}\nmail.host=mail.example.test\nmail.user=alice\nmail.from=alice@example.test\n\
         {secret}"
    )
}

fn direction(protocol: &str) -> Direction {
    if protocol == "smtp" { Outgoing } else { Incoming }
}

#[tokio::test]
async fn a_wrong_password() {
    let (_server, town) = clinic(&["PLAIN", "LOGIN"]).await;
    for protocol in ["smtp", "pop3", "imap"] {
        let text = settings(protocol, &format!("mail.{protocol}.password={PASSWORD}\n"));
        let report = examine(&session(&town, &text), direction(protocol)).await;
        expect(&format!("wrong_password_{protocol}"), &report);
    }
}

#[tokio::test]
async fn an_expired_token_and_one_that_does_not_say() {
    let (_server, town) = clinic(&["XOAUTH2", "OAUTHBEARER"]).await;
    // {"alg":"none"} . {"exp":1700000000,"note":"hunter2"} . -
    let dated = "eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDAwMDAwMDAsIm5vdGUiOiJodW50ZXIyIn0.c2ln";
    for (name, token) in [("expired", dated), ("opaque", "ya29.hunter2-correct-horse")] {
        for protocol in ["smtp", "pop3", "imap"] {
            let text = settings(protocol, &format!("mail.{protocol}.auth.token={token}\n"));
            let report = examine(&session(&town, &text), direction(protocol)).await;
            assert!(!report.to_string().contains(token) && !report.to_string().contains("c2ln"));
            expect(&format!("token_{name}_{protocol}"), &report);
        }
    }
}

#[tokio::test]
async fn mechanisms_that_have_nothing_in_common() {
    let (_server, town) = clinic(&["XOAUTH2"]).await;
    let text = settings("smtp", &format!("mail.smtp.password={PASSWORD}\n"));
    expect("server_takes_tokens_only", &examine(&session(&town, &text), Outgoing).await);
    let (_server, town) = clinic(&["PLAIN"]).await;
    let text = settings(
        "smtp",
        &format!("mail.smtp.password={PASSWORD}\nmail.smtp.auth.mechanisms=SCRAM-SHA-256\n"),
    );
    expect("mechanism_not_offered", &examine(&session(&town, &text), Outgoing).await);
    let text = settings("imap", "mail.imap.auth.token=ya29.hunter2\n");
    expect("server_takes_no_token", &examine(&session(&town, &text), Incoming).await);
}

#[tokio::test]
async fn settings_of_which_nothing_can_be_made() {
    let (_server, town) = clinic(&["PLAIN"]).await;
    let text = settings("smtp", &format!("mail.smtp.password={PASSWORD}\nmail.smtp.port=many\n"));
    expect("bad_port", &examine(&session(&town, &text), Outgoing).await);
    let text = settings("smtp", &format!("mail.smtp.password={PASSWORD}\n"));
    let mut report = examine(&session(&town, &text), Incoming).await.to_string();
    // What a build with all features has besides.
    for further in ["async-imap, ", "maildir, ", "memory, "] {
        report = report.replacen(further, "", 1);
    }
    expect_text("no_store_protocol", &report);
    let text = settings("imap", "");
    expect("no_credentials", &examine(&session(&town, &text), Incoming).await);
}

#[tokio::test]
async fn secrets_that_are_kept_elsewhere_are_neither_shown_nor_judged_by_their_looks() {
    let (_server, town) = clinic(&["PLAIN"]).await;
    let text = settings("smtp", "mail.smtp.password=command:pass show mail\n");
    expect("password_kept_elsewhere", &examine(&session(&town, &text), Outgoing).await);
    let text = settings("imap", "mail.imap.password=env:MISSING\n");
    expect("password_not_where_it_should_be", &examine(&session(&town, &text), Incoming).await);
    let (_server, town) = clinic(&["XOAUTH2"]).await;
    let grant = "mail.imap.oauth.tokenurl=https://login.example.test/token\nmail.imap.oauth.clientid=me\n\
                 mail.imap.oauth.refreshtoken=file:/run/secrets/refresh\n";
    expect("token_by_grant", &examine(&session(&town, &settings("imap", grant)), Incoming).await);
    // Gmail's app passwords have a shape; a reference has none.
    let text = "mail.host=pop.gmail.com\nmail.store.protocol=pop3\nmail.user=me@gmail.com\nmail.pop3.password=env:MAIL\n";
    let report = examine(&session(&town, text), Incoming).await;
    assert_eq!(report.steps[0].status, postrider::doctor::Status::Ok, "{report}");
}
