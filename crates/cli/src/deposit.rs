//! Messages as files: whole, on disk, under a name of their own, or not there at all.

use crate::exit::{Code, Failure};
use postrider::{Body, MessageId};
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// More files of one key than this are not for people any more.
const MOST_NAMES: usize = 1_000;
/// File names have at most 255 bytes on common file systems; the rest is for a number and `.eml`.
const LONGEST: usize = 200;

/// A directory that messages are written into.
pub(crate) struct Deposit {
    directory: PathBuf,
}

/// A message that is on its way into the directory. Dropped, it leaves nothing behind.
pub(crate) struct Incoming<'a> {
    deposit: &'a Deposit,
    file: NamedTempFile,
    length: u64,
}

/// Where a message is now.
pub(crate) struct Deposited {
    pub(crate) path: PathBuf,
    pub(crate) length: u64,
    /// False if the same content was there already.
    pub(crate) new: bool,
}

impl Deposit {
    /// Opens the directory, or makes it, for its owner only.
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        if directory.exists() && !directory.is_dir() {
            let shown = directory.display();
            let what =
                format!("messages can't be written into {shown}: it is a file; --output takes a directory");
            return Err(Failure::new(Code::CantCreate, what));
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|e| Failure::unwritable(directory.display(), &e))?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// Begins a message.
    pub(crate) fn begin(&self) -> Result<Incoming<'_>, Failure> {
        let file = Builder::new().prefix(".postrider-").suffix(".part").tempfile_in(&self.directory);
        let file = file.map_err(|e| Failure::unwritable(self.directory.display(), &e))?;
        Ok(Incoming { deposit: self, file, length: 0 })
    }

    /// Makes sure that the names of finished messages are on disk too.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        let synced = File::open(&self.directory).and_then(|directory| directory.sync_all());
        synced.map_err(|e| Failure::unwritable(self.directory.display(), &e))
    }
}

impl Incoming<'_> {
    /// Adds a chunk.
    pub(crate) fn add(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.length += chunk.len() as u64;
        self.file.write_all(chunk).map_err(|e| Failure::unwritable(self.deposit.directory.display(), &e))
    }

    /// Flushes the whole message to disk and gives it its name. Never overwrites: the same content under
    /// that name is left as it is, another gets a number.
    pub(crate) fn finish(self, id: &MessageId) -> Result<Deposited, Failure> {
        let stem = stem(id.as_str());
        let mut file = self.file;
        let length = self.length;
        file.as_file().sync_all().map_err(|e| Failure::unwritable(file.path().display(), &e))?;
        for number in 1..=MOST_NAMES {
            let name = if number == 1 { format!("{stem}.eml") } else { format!("{stem}.{number}.eml") };
            let path = self.deposit.directory.join(name);
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(Deposited { path, length, new: true }),
                Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                    file = failed.file;
                    if same(file.path(), &path).map_err(|e| Failure::unreadable(path.display(), &e))? {
                        return Ok(Deposited { path, length, new: false });
                    }
                }
                Err(failed) => return Err(Failure::unwritable(path.display(), &failed.error)),
            }
        }
        let directory = self.deposit.directory.display();
        Err(Failure::unwritable(
            directory,
            &io::Error::other(format!("{stem}.eml is there {MOST_NAMES} times already")),
        ))
    }
}

/// Hands a body over chunk by chunk.
pub(crate) async fn each_chunk(
    mut body: Body<'_>,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    while let Some(chunk) = body.chunk().await? {
        take(&chunk)?;
    }
    Ok(())
}

/// A file name for a key: another key, another name, as far as there is room. `:` after the scheme and `/`
/// become `_`; what is not a letter, digit, `@`, `-` or a dot inside becomes `%` and its number.
fn stem(key: &str) -> String {
    let (scheme, rest) = key.split_once(':').unwrap_or(("", key));
    let mut out = String::with_capacity(key.len() + 8);
    escape(scheme, &mut out);
    for part in rest.split('/') {
        out.push('_');
        escape(part, &mut out);
    }
    if out.len() <= LONGEST {
        return out;
    }
    // All ASCII: any cut is at a character.
    out.truncate(LONGEST - 17);
    format!("{out}-{:016x}", fingerprint(key))
}

fn escape(part: &str, out: &mut String) {
    for (i, byte) in part.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'-') || (byte == b'.' && i > 0);
        if plain { out.push(char::from(byte)) } else { out.push_str(&format!("%{byte:02X}")) }
    }
}

/// FNV-1a: the same in every version of this program. Two keys of one fingerprint cost a number in the name.
fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// True if two files have the same content. What is there under that name may be anything but a file.
fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let about = std::fs::symlink_metadata(other)?;
    if !about.is_file() || about.len() != std::fs::metadata(one)?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut a, mut b) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let n = one.read(&mut a)?;
        let (Some(a), Some(b)) = (a.get(..n), b.get_mut(..n)) else { return Ok(false) };
        match other.read_exact(b) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            outcome => outcome?,
        }
        if a != b {
            return Ok(false);
        }
        if n == 0 {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(deposit: &Deposit, key: &str, content: &[u8]) -> Deposited {
        let mut incoming = deposit.begin().unwrap();
        incoming.add(content).unwrap();
        incoming.finish(&MessageId::parse(key).unwrap()).unwrap()
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_half_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let deposit = Deposit::open(&directory.path().join("a/b")).unwrap();
        let first = put(&deposit, "imap:me/INBOX/1/2", b"one");
        let again = put(&deposit, "imap:me/INBOX/1/2", b"one");
        let other = put(&deposit, "imap:me/INBOX/1/2", b"two");
        assert!(first.new && !again.new && other.new);
        assert_eq!(first.path, again.path);
        assert!(other.path.ends_with("imap_me_INBOX_1_2.2.eml"), "{}", other.path.display());
        assert_eq!(std::fs::read(first.path).unwrap(), b"one");
        drop(deposit.begin().unwrap());
        deposit.sync().unwrap();
        assert_eq!(std::fs::read_dir(directory.path().join("a/b")).unwrap().count(), 2);
    }

    #[test]
    fn names_stay_in_the_directory_and_apart() {
        let keys =
            ["imap:a_b/c", "imap:a/b_c", "imap:a/b/c", "imap:a%2Fb/c", "pop3:me/../../etc/passwd", "pop3:.x"];
        let names: Vec<String> = keys.iter().map(|key| stem(key)).collect();
        for (i, name) in names.iter().enumerate() {
            assert!(!name.contains('/') && !name.starts_with('.') && !names[..i].contains(name), "{name}");
        }
        let long = |end: &str| stem(&format!("pop3:me/{}{end}", "x".repeat(500)));
        assert!(long("a").len() <= LONGEST && long("a") != long("b"));
    }
}
