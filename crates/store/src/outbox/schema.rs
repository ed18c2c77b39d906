//! The tables. They may stand in a host app's own database, so that its transactions reach them.

use super::sql::Sql;
use postrider_core::{Error, ErrorKind, Phase, Result};

/// What these statements make. A change of it comes with a statement that leads from the one before.
const VERSION: i64 = 1;

/// Makes what is not there. `number` and `bytes` are what the database calls such columns.
///
/// Bytes have a table of their own, for what changes often should be small.
pub(super) fn statements(number: &str, bytes: &str) -> Vec<String> {
    let tables = [
        "schema_version (version BIGINT NOT NULL PRIMARY KEY)",
        "message (id {number}, enqueued BIGINT NOT NULL, expires BIGINT, sender TEXT, envid TEXT, ret TEXT, \
         message_id TEXT NOT NULL, size BIGINT NOT NULL, next BIGINT, done BIGINT)",
        "body (message BIGINT NOT NULL PRIMARY KEY, bytes {bytes} NOT NULL)",
        "recipient (message BIGINT NOT NULL, n BIGINT NOT NULL, address TEXT NOT NULL, notify TEXT, original TEXT, \
         state TEXT NOT NULL, tries BIGINT NOT NULL, due BIGINT NOT NULL, changed BIGINT NOT NULL, claim BIGINT, \
         worker TEXT, status TEXT, code TEXT, said TEXT, why TEXT, via TEXT, PRIMARY KEY (message, n))",
        "event (id {number}, at BIGINT NOT NULL, message BIGINT NOT NULL, message_id TEXT NOT NULL, \
         address TEXT NOT NULL, state TEXT NOT NULL, tries BIGINT NOT NULL, status TEXT, code TEXT, said TEXT, \
         why TEXT, via TEXT)",
        "worker (id TEXT NOT NULL PRIMARY KEY, alive_until BIGINT NOT NULL)",
    ];
    let indexes = [
        "next ON postrider_outbox_message (next) WHERE next IS NOT NULL",
        "done ON postrider_outbox_message (done) WHERE done IS NOT NULL",
        "worker ON postrider_outbox_recipient (worker) WHERE worker IS NOT NULL",
        "state ON postrider_outbox_recipient (state)",
        "message ON postrider_outbox_event (message)",
    ];
    let table = |text: &&str| {
        let text = text.replace("{number}", number).replace("{bytes}", bytes);
        format!("CREATE TABLE IF NOT EXISTS postrider_outbox_{text}")
    };
    let index = |text: &&str| format!("CREATE INDEX IF NOT EXISTS postrider_outbox_by_{text}");
    let version = "INSERT INTO postrider_outbox_schema_version (version) SELECT {version} \
                   WHERE NOT EXISTS (SELECT 1 FROM postrider_outbox_schema_version)"
        .replace("{version}", &VERSION.to_string());
    tables.iter().map(table).chain(indexes.iter().map(index)).chain([version]).collect()
}

/// Refuses tables that a later version of this library made.
pub(super) async fn check<D: Sql>(db: &D) -> Result<()> {
    let rows = db.query("SELECT max(version) FROM postrider_outbox_schema_version", &[]).await?;
    match rows.first().map(|row| row.maybe_int(0)).transpose()?.flatten() {
        Some(VERSION) => Ok(()),
        found => {
            let found = found.map_or("none".to_owned(), |n| n.to_string());
            let what = format!("the outbox's tables are of version {found}, this program knows {VERSION}");
            Err(Error::new(ErrorKind::Unsupported, Phase::Configure, what)
                .with_advice("use the version of the program that made them, or a later one"))
        }
    }
}
