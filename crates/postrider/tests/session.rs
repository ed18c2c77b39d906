//! What a session accepts, chooses and explains.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider::*;
use std::sync::Arc;

const PORT: Property<u16> = Property::new("port", "The port.").default("7");
const PASSWORD: Property<Secret> = Property::new("password", "The password.");
const HOST: Property<String> = Property::new("host", "The server.").shared();
const TABLE: &[PropertySpec] = &[PORT.spec(), PASSWORD.spec(), HOST.spec()];

/// Fails and says what it was told: which port, by which name.
fn tell<T>(properties: &Properties) -> Result<T> {
    let (host, port) = (properties.require(&HOST)?, properties.require(&PORT)?);
    Err(Error::new(ErrorKind::Plugin, Phase::Configure, format!("{host}:{port}")))
}

const MAIL_IN: TransportFactory = TransportFactory::incoming("hole", &|p, _| tell(p))
    .aliases(&[Alias::new("holes", &[("mail.holes.port", "99")])])
    .properties(&[TABLE]);
const MAIL_OUT: TransportFactory = TransportFactory::outgoing("hole", &|p, _| tell(p)).properties(&[TABLE]);

fn registry(factories: &[&'static TransportFactory]) -> Registry {
    let mut registry = Registry::empty();
    for factory in factories {
        registry.add(factory, "this test").unwrap();
    }
    registry
}

fn build(factories: &[&'static TransportFactory], text: &str) -> Result<Session> {
    Session::builder().overrides(text)?.registry(registry(factories)).host(Arc::new(Clock::default())).build()
}

#[test]
fn both_names_of_a_transport_and_both_directions_of_a_name_are_told_apart() {
    let text = "mail.host=h\nmail.hole.port=1\n";
    let told = |more: &str| {
        build(&[&MAIL_IN, &MAIL_OUT], &format!("{text}{more}"))
            .unwrap()
            .inbox()
            .unwrap_err()
            .message()
            .to_owned()
    };
    assert_eq!(told("mail.store.protocol=hole"), "h:1");
    // What is said of `hole` counts for `holes` too, and beats the preset; its own key beats both.
    assert_eq!(told("mail.store.protocol=holes"), "h:1");
    assert_eq!(told("mail.store.protocol=holes\nmail.holes.port=2"), "h:2");
    assert_eq!(told("mail.store.protocol= holes \nmail.hole.host=other"), "other:1");
    let session = build(&[&MAIL_IN, &MAIL_OUT], "mail.host=h\nmail.store.protocol=holes").unwrap();
    assert_eq!(session.inbox().unwrap_err().message(), "h:99");
    let session = build(&[&MAIL_IN, &MAIL_OUT], "mail.host=h\nmail.transport.protocol=hole").unwrap();
    assert_eq!(session.mailer().unwrap_err().message(), "h:7");
}

#[test]
fn linking_another_transport_never_changes_the_choice() {
    for factories in [&[&MAIL_IN][..], &[&MAIL_IN, &MAIL_OUT]] {
        let session = build(factories, "mail.host=h").unwrap();
        let error = session.inbox().unwrap_err().to_string();
        for part in ["mail.store.protocol", "hole, holes", "not set"] {
            assert!(error.contains(part), "{error}");
        }
        // Unset it is smtp, as with Jakarta Mail, and not whatever there is.
        let error = session.mailer().unwrap_err().to_string();
        assert!(error.contains("\"smtp\"") && error.contains("mail.transport.protocol"), "{error}");
    }
    let error = build(&[], "").unwrap().inbox().unwrap_err().to_string();
    assert!(error.contains("none is linked") && error.contains("features"), "{error}");
}

#[test]
fn a_transport_that_is_not_there_is_named_with_its_key_and_what_would_bring_it() {
    for (text, parts) in [
        ("mail.store.protocol=imap", ["mail.store.protocol", "overrides:1", "features"]),
        ("mail.store.protocol=holess", ["mail.store.protocol", "did you mean \"hole", "overrides:1"]),
        ("mail.store.protocol=x\\u0007y", ["mail.store.protocol", "overrides:1", "control"]),
    ] {
        let error = build(&[&MAIL_IN], text).unwrap().inbox().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let error = error.to_string();
        assert!(parts.iter().all(|p| error.contains(p)) && !error.contains('\x07'), "{error}");
    }
    let error = build(&[&MAIL_IN], "mail.transport.protocol=hole").unwrap().mailer().unwrap_err().to_string();
    assert!(error.contains("\"hole\" is an incoming transport"), "{error}");
}

#[test]
fn an_unknown_key_is_an_error_whatever_is_linked_and_those_of_our_own_absent_transports_are_not() {
    for text in [
        "mail.imap.host=h",
        "mail.pop3s.user=u",
        "mail.gmail.user=u",
        "mail.gmail-pop3.user=u",
        "mail.smtps.port=1",
    ] {
        build(&[&MAIL_IN], text).unwrap();
    }
    for (text, part) in [
        ("mail.hole.portt=1", "did you mean mail.hole.port?"),
        ("mail.holes.portt=1", "did you mean mail.holes.port?"),
        ("mail.hosst=h", "did you mean mail.host?"),
        ("mail.mailer.conections=1", "did you mean mail.mailer.connections?"),
        ("mail.session.mail.hole.port=1", "write mail.hole.port"),
        ("hole.port=1", "did you mean mail.hole.port?"),
        ("mail.fax.host=h", "no transport \"fax\" is linked"),
        ("mail.x=1\nmail.y=1\nmail.z=1", "2 more like it"),
    ] {
        let error = build(&[&MAIL_IN], text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(part) && error.to_string().contains("overrides:1"), "{error}");
    }
}

#[test]
fn layers_win_by_their_kind_and_explain_tells_it_with_secrets_masked() {
    let session = Session::builder()
        .overrides("mail.hole.port=3")
        .unwrap()
        .property("mail.hole.port", "2")
        .property("mail.hole.password", "hunter2secret")
        .property("mail.store.protocol", "holes")
        .property("mail.host", "h")
        .layer(Layer::new(LayerKind::System, "system.toml").with("mail.hole.port", "1"))
        .registry(registry(&[&MAIL_IN]))
        .host(Arc::new(Clock::default()))
        .build()
        .unwrap();
    assert_eq!(session.inbox().unwrap_err().message(), "h:3");
    let explained = session.explain(Some(Direction::Incoming)).unwrap();
    let port = explained.iter().find(|e| e.key == "mail.hole.port").unwrap();
    assert_eq!((port.value.as_str(), port.read, port.covered.len()), ("3", true, 3));
    assert_eq!(port.origin.as_ref().unwrap().position, "overrides:1");
    // The preset of the other name, which is the same property.
    assert!(port.covered.iter().any(|c| c.key == "mail.holes.port" && c.value == "99"));
    let all = format!("{explained:?}{session:?}{:?}", session.explain(None).unwrap());
    assert!(!all.contains("hunter2") && !serde_json::to_string(&explained).unwrap().contains("hunter2"));
}

#[cfg(not(feature = "net"))]
#[test]
fn without_the_feature_net_a_session_asks_for_a_host() {
    let error = Session::builder().registry(Registry::empty()).build().unwrap_err();
    assert!(error.to_string().contains("SessionBuilder::host"), "{error}");
}

#[test]
fn what_is_linked_is_what_the_features_say() {
    let linked = Registry::linked().unwrap();
    let names: Vec<String> = linked.iter().map(|(f, _)| format!("{} {}", f.direction(), f.name)).collect();
    let has = |name: &str| names.iter().any(|n| n == name);
    let gmail = cfg!(feature = "gmail");
    // The dev-dependencies link none of these; with gmail come the three it is made of.
    assert_eq!(has("outgoing smtp"), cfg!(feature = "smtp") || gmail, "{names:?}");
    assert_eq!(has("incoming pop3"), cfg!(feature = "pop3") || gmail, "{names:?}");
    assert_eq!(has("incoming imap"), cfg!(feature = "imap") || gmail, "{names:?}");
    assert_eq!(has("outgoing gmail"), gmail, "{names:?}");
    assert_eq!(has("incoming gmail") && has("incoming gmail-pop3"), gmail, "{names:?}");
}

#[cfg(all(feature = "smtp", feature = "net"))]
#[test]
fn the_first_party_transports_answer_to_both_their_names() {
    let text = "mail.host=mail.example\nmail.user=me\nmail.smtp.password=p\nmail.imap.password=p\nmail.pop3.password=p\n";
    let session =
        |more: &str| Session::builder().overrides(&format!("{text}{more}")).unwrap().build().unwrap();
    for name in ["smtp", "smtps"] {
        let mailer = session(&format!("mail.transport.protocol={name}")).mailer().unwrap();
        assert_eq!(mailer.transport(), name);
    }
    let incoming: &[(&str, bool)] = &[
        ("imap", cfg!(feature = "imap")),
        ("imaps", cfg!(feature = "imap")),
        ("pop3", cfg!(feature = "pop3")),
        ("pop3s", cfg!(feature = "pop3")),
    ];
    for (name, linked) in incoming {
        let inbox = session(&format!("mail.store.protocol={name}")).inbox();
        match inbox {
            Ok(_) => {}
            Err(error) if !linked => assert!(error.to_string().contains("features"), "{error}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[cfg(all(feature = "gmail", feature = "net"))]
#[test]
fn gmail_is_chosen_by_its_names_and_needs_no_server() {
    let session = |more: &str| {
        let text = format!("mail.user=me@gmail.com\nmail.gmail.password=abcdefghijklmnop\n{more}");
        Session::builder().overrides(&text).unwrap().build().unwrap()
    };
    assert_eq!(session("mail.transport.protocol=gmail").mailer().unwrap().transport(), "gmail");
    session("mail.store.protocol=gmail").inbox().unwrap();
    session("mail.store.protocol=gmail-pop3\nmail.gmail-pop3.password=abcdefghijklmnop").inbox().unwrap();
    // Not by what the settings look like.
    let error = session("").mailer().unwrap_err().to_string();
    assert!(error.contains("mail.smtp.host"), "{error}");
    let error = session("mail.transport.protocol=gmail-pop3").mailer().unwrap_err().to_string();
    assert!(error.contains("\"gmail-pop3\" is an incoming transport"), "{error}");
}
