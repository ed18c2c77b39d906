//! Further TLS connections to real servers are resumed.

use postrider_tests::log::Log;
use postrider_tests::properties::Text;
use postrider_tests::servers::or_skip;
use tracing_subscriber::util::SubscriberInitExt;

/// How many sessions the log says were made anew, and how many were resumed.
fn made_and_resumed(log: &Log) -> (usize, usize) {
    let text = log.text();
    (text.matches("resumed=false").count(), text.matches("resumed=true").count())
}

/// Of this thread alone: other tests log at the same time.
fn log() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    let guard = subscriber.with_writer(log.clone()).set_default();
    (log, guard)
}

#[tokio::test]
async fn every_second_connection_of_a_mailer_to_postfix_is_resumed() {
    let Some(servers) = or_skip("every_second_connection_of_a_mailer_to_postfix_is_resumed") else {
        return;
    };
    let (log, _guard) = log();
    for (server, tls) in [("POSTFIX_SUBMISSION", "starttls"), ("POSTFIX_SMTPS", "implicit")] {
        let (made, resumed) = made_and_resumed(&log);
        let mailer = Text::new(servers, "smtp", server, tls).signed_in(servers, "bob").mailer();
        for _ in 0..4 {
            mailer.connect(1).await.unwrap();
            mailer.close().await;
        }
        let (all_made, all_resumed) = made_and_resumed(&log);
        // A ticket is used once (RFC 8446 C.4), and Postfix gives one with a new session and none with a resumed one.
        // Both ports are one server by name: the second of them may go on with a session of the first.
        assert!(all_made <= made + 2 && all_resumed >= resumed + 2, "{server}: {}", log.text());
    }
}

#[tokio::test]
async fn a_sessions_further_inboxes_at_dovecot_are_resumed() {
    let Some(servers) = or_skip("a_sessions_further_inboxes_at_dovecot_are_resumed") else { return };
    let (log, _guard) = log();
    for (transport, server) in [("imap", "DOVECOT_IMAPS"), ("pop3", "DOVECOT_POP3S")] {
        let (made, resumed) = made_and_resumed(&log);
        // The host is the session's: its inboxes share it.
        let text = Text::new(servers, transport, server, "implicit").signed_in(servers, "bob");
        let session = text.session().unwrap();
        for _ in 0..3 {
            let mut inbox = session.inbox().unwrap();
            inbox.connect().await.unwrap();
            inbox.close().await.unwrap();
        }
        let (all_made, all_resumed) = made_and_resumed(&log);
        assert!(all_made <= made + 1 && all_resumed >= resumed + 2, "{server}: {}", log.text());
    }
}
