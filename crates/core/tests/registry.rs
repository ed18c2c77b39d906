//! The registry: duplicates and unknown names are errors, and keys are checked against the tables.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use postrider_core::*;
use std::sync::Arc;

struct Pigeon(String);

#[async_trait]
impl OutgoingTransport for Pigeon {
    async fn send(&mut self, envelope: &Envelope, _: Body<'_>) -> Result<Receipt> {
        let reply = Reply::new("250", None, &self.0);
        let to = envelope.to.iter();
        let to =
            to.map(|r| RecipientOutcome::new(r.address.clone(), Verdict::Accepted(reply.clone()))).collect();
        Ok(Receipt::new(reply, to))
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

struct NoHost;

#[async_trait]
impl Host for NoHost {
    async fn connect(&self, _: &Target) -> Result<Box<dyn Connection>> {
        Err(Error::new(ErrorKind::Connect, Phase::Connect, "there is no network here"))
    }
    fn sleep(&self, _: std::time::Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
    fn now(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

const LOFT: Property<String> = Property::new("loft", "Where the birds live.");
const PASSWORD: Property<Credential> = Property::new("password", "What the birds whisper.");

fn make(properties: &Properties, _: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(Pigeon(properties.require(&LOFT)?)))
}

static PIGEON: TransportFactory = TransportFactory::outgoing("pigeon", &make)
    .about("By bird (RFC 1149)")
    .aliases(&[Alias::new("pigeons", &[("mail.pigeon.loft", "roof")])])
    .properties(&[&[LOFT.spec(), PASSWORD.spec()], Target::PROPERTIES]);
register!(PIGEON);

fn layer(text: &str) -> Properties {
    Properties::new([Layer::parse(LayerKind::Overrides, "box", text).unwrap()])
}

#[tokio::test]
async fn a_registered_transport_is_found_configured_and_used_by_name() {
    let registry = Registry::linked().unwrap();
    let properties = layer("mail.pigeon.loft=barn");
    let mut pigeon = registry.outgoing("pigeon", &properties, Arc::new(NoHost)).unwrap();
    let envelope = Envelope::parse(None, ["a@b", "a@b"]).unwrap();
    let receipt = pigeon.send(&envelope, "x".into()).await.unwrap();
    assert_eq!((receipt.reply.text(), receipt.recipients.len()), ("barn", 1));
    let mut two = Messages::new(vec![(envelope.clone(), "x".into()), (envelope, "y".into())]);
    pigeon.send_all(&mut two).await;
    assert!(two.outcomes().iter().all(Result::is_ok));
    assert!(registry.outgoing("pigeons", &layer(""), Arc::new(NoHost)).is_ok(), "an alias brings its preset");
}

#[test]
fn two_transports_of_one_name_are_an_error_that_names_both_origins() {
    let mut registry = Registry::linked().unwrap();
    static OTHER: TransportFactory = TransportFactory::outgoing("pigeons", &make);
    let text = registry.add(&OTHER, "other.so").unwrap_err().to_string();
    assert!(text.contains("postrider-core 0") && text.contains("other.so"), "{text}");
    static BAD: TransportFactory = TransportFactory::outgoing("Two Words", &make);
    assert!(registry.add(&BAD, "x").is_err());
}

#[test]
fn a_name_that_is_the_beginning_of_a_session_s_key_is_no_transport_s() {
    macro_rules! named {
        ($($name:literal),*) => {
            [$({
                static FACTORY: TransportFactory = TransportFactory::outgoing($name, &make);
                static ALIASED: TransportFactory =
                    TransportFactory::outgoing("crow", &make).aliases(&[Alias::new($name, &[])]);
                ($name, [&FACTORY, &ALIASED])
            }),*]
        };
    }
    let reserved = named![
        "store",
        "transport",
        "mailer",
        "debug",
        "from",
        "host",
        "user",
        "session",
        "send",
        "ssl",
        "mime",
        "event"
    ];
    for (name, factories) in reserved {
        for factory in factories {
            let error = Registry::empty().add(factory, "its.so").unwrap_err();
            let text = error.to_string();
            assert!(text.contains(&format!("\"{name}\" from its.so")), "{text}");
            assert!(text.contains(&format!("mail.{name}")), "{text}");
        }
    }
    static FINE: TransportFactory = TransportFactory::outgoing("sender", &make);
    Registry::empty().add(&FINE, "its.so").unwrap();
}

#[test]
fn an_unknown_name_lists_what_is_there_and_what_would_bring_it() {
    let registry = Registry::linked().unwrap();
    let error = |direction, name| registry.factory(direction, name).unwrap_err().to_string();
    let text = error(Direction::Outgoing, "smtp");
    assert!(text.contains("pigeon, pigeons") && text.contains("feature"), "{text}");
    assert!(error(Direction::Outgoing, "pigon").contains("did you mean \"pigeon\""));
    assert!(error(Direction::Incoming, "pigeon").contains("is an outgoing transport"));
}

#[test]
fn unknown_keys_are_errors_with_the_nearest_name_and_their_place() {
    let registry = Registry::linked().unwrap();
    let check = |text: &str| {
        let errors = registry.unknown_keys(&layer(text), &["imap"]);
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        check("mail.pigeon.loft=x\nmail.host=y\nmail.debug=true\nmail.imap.whatever=1\nmail.pigeons.port=1"),
        ""
    );
    for (text, part) in [
        ("mail.pigeon.lofts=x", "did you mean mail.pigeon.loft?"),
        ("mail.pigon.loft=x", "did you mean mail.pigeon.loft?"),
        ("mail.session.mail.pigeon.loft=x", "write mail.pigeon.loft"),
        ("mail.session.pigeon.loft=x", "write mail.pigeon.loft"),
        ("pigeon.loft=x", "did you mean mail.pigeon.loft?"),
        ("mail.hosts=x", "did you mean mail.host?"),
        ("mail.pigeon.color=x", "box:1"),
    ] {
        assert!(check(text).contains(part), "{text}: {}", check(text));
    }
}

#[test]
fn a_login_in_a_place_that_is_for_none_is_not_repeated_by_a_diagnosis() {
    let registry = Registry::linked().unwrap();
    let all = registry.diagnose(
        &layer(
            "mail.transport.protocol=pigeon\nmail.pigeon.proxy.host=http://me:hunter2@proxy:80\nmail.pigeon.loft=\"u:hunter2@x\"",
        ),
        &[],
    );
    assert!(all.iter().any(|d| d.what.contains("***@proxy:80")), "{all:?}");
    assert!(!format!("{all:?}").contains("hunter2"), "{all:?}");
}

#[test]
fn a_text_full_of_unknown_keys_is_refused_without_looking_for_what_each_of_them_meant() {
    let registry = Registry::linked().unwrap();
    // With a search for each this takes minutes.
    let text: String = (0..50_000).map(|n| format!("mail.pigeon.loft{n}=1\n")).collect();
    let properties = layer(&text);
    let errors = registry.unknown_keys(&properties, &[]);
    assert_eq!(errors.len(), 50_000);
    assert_eq!(errors[0].advice(), Some("did you mean mail.pigeon.loft?"));
    assert_eq!(registry.diagnose(&properties, &[]).iter().filter(|d| d.is_error()).count(), 50_000);
}

#[test]
fn clear_text_to_this_machine_is_nothing_to_warn_of_however_it_is_named() {
    let registry = Registry::linked().unwrap();
    for (host, warned) in [
        ("localhost", false),
        ("LocalHost", false),
        ("127.0.0.1", false),
        ("[::1]", false),
        ("::ffff:127.0.0.1", false),
        ("mail.corp.de", true),
    ] {
        let text = format!(
            "mail.transport.protocol=pigeon\nmail.pigeon.loft=x\nmail.pigeon.password=hunter2\n\
             mail.pigeon.tls=none\nmail.pigeon.port=7\nmail.pigeon.host={host}\n"
        );
        let all = registry.diagnose(&layer(&text), &[]);
        assert_eq!(all.iter().any(|d| d.what.contains("signing in fails")), warned, "{host}: {all:?}");
    }
}
