//! A maildir as the handler.

use postrider::ledger::Fingerprint;
use postrider::{Answer, Arrival, Handler, HandlerError, async_trait};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Delivers each message into `new/`, whole and on disk. One that was delivered before it could be written down is
/// found by its name and not delivered again.
pub(super) struct Maildir(PathBuf);

impl Maildir {
    /// Makes the directories that are missing, for their owner only.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        for part in ["tmp", "new", "cur"] {
            DirBuilder::new().recursive(true).mode(0o700).create(directory.join(part))?;
        }
        // A directory that was just made is there after a power cut only if the one above says so on the disk.
        let whole = fs::canonicalize(directory)?;
        for above in whole.ancestors() {
            // Not every one of them is ours to open; those that were made are.
            if let Err(error) = File::open(above).and_then(|above| above.sync_all())
                && above == whole
            {
                return Err(error);
            }
        }
        Ok(Self(directory.to_owned()))
    }

    /// What the name ends with: of the key as well, for two messages may have the same content.
    fn unique(arrival: &Arrival) -> String {
        let key = Fingerprint::of(arrival.key().id.as_str().as_bytes()).to_string();
        let content = arrival.fingerprint().to_string();
        let start = |text: &str| text.chars().take(20).collect::<String>();
        format!(".{}{}.postrider", start(&content), start(&key))
    }

    fn is_there(&self, unique: &str) -> io::Result<bool> {
        for part in ["new", "cur"] {
            for entry in fs::read_dir(self.0.join(part))? {
                let name = entry?.file_name();
                let name = name.to_string_lossy();
                if name.split(':').next().is_some_and(|name| name.ends_with(unique)) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    async fn deliver(&self, arrival: &Arrival) -> Result<(), HandlerError> {
        let unique = Self::unique(arrival);
        // The first time nobody can have delivered it.
        if arrival.attempt() > 1 && self.is_there(&unique)? {
            return Ok(());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let name = format!("{now}{unique}");
        let temporary = self.0.join("tmp").join(&name);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        let mut body = arrival.body();
        while let Some(chunk) = body.chunk().await? {
            file.write_all(&chunk)?;
        }
        file.sync_all()?;
        fs::rename(&temporary, self.0.join("new").join(&name))?;
        File::open(self.0.join("new"))?.sync_all()?;
        Ok(())
    }
}

#[async_trait]
impl Handler for Maildir {
    async fn handle(&self, arrival: Arrival) -> Result<Answer, HandlerError> {
        self.deliver(&arrival).await?;
        Ok(Answer::Done)
    }
}
