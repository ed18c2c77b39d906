//! Each transport goes through the proxy that stands in the settings, and nowhere else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(all(feature = "net", feature = "smtp", feature = "imap", feature = "pop3"))]

use postrider::message::Message;
use postrider::*;
use postrider_server::Server;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const PASSWORD: &str = "hunter2secret";

/// An HTTP proxy for me, whose password is "hush"; keeps what it is asked for.
fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let noted = heard.clone();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            assert!(head.contains("\r\nProxy-Authorization: Basic bWU6aHVzaA==\r\n"), "{head}");
            let place = head.split(' ').nth(1).unwrap().to_owned();
            noted.lock().unwrap().push(place.clone());
            let server =
                TcpStream::connect(("127.0.0.1", place.rsplit_once(':').unwrap().1.parse().unwrap()));
            let server = server.unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            pump(client.try_clone().unwrap(), server.try_clone().unwrap());
            pump(server, client);
        }
    });
    (port, heard)
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_out_and_comes_in_through_the_proxy_in_every_kind_of_encryption() {
    for (suffix, version) in [("", "TLSv1.2"), ("s", "TLSv1.3")] {
        let server = Server::builder().user("alice", PASSWORD).require_auth().start().await.unwrap();
        let host = Arc::new(TokioHost::builder().roots_pem(server.ca_pem()).build().unwrap());
        let (port, heard) = proxy();
        let ports = match suffix {
            "" => [server.smtp_port(), server.imap_port(), server.pop3_port()],
            _ => [server.smtps_port(), server.imaps_port(), server.pop3s_port()],
        };
        let [smtp, imap, pop3] = ports;
        let settings = format!(
            "mail.host=localhost\nmail.user=alice\nmail.send.allowreserved=true\n\
             mail.transport.protocol=smtp{suffix}\n\
             mail.smtp{suffix}.port={smtp}\nmail.imap{suffix}.port={imap}\nmail.pop3{suffix}.port={pop3}\n\
             mail.smtp.password={PASSWORD}\nmail.pop3.password={PASSWORD}\nmail.imap.password={PASSWORD}\n\
             mail.proxy.host=127.0.0.1:{port}\nmail.proxy.user=me\nmail.proxy.password=hush\n\
             mail.ssl.protocols={version}\n"
        );
        let session = |store: &str| {
            let text = format!("{settings}mail.store.protocol={store}{suffix}");
            Session::builder().overrides(&text).unwrap().host(host.clone()).build().unwrap()
        };
        let message = Message::builder()
            .from("alice@example.test".parse().unwrap())
            .to("alice@example.test".parse().unwrap())
            .subject("through")
            .body("the proxy\r\n".to_owned())
            .unwrap();
        session("imap").mailer().unwrap().send_message(&message).await.unwrap();
        for store in ["imap", "pop3"] {
            let mut inbox = session(store).inbox().unwrap();
            assert_eq!(inbox.list(&Query::all()).await.unwrap().messages.len(), 1, "{store}{suffix}");
        }
        let want: Vec<String> = ports.iter().map(|port| format!("localhost:{port}")).collect();
        assert_eq!(*heard.lock().unwrap(), want);
    }
}
