//! What is asked of the database.

use crate::ledger::{Entry, MessageKey, Recorded, State};
use postrider_core::MessageId;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};

/// `changed` is in seconds since 1970. States are numbers of [`State`].
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS postrider_ledger (
    mailbox TEXT NOT NULL,
    id TEXT NOT NULL,
    generation TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    reason TEXT NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (mailbox, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS postrider_ledger_fingerprint ON postrider_ledger (mailbox, fingerprint);
";

const NOW: &str = "CAST(strftime('%s', 'now') AS INTEGER)";

fn entry(row: &Row<'_>) -> Result<Entry> {
    Ok(Entry::new(State::of_number(row.get(0)?), row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
}

pub(super) fn entries(db: &Connection, mailbox: &str, ids: &[MessageId]) -> Result<Vec<Option<Entry>>> {
    let mut find = db.prepare_cached(
        "SELECT state, attempts, failures, reason FROM postrider_ledger WHERE mailbox = ?1 AND id = ?2",
    )?;
    ids.iter().map(|id| find.query_row(params![mailbox, id.as_str()], entry).optional()).collect()
}

pub(super) fn recognise(db: &Connection, key: &MessageKey) -> Result<Option<Entry>> {
    // Those that were dealt with first: what has only begun may come again.
    let mut find = db.prepare_cached(
        "SELECT id FROM postrider_ledger WHERE mailbox = ?1 AND fingerprint = ?2 AND (generation <> ?3 OR ?3 = '')
         ORDER BY state = 0, id LIMIT 1",
    )?;
    let print = key.fingerprint.as_bytes().as_slice();
    let found = find.query_row(params![key.mailbox, print, key.generation], |row| row.get::<_, String>(0));
    let Some(id) = found.optional()? else { return Ok(None) };
    // An entry without a lasting key is what it is; the others are this message's from now on.
    if !key.generation.is_empty() {
        let mut take = db.prepare_cached(
            "UPDATE OR REPLACE postrider_ledger SET id = ?3, generation = ?4 WHERE mailbox = ?1 AND id = ?2",
        )?;
        take.execute(params![key.mailbox, id, key.id.as_str(), key.generation])?;
        return Ok(entries(db, &key.mailbox, std::slice::from_ref(&key.id))?.pop().flatten());
    }
    // It was seen: that is its sign of life, for no listing names it. Once a day will do.
    let mut see = db.prepare_cached(&format!(
        "UPDATE postrider_ledger SET changed = {NOW} WHERE mailbox = ?1 AND id = ?2 AND changed <= {NOW} - 86400"
    ))?;
    see.execute(params![key.mailbox, id])?;
    let mut find = db.prepare_cached(
        "SELECT state, attempts, failures, reason FROM postrider_ledger WHERE mailbox = ?1 AND id = ?2",
    )?;
    find.query_row(params![key.mailbox, id], entry).optional()
}

pub(super) fn is_of(db: &Connection, key: &MessageKey) -> Result<bool> {
    let mut find = db.prepare_cached(
        "SELECT 1 FROM postrider_ledger WHERE mailbox = ?1 AND id = ?2 AND fingerprint = ?3",
    )?;
    find.exists(params![key.mailbox, key.id.as_str(), key.fingerprint.as_bytes().as_slice()])
}

pub(super) fn begin(db: &Connection, key: &MessageKey) -> Result<Entry> {
    let mut begin = db.prepare_cached(&format!(
        "INSERT INTO postrider_ledger VALUES (?1, ?2, ?3, ?4, 0, 1, 0, '', {NOW})
         ON CONFLICT (mailbox, id) DO UPDATE SET attempts = attempts + 1, changed = {NOW}
         RETURNING state, attempts, failures, reason"
    ))?;
    let print = key.fingerprint.as_bytes().as_slice();
    begin.query_row(params![key.mailbox, key.id.as_str(), key.generation, print], entry)
}

pub(super) fn fail(db: &Connection, key: &MessageKey, reason: &str) -> Result<Entry> {
    let mut fail = db.prepare_cached(&format!(
        "INSERT INTO postrider_ledger VALUES (?1, ?2, ?3, ?4, 0, 1, 1, ?5, {NOW})
         ON CONFLICT (mailbox, id) DO UPDATE SET failures = failures + 1, reason = ?5, changed = {NOW}
         RETURNING state, attempts, failures, reason"
    ))?;
    let print = key.fingerprint.as_bytes().as_slice();
    fail.query_row(params![key.mailbox, key.id.as_str(), key.generation, print, reason], entry)
}

pub(super) fn postpone(db: &Connection, key: &MessageKey) -> Result<()> {
    let mut postpone = db.prepare_cached(
        "UPDATE postrider_ledger SET attempts = max(attempts - 1, failures) WHERE mailbox = ?1 AND id = ?2 AND state = 0",
    )?;
    postpone.execute(params![key.mailbox, key.id.as_str()]).map(drop)
}

pub(super) fn record(db: &Connection, key: &MessageKey, state: State, reason: &str) -> Result<Recorded> {
    let mut record = db.prepare_cached(&format!(
        "INSERT INTO postrider_ledger VALUES (?1, ?2, ?3, ?4, ?5, 1, 0, ?6, {NOW})
         ON CONFLICT (mailbox, id) DO UPDATE SET state = ?5, reason = ?6, changed = {NOW}, fingerprint = ?4
         WHERE state = 0"
    ))?;
    let print = key.fingerprint.as_bytes().as_slice();
    let changed = record.execute(params![
        key.mailbox,
        key.id.as_str(),
        key.generation,
        print,
        state.number(),
        reason
    ])?;
    Ok(if changed == 0 { Recorded::Already } else { Recorded::New })
}

pub(super) fn forget(db: &Connection, mailbox: &str, held: &[MessageId], days: u32) -> Result<u64> {
    db.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS postrider_held (id TEXT PRIMARY KEY); DELETE FROM postrider_held",
    )?;
    let mut hold = db.prepare_cached("INSERT OR IGNORE INTO postrider_held VALUES (?1)")?;
    for id in held {
        hold.execute([id.as_str()])?;
    }
    // It was seen now: its days begin when it is there no more.
    let mut see = db.prepare_cached(&format!(
        "UPDATE postrider_ledger SET changed = {NOW}
         WHERE mailbox = ?1 AND id IN (SELECT id FROM postrider_held)"
    ))?;
    see.execute([mailbox])?;
    let mut forget = db.prepare_cached(&format!(
        "DELETE FROM postrider_ledger WHERE mailbox = ?1 AND changed <= {NOW} - ?2 * 86400
         AND id NOT IN (SELECT id FROM postrider_held)"
    ))?;
    forget.execute(params![mailbox, days]).map(|n| n as u64)
}
