//! Where a session connects to, and how it is encrypted, for what people really type into forms and files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(all(feature = "smtp", feature = "pop3", feature = "imap", feature = "gmail"))]

use postrider::settings::{Environment, Form, PortalFile, ProtocolForm, SecureForm};
use postrider::*;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Notes down where it should connect to, and does not.
#[derive(Default)]
struct Recorder(Mutex<Vec<Target>>);

#[async_trait]
impl Host for Recorder {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        self.0.lock().unwrap().push(target.clone());
        Err(Error::new(ErrorKind::Connect, Phase::Connect, "noted down"))
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

/// Where both directions connect to: `in host:port tls, out host:port tls`.
async fn targets(builder: SessionBuilder) -> String {
    let host = Arc::new(Recorder::default());
    // Nobody connects to a mailbox without something to sign in with.
    let signed = ["mail.user", "mail.pop3.password", "mail.imap.password"];
    let builder = signed.iter().fold(builder, |builder, key| builder.property(*key, "me"));
    let session = builder.host(host.clone()).build().unwrap();
    let (registry, properties) = (session.registry(), session.properties());
    let told = |error: Error| {
        let target = host.0.lock().unwrap().pop();
        target.map_or_else(|| error.to_string(), |t| format!("{}:{} {}", t.host, t.port, t.tls))
    };
    let incoming = match session.protocol(Direction::Incoming) {
        Err(_) => "nothing".to_owned(),
        Ok(name) => match registry.incoming(&name, &properties, host.clone()) {
            Ok(mut transport) => told(transport.connect().await.unwrap_err()),
            Err(error) => error.to_string(),
        },
    };
    let name = session.protocol(Direction::Outgoing).unwrap();
    let outgoing = match registry.outgoing(&name, &properties, host.clone()) {
        Ok(mut transport) => told(transport.connect().await.unwrap_err()),
        Err(error) => error.to_string(),
    };
    format!("in {incoming}, out {outgoing}")
}

async fn of_form(form: impl Into<Form>) -> String {
    targets(Session::builder().form(LayerKind::Instance, form)).await
}

fn secure(incoming: &str, outgoing: &str) -> SecureForm {
    let json = format!(r#"{{"incoming": {{{incoming}}}, "outgoing": {{{outgoing}}}}}"#);
    serde_json::from_str(&json).unwrap()
}

#[tokio::test]
async fn the_secure_flag_means_what_its_port_speaks_and_its_absence_never_means_clear_text_to_elsewhere() {
    for (fields, incoming, outgoing) in [
        (r#""port": 995, "secure": true"#, "m.example.org:995 implicit", "m.example.org:995 implicit"),
        (r#""port": 110, "secure": true"#, "m.example.org:110 starttls", "m.example.org:110 starttls"),
        (r#""port": 465, "secure": true"#, "m.example.org:465 implicit", "m.example.org:465 implicit"),
        (r#""port": 587, "secure": true"#, "m.example.org:587 starttls", "m.example.org:587 starttls"),
        (r#""port": 25, "secure": true"#, "m.example.org:25 starttls", "m.example.org:25 starttls"),
        (r#""port": 4465, "secure": true"#, "m.example.org:4465 implicit", "m.example.org:4465 implicit"),
        (r#""port": """#, "m.example.org:995 implicit", "m.example.org:465 implicit"),
        (r#""secure": true"#, "m.example.org:995 implicit", "m.example.org:465 implicit"),
        (r#""port": 995"#, "m.example.org:995 implicit", "m.example.org:995 implicit"),
        (r#""port": 110"#, "m.example.org:110 starttls", "m.example.org:110 starttls"),
        (r#""port": 25"#, "m.example.org:25 starttls", "m.example.org:25 starttls"),
        (r#""port": 2525"#, "m.example.org:2525 starttls", "m.example.org:2525 starttls"),
        (r#""port": 465, "startTls": true"#, "m.example.org:465 implicit", "m.example.org:465 implicit"),
        (r#""port": 587, "startTls": true"#, "m.example.org:587 starttls", "m.example.org:587 starttls"),
        (
            r#""port": 587, "secure": true, "startTls": true"#,
            "m.example.org:587 starttls",
            "m.example.org:587 starttls",
        ),
    ] {
        let server = format!(r#""server": "m.example.org", {fields}"#);
        let got = of_form(secure(&server, &server)).await;
        assert_eq!(got, format!("in {incoming}, out {outgoing}"), "{fields}");
    }
    let here = r#""server": "localhost""#;
    assert_eq!(of_form(secure(here, here)).await, "in localhost:110 none, out localhost:25 none");
    let here = r#""server": "127.0.0.1", "port": 465"#;
    assert_eq!(of_form(secure("", here)).await, "in nothing, out 127.0.0.1:465 implicit");
}

#[tokio::test]
async fn protocols_and_starttls_flags_mean_what_they_say_in_either_case() {
    for (json, want) in [
        ("", "in localhost:110 starttls, out localhost:25 starttls"),
        (r#""outgoingSMTPPort": 465"#, "in localhost:110 starttls, out localhost:465 implicit"),
        (r#""transportProtocol": "smtps""#, "in localhost:110 starttls, out localhost:25 starttls"),
        (
            r#""transportProtocol": "SMTPS", "outgoingSMTPPort": 465"#,
            "in localhost:110 starttls, out localhost:465 implicit",
        ),
        (
            r#""transportProtocol": "smtps", "outgoingSMTPPort": """#,
            "in localhost:110 starttls, out localhost:465 implicit",
        ),
        (r#""enableStartTLS": false"#, "in localhost:110 starttls, out localhost:25 none"),
        (r#""storeProtocol": "pop3s""#, "in localhost:110 starttls, out localhost:25 starttls"),
        (
            r#""storeProtocol": "imap", "incomingPOPPort": 143"#,
            "in localhost:143 starttls, out localhost:25 starttls",
        ),
        (
            r#""storeProtocol": "imaps", "incomingPOPPort": """#,
            "in localhost:993 implicit, out localhost:25 starttls",
        ),
        (
            r#""storeProtocol": "imap", "incomingPOPPort": "", "enableIncomingStartTLS": true"#,
            "in localhost:143 starttls, out localhost:25 starttls",
        ),
        (
            r#""storeProtocol": "imap", "incomingPOPPort": "143", "enableIncomingStartTLS": false"#,
            "in localhost:143 none, out localhost:25 starttls",
        ),
    ] {
        let form: ProtocolForm = serde_json::from_str(&format!("{{{json}}}")).unwrap();
        assert_eq!(of_form(form).await, want, "{json}");
    }
}

#[tokio::test]
async fn gmail_by_its_name_needs_a_user_and_a_password_and_nothing_else_of_a_form() {
    let json = r#"{"storeProtocol": "gmail", "transportProtocol": "gmail", "incomingPOPServer": "",
        "incomingPOPPort": "", "outgoingSMTPServer": "", "outgoingSMTPPort": "", "popUserName": "me@gmail.com",
        "smtpUserName": "me@gmail.com", "popPassword": "abcdefghijklmnop", "smtpPassword": "abcdefghijklmnop"}"#;
    let form: ProtocolForm = serde_json::from_str(json).unwrap();
    assert_eq!(of_form(form).await, "in imap.gmail.com:993 implicit, out smtp.gmail.com:465 implicit");
}

#[tokio::test]
async fn additional_properties_beat_the_form_and_take_its_values_to_another_protocol() {
    let mut form = secure(
        r#""server": "m.example.org", "port": 110, "secure": true, "user": "me", "password": "x""#,
        r#""server": "m.example.org", "port": 25"#,
    );
    form.additional_properties = "mail.store.protocol=imaps\nmail.imaps.port=993\nmail.smtp.tls=none".into();
    assert_eq!(of_form(form.clone()).await, "in m.example.org:993 implicit, out m.example.org:25 none");
    form.additional_properties = "mail.transport.protocol=smtps\nmail.smtps.port=465".into();
    assert_eq!(of_form(form).await, "in m.example.org:110 starttls, out m.example.org:465 implicit");
}

#[tokio::test]
async fn a_portals_file_and_variables_connect_where_the_portal_meant_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portal-ext.properties");
    let text = "mail.session.mail=true\nmail.session.mail.pop3.host=pop.example.org\nmail.session.mail.pop3.port=110\n\
                mail.session.mail.store.protocol=pop3s\nmail.session.mail.smtp.host=smtp.example.org\n\
                mail.session.mail.smtp.port=465\nmail.session.mail.transport.protocol=smtps\n\
                mail.session.mail.smtp.auth=false\nmail.session.mail.smtp.password=\n";
    std::fs::write(&path, text).unwrap();
    let layers = PortalFile::load(&path).unwrap().layers(LayerKind::System).unwrap();
    let got = targets(Session::builder().layers(layers.clone())).await;
    assert_eq!(got, "in pop.example.org:110 starttls, out smtp.example.org:465 implicit");
    let variable = ("LIFERAY_MAIL_PERIOD_SESSION_PERIOD_MAIL_PERIOD_SMTP_PERIOD_PORT".into(), "587".into());
    let environment = Environment::new([variable]).portal_layers().unwrap();
    let got = targets(Session::builder().layers(layers).layers(environment)).await;
    assert_eq!(got, "in pop.example.org:110 starttls, out smtp.example.org:587 starttls");
}
