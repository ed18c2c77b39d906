//! A mailbox for one test, seen through the file system: what is in it is counted without any of our code.

use crate::servers::Servers;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Longest time for a message to come through Postfix.
const PATIENCE: Duration = Duration::from_secs(60);

/// An empty mailbox that no other test uses.
#[derive(Debug)]
pub struct Mailbox {
    servers: &'static Servers,
    user: String,
}

impl Mailbox {
    /// Takes one of the mailboxes that were made for this.
    ///
    /// # Panics
    /// If all are taken: the servers have run for long enough.
    pub fn claim(servers: &'static Servers) -> Self {
        let claims = servers.folder().join("claims");
        fs::create_dir_all(&claims).expect("a folder for claims");
        let free: u32 = servers.setting("FREE_USERS").parse().expect("a number");
        // Made or not made: of two processes that want the same one only one gets it.
        let user = (1..=free)
            .map(|n| format!("u{n:03}"))
            .find(|user| fs::OpenOptions::new().write(true).create_new(true).open(claims.join(user)).is_ok());
        Self { servers, user: user.expect("a mailbox that nobody has claimed; start the servers anew") }
    }

    /// The mailbox of a user who is known by name, for a test that no other test disturbs there.
    pub fn of(servers: &'static Servers, user: &str) -> Self {
        Self { servers, user: user.to_owned() }
    }

    /// Deletes the messages of a folder, behind the servers' backs. What the servers remember of it stays.
    ///
    /// # Panics
    /// If the file system says no.
    pub fn clear(&self, folder: &str) {
        // A file that the server renames in between is found under its new name.
        while !self.files(folder).is_empty() {
            for file in self.files(folder) {
                match fs::remove_file(&file) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        panic!("{}: {error}", file.display())
                    }
                    _ => {}
                }
            }
        }
    }

    /// The name to sign in with.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("{}@example.test", self.user)
    }

    /// Puts a message into INBOX, behind the servers' backs.
    pub fn deposit(&self, message: &[u8]) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        self.create("INBOX");
        let folder = self.maildir("INBOX");
        // Names in the order of arrival, because Dovecot numbers new files by their names.
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("1700000000.M{n:06}P{}.test", std::process::id());
        let temporary = folder.join("tmp").join(&name);
        fs::write(&temporary, message).expect("a file in the maildir");
        self.give(&temporary);
        fs::rename(&temporary, folder.join("new").join(&name)).expect("a rename within the maildir");
    }

    /// Makes a folder, if it is not there. `INBOX` or a name as IMAP writes it, in modified UTF-7.
    ///
    /// # Panics
    /// If the file system says no.
    pub fn create(&self, folder: &str) {
        let folder = self.maildir(folder);
        for part in ["", "tmp", "new", "cur"] {
            let path = folder.join(part);
            fs::create_dir_all(&path).expect("a maildir");
            self.give(&path);
        }
    }

    /// Gives a file to the servers' user.
    fn give(&self, path: &Path) {
        let owner = fs::metadata(self.servers.folder().join("mail")).expect("the mail folder");
        chown(path, Some(owner.uid()), Some(owner.gid())).expect("root may give files away");
    }

    /// The messages in a folder, as files, without those marked as deleted.
    pub fn files(&self, folder: &str) -> Vec<PathBuf> {
        let maildir = self.maildir(folder);
        let mut found = Vec::new();
        for part in ["new", "cur"] {
            let Ok(entries) = fs::read_dir(maildir.join(part)) else { continue };
            found.extend(entries.flatten().map(|e| e.path()));
        }
        found.sort();
        found
    }

    /// The bytes of the messages in a folder, as they are on disk: lines end in LF.
    pub fn messages(&self, folder: &str) -> Vec<Vec<u8>> {
        // A file that the server renames in between is found under its new name.
        loop {
            let read: Result<Vec<_>, _> = self.files(folder).iter().map(fs::read).collect();
            if let Ok(messages) = read {
                return messages;
            }
        }
    }

    /// Waits until INBOX has at least so many messages and gives them.
    ///
    /// # Panics
    /// If they don't come.
    pub fn arrived(&self, count: usize) -> Vec<Vec<u8>> {
        until(&format!("{count} messages for {}", self.user), || self.files("INBOX").len() >= count);
        self.messages("INBOX")
    }

    /// Waits until Postfix has delivered all it has and gives what is in INBOX then.
    ///
    /// # Panics
    /// If Postfix keeps something.
    pub fn settled(&self) -> Vec<Vec<u8>> {
        until("an empty queue", || self.servers.is_queue_empty());
        self.messages("INBOX")
    }

    fn maildir(&self, folder: &str) -> PathBuf {
        let home = self.servers.folder().join("mail").join(&self.user);
        if folder == "INBOX" { home } else { home.join(format!(".{folder}")) }
    }
}

/// Looks again and again until it is so; a real server gives no other sign.
///
/// # Panics
/// If it takes longer than a minute.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// True if a maildir file carries this flag, `S` for seen.
pub fn has_flag(file: &Path, flag: char) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.rsplit_once(":2,").is_some_and(|(_, flags)| flags.contains(flag))
}
