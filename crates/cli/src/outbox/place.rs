//! From file or URL to an outbox.

use crate::exit::{Code, Failure};
use postrider::outbox::{PostgresOutbox, SqliteOutbox, Storage};
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Names an outbox for all commands of a shell.
const VARIABLE: &str = "POSTRIDER_OUTBOX";

/// Opens the outbox. Only who puts something in makes a new file.
pub(super) fn open(
    runtime: &Runtime,
    argument: Option<&str>,
    makes: bool,
) -> Result<Arc<dyn Storage>, Failure> {
    let variable = || std::env::var(VARIABLE).ok().filter(|v| !v.is_empty());
    if argument.is_some_and(has_password) {
        return Err(Failure::usage(format!(
            "arguments are visible to every user of this machine: put the URL with its password into the environment \
             variable {VARIABLE} instead"
        )));
    }
    let Some(place) = argument.map(str::to_owned).or_else(variable) else {
        return Err(Failure::usage(format!("there is no outbox: add --outbox FILE, or set {VARIABLE}")));
    };
    if is_url(&place) {
        return Ok(Arc::new(runtime.block_on(PostgresOutbox::connect(&place))?));
    }
    if !makes && !Path::new(&place).exists() {
        let what =
            format!("{place} can't be read: there is no such outbox; `postrider outbox add` makes one");
        return Err(Failure::new(Code::NoInput, what));
    }
    Ok(Arc::new(SqliteOutbox::open(&place)?))
}

fn is_url(place: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| place.starts_with(scheme))
}

/// True if a URL has a password before its host, or among its parameters.
fn has_password(place: &str) -> bool {
    let Some((_, rest)) = place.split_once("://").filter(|_| is_url(place)) else { return false };
    let (authority, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let login = authority.split('/').next().and_then(|a| a.rsplit_once('@')).map(|(login, _)| login);
    login.is_some_and(|login| login.contains(':')) || parameters.contains("password")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_argument_is_seen_wherever_it_stands() {
        for place in
            ["postgres://me:secret@db/x", "postgresql://:s@db", "postgres://db/x?user=me&password=secret"]
        {
            assert!(has_password(place), "{place}");
        }
        for place in ["postgres://me@db/x", "postgres://db:5432/x", "mail:db@x", "postgres:///x?host=/run:1"]
        {
            assert!(!has_password(place), "{place}");
        }
    }
}
