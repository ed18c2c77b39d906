//! Where handled messages are written down.

use crate::exit::Failure;
use postrider::ledger::{Fingerprint, Ledger, PostgresLedger, SqliteLedger};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Opens the ledger that was named, or the one of this mailbox.
pub(super) async fn open(named: Option<&str>, mailbox: &str) -> Result<Arc<dyn Ledger>, Failure> {
    if let Some(url) =
        named.filter(|name| ["postgresql://", "postgres://"].iter().any(|s| name.starts_with(s)))
    {
        return Ok(Arc::new(PostgresLedger::connect(url).await.map_err(postrider::Error::from)?));
    }
    let path = match named {
        Some(path) => PathBuf::from(path),
        None => usual(mailbox)?,
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| Failure::unwritable(folder.display(), &error))?;
    }
    Ok(Arc::new(SqliteLedger::open(path).map_err(postrider::Error::from)?))
}

/// A file for each mailbox, so that two commands for two mailboxes don't meet.
fn usual(mailbox: &str) -> Result<PathBuf, Failure> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")));
    let Some(state) = state else {
        return Err(Failure::usage("there is no HOME to keep the ledger in; name a file: --ledger FILE"));
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '-') { c } else { '_' };
    let name: String = mailbox.chars().map(plain).take(100).collect();
    let print = Fingerprint::of(mailbox.as_bytes()).to_string();
    let start: String = print.chars().take(8).collect();
    Ok(state.join("postrider").join(format!("ledger-{name}-{start}.db")))
}
