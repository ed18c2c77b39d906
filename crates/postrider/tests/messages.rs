//! What a mailer makes of messages: envelopes, bytes, senders.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider::message::{Mailbox, Message, SinglePart, header};
use postrider::*;
use std::future::poll_fn;
use std::sync::Arc;

fn fixture(overrides: &str) -> (Arc<Line>, Mailer) {
    let line = Arc::new(Line::default());
    let mailer = session(&line, &Clock::default(), overrides).unwrap().mailer().unwrap();
    (line, mailer)
}

fn addresses(envelope: &Envelope) -> Vec<&str> {
    envelope.to.iter().map(|r| r.address.as_str()).collect()
}

#[tokio::test]
async fn the_envelope_is_made_of_the_headers_and_bcc_is_not_in_the_bytes() {
    let (line, mailer) = fixture("");
    let message = Message::builder()
        .from("Me <me@example.org>".parse().unwrap())
        .to("\"You, there\" <you@example.org>".parse().unwrap())
        .cc("cc@example.org".parse().unwrap())
        .bcc("Hidden <hidden@example.org>".parse().unwrap())
        .bcc("YOU@example.org".parse().unwrap())
        .subject("x")
        .body("x".to_owned())
        .unwrap();
    let receipt = mailer.send_message(&message).await.unwrap();
    assert!(receipt.is_complete());
    let messages = line.messages.lock().unwrap();
    let (envelope, bytes) = &messages[0];
    assert_eq!(envelope.from.as_ref().unwrap().as_str(), "me@example.org");
    assert_eq!(addresses(envelope)[..3], ["you@example.org", "cc@example.org", "hidden@example.org"]);
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(!text.to_lowercase().contains("hidden") && !text.to_lowercase().contains("bcc"), "{text}");
    assert!(text.contains("cc@example.org"));
}

#[tokio::test]
async fn the_sender_header_beats_from_and_addresses_beyond_ascii_survive() {
    let (line, mailer) = fixture("");
    let message = Message::builder()
        .from("Grüße <grüße@exämple.org>".parse().unwrap())
        .sender("büro@example.org".parse::<Mailbox>().unwrap())
        .to("用户@例子.广告".parse().unwrap())
        .subject("Grüße")
        .singlepart(SinglePart::builder().header(header::ContentType::TEXT_PLAIN).body("Grüße\n".to_owned()))
        .unwrap();
    mailer.send_message(&message).await.unwrap();
    let messages = line.messages.lock().unwrap();
    let (envelope, _) = &messages[0];
    assert_eq!(envelope.from.as_ref().unwrap().as_str(), "büro@example.org");
    assert_eq!(addresses(envelope), ["用户@例子.广告"]);
    assert!(envelope.needs_utf8());
}

#[tokio::test]
async fn bytes_and_streams_go_out_as_they_are_to_the_envelope_given() {
    let (line, mailer) = fixture("");
    let raw = b"Subject: raw\r\n\r\n\xff\0 as it is\r\n".to_vec();
    mailer.send(&envelope(), raw.clone().into()).await.unwrap();
    mailer.send(&envelope(), Body::from_reader(&raw[..])).await.unwrap();
    let batch = vec![(envelope(), raw.clone().into()), (envelope(), Body::from_reader(&raw[..]))];
    let outcomes = mailer.send_all(batch).await.unwrap();
    assert!(outcomes.len() == 2 && outcomes.iter().all(Result::is_ok));
    assert!(line.messages.lock().unwrap().iter().all(|(_, bytes)| *bytes == raw));
    assert_eq!(line.messages.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn the_transport_s_from_is_where_bounces_go_and_mail_from_who_the_message_is_from() {
    let own = "mail.pigeon.from=bounces@example.org";
    let built = |envelope: Option<(Option<&str>, &str)>| {
        let builder = Message::builder();
        let builder = match envelope {
            Some((from, to)) => builder.envelope(lettre_envelope(from, to)),
            None => builder,
        };
        builder
            .from("Office <office@example.org>".parse().unwrap())
            .to("you@example.org".parse().unwrap())
            .subject("x")
            .body(String::new())
            .unwrap()
    };
    for (text, from, asked) in [
        (format!("{own}\nmail.from=office@example.org"), "office@example.org", "bounces@example.org"),
        (own.to_owned(), "bounces@example.org", "bounces@example.org"),
    ] {
        let (line, mailer) = fixture(&text);
        assert_eq!(mailer.from().unwrap().as_str(), from);
        assert_eq!(mailer.mailbox().unwrap().email.to_string(), from);
        let to = [Address::new("you@example.org").unwrap()];
        assert_eq!(mailer.envelope(to).unwrap().from.unwrap().as_str(), asked);
        // Built from headers; given an envelope of its own; given none on purpose.
        for message in [
            built(None),
            built(Some((Some("robot@example.org"), "you@example.org"))),
            built(Some((None, "you@example.org"))),
        ] {
            mailer.send_message(&message).await.unwrap();
        }
        let senders: Vec<Option<String>> = line
            .messages
            .lock()
            .unwrap()
            .iter()
            .map(|(e, _)| e.from.as_ref().map(ToString::to_string))
            .collect();
        let (bounces, robot) = ("bounces@example.org".to_owned(), "robot@example.org".to_owned());
        assert_eq!(senders, [Some(bounces), Some(robot), None]);
        let sent = String::from_utf8(line.messages.lock().unwrap()[0].1.clone()).unwrap();
        assert!(sent.contains("From: Office <office@example.org>"), "{sent}");
    }
}

#[tokio::test]
async fn mail_from_is_the_sender_of_an_envelope_asked_for_and_never_replaces_the_null_reverse_path() {
    let (line, mailer) = fixture("mail.from=office@example.org");
    assert_eq!(mailer.from().unwrap().as_str(), "office@example.org");
    let to = [Address::new("you@example.org").unwrap()];
    mailer.send(&mailer.envelope(to.clone()).unwrap(), "x".into()).await.unwrap();
    mailer.send(&Envelope::new(None, to.clone()).unwrap(), "x".into()).await.unwrap();
    let message = Message::builder()
        .envelope(lettre_envelope(None, "you@example.org"))
        .from("robot@example.org".parse().unwrap())
        .subject("Out of office")
        .body(String::new())
        .unwrap();
    mailer.send_message(&message).await.unwrap();
    let senders: Vec<Option<String>> = line
        .messages
        .lock()
        .unwrap()
        .iter()
        .map(|(e, _)| e.from.as_ref().map(|a| a.as_str().to_owned()))
        .collect();
    assert_eq!(senders, [Some("office@example.org".to_owned()), None, None]);

    let (_, without) = fixture("");
    let error = without.envelope(to).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("mail.from"), "{error}");
    let error = session(&line, &Clock::default(), "mail.from=Me <me@x>").unwrap().mailer().unwrap_err();
    assert!(error.to_string().contains("mail.from") && error.to_string().contains("overrides:1"), "{error}");
}

// With all features on, `postrider::*` brings a module of the same name: the adapter's.
fn lettre_envelope(from: Option<&str>, to: &str) -> ::lettre::address::Envelope {
    let from = from.map(|a| a.parse().unwrap());
    ::lettre::address::Envelope::new(from, vec![to.parse().unwrap()]).unwrap()
}

#[tokio::test]
async fn an_address_that_could_leave_its_command_is_refused_before_any_connection() {
    let (line, mailer) = fixture("");
    for bad in ["a@b\r\nRSET", "a b@c", "a@b> SIZE=1", ""] {
        assert_eq!(Envelope::parse(Some("me@x"), [bad]).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(mailer.envelope(Vec::<Address>::new()).unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(line.dials.load(std::sync::atomic::Ordering::SeqCst), 0);
}

/// Says what became of the first message only.
struct Forgetful;

#[async_trait]
impl OutgoingTransport for Forgetful {
    async fn send(&mut self, envelope: &Envelope, _: Body<'_>) -> Result<Receipt> {
        Ok(receipt(envelope))
    }

    async fn send_all(&mut self, batch: &mut dyn Batch<'_>) {
        let mut index = 0;
        while let Some((envelope, _)) = poll_fn(|cx| batch.poll_message(cx)).await {
            if index == 0 {
                batch.report(index, Ok(receipt(&envelope)));
            }
            index += 1;
        }
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_message_that_a_transport_forgets_to_speak_of_is_unsure_and_not_lost() {
    let make = || Ok(Box::new(Forgetful) as Box<dyn OutgoingTransport>);
    let mut config = MailerConfig::default();
    config.rules.allow_reserved = true;
    let mailer = Mailer::new("forgetful", &config, Arc::new(Clock::default()), make).unwrap();
    assert_eq!(mailer.transport(), "forgetful");
    let batch = vec![(envelope(), "a".into()), (envelope(), "b".into())];
    let outcomes = mailer.send_all(batch).await.unwrap();
    assert!(outcomes[0].is_ok());
    assert_eq!(outcomes[1].as_ref().unwrap_err().outcome(), Outcome::Unsure);
}

#[test]
fn a_mailer_can_be_shared_between_tasks_and_shows_no_settings() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let (_, mailer) = fixture("mail.from=office@example.org");
    shared(&mailer);
    assert_eq!(format!("{mailer:?}"), "Mailer { transport: \"pigeon\", .. }");
}
