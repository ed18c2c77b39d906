//! Mail for Dovecot to give out, written straight into its maildirs.

use crate::Result;
use crate::contender::User;
use bench_common::message;
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

impl User {
    pub fn name(self) -> &'static str {
        match self {
            Self::Many => "u001",
            Self::Large => "u003",
            Self::Folders => "u004",
        }
    }

    /// Messages in its mailbox, or in each of its folders.
    pub fn messages(self, quick: bool) -> u64 {
        match self {
            Self::Many => 10_000,
            Self::Large if quick => 20,
            Self::Large => 100,
            Self::Folders => 100,
        }
    }
}

/// Fills the mailbox of a user below `mail`, unless that was done.
pub fn fill(mail: &Path, user: User, quick: bool) -> Result<()> {
    let home = mail.join(user.name());
    if home.exists() {
        return Ok(());
    }
    let owner = fs::metadata(mail)?;
    let body = message(if user == User::Large { 5 << 20 } else { 4096 });
    let folders: Vec<String> = match user {
        User::Folders => (0..10).map(|i| format!(".b{i:02}")).collect(),
        _ => vec![String::new()],
    };
    for folder in &folders {
        let dir = home.join(folder);
        for part in ["tmp", "new", "cur"] {
            fs::create_dir_all(dir.join(part))?;
        }
        for number in 1..=user.messages(quick) {
            // By these names Dovecot's order is that of the numbers; the sizes save it from looking.
            let name =
                format!("cur/{}.M{number:06}P1.bench,S={1},W={1}:2,", 1_795_000_000 + number, body.len());
            fs::write(dir.join(name), &body)?;
        }
    }
    own(&home, &owner)
}

fn own(path: &Path, owner: &fs::Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    chown(path, Some(owner.uid()), Some(owner.gid()))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            own(&entry?.path(), owner)?;
        }
    }
    Ok(())
}
