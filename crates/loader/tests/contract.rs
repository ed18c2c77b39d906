//! What a linked transport can do, a loaded one can: everything in the contract goes through and comes back.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod build;
mod odd;

use bytes::Bytes;
use odd::{Home, host, incoming, outgoing, registry};
use postrider_core::{
    Body, Capability, Direction, Envelope, Error, ErrorKind, Layer, LayerKind, Notify, Outcome, Phase,
    Properties, Query, Receipt, Repeat, ReturnContent, Settle, ValueType, Verdict, Wake,
};
use std::sync::Arc;
use std::time::Duration;

fn envelope(to: &[&str]) -> Envelope {
    Envelope::parse(Some("me@x.example"), to.iter().copied()).unwrap()
}

async fn sent(mode: &str, body: Body<'_>) -> Result<Receipt, Error> {
    outgoing(mode, &host()).send(&envelope(&["a@x.example"]), body).await
}

fn assert_full(error: &Error) {
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Deferred, Phase::Recipient));
    assert_eq!(error.repeat(), Repeat::MayDuplicate);
    assert_eq!((error.message(), error.advice()), ("not now", Some("wait")));
    let (key, origin) = error.property().unwrap();
    assert_eq!((key, origin.unwrap().to_string().as_str()), ("mail.odd-out.level", "form:3 (account)"));
    let reply = error.reply().unwrap();
    assert_eq!((reply.number(), reply.code(), reply.text()), (Some(451), Some("4.3.0"), "later\nplease"));
    let [one, two] = error.recipients() else { panic!("{error:?}") };
    assert_eq!((one.address.as_str(), one.verdict.reply()), ("a@x.example", Some(reply)));
    assert_eq!((&two.verdict, two.instead.as_ref().unwrap().as_str()), (&Verdict::NotSent, "c@x.example"));
    assert_eq!(std::error::Error::source(error).unwrap().to_string(), "the cause");
}

#[test]
fn a_factory_says_the_same_as_when_it_is_linked() {
    let registry = registry();
    let factory = registry.factory(Direction::Outgoing, "odd-alias").unwrap();
    assert_eq!(
        (factory.name, factory.about, factory.prefixes),
        ("odd-out", "Odd, outgoing", &["odd-shared"][..])
    );
    assert_eq!(factory.preset, [("mail.odd-out.level", "6")]);
    assert_eq!(factory.capabilities, [Capability::Recipients, Capability::Batch]);
    assert_eq!(factory.aliases[0].preset, [("mail.odd-out.mode", "properties")]);
    let specs: Vec<_> = factory.specs().collect();
    let names: Vec<_> = specs.iter().map(|spec| (spec.name, spec.value, spec.default, spec.shared)).collect();
    assert_eq!(names[0], ("mode", ValueType::Text, Some("plain"), false));
    assert_eq!(names[1], ("level", ValueType::Number, Some("5"), false));
    assert_eq!((specs[1].since, specs[1].doc), ("0.7", "A number."));
    assert_eq!(names[2], ("password", ValueType::Secret, None, false));
    assert_eq!(names[3], ("host", ValueType::Text, None, true));
    // The type of a property is the plugin's: 16 bits here.
    assert!(specs[1].check("65535").is_ok());
    assert!(specs[1].check("65536").unwrap_err().contains("65535"));
    let origin = registry.iter().find(|(f, _)| f.name == "odd-in").unwrap().1;
    assert!(origin.ends_with("libodd.so"));
}

#[tokio::test]
async fn every_recipient_has_its_own_outcome() {
    let to = ["1@x.example", "2@x.example", "3@x.example", "4@x.example", "5@x.example", "6@x.example"];
    let receipt = outgoing("plain", &host()).send(&envelope(&to), "hello".into()).await.unwrap();
    assert_eq!(receipt.reply.text(), "5 bytes of Some(5)");
    let verdicts: Vec<_> = receipt.recipients.iter().map(|r| r.verdict.clone()).collect();
    let [Verdict::Accepted(reply), Verdict::Refused(_), Verdict::Deferred(_), rest @ ..] = &verdicts[..]
    else {
        panic!("{verdicts:?}")
    };
    assert_eq!(reply.to_string(), "250 2.0.0 fine");
    assert_eq!(rest, [Verdict::NotSent, Verdict::Unsure, Verdict::Suppressed("a rule".into())]);
    let addresses: Vec<_> = receipt.recipients.iter().map(|r| r.address.as_str()).collect();
    assert_eq!(addresses, to);
    assert_eq!(receipt.copies.len(), 1);
}

#[tokio::test]
async fn an_envelope_crosses_whole() {
    let mut envelope = envelope(&["grüße@x.example", "b@x.example"])
        .with_id("id 1")
        .unwrap()
        .with_returned(ReturnContent::Headers)
        .with_notify(Notify::On { success: true, failure: false, delay: true });
    envelope.to[1].notify = Some(Notify::Never);
    envelope.to[1].original = Some("o@x.example".parse().unwrap());
    let receipt = outgoing("envelope", &host()).send(&envelope, "x".into()).await.unwrap();
    assert_eq!(receipt.reply.text(), format!("{envelope:?} Some(1)"));
}

#[tokio::test]
async fn an_error_loses_nothing_and_unsure_stays_unsure() {
    assert_full(&sent("error", "x".into()).await.unwrap_err());
    assert_full(&outgoing("error", &host()).close().await.unwrap_err());
    let unsure = sent("unsure", "x".into()).await.unwrap_err();
    assert_eq!((unsure.outcome(), unsure.phase()), (Outcome::Unsure, Phase::EndOfData));
    let untried = outgoing("plain", &host()).connect().await.unwrap_err();
    assert_eq!((untried.kind(), untried.phase()), (ErrorKind::Unsupported, Phase::Configure));
}

#[tokio::test]
async fn a_body_that_fails_while_it_is_sent_says_why() {
    let failing = Body::generate(0, |n| async move {
        if n == 2 {
            Err(Error::new(ErrorKind::NotFound, Phase::Fetch, "gone"))
        } else {
            Ok(Some((Bytes::from("x"), n + 1)))
        }
    });
    let error = sent("plain", failing).await.unwrap_err();
    assert_eq!((error.kind(), error.phase(), error.message()), (ErrorKind::NotFound, Phase::Fetch, "gone"));
    let short = sent("plain", Body::from_stream(Body::from("abc")).with_size(4)).await.unwrap_err();
    assert_eq!(short.kind(), ErrorKind::Body);
}

#[tokio::test]
async fn an_incoming_transport_lists_settles_waits_and_closes() {
    let home = host();
    let mut transport = incoming("plain", &home);
    transport.connect().await.unwrap();
    let page = transport.list(&Query::unseen().limit(7)).await.unwrap();
    let info = &page.messages[0];
    assert!(page.more && info.flags.seen && !info.flags.draft && !info.stable);
    assert_eq!((info.id.as_str(), info.flags.keywords[0].as_str()), ("odd:box/1", "7 None"));
    let id = info.id.clone();
    let page = transport.list(&Query::all().after(id.clone())).await.unwrap();
    assert!(page.messages[0].flags.keywords[0].contains("1000 Some(MessageId(\"odd:box/1\"))"));
    for how in [Settle::Keep, Settle::Seen, Settle::Move("Entwürfe".into())] {
        transport.settle(std::slice::from_ref(&id), &how).await.unwrap();
    }
    let log = odd::log();
    transport.prefetch(&[id.clone(), id.clone()]);
    let lines = log.lock().unwrap().join("\n");
    assert!(lines.contains("hinted [MessageId(\"odd:box/1\"), MessageId(\"odd:box/1\")]"), "{lines}");
    assert_full(&transport.settle(&[id], &Settle::Delete).await.unwrap_err());
    assert_eq!(transport.wait(Duration::ZERO).await.unwrap(), Wake::News);
    assert_eq!(transport.wait(Duration::from_millis(5)).await.unwrap(), Wake::Elapsed);
    assert_full(&transport.close().await.unwrap_err());
}

#[tokio::test]
async fn a_half_read_body_and_one_that_fails_leave_the_transport_usable() {
    let home = host();
    let mut transport = incoming("body-error", &home);
    let id = transport.list(&Query::all()).await.unwrap().messages.remove(0).id;
    let mut body = transport.fetch(&id).await.unwrap();
    assert_eq!(body.chunk().await.unwrap().unwrap().len(), 65_536);
    drop(body);
    assert_full(&transport.fetch(&id).await.unwrap().read_all(1 << 30).await.unwrap_err());
    assert!(transport.list(&Query::all()).await.is_ok());
}

#[tokio::test]
async fn settings_cross_with_their_origins_and_nothing_of_other_transports() {
    let layer = Layer::new(LayerKind::Account, "form")
        .with("mail.odd-out.password", "hunter2")
        .with("mail.host", "shared.example")
        .with("mail.smtp.password", "somebody else's");
    let properties = Properties::new([layer]);
    let home = host();
    let mut transport = registry().outgoing("odd-alias", &properties, home).unwrap();
    let receipt = transport.send(&envelope(&["a@x.example"]), "x".into()).await.unwrap();
    // The preset's level, seven letters, and four keys: two presets and the first two of the layer.
    assert_eq!(receipt.reply.text(), "6 7 Some(\"form (account)\") Some(\"shared.example\") 4");
    let error =
        registry().outgoing("odd-out", &odd::mode("odd-out", "error-make"), host()).map(drop).unwrap_err();
    assert_eq!((error.kind(), error.property().unwrap().0), (ErrorKind::Configuration, "mail.odd-out.level"));
}

#[tokio::test]
async fn secrets_and_tokens_are_asked_of_the_host_and_what_is_learned_is_told() {
    let home = Arc::new(Home::default());
    let mut transport = outgoing("secret", &(Arc::clone(&home) as _));
    let receipt = transport.send(&envelope(&["a@x.example"]), "x".into()).await.unwrap();
    assert_eq!(receipt.reply.text(), "6 11");
    let heard = home.heard.lock().unwrap().clone();
    let want = ["secret env:ODD", "token h.example 443 /t me file:/r old", "Mechanisms([\"PLAIN\", \"X\"])"];
    assert_eq!(heard, want);
}

#[tokio::test]
async fn a_hosts_own_panic_is_an_error_in_the_plugin_and_the_transport_goes_on() {
    let home: Arc<dyn postrider_core::Host> = Arc::new(Home::default());
    let mut transport = outgoing("connect", &home);
    for _ in 0..2 {
        let error = transport.send(&envelope(&["a@x.example"]), "x".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Plugin);
        assert_eq!(error.message(), "the host panicked: this host panics when it is to connect");
    }
}

#[tokio::test]
async fn a_hosts_timeout_cancels_a_call_on_the_other_side_and_the_transport_goes_on() {
    let log = odd::log();
    let home = host();
    let mut transport = outgoing("sleep", &home);
    let to = envelope(&["a@x.example"]);
    let call = transport.send(&to, "x".into());
    assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err());
    let lines = log.lock().unwrap().join("\n");
    assert!(lines.contains("INFO postrider::plugin: asleep from=\"odd::outgoing\""), "{lines}");
    assert!(lines.contains("INFO postrider::plugin: cancelled number=7 from=\"odd::drop\""), "{lines}");
    let call = transport.send(&to, "x".into());
    assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err());
}

#[test]
fn deadlines_run_on_the_hosts_clock() {
    use postrider_testkit::{Dialogue, VirtualHost, run};
    let virtual_host = VirtualHost::play(&Dialogue::parse("").unwrap());
    let home: Arc<dyn postrider_core::Host> = Arc::new(virtual_host.clone());
    for (mode, want) in [("clock", "Ok(\"1.5s\")"), ("within", "Err(Timeout)")] {
        let mut transport = outgoing(mode, &home);
        let to = envelope(&["a@x.example"]);
        let out = run(&virtual_host, transport.send(&to, "x".into())).unwrap();
        assert_eq!(
            format!("{:?}", out.map(|receipt| receipt.reply.text().to_owned()).map_err(|error| error.kind())),
            want
        );
    }
}
