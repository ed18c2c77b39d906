//! The record of what has been handled: the effect of a reply and its key, made durable in one step.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// What this program wants to know of a reply.
pub(crate) struct Reply {
    pub(crate) from: String,
    pub(crate) subject: String,
}

/// A file with a line for each reply: key, sender, subject, with tabs between.
///
/// A real program would do the work of a reply and write its key in one transaction of its database; a line
/// that is there or not is the same idea. It grows for good here. Keys of messages that are no longer in
/// the mailbox could be dropped now and then.
pub(crate) struct Record {
    file: File,
    keys: HashSet<String>,
}

impl Record {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        // Two at a time would handle the same replies.
        file.try_lock().map_err(|e| io::Error::other(format!("{}: {e}", path.display())))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        // A line without its end was cut by a crash: its reply was never settled and comes again.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        text.truncate(whole);
        file.set_len(whole as u64)?;
        file.sync_all()?;
        sync_directory(path)?;
        file.seek(SeekFrom::End(0))?;
        let text = String::from_utf8_lossy(&text);
        let keys = text.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect();
        Ok(Self { file, keys })
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Returns only when the line is on the disk: after that the message may be deleted.
    pub(crate) fn add(&mut self, key: &str, reply: &Reply) -> io::Result<()> {
        // What a stranger wrote must not look like a line of its own.
        let plain = |text: &str| text.replace(|c: char| c.is_control(), " ");
        let line = format!("{key}\t{}\t{}\n", plain(&reply.from), plain(&reply.subject));
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()?;
        self.keys.insert(key.to_owned());
        Ok(())
    }
}

/// A new file is there after a crash only if its directory was written too.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Elsewhere than on Unix a directory can't be opened, and needn't be.
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
