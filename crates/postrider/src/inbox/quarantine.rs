//! Where messages go that can't be handled.

use super::Arrival;
use crate::Spool;
use postrider_core::{Error, ErrorKind, Phase, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Where a message goes that was refused or failed too often. It never blocks the others, and is never lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quarantine {
    /// It stays where it is and is not handed over again.
    #[default]
    Keep,
    /// It is moved into this mailbox of the account.
    Move(String),
    /// It is written into this directory, as `<fingerprint>.eml`, and the reason beside it, as `<fingerprint>.txt`.
    /// Then it is settled as if it had been handled.
    Folder(PathBuf),
}

/// Writes a message and the reason into a directory, durably. Once more changes nothing but the reason.
pub(super) async fn put(folder: &Path, arrival: &Arrival, reason: &str) -> Result<()> {
    let name = arrival.fingerprint().to_string();
    let failed = |error: io::Error| unwritable(folder, &error);
    fs::create_dir_all(folder).map_err(failed)?;
    let whole = folder.join(format!("{name}.eml"));
    if !is_there(&whole, arrival.len()) {
        let part = folder.join(format!(".{name}.part"));
        write(&part, arrival.spool()).await.map_err(|e| match e {
            Failed::Message(error) => error,
            Failed::File(error) => failed(error),
        })?;
        fs::rename(&part, &whole).map_err(failed)?;
    }
    let told = format!("{}\n{}\n", arrival.id(), reason.replace(|c: char| c.is_control(), " "));
    let mut file = File::create(folder.join(format!("{name}.txt"))).map_err(failed)?;
    file.write_all(told.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    // The folder may have been made just now, and those above it; not every one of them is ours to open.
    for above in folder.canonicalize().map_err(failed)?.ancestors().skip(1) {
        let _ = File::open(above).and_then(|above| above.sync_all());
    }
    Ok(())
}

/// The name is the content's: what has the length has the content.
fn is_there(path: &Path, length: u64) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() == length)
}

enum Failed {
    Message(Error),
    File(io::Error),
}

async fn write(path: &Path, content: &Spool) -> Result<(), Failed> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).open(path).map_err(Failed::File)?;
    let mut body = content.body();
    while let Some(chunk) = body.chunk().await.map_err(Failed::Message)? {
        file.write_all(&chunk).map_err(Failed::File)?;
    }
    file.sync_all().map_err(Failed::File)
}

fn unwritable(folder: &Path, error: &io::Error) -> Error {
    let what = format!("the quarantine {} can't be written: {error}", folder.display());
    Error::new(ErrorKind::Limit, Phase::Settle, what)
        .with_advice("make room, or let this user write there; the message stays in the mailbox until then")
}
