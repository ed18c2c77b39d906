//! The walk-through of a portal's manual, typed in as it is printed, against a local server standing in for Gmail.

use crate::clinic::{Answer, PASSWORD, Town, examine, expect, session};
use postrider::Direction::{Incoming, Outgoing};
use postrider::doctor::{Report, Status, StepName};
use postrider::settings::{Form, FormServer, ProtocolForm, SecureForm};
use postrider::{LayerKind, Session};
use postrider_server::Server;
use std::sync::Arc;

const APP_PASSWORD: &str = "abcdefghijklmnop";
const USER: &str = "joe.bloggs@gmail.com";

/// POP server pop.gmail.com, port 110, secure; SMTP server smtp.gmail.com, port 465, secure; user and password.
fn as_printed() -> String {
    format!(
        "mail.store.protocol=pop3\nmail.pop3.host=pop.gmail.com\nmail.pop3.port=110\nmail.pop3.ssl.enable=true\n\
         mail.pop3.user=joe.bloggs\nmail.pop3.password={PASSWORD}\n\
         mail.transport.protocol=smtp\nmail.smtp.host=smtp.gmail.com\nmail.smtp.port=465\nmail.smtp.ssl.enable=true\n\
         mail.smtp.user=joe.bloggs\nmail.smtp.password={PASSWORD}\nmail.from={USER}\n"
    )
}

async fn google() -> (Server, Town) {
    let server = Server::builder()
        .user(USER, APP_PASSWORD)
        .domain("gmail.com")
        .certificate_names(&["pop.gmail.com", "smtp.gmail.com"])
        .require_auth()
        .require_tls()
        .start()
        .await
        .unwrap();
    let town = Town::trusting(server.ca_pem())
        .with(
            "pop.gmail.com",
            "192.0.2.108",
            &[(110, Answer::Silence), (995, Answer::Server(server.pop3s_port()))],
        )
        .with(
            "smtp.gmail.com",
            "192.0.2.109",
            &[(465, Answer::Server(server.smtps_port())), (587, Answer::Server(server.smtp_port()))],
        );
    (server, town)
}

/// The settings with what the report says as properties.
fn corrected(settings: &str, report: &Report) -> String {
    let mut text = settings.to_owned();
    for correction in report.corrections() {
        let begins = format!("{}=", correction.key);
        text =
            text.lines().filter(|line| !line.starts_with(&begins)).map(|line| format!("{line}\n")).collect();
        text.push_str(&format!("{begins}{}\n", correction.value));
    }
    text
}

#[tokio::test]
async fn the_manuals_gmail_settings_get_their_corrections_and_then_connect() {
    let (_server, town) = google().await;
    let printed = session(&town, &as_printed());
    let pop = examine(&printed, Incoming).await;
    expect("gmail_pop_as_printed", &pop);
    let smtp = examine(&printed, Outgoing).await;
    expect("gmail_smtp_as_printed", &smtp);

    // The precise corrections: the port, the whole address, an app password; and SMTP's 465 stands.
    assert_eq!(pop.corrections().len(), 1);
    assert_eq!(
        (pop.corrections()[0].key.as_str(), pop.corrections()[0].value.as_str()),
        ("mail.pop3.port", "995")
    );
    assert!(smtp.corrections().is_empty());
    assert!(smtp.step(StepName::Tls).unwrap().status == Status::Ok, "465 with TLS from the start is right");

    let better = corrected(&corrected(&as_printed(), &pop), &smtp)
        .replace("joe.bloggs\n", "joe.bloggs@gmail.com\n")
        .replace(PASSWORD, APP_PASSWORD);
    let better = session(&town, &better);
    for (direction, name) in [(Incoming, "gmail_pop_corrected"), (Outgoing, "gmail_smtp_corrected")] {
        let report = examine(&better, direction).await;
        assert!(report.is_ok(), "{report}");
        assert!(!report.to_string().contains(APP_PASSWORD));
        expect(name, &report);
    }
    // Not only the doctor connects.
    assert!(better.inbox().unwrap().list(&postrider::Query::all()).await.unwrap().messages.is_empty());
}

#[tokio::test]
async fn the_older_manuals_gmail_settings_swap_the_ports() {
    let (_server, town) = google().await;
    let settings =
        as_printed().replace("pop3.port=110", "pop3.port=465").replace("smtp.port=465", "smtp.port=110");
    let older = session(&town, &settings);
    let pop = examine(&older, Incoming).await;
    let smtp = examine(&older, Outgoing).await;
    expect("gmail_pop_older", &pop);
    expect("gmail_smtp_older", &smtp);
    let better = corrected(&corrected(&settings, &pop), &smtp)
        .replace("joe.bloggs\n", "joe.bloggs@gmail.com\n")
        .replace(PASSWORD, APP_PASSWORD);
    let better = session(&town, &better);
    for direction in [Incoming, Outgoing] {
        let report = examine(&better, direction).await;
        assert!(report.is_ok(), "{report}");
    }
}

#[tokio::test]
async fn an_outgoing_server_among_the_incoming_settings_and_a_provider_without_pop() {
    let (_server, town) = google().await;
    let swapped = session(&town, &as_printed().replace("pop.gmail.com", "smtp.gmail.com"));
    expect("gmail_pop_at_smtp_server", &examine(&swapped, Incoming).await);
    let icloud = as_printed().replace("pop.gmail.com", "imap.mail.me.com");
    expect("icloud_has_no_pop", &examine(&session(&town, &icloud), Incoming).await);
}

#[tokio::test]
async fn outlook_takes_no_password_and_does_not_listen_on_465() {
    let (_server, town) = google().await;
    let settings = as_printed().replace("smtp.gmail.com", "smtp.office365.com");
    let town = town.with("smtp.office365.com", "192.0.2.110", &[(465, Answer::Silence)]);
    let report = examine(&session(&town, &settings), Outgoing).await;
    expect("outlook_smtp_465", &report);
}

/// A session of what somebody typed into a form.
fn filled_in(town: &Town, form: impl Into<Form>) -> Session {
    Session::builder().form(LayerKind::Instance, form).host(Arc::new(town.clone())).build().unwrap()
}

/// What the reports say, as it would be pasted into the box of additional properties.
fn pasted(reports: &[&Report]) -> String {
    let all = reports.iter().flat_map(|report| report.corrections());
    all.map(|correction| format!("{}={}\n", correction.key, correction.value)).collect()
}

#[tokio::test]
async fn the_walk_through_in_the_form_with_secure_flags() {
    let (_server, town) = google().await;
    let server = |name: &str, port: &str| FormServer {
        server: name.into(),
        port: port.into(),
        secure: true,
        user: "joe.bloggs".into(),
        password: PASSWORD.into(),
        ..FormServer::default()
    };
    let mut form = SecureForm {
        incoming: server("pop.gmail.com", "110"),
        outgoing: server("smtp.gmail.com", "465"),
        ..SecureForm::default()
    };
    let printed = filled_in(&town, form.clone());
    let (pop, smtp) = (examine(&printed, Incoming).await, examine(&printed, Outgoing).await);
    expect("gmail_secure_form_pop", &pop);
    expect("gmail_secure_form_smtp", &smtp);
    form.additional_properties = pasted(&[&pop, &smtp]);
    for server in [&mut form.incoming, &mut form.outgoing] {
        (server.user, server.password) = (USER.into(), APP_PASSWORD.into());
    }
    let better = filled_in(&town, form);
    for direction in [Incoming, Outgoing] {
        let report = examine(&better, direction).await;
        assert!(report.is_ok(), "{report}");
    }
}

#[tokio::test]
async fn the_walk_through_in_the_form_with_protocols() {
    let (_server, town) = google().await;
    let mut form = ProtocolForm {
        incoming_server: "pop.gmail.com".into(),
        incoming_port: "110".into(),
        incoming_user: "joe.bloggs".into(),
        incoming_password: PASSWORD.into(),
        outgoing_server: "smtp.gmail.com".into(),
        outgoing_port: "465".into(),
        outgoing_user: "joe.bloggs".into(),
        outgoing_password: PASSWORD.into(),
        ..ProtocolForm::default()
    };
    let printed = filled_in(&town, form.clone());
    let (pop, smtp) = (examine(&printed, Incoming).await, examine(&printed, Outgoing).await);
    expect("gmail_protocol_form_pop", &pop);
    expect("gmail_protocol_form_smtp", &smtp);
    form.additional_properties = pasted(&[&pop, &smtp]);
    (form.incoming_user, form.outgoing_user) = (USER.into(), USER.into());
    (form.incoming_password, form.outgoing_password) = (APP_PASSWORD.into(), APP_PASSWORD.into());
    let better = filled_in(&town, form);
    for direction in [Incoming, Outgoing] {
        let report = examine(&better, direction).await;
        assert!(report.is_ok(), "{report}");
    }
}

#[tokio::test]
async fn the_gmail_transports_need_no_ports_and_are_told_of_app_passwords() {
    let (server, town) = google().await;
    let town = town.with("imap.gmail.com", "192.0.2.107", &[(993, Answer::Server(server.imaps_port()))]);
    let text = format!(
        "mail.store.protocol=gmail-pop3\nmail.transport.protocol=gmail\nmail.gmail.user={USER}\n\
         mail.gmail.password={PASSWORD}\n"
    );
    let wrong = session(&town, &text);
    expect("gmail_transport_pop3", &examine(&wrong, Incoming).await);
    expect("gmail_transport_smtp", &examine(&wrong, Outgoing).await);
    let right = session(&town, &text.replace(PASSWORD, "abcd efgh ijkl mnop"));
    let report = examine(&right, Outgoing).await;
    assert!(report.is_ok(), "{report}");
    assert!(!report.to_string().contains("abcd"));
}
