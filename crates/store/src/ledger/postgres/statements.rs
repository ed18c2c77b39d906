//! What is asked of the database.

use super::connection::Line;
use crate::ledger::{Entry, LedgerError, LedgerErrorKind, MessageKey, Recorded, Result, State};
use std::collections::HashMap;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// States are numbers of [`State`]. Two processes may make the tables at the same time: the lock lets one wait.
const TABLES: &str = "
BEGIN;
SELECT pg_advisory_xact_lock(7020100315);
CREATE TABLE IF NOT EXISTS postrider_ledger (
    mailbox TEXT NOT NULL,
    id TEXT NOT NULL,
    generation TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    reason TEXT NOT NULL,
    changed TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (mailbox, id)
);
CREATE INDEX IF NOT EXISTS postrider_ledger_fingerprint ON postrider_ledger (mailbox, fingerprint);
CREATE TABLE IF NOT EXISTS postrider_lease (
    mailbox TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    token BIGINT NOT NULL,
    ends TIMESTAMPTZ NOT NULL
);
COMMIT";

const ENTRIES: &str = "
SELECT state, attempts, failures, reason, id FROM postrider_ledger WHERE mailbox = $1 AND id = ANY($2)";

const ALIKE: &str = "
SELECT state, attempts, failures, reason, id FROM postrider_ledger
WHERE mailbox = $1 AND fingerprint = $2 AND (generation <> $3::text OR $3::text = '')
ORDER BY state = 0, id LIMIT 1";

const IS_OF: &str = "
SELECT 1 FROM postrider_ledger WHERE mailbox = $1 AND id = $2 AND fingerprint = $3";

const TAKE: &str = "
WITH held AS (SELECT 1 FROM postrider_lease WHERE mailbox = $1 AND token = $5)
UPDATE postrider_ledger SET id = $3, generation = $4
WHERE mailbox = $1 AND id = $2 AND EXISTS (SELECT 1 FROM held)
RETURNING state, attempts, failures, reason";

const BEGIN: &str = "
INSERT INTO postrider_ledger AS ledger
SELECT mailbox, $2::text, $3::text, $4::bytea, 0, 1, 0, '', now() FROM postrider_lease WHERE mailbox = $1 AND token = $5
ON CONFLICT (mailbox, id) DO UPDATE SET attempts = ledger.attempts + 1, changed = now()
RETURNING state, attempts, failures, reason";

const FAIL: &str = "
INSERT INTO postrider_ledger AS ledger
SELECT mailbox, $2::text, $3::text, $4::bytea, 0, 1, 1, $6::text, now() FROM postrider_lease WHERE mailbox = $1 AND token = $5
ON CONFLICT (mailbox, id) DO UPDATE SET failures = ledger.failures + 1, reason = $6, changed = now()
RETURNING state, attempts, failures, reason";

const POSTPONE: &str = "
UPDATE postrider_ledger SET attempts = greatest(attempts - 1, failures)
WHERE mailbox = $1 AND id = $2 AND state = 0
AND EXISTS (SELECT 1 FROM postrider_lease WHERE mailbox = $1 AND token = $3)";

/// Whether the lease is still ours, and whether the key was written.
pub(super) const RECORD: &str = "
WITH held AS (SELECT mailbox FROM postrider_lease WHERE mailbox = $1 AND token = $5),
done AS (
    INSERT INTO postrider_ledger AS ledger
    SELECT mailbox, $2::text, $3::text, $4::bytea, $6::int4, 1, 0, $7::text, now() FROM held
    ON CONFLICT (mailbox, id) DO UPDATE
    SET state = $6, reason = $7, changed = now(), fingerprint = EXCLUDED.fingerprint WHERE ledger.state = 0
    RETURNING 1
)
SELECT EXISTS (SELECT 1 FROM held), EXISTS (SELECT 1 FROM done)";

/// What no listing names is seen when its content is. Once a day will do.
const SEE: &str = "
UPDATE postrider_ledger SET changed = now()
WHERE mailbox = $1 AND id = $2 AND changed <= now() - interval '1 day'";

/// What is held was seen now: its days begin when it is there no more.
const FORGET: &str = "
WITH seen AS (
    UPDATE postrider_ledger SET changed = now() WHERE mailbox = $1 AND id = ANY($2)
),
gone AS (
    DELETE FROM postrider_ledger
    WHERE mailbox = $1 AND changed <= now() - $3::float8 * interval '1 day' AND id <> ALL($2)
    RETURNING 1
)
SELECT count(*) FROM gone";

/// What [`RECORD`] tells.
pub(super) fn was_recorded(place: &str, key: &MessageKey, row: &Row) -> Result<Recorded> {
    let flag = |at: usize| row.try_get::<_, bool>(at).map_err(|e| super::errors::told(place, e));
    match (flag(0)?, flag(1)?) {
        (false, _) => Err(lost(place, &key.mailbox)),
        (true, true) => Ok(Recorded::New),
        (true, false) => Ok(Recorded::Already),
    }
}

fn lost(place: &str, mailbox: &str) -> LedgerError {
    let what = format!("the mailbox {} is another process's by now", mailbox.escape_debug());
    LedgerError::new(LedgerErrorKind::Lost, place, what)
}

/// A key's text and bytes, as values of a statement.
struct Parts<'a> {
    id: &'a str,
    print: &'a [u8],
}

fn parts(key: &MessageKey) -> Parts<'_> {
    Parts { id: key.id.as_str(), print: key.fingerprint.as_bytes() }
}

impl Line {
    pub(super) async fn make_tables(&mut self) -> Result<()> {
        let place = self.place().to_owned();
        let made = self.client().await?.batch_execute(TABLES).await;
        made.map_err(|e| super::errors::told(&place, e))
    }

    fn entry(&self, row: &Row) -> Result<Entry> {
        let read = || -> Result<Entry, tokio_postgres::Error> {
            let count = |at: usize| row.try_get::<_, i32>(at).map(|n| u32::try_from(n).unwrap_or(0));
            let state = State::of_number(row.try_get(0)?);
            Ok(Entry::new(state, count(1)?, count(2)?, row.try_get::<_, String>(3)?))
        };
        read().map_err(|e| self.told(e))
    }

    pub(super) async fn entries(&mut self, mailbox: String, ids: Vec<String>) -> Result<Vec<Option<Entry>>> {
        let mut found = HashMap::new();
        for row in self.query(ENTRIES, &[&mailbox, &ids]).await? {
            let id: String = row.try_get(4).map_err(|e| self.told(e))?;
            found.insert(id, self.entry(&row)?);
        }
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    pub(super) async fn recognise(&mut self, key: MessageKey) -> Result<Option<Entry>> {
        let Parts { id, print } = parts(&key);
        let rows = self.query(ALIKE, &[&key.mailbox, &print, &key.generation]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let old: String = row.try_get(4).map_err(|e| self.told(e))?;
        if key.generation.is_empty() {
            let entry = self.entry(row)?;
            self.query(SEE, &[&key.mailbox, &old]).await?;
            return Ok(Some(entry));
        }
        let taken = self.query(TAKE, &[&key.mailbox, &old, &id, &key.generation, &key.token]).await?;
        match taken.first() {
            Some(row) => self.entry(row).map(Some),
            None => Err(lost(self.place(), &key.mailbox)),
        }
    }

    pub(super) async fn is_of(&mut self, key: MessageKey) -> Result<bool> {
        let Parts { id, print } = parts(&key);
        self.query(IS_OF, &[&key.mailbox, &id, &print]).await.map(|rows| !rows.is_empty())
    }

    pub(super) async fn begin(&mut self, key: MessageKey) -> Result<Entry> {
        let Parts { id, print } = parts(&key);
        let rows = self.query(BEGIN, &[&key.mailbox, &id, &key.generation, &print, &key.token]).await?;
        self.first(&key, &rows)
    }

    pub(super) async fn fail(&mut self, key: MessageKey, reason: String) -> Result<Entry> {
        let Parts { id, print } = parts(&key);
        let reason = storable(&reason);
        let values: [&(dyn ToSql + Sync); 6] =
            [&key.mailbox, &id, &key.generation, &print, &key.token, &reason];
        let rows = self.query(FAIL, &values).await?;
        self.first(&key, &rows)
    }

    fn first(&self, key: &MessageKey, rows: &[Row]) -> Result<Entry> {
        match rows.first() {
            Some(row) => self.entry(row),
            None => Err(lost(self.place(), &key.mailbox)),
        }
    }

    pub(super) async fn postpone(&mut self, key: MessageKey) -> Result<()> {
        let id = key.id.as_str();
        self.query(POSTPONE, &[&key.mailbox, &id, &key.token]).await.map(drop)
    }

    pub(super) async fn record(&mut self, key: MessageKey, state: State, reason: String) -> Result<Recorded> {
        let (number, reason) = (state.number(), storable(&reason));
        let Parts { id, print } = parts(&key);
        let values: [&(dyn ToSql + Sync); 7] =
            [&key.mailbox, &id, &key.generation, &print, &key.token, &number, &reason];
        let rows = self.query(RECORD, &values).await?;
        match rows.first() {
            Some(row) => was_recorded(self.place(), &key, row),
            None => Err(lost(self.place(), &key.mailbox)),
        }
    }

    pub(super) async fn forget(&mut self, mailbox: String, held: Vec<String>, days: u32) -> Result<u64> {
        let rows = self.query(FORGET, &[&mailbox, &held, &f64::from(days)]).await?;
        let count = rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>(0)).map_err(|e| self.told(e))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

/// PostgreSQL keeps no NUL in a text.
fn storable(reason: &str) -> String {
    reason.replace('\0', " ")
}
