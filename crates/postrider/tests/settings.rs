//! What a session is made of, whichever way its settings come in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider::settings::{Environment, ProtocolForm, SecureForm, Sessions};
use postrider::*;
use std::sync::Arc;

const HOST: Property<String> = Property::new("host", "The server.").shared();
const PORT: Property<u16> = Property::new("port", "The port.").default("7");
const PASSWORD: Property<Secret> = Property::new("password", "The password.");
const TABLE: &[PropertySpec] = &[HOST.spec(), PORT.spec(), PASSWORD.spec()];

/// Fails and says what it was told.
fn tell<T>(properties: &Properties) -> Result<T> {
    let (host, port) = (properties.require(&HOST)?, properties.require(&PORT)?);
    Err(Error::new(ErrorKind::Plugin, Phase::Configure, format!("{host}:{port}")))
}

const POP3: TransportFactory = TransportFactory::incoming("pop3", &|p, _| tell(p)).properties(&[TABLE]);
const IMAP: TransportFactory = TransportFactory::incoming("imap", &|p, _| tell(p)).properties(&[TABLE]);
const SMTP: TransportFactory = TransportFactory::outgoing("smtp", &|p, _| tell(p)).properties(&[TABLE]);

fn builder() -> SessionBuilder {
    let mut registry = Registry::empty();
    for factory in [&POP3, &IMAP, &SMTP] {
        registry.add(factory, "this test").unwrap();
    }
    Session::builder().registry(registry).host(Arc::new(Clock::default()))
}

fn told(session: &Session) -> String {
    let (Err(incoming), Err(outgoing)) = (session.inbox(), session.mailer()) else {
        panic!("they can't be made")
    };
    format!("in {} out {}", incoming.message(), outgoing.message())
}

fn form(additional: &str) -> SecureForm {
    let mut form = SecureForm::default();
    form.incoming.server = "in".into();
    form.outgoing.server = "out".into();
    form.outgoing.start_tls = false;
    form.additional_properties = additional.into();
    form
}

fn form_on_tls_port(additional: &str) -> SecureForm {
    let mut form = form(additional);
    form.incoming.port = "995".into();
    form.outgoing.port = "465".into();
    form
}

#[test]
fn the_layers_beat_each_other_in_the_order_of_their_standing_whatever_the_order_they_are_given_in() {
    let kinds = [
        LayerKind::System,
        LayerKind::Instance,
        LayerKind::Account,
        LayerKind::Environment,
        LayerKind::Host,
        LayerKind::Message,
        LayerKind::Overrides,
    ];
    let layer = |kind: LayerKind| Layer::new(kind, kind.to_string()).with("mail.smtp.host", kind.to_string());
    for top in 1..=kinds.len() {
        let builder = builder().layers(kinds[..top].iter().rev().map(|kind| layer(*kind)));
        let error = builder.build().unwrap().mailer().unwrap_err();
        assert_eq!(error.message(), format!("{}:7", kinds[top - 1]));
    }
}

#[test]
fn a_value_that_is_locked_lower_down_is_not_changed_from_above() {
    let file = AccountFile::parse(
        "f.toml",
        "locked = ['mail.smtp.host']\nmail.smtp.host = 'locked'\n[accounts.a.mail]\nsmtp.host = 'account'\nsmtp.port = 1",
    );
    let builder = builder().layers(file.unwrap().layers(Some("a")).unwrap());
    let session = builder.overrides("mail.smtp.host=override\nmail.smtp.port=2").unwrap().build().unwrap();
    assert_eq!(session.mailer().unwrap_err().message(), "locked:2");
}

#[test]
fn a_forms_values_follow_the_protocol_that_any_layer_chooses_even_one_that_is_given_later() {
    let session = builder().form(LayerKind::System, form_on_tls_port("")).build().unwrap();
    assert_eq!(told(&session), "in in:995 out out:465");
    assert_eq!(session.protocol(Direction::Incoming).unwrap(), "pop3");
    let later =
        builder().form(LayerKind::System, form_on_tls_port("")).property("mail.store.protocol", "imap");
    let session = later.build().unwrap();
    assert_eq!(told(&session), "in in:995 out out:465");
    assert_eq!(session.protocol(Direction::Incoming).unwrap(), "imap");
    let box_text = form_on_tls_port("mail.store.protocol=imap\nmail.imap.port=143");
    let session = builder().form(LayerKind::System, box_text).build().unwrap();
    assert_eq!(told(&session), "in in:143 out out:465");
}

#[test]
fn an_instances_form_beats_the_systems_and_a_bad_value_names_the_field() {
    let system = ProtocolForm::default();
    let mut instance = form_on_tls_port("");
    instance.outgoing.port = "46five".into();
    let session = builder().form(LayerKind::System, system).build().unwrap();
    assert_eq!(told(&session), "in localhost:110 out localhost:25");
    let low = SecureForm { additional_properties: String::new(), ..form_on_tls_port("") };
    let session = builder().form(LayerKind::Instance, instance).form(LayerKind::System, low).build().unwrap();
    let error = session.mailer().unwrap_err();
    assert_eq!(error.property().unwrap().1.unwrap().to_string(), "form: outgoing.port (instance)");
}

#[test]
fn a_flag_about_encryption_that_a_transport_has_no_choice_about_is_left_out_and_noted() {
    let session = builder().form(LayerKind::System, ProtocolForm::default()).build().unwrap();
    let notes: Vec<String> = session.notes().iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "form: enableStartTLS: mail.smtp.starttls.enable: it is left out: smtp leaves no choice about encryption"
        ]
    );
}

#[test]
fn one_forms_choice_of_protocol_counts_for_another_whatever_their_order() {
    let system =
        SecureForm { additional_properties: "mail.store.protocol=imap".into(), ..SecureForm::default() };
    let instance = form_on_tls_port("");
    for forms in [
        [(LayerKind::System, system.clone()), (LayerKind::Instance, instance.clone())],
        [(LayerKind::Instance, instance.clone()), (LayerKind::System, system.clone())],
    ] {
        let builder = forms.into_iter().fold(builder(), |b, (kind, form)| b.form(kind, form));
        let session = builder.build().unwrap();
        assert_eq!(session.protocol(Direction::Incoming).unwrap(), "imap");
        assert_eq!(told(&session), "in in:995 out out:465");
    }
}

#[test]
fn environment_variables_beat_files_and_are_beaten_by_code() {
    let variables = [("POSTRIDER_MAIL_SMTP_HOST", "env"), ("POSTRIDER_MAIL_SMTP_PORT", "2")];
    let environment = Environment::new(variables.map(|(name, value)| (name.into(), value.into())));
    let file = AccountFile::parse("f.toml", "mail.smtp = { host = 'file', port = 1 }").unwrap();
    let builder = builder().layer(environment.layer().unwrap()).layers(file.layers(None).unwrap());
    let session = builder.property("mail.smtp.port", "3").build().unwrap();
    assert_eq!(session.mailer().unwrap_err().message(), "env:3");
}

#[test]
fn a_lent_session_is_used_as_it_is_and_whatever_else_is_set_is_noted() {
    let lent = builder().overrides("mail.smtp.host=lent").unwrap().build().unwrap();
    let mut sessions = Sessions::new();
    sessions.add("mail/MailSession", lent.clone()).unwrap();
    assert!(sessions.add("mail/MailSession", lent).is_err());
    let session = builder()
        .sessions(sessions)
        .property("mail.session.name", " mail/MailSession ")
        .overrides("mail.smtp.host=other")
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(session.mailer().unwrap_err().message(), "lent:7");
    let notes: Vec<String> = session.notes().iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "overrides:1: mail.smtp.host: it is without effect: mail.session.name takes the session \"mail/MailSession\" \
         as it is"
        ]
    );
}

#[test]
fn a_session_that_nobody_lends_is_an_error_that_lists_those_there_are() {
    let text = "mail.session.name=mail/Mail";
    let error = builder().overrides(text).unwrap().build().unwrap_err();
    assert!(
        error.to_string().contains("there is no session \"mail/Mail\" to use; the program lends none"),
        "{error}"
    );
    let mut sessions = Sessions::new();
    for name in ["b", "a"] {
        sessions.add(name, builder().build().unwrap()).unwrap();
    }
    let error = builder().sessions(sessions).overrides(text).unwrap().build().unwrap_err();
    assert!(error.to_string().contains("there are: a, b"), "{error}");
    let (key, origin) = error.property().unwrap();
    assert_eq!((key, origin.unwrap().position.as_str()), ("mail.session.name", "overrides:1"));
    let error = builder().overrides("mail.session.nam=x").unwrap().build().unwrap_err();
    assert!(error.to_string().contains("mail.session.nam"), "{error}");
}

#[tokio::test]
async fn a_running_session_does_not_become_a_lent_one() {
    let session = builder().build().unwrap();
    let settings = builder().overrides("mail.session.name=x").unwrap();
    let error = session.apply(settings).await.unwrap_err();
    assert!(error.to_string().contains("mail.session.name"), "{error}");
}

#[test]
fn an_account_for_one_message_makes_a_session_of_its_own() {
    let session = builder().property("mail.smtp.host", "usual").build().unwrap();
    let account = Layer::new(LayerKind::Message, "newsletter").with("mail.smtp.host", "special");
    let other = session.with_layer(account).unwrap();
    assert_eq!(other.mailer().unwrap_err().message(), "special:7");
    assert_eq!(session.mailer().unwrap_err().message(), "usual:7");
    let bad = Layer::new(LayerKind::Message, "newsletter").with("mail.smtp.hots", "x");
    let error = session.with_layer(bad).unwrap_err();
    assert!(error.to_string().contains("mail.smtp.host"), "{error}");
}

#[test]
fn what_the_readers_noticed_is_told_by_the_session() {
    let session = builder().overrides("mail.smtp.host=h  ").unwrap().build().unwrap();
    assert_eq!(session.notes()[0].kind, NoteKind::TrailingBlanks);
}
