//! mbsync (Debian's isync) synchronises both ways.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use std::path::Path;
use std::process::Command;

use postrider_server::Server;

#[tokio::test]
async fn mbsync_synchronises_both_ways() {
    if !common::has("mbsync") {
        return;
    }
    let server = Server::builder().user("alice", "secret").start().await.unwrap();
    for (port, tls) in
        [(server.imap_port(), "None"), (server.imap_port(), "STARTTLS"), (server.imaps_port(), "IMAPS")]
    {
        let (directory, ca) = common::ca_directory(&server);
        let config = write_config(directory.path(), &ca, port, tls);
        let before = server.messages("alice", "INBOX").len();
        server.deliver("alice", common::tricky()).unwrap();
        sync(&config).await;
        let pulled = files(&directory.path().join("INBOX"));
        assert_eq!(pulled.len(), before + 1, "{tls}");

        // A message of our own goes up, and a deletion there comes down here.
        let new = directory.path().join("INBOX/new/1.1.here");
        std::fs::write(&new, "Subject: up\n\nfrom below\n").unwrap();
        sync(&config).await;
        let messages = server.messages("alice", "INBOX");
        assert_eq!(messages.len(), before + 2, "{tls}");
        assert!(String::from_utf8_lossy(messages.last().unwrap()).ends_with("from below\r\n"));
        for file in files(&directory.path().join("INBOX")) {
            std::fs::remove_file(file).unwrap();
        }
        sync(&config).await;
        assert_eq!(server.messages("alice", "INBOX").len(), 0, "{tls}");
        assert!(directory.path().join("Drafts").is_dir(), "all mailboxes came");
    }
}

async fn sync(config: &Path) {
    let mut command = Command::new("mbsync");
    command.arg("-c").arg(config).arg("-a");
    common::assert_success(&common::run(command).await);
}

fn files(maildir: &Path) -> Vec<std::path::PathBuf> {
    let entries =
        |d: &str| std::fs::read_dir(maildir.join(d)).into_iter().flatten().map(|e| e.unwrap().path());
    entries("new").chain(entries("cur")).collect()
}

fn write_config(directory: &Path, ca: &Path, port: u16, tls: &str) -> std::path::PathBuf {
    let (directory_text, ca) = (directory.display(), ca.display());
    let text = format!(
        "IMAPAccount server\nHost localhost\nPort {port}\nUser alice\nPass secret\nSSLType {tls}\n\
         CertificateFile {ca}\nAuthMechs LOGIN PLAIN\n\n\
         IMAPStore far\nAccount server\n\n\
         MaildirStore near\nPath {directory_text}/\nInbox {directory_text}/INBOX\nSubFolders Verbatim\n\n\
         Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n"
    );
    let path = directory.join("mbsyncrc");
    std::fs::write(&path, text).unwrap();
    path
}
