//! Messages accepted by Postfix.

use crate::{as_sent, envelope, message, stored};
use postrider::message::Message;
use postrider::{Body, Envelope, Notify, ReturnContent};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::properties::Text;
use postrider_tests::servers::or_skip;

/// Server and kind of encryption; the last is signed in to without being asked.
const WAYS: &[(&str, &str, bool)] = &[
    ("POSTFIX_SMTP", "none", false),
    ("POSTFIX_SMTP", "none", true),
    ("POSTFIX_SMTP", "starttls-if-offered", true),
    ("POSTFIX_SMTP", "starttls", true),
    ("POSTFIX_SUBMISSION", "starttls", true),
    ("POSTFIX_SMTPS", "implicit", true),
];

#[tokio::test]
async fn mail_goes_out_in_each_tls_mode() {
    let Some(servers) = or_skip("mail_goes_out_in_each_tls_mode") else { return };
    let mailbox = Mailbox::claim(servers);
    for (server, tls, sign_in) in WAYS {
        let mut text = Text::new(servers, "smtp", server, tls);
        if *sign_in {
            text = text.signed_in(servers, "bob");
        }
        let subject = format!("{server} {tls} {sign_in}");
        let receipt = text.mailer().send(&envelope(&mailbox), message(&subject).into()).await.unwrap();
        assert!(receipt.is_complete() && receipt.reply.text().contains("queued as"), "{receipt:?}");
    }
    let arrived = mailbox.arrived(WAYS.len());
    assert_eq!(arrived.len(), WAYS.len());
    for (server, tls, sign_in) in WAYS {
        let sent = stored(&format!("{server} {tls} {sign_in}"));
        assert_eq!(arrived.iter().filter(|m| m.ends_with(&sent)).count(), 1, "{server} {tls} {sign_in}");
    }
}

#[tokio::test]
async fn a_session_may_be_written_with_jakartas_keys() {
    let Some(servers) = or_skip("a_session_may_be_written_with_jakartas_keys") else { return };
    let mailbox = Mailbox::claim(servers);
    let (ca, password) = (servers.setting("CA_FILE"), servers.password());
    let both = format!(
        "user=bob\nmail.smtp.password={password}\nmail.smtp.ssl.cafile={ca}\nmail.smtp.host=localhost\n"
    );
    for (key, server) in [("starttls.enable", "POSTFIX_SUBMISSION"), ("ssl.enable", "POSTFIX_SMTPS")] {
        let port = servers.port(server);
        let text = format!(
            "mail.transport.protocol=smtp\nmail.send.allowreserved=true\nmail.smtp.auth=true\nmail.smtp.{both}mail.smtp.port={port}\nmail.smtp.{key}=true\n"
        );
        let session = postrider::Session::builder().overrides(&text).unwrap().build().unwrap();
        let letter = Message::builder()
            .from("Bob <bob@example.test>".parse().unwrap())
            .to(mailbox.address().parse().unwrap())
            .bcc("alice@example.test".parse().unwrap())
            .subject(format!("grüße durch {key}"))
            .body("Text mit Umläuten.\n.\n".to_owned())
            .unwrap();
        let receipt = session.mailer().unwrap().send_message(&letter).await.unwrap();
        assert_eq!(receipt.recipients.len(), 2, "Bcc is a recipient");
    }
    for found in mailbox.arrived(2) {
        let text = String::from_utf8_lossy(&found).into_owned();
        assert!(!text.to_lowercase().contains("\nbcc:"), "{text}");
    }
}

#[tokio::test]
async fn many_messages_share_a_connection_and_arrive_once_each() {
    let Some(servers) = or_skip("many_messages_share_a_connection_and_arrive_once_each") else { return };
    let mailbox = Mailbox::claim(servers);
    let mailer = Text::new(servers, "smtp", "POSTFIX_SMTPS", "implicit").signed_in(servers, "bob").mailer();
    let batch: Vec<_> =
        (0..20).map(|n| (envelope(&mailbox), Body::from(message(&format!("number {n}."))))).collect();
    for outcome in mailer.send_all(batch).await.unwrap() {
        outcome.unwrap();
    }
    let tasks: Vec<_> = (20..40)
        .map(|n| {
            let (mailer, envelope) = (mailer.clone(), envelope(&mailbox));
            tokio::spawn(async move { mailer.send(&envelope, message(&format!("number {n}.")).into()).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    mailer.close().await;
    let arrived = mailbox.arrived(40);
    assert_eq!(arrived.len(), 40);
    for n in 0..40 {
        let sent = stored(&format!("number {n}."));
        assert_eq!(arrived.iter().filter(|m| m.ends_with(&sent)).count(), 1, "number {n}");
    }
}

#[tokio::test]
async fn an_address_beyond_ascii_is_delivered_to() {
    let Some(servers) = or_skip("an_address_beyond_ascii_is_delivered_to") else { return };
    let address = servers.setting("UTF8_ADDRESS");
    let mailer = Text::new(servers, "smtp", "POSTFIX_SMTP", "none").mailer();
    let subject = format!("an ümlaut {}", std::process::id());
    let to = Envelope::parse(Some(address), [address]).unwrap();
    assert!(mailer.send(&to, message(&subject).into()).await.unwrap().is_complete());
    let found = || {
        let folder = servers.folder().join("mail/utf8/new");
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files.filter_map(|f| std::fs::read(f.path()).ok()).any(|m| m.ends_with(&stored(&subject)))
    };
    postrider_tests::mailbox::until("the message", found);
}

#[tokio::test]
async fn a_delivery_report_comes_back_with_what_was_asked_for() {
    let Some(servers) = or_skip("a_delivery_report_comes_back_with_what_was_asked_for") else { return };
    let (sender, receiver) = (Mailbox::claim(servers), Mailbox::claim(servers));
    let mut wished = Envelope::parse(Some(&sender.address()), [receiver.address().as_str()])
        .unwrap()
        .with_id("id+of=this one")
        .unwrap()
        .with_returned(ReturnContent::Headers)
        .with_notify(Notify::On { success: true, failure: true, delay: false });
    wished.to[0].original = Some("first+written@example.org".parse().unwrap());
    let mailer = Text::new(servers, "smtp", "POSTFIX_SMTP", "none").mailer();
    mailer.send(&wished, message("with a report").into()).await.unwrap();
    assert_eq!(receiver.arrived(1).len(), 1);
    let report = String::from_utf8_lossy(&sender.arrived(1)[0]).into_owned();
    for part in [
        "report-type=delivery-status",
        "Original-Envelope-Id: id+of=this one",
        "Original-Recipient: rfc822;first+written@example.org",
        "Action: relayed",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    assert!(!report.contains("One line."), "headers were asked for: {report}");
}

#[tokio::test]
async fn dots_bare_line_ends_and_eight_bits_arrive_as_they_must() {
    let Some(servers) = or_skip("dots_bare_line_ends_and_eight_bits_arrive_as_they_must") else { return };
    let mailbox = Mailbox::claim(servers);
    let mailer = Text::new(servers, "smtp", "POSTFIX_SMTP", "starttls").mailer();
    let body = b"Subject: odd\r\n\r\n.\r\n..\n.a\rb\r\n\xff\xfe 8 bits\r\n\n\r\r\n.".to_vec();
    mailer.send(&envelope(&mailbox), body.into()).await.unwrap();
    let found = mailbox.arrived(1).remove(0);
    assert_eq!(
        as_sent(&found, "Subject: odd").escape_ascii().to_string(),
        b"Subject: odd\n\n.\n..\n.a\nb\n\xff\xfe 8 bits\n\n\n\n.\n".escape_ascii().to_string()
    );
    let strict = Text::new(servers, "smtp", "POSTFIX_SMTP", "none").and("lineends", "refuse").mailer();
    let error = strict.send(&envelope(&mailbox), "Subject: x\r\n\r\na\nb\r\n".into()).await.unwrap_err();
    assert_eq!(error.outcome(), postrider::Outcome::NotSent, "{error:?}");
    assert_eq!(mailbox.settled().len(), 1);
}
