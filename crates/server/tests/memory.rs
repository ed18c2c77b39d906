//! What clients make the server keep. In a program of their own, for the kernel has one peak of memory for a process:
//! a panic's backtrace in another test would be in the figure.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use common::Lines;
use postrider_server::Server;

#[tokio::test]
async fn endless_lines_are_swallowed_not_kept() {
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    for (port, greeting, last, reply) in [
        (server.smtp_port(), "220", "NOOP", "250"),
        (server.pop3_port(), "+OK", "CAPA", "+OK"),
        (server.imap_port(), "* OK", "a NOOP", "a OK"),
    ] {
        let mut client = Lines::connect(port).await;
        client.until(greeting).await;
        for _ in 0..64 {
            client.send(vec![b'x'; 1 << 20]).await;
        }
        client.send("\r\n").await;
        let complaint = client.line().await;
        assert!(complaint.contains("too long"), "{complaint}");
        client.ask(last, reply).await;
    }
    assert!(peak_memory() < 200 << 20, "{}", peak_memory());
}

#[tokio::test]
async fn announced_sizes_reserve_nothing() {
    let server =
        Server::builder().user("alice", "secret").message_limit(usize::MAX >> 1).start().await.unwrap();
    let mut imap = Lines::imap(server.imap_port()).await;
    imap.ask("a APPEND INBOX {4294967295}", "+ ").await;
    let mut smtp = Lines::connect(server.smtp_port()).await;
    smtp.until("220").await;
    smtp.ask("EHLO x", "250 ").await;
    smtp.ask("MAIL FROM:<>", "250").await;
    smtp.ask("RCPT TO:<alice@example.test>", "250").await;
    smtp.send("BDAT 9223372036854775807 LAST\r\nabc").await;
    Lines::connect(server.smtp_port()).await.until("220").await;
    Lines::imap(server.imap_port()).await.ask("x NOOP", "x OK").await;
    assert!(peak_memory() < 200 << 20, "{}", peak_memory());
}

/// The process's high-water mark, in bytes.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok()).map_or(0, |kb| kb << 10)
}
