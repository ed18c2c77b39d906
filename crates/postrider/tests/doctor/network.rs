//! Names, addresses, firewalls, proxies and certificates.

use crate::clinic::{Answer, PASSWORD, Town, examine, expect, listener, session};
use futures_util::future::join_all;
use postrider::Direction::Incoming;
use postrider_server::{Builder, Server};

const CAPTIVE: &[u8] =
    b"HTTP/1.1 302 Found\r\nLocation: http://hotel.example/login\r\n\r\n<html>Sign in</html>";

fn settings(more: &str) -> String {
    format!(
        "mail.store.protocol=imap\nmail.imap.host=mail.example.test\nmail.imap.user=alice\nmail.imap.password={PASSWORD}\n{more}"
    )
}

async fn server(change: impl FnOnce(Builder) -> Builder) -> Server {
    let builder = Server::builder().user("alice", PASSWORD).certificate_names(&["mail.example.test"]);
    change(builder).start().await.unwrap()
}

#[tokio::test]
async fn a_name_that_is_not_there() {
    let server = server(|b| b).await;
    let town = Town::trusting(server.ca_pem());
    expect("no_such_name", &examine(&session(&town, &settings("")), Incoming).await);
}

#[tokio::test]
async fn a_closed_port_is_not_a_firewall() {
    let server = server(|b| b).await;
    let town = Town::trusting(server.ca_pem());
    let closed = town.clone().with("mail.example.test", "192.0.2.1", &[]);
    expect("closed_port", &examine(&session(&closed, &settings("")), Incoming).await);
    let firewall = town.clone().with("mail.example.test", "192.0.2.1", &[(993, Answer::Silence)]);
    expect("firewall", &examine(&session(&firewall, &settings("")), Incoming).await);
    let blocked = town.with("mail.example.test", "192.0.2.1", &[(25, Answer::Silence)]);
    let text = "mail.smtp.host=mail.example.test\nmail.smtp.port=25\n";
    expect("port_25_blocked", &examine(&session(&blocked, text), postrider::Direction::Outgoing).await);
}

#[tokio::test]
async fn an_address_that_does_not_answer_is_told_and_the_other_is_used() {
    let server = server(|b| b).await;
    let good = [(993, Answer::Server(server.imaps_port()))];
    let dead = [(993, Answer::Silence)];
    let town = Town::trusting(server.ca_pem());
    let six = town.clone().with("mail.example.test", "2001:db8::1", &dead).with(
        "mail.example.test",
        "192.0.2.1",
        &good,
    );
    let report = examine(&session(&six, &settings("")), Incoming).await;
    assert!(report.is_ok(), "{report}");
    expect("ipv6_silent", &report);
    let two = town.with("mail.example.test", "192.0.2.2", &[]).with("mail.example.test", "192.0.2.1", &good);
    expect("one_of_two_closed", &examine(&session(&two, &settings("")), Incoming).await);
}

#[tokio::test]
async fn a_captive_portal_answers_in_the_servers_place() {
    let server = server(|b| b).await;
    let web = listener(b"", CAPTIVE, true).await;
    let town =
        Town::trusting(server.ca_pem()).with("mail.example.test", "192.0.2.1", &[(993, web), (143, web)]);
    expect("web_server_on_993", &examine(&session(&town, &settings("")), Incoming).await);
    expect("web_server_on_143", &examine(&session(&town, &settings("mail.imap.port=143\n")), Incoming).await);
}

#[tokio::test]
async fn certificates_of_somebody_else_out_of_date_or_of_an_unknown_authority() {
    let other = server(|b| b.certificate_names(&["portal.hotel.example"])).await;
    let old = server(Builder::expired_certificate).await;
    let good = server(|b| b).await;
    for (name, server, ca) in [
        ("certificate_of_another", &other, other.ca_pem()),
        ("certificate_expired", &old, old.ca_pem()),
        ("certificate_of_unknown_authority", &good, include_str!("other_authority.pem")),
    ] {
        let ports = [(993, Answer::Server(server.imaps_port())), (143, Answer::Server(server.imap_port()))];
        let town = Town::trusting(ca).with("mail.example.test", "192.0.2.1", &ports);
        expect(name, &examine(&session(&town, &settings("")), Incoming).await);
        let report = examine(&session(&town, &settings("mail.imap.port=143\n")), Incoming).await;
        expect(&format!("{name}_starttls"), &report);
    }
}

#[tokio::test]
async fn servers_that_say_nothing_hang_up_or_say_no() {
    let server = server(|b| b).await;
    let town =
        |answer| Town::trusting(server.ca_pem()).with("mail.example.test", "192.0.2.1", &[(143, answer)]);
    let text = settings("mail.imap.port=143\n");
    let (town, text) = (&town, &text);
    join_all(
        [
            ("says_nothing", listener(b"", b"", false).await),
            ("hangs_up", listener(b"", b"", true).await),
            ("says_no", listener(b"* BYE too many connections from your address\r\n", b"", true).await),
            ("stops_after_greeting", listener(b"* OK ready\r\n", b"", false).await),
        ]
        .map(async |(name, answer)| expect(name, &examine(&session(&town(answer), text), Incoming).await)),
    )
    .await;
}

#[tokio::test]
async fn a_proxy_on_the_way() {
    let server = server(|b| b).await;
    let good = [(993, Answer::Server(server.imaps_port())), (143, Answer::Server(server.imap_port()))];
    let town = Town::trusting(server.ca_pem()).with("mail.example.test", "192.0.2.1", &good);
    let proxy = "mail.imap.socks.host=proxy.example.test\nmail.imap.socks.port=1080\n";
    let report = examine(&session(&town, &settings(proxy)), Incoming).await;
    assert!(report.is_ok(), "{report}");
    expect("proxy", &report);
    let report = examine(&session(&town, &settings(&format!("{proxy}mail.imap.port=25\n"))), Incoming).await;
    expect("proxy_does_not_let_through", &report);
}

#[tokio::test]
async fn a_server_without_end_is_left() {
    let server = server(|b| b).await;
    let town =
        |answer| Town::trusting(server.ca_pem()).with("mail.example.test", "192.0.2.1", &[(143, answer)]);
    let text = settings("mail.imap.port=143\n");
    let long: &'static [u8] = Box::leak(vec![b'x'; 1 << 20].into_boxed_slice());
    expect(
        "a_line_without_end",
        &examine(&session(&town(listener(long, b"", false).await), &text), Incoming).await,
    );
    let odd = b"\x1b[2J\x07 \xff\xfe \xe2\x80\xae hello\r\n";
    expect(
        "says_something_odd",
        &examine(&session(&town(listener(odd, b"", true).await), &text), Incoming).await,
    );
}
