//! Secrets in files: reading them, and saving a new one so that the old stays whole until the new one is.

use super::{MOST, missing, secret};
use postrider_core::{Error, Result, Secret};
use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::BuildHasher;
use std::io::{self, Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// A secret that was read.
pub(crate) struct Found {
    pub(crate) secret: Secret,
    /// Others than the owner can read the file.
    pub(crate) open_to_others: bool,
}

/// Reads a secret. Blocking.
pub(crate) fn read(path: &Path) -> Result<Found> {
    let shown = format!("the file \"{}\"", path.display().to_string().escape_debug());
    let unreadable = |error: io::Error| {
        missing(format!("{shown} can't be read: {error}"))
            .with_advice("check the path and that this program may read the file")
    };
    // Before it is opened: opening a pipe would wait for somebody to write into it.
    let about = fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(missing(format!("{shown} is not a regular file")));
    }
    // Room for all of it from the start: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(MOST).unwrap_or_default() + 1));
    let file = File::open(path).map_err(unreadable)?;
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST {
        return Err(missing(format!("{shown} holds more than a secret: above {MOST} bytes")));
    }
    Ok(Found { secret: secret(&bytes, &shown)?, open_to_others: is_open_to_others(&about) })
}

/// Puts a new secret in the place of the old one: whoever reads the file, and whatever goes wrong meanwhile, there
/// is the old one or the new one. When this is done the new one is on the disk. Blocking.
pub(crate) fn save(path: &Path, secret: &Secret) -> Result<()> {
    replace(path, secret).map_err(|error: io::Error| unsaved(path, &error))
}

fn replace(path: &Path, secret: &Secret) -> io::Result<()> {
    // The file itself, not a link to it.
    let path = fs::canonicalize(path)?;
    let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
    let name = path.file_name().ok_or(io::ErrorKind::NotFound)?.to_string_lossy();
    // A name nobody else has, in no process, container or machine: half of another's must never be put in place. The
    // hasher's keys are random.
    let own = RandomState::new().hash_one(std::process::id());
    let new = folder.join(format!(".{name}.{own:016x}.new"));
    let done = write(&new, secret).and_then(|()| fs::rename(&new, &path));
    if done.is_err() {
        // What is there of it is of no use to anybody.
        let _ = fs::remove_file(&new);
    }
    done?;
    sync_folder(folder)
}

fn write(path: &Path, secret: &Secret) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let line = Zeroizing::new(format!("{}\n", secret.expose()));
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

/// Makes the renaming last.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn unsaved(path: &Path, error: &io::Error) -> Error {
    let shown = path.display().to_string();
    missing(format!(
        "the new refresh token can't be saved in \"{}\": {error}; the one in there may be worth nothing any more",
        shown.escape_debug()
    ))
    .with_advice(
        "let this program write the file and its folder and free some space; the new token is kept in memory and \
         saved with the next try",
    )
}

#[cfg(unix)]
fn is_open_to_others(about: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_new_secret_takes_the_place_of_the_old_one_whole_and_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("refresh"), folder.path().join("link"));
        fs::write(&path, "old\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&path, &link).unwrap();
        assert!(read(&path).unwrap().open_to_others);
        save(&link, &"new".into()).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let found = read(&path).unwrap();
        assert_eq!((found.secret.expose(), found.open_to_others), ("new", false));
        assert_eq!(fs::read(&path).unwrap(), b"new\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left over");
    }

    #[test]
    fn whenever_a_process_is_killed_while_it_saves_a_whole_secret_is_there() {
        const PATH: &str = "POSTRIDER_SAVE_UNTIL_KILLED";
        // Long enough for several writes.
        let secrets = ["a", "b"].map(|letter| Secret::new(letter.repeat(60_000)));
        if let Some(path) = std::env::var_os(PATH) {
            for secret in secrets.iter().cycle() {
                save(Path::new(&path), secret).unwrap();
                writeln!(io::stdout(), "saved").unwrap();
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("refresh");
        fs::write(&path, "").unwrap();
        save(&path, &secrets[0]).unwrap();
        for round in 1..20 {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "--nocapture"])
                .arg("secrets::file::tests::whenever_a_process_is_killed_while_it_saves_a_whole_secret_is_there")
                .env(PATH, &path)
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let lines = io::BufRead::lines(io::BufReader::new(child.stdout.take().unwrap()));
            let saved = lines.map(Result::unwrap).filter(|line| line.ends_with("saved")).take(round).count();
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(saved, round);
            let found = read(&path).unwrap().secret;
            assert!(secrets.iter().any(|secret| secret.expose() == found.expose()), "round {round}");
        }
    }

    #[test]
    fn two_who_save_at_once_never_leave_half_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("refresh");
        fs::write(&path, "a\n").unwrap();
        let secrets = ["a", "b"].map(|letter| Secret::new(letter.repeat(60_000)));
        save(&path, &secrets[0]).unwrap();
        std::thread::scope(|scope| {
            // Two hosts of one process; two processes of two containers may have one number too.
            let writers = secrets.each_ref().map(|secret| {
                scope.spawn(|| (0..100).try_for_each(|_| save(&path, secret)).map_err(|e| e.to_string()))
            });
            while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                let found = read(&path).unwrap().secret;
                assert!(secrets.iter().any(|secret| secret.expose() == found.expose()));
            }
            writers.into_iter().for_each(|writer| assert_eq!(writer.join().unwrap(), Ok(())));
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn a_save_that_fails_leaves_the_old_one_whole() {
        let folder = tempfile::tempdir().unwrap();
        // There is no room in a name for the new one's.
        let path = folder.path().join("r".repeat(250));
        fs::write(&path, "old\n").unwrap();
        let error = save(&path, &"hunter2".into()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2") && error.message().contains("rrr\""));
        assert_eq!(read(&path).unwrap().secret.expose(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
