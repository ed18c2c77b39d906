//! The example against two embedded servers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use postrider_server::Server;
use tokio::process::Command;

const PASSWORD: &str = "hunter2secret";

async fn server(limit: usize) -> Server {
    let server = Server::builder().user("me", PASSWORD).user("bob", "x").message_limit(limit);
    server.storage_limit(4 * limit).start().await.unwrap()
}

/// Runs the program; on Linux with at most 32 MiB of memory to write to, which no message may be seen by.
async fn relay(from: &Server, to: &Server, size: &str) -> (i32, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("from.pem"), from.ca_pem()).unwrap();
    std::fs::write(path("to.pem"), to.ca_pem()).unwrap();
    let settings = format!(
        "[mail]\nfrom = \"me@example.test\"\nsend.allowreserved = true\nstore.protocol = \"imap\"\nhost = \"localhost\"\nuser = \"me\"\n\
         imap = {{ port = {}, tls = \"implicit\", password = {PASSWORD:?}, maxsize = {size:?}, ssl.cafile = {:?} }}\n\
         smtp = {{ port = {}, tls = \"implicit\", password = {PASSWORD:?}, ssl.cafile = {:?} }}\n",
        from.imaps_port(),
        path("from.pem"),
        to.smtps_port(),
        path("to.pem"),
    );
    std::fs::write(path("settings.toml"), settings).unwrap();
    let limit = if cfg!(target_os = "linux") { "ulimit -d 32768 && " } else { "" };
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limit}exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_relay")]);
    let output = command.arg(path("settings.toml")).arg("bob@example.test").output().await.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!said.contains(PASSWORD), "{said}");
    (output.status.code().unwrap_or(-1), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_goes_on_unchanged_and_only_what_is_refused_stays() {
    let (from, to) = (server(1 << 20).await, server(300_000).await);
    let small = b"Subject: small\r\n\r\n.\r\n..x\r\n".to_vec();
    let mut large = b"Subject: large\r\n\r\n".to_vec();
    large.resize(200_000, b'.');
    large.extend_from_slice(b"\r\n");
    let too_large = [large.as_slice(), large.as_slice()].concat();
    for message in [&small, &too_large, &large, &small] {
        from.deliver("me", message.clone()).unwrap();
    }
    to.refuse("bob@example.test", 450, "4.2.1 not now");
    let (status, said) = relay(&from, &to, "1MiB").await;
    assert!(status == 1 && said.contains("not now"), "{said}");
    assert_eq!(from.messages("me", "INBOX").len(), 4);

    to.allow("bob@example.test");
    let (status, said) = relay(&from, &to, "1MiB").await;
    assert_eq!(status, 1, "{said}");
    assert_eq!(to.messages("bob", "INBOX"), [small.clone(), large, small]);
    assert_eq!(from.messages("me", "INBOX"), [too_large]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_100_mib_goes_on_in_32_mib_of_memory() {
    const SIZE: usize = 100 << 20;
    let (from, to) = (server(2 * SIZE).await, server(2 * SIZE).await);
    let line = b"The quick brown fox jumps over the lazy dog, again and again and once more..\r\n";
    let message = [b"Subject: huge\r\n\r\n".as_slice(), &line.repeat(SIZE / line.len())].concat();
    from.deliver("me", message.clone()).unwrap();
    let (status, said) = relay(&from, &to, "200MiB").await;
    assert_eq!(status, 0, "{said}");
    let arrived = to.messages("bob", "INBOX");
    // Not printed if they differ.
    assert!(arrived.len() == 1 && arrived[0] == message);
    assert!(from.messages("me", "INBOX").is_empty());
}
