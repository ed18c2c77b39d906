//! What a body that crosses costs in memory. The only test of this program, for the kernel keeps one peak for a
//! process: another test's panic, whose backtrace reads the debug information of every library, would be in the figure.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod build;
mod odd;

use odd::{host, incoming, outgoing};
use postrider_core::{Envelope, Query};

#[tokio::test]
async fn a_body_of_64_mib_streams_both_ways_in_bounded_memory() {
    let envelope = Envelope::parse(Some("me@x.example"), ["a@x.example"]).unwrap();
    let home = host();
    let mut transport = incoming("plain", &home);
    let id = transport.list(&Query::all()).await.unwrap().messages.remove(0).id;
    let mut sender = outgoing("plain", &home);
    let before = memory();
    let body = transport.fetch(&id).await.unwrap();
    assert_eq!(body.size(), Some(64 << 20));
    // Out of one plugin's transport into another's.
    let receipt = sender.send(&envelope, body).await.unwrap();
    assert_eq!(receipt.reply.text(), "67108864 bytes of Some(67108864)");
    let grown = memory().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more at the peak");
    // The state of the body that borrowed the transport was written.
    assert_eq!(transport.list(&Query::all()).await.unwrap().messages[0].size, Some(1_026));
}

/// The peak of this process's memory in bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}
