//! Sends that were begun and are not polled: whoever is awaited comes to its end all the same.
#![cfg(feature = "smtp")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use futures_util::StreamExt;
use futures_util::future::maybe_done;
use futures_util::stream::FuturesUnordered;
use postrider::*;
use postrider_server::Server;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// Far more than any of this takes.
const LONG: Duration = Duration::from_secs(30);

async fn server() -> (Server, Mailer) {
    let server = Server::builder().user("alice", "wonderland").start().await.unwrap();
    let overrides = format!(
        "mail.smtp.host=127.0.0.1\nmail.smtp.port={}\nmail.smtp.tls=none\nmail.smtp.auth=false\nmail.send.allowreserved=true\n\
         mail.mailer.connections=1",
        server.smtp_port()
    );
    let session = Session::builder().overrides(&overrides).unwrap().build().unwrap();
    let mailer = session.mailer().unwrap();
    (server, mailer)
}

fn envelope(server: &Server) -> Envelope {
    Envelope::parse(Some("bob@example.test"), [format!("alice@{}", server.domain()).as_str()]).unwrap()
}

#[tokio::test]
async fn a_report_sent_between_two_outcomes_does_not_wait_for_those_that_nobody_polls_meanwhile() {
    for many in [1, 2, 3, 5, 8, 40, 200] {
        let (server, mailer) = server().await;
        let envelope = envelope(&server);
        let work = async {
            let mut sends: FuturesUnordered<_> = (0..many)
                .map(|n| mailer.send(&envelope, format!("message {n}\r\n").into_bytes().into()))
                .collect();
            while let Some(outcome) = sends.next().await {
                outcome.unwrap();
                mailer.send(&envelope, "a report\r\n".into()).await.unwrap();
            }
        };
        tokio::time::timeout(LONG, work).await.unwrap_or_else(|_| panic!("{many}: it hangs"));
        assert_eq!(server.accepted().len(), 2 * many);
    }
}

/// Polled once.
async fn begin<F: Future + Unpin>(future: &mut F) {
    poll_fn(|cx| {
        let _ = Pin::new(&mut *future).poll(cx);
        Poll::Ready(())
    })
    .await;
}

/// So many lie, and then one more is sent: it comes to its end, and so do they.
async fn next_behind(many: usize) {
    let (server, mailer) = server().await;
    let envelope = envelope(&server);
    let mut lying: Vec<_> =
        (0..many).map(|_| Box::pin(mailer.send(&envelope, "one that lies\r\n".into()))).collect();
    for sending in &mut lying {
        begin(sending).await;
    }
    let next = tokio::time::timeout(LONG, mailer.send(&envelope, "the next\r\n".into())).await;
    next.unwrap_or_else(|_| panic!("{many}: it hangs")).unwrap();
    for sending in lying {
        sending.await.unwrap();
    }
    assert_eq!(server.accepted().len(), many + 1);
}

#[tokio::test]
async fn however_many_lie_the_next_one_comes_to_its_end_and_so_do_they() {
    for many in [1, 2, 3, 4, 7, 12, 31, 40, 64, 300] {
        next_behind(many).await;
    }
}

#[tokio::test]
async fn those_that_were_let_in_by_the_door_and_lie_do_not_keep_it_shut() {
    for many in [520, 600, 900] {
        next_behind(many).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_is_joined_comes_to_its_end_though_the_one_who_joins_it_polled_last() {
    for _ in 0..4 {
        let (server, mailer) = server().await;
        let envelope = envelope(&server);
        let (sender, to) = (mailer.clone(), envelope.clone());
        let joined = tokio::spawn(async move { sender.send(&to, "joined\r\n".into()).await });
        // Some may come to their end at once, by what the other task does.
        let sends = (0..5).map(|_| mailer.send(&envelope, "one that lies\r\n".into()));
        let mut lying: Vec<_> = sends.map(|sending| Box::pin(maybe_done(sending))).collect();
        for sending in &mut lying {
            begin(sending).await;
        }
        tokio::time::timeout(LONG, joined).await.expect("it hangs").unwrap().unwrap();
        for mut sending in lying {
            sending.as_mut().await;
            sending.as_mut().take_output().unwrap().unwrap();
        }
        assert_eq!(server.accepted().len(), 6);
    }
}
