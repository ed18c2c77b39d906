//! PostgreSQL, started once for a test binary by `tests/servers/postgres` and stopped when it ends, however it ends.

use crate::workspace;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A running database.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    /// Stops it when its standard input ends: with this process, even if it is killed.
    _guardian: Option<Child>,
}

impl Postgres {
    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The database for a test, or `None` after saying on stderr that it is skipped and why.
///
/// With `POSTRIDER_POSTGRES=DIR/postgres.env` it is the one that runs there already.
///
/// # Panics
/// If it is installed and does not start; with `CI=true` also instead of skipping.
pub fn or_skip(test: &str) -> Option<&'static Postgres> {
    static POSTGRES: OnceLock<Result<Postgres, String>> = OnceLock::new();
    match POSTGRES.get_or_init(start) {
        Ok(postgres) => Some(postgres),
        Err(why) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
            panic!("PostgreSQL: {why}; with CI=true nothing is skipped")
        }
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "SKIPPED: PostgreSQL: {test}: {why}");
            None
        }
    }
}

fn start() -> Result<Postgres, String> {
    if let Some(file) = std::env::var_os("POSTRIDER_POSTGRES") {
        return Ok(Postgres { url: url(Path::new(&file)), _guardian: None });
    }
    if std::env::var("POSTRIDER_REAL_SERVERS").is_ok_and(|word| word == "skip") {
        return Err("POSTRIDER_REAL_SERVERS=skip".into());
    }
    if !Path::new("/usr/lib/postgresql").is_dir() {
        return Err("there is none; tests/servers/postgres install brings it".into());
    }
    let dir = std::env::temp_dir().join(format!("postrider-pg-{}", std::process::id()));
    let run = workspace::root().join("tests/servers/postgres");
    let file = workspace::output(Command::new(&run).arg("start").arg(&dir));
    let guardian = Command::new("bash")
        .args(["-c", r#"cat >/dev/null; "$1" stop "$2"; rm -rf "$2""#, "guardian"])
        .args([&run, &dir])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("bash starts");
    Ok(Postgres { url: url(Path::new(file.trim())), _guardian: Some(guardian) })
}

fn url(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let url = text.lines().find_map(|line| line.strip_prefix("POSTGRES_URL="));
    url.expect("POSTGRES_URL in postgres.env").to_owned()
}
