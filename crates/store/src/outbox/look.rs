//! What is there.

use super::sql::{Row, Sql};
use super::{Count, Entry, Event, LetterId, Standing, State};
use bytes::Bytes;
use postrider_core::{Error, ErrorKind, Phase, Result};

const COLUMNS: &str = "id, enqueued, expires, sender, message_id, size";

pub(super) async fn list<D: Sql>(
    db: &D,
    state: Option<State>,
    after: LetterId,
    most: usize,
) -> Result<Vec<Entry>> {
    let only = match state {
        None => String::new(),
        Some(state) => {
            format!(" AND id IN (SELECT message FROM postrider_outbox_recipient WHERE state = '{state}')")
        }
    };
    let sql =
        format!("SELECT {COLUMNS} FROM postrider_outbox_message WHERE id > ?1{only} ORDER BY id LIMIT ?2");
    let mut entries = Vec::new();
    for row in db.query(&sql, &[after.0.into(), count(most)]).await? {
        entries.push(entry_of(db, &row).await?);
    }
    Ok(entries)
}

pub(super) async fn entry<D: Sql>(db: &D, letter: LetterId) -> Result<Option<Entry>> {
    let sql = format!("SELECT {COLUMNS} FROM postrider_outbox_message WHERE id = ?1");
    match db.query(&sql, &[letter.0.into()]).await?.first() {
        Some(row) => entry_of(db, row).await.map(Some),
        None => Ok(None),
    }
}

pub(super) async fn message<D: Sql>(db: &D, letter: LetterId) -> Result<Option<Bytes>> {
    let sql = "SELECT bytes FROM postrider_outbox_body WHERE message = ?1";
    let row = db.query(sql, &[letter.0.into()]).await?.pop();
    row.map(|row| row.into_blob(0).map(Bytes::from)).transpose()
}

pub(super) async fn counts<D: Sql>(db: &D) -> Result<Vec<Count>> {
    let sql = "SELECT state, count(*) FROM postrider_outbox_recipient GROUP BY state";
    let mut counts = Vec::new();
    for row in db.query(sql, &[]).await? {
        counts.push(Count { state: named(&row, 0)?, recipients: u64::try_from(row.int(1)?).unwrap_or(0) });
    }
    counts.sort_by_key(|count| count.state);
    Ok(counts)
}

pub(super) async fn events<D: Sql>(
    db: &D,
    letter: Option<LetterId>,
    after: i64,
    most: usize,
) -> Result<Vec<Event>> {
    let only = if letter.is_some() { "message = ?3" } else { "CAST(?3 AS BIGINT) = 0" };
    let sql = format!(
        "SELECT id, at, message, message_id, address, state, tries, status, code, said, why, via \
         FROM postrider_outbox_event WHERE id > ?1 AND {only} ORDER BY id LIMIT ?2"
    );
    let values = [after.into(), count(most), letter.map_or(0, |l| l.0).into()];
    let mut events = Vec::new();
    for row in db.query(&sql, &values).await? {
        events.push(Event {
            number: row.int(0)?,
            at: row.time(1)?,
            letter: LetterId(row.int(2)?),
            message_id: row.text(3)?,
            address: row.text(4)?,
            state: named(&row, 5)?,
            tries: u32::try_from(row.int(6)?).unwrap_or(u32::MAX),
            reply: row.reply(7)?,
            why: row.maybe_text(10)?,
            via: row.maybe_text(11)?,
        });
    }
    Ok(events)
}

async fn entry_of<D: Sql>(db: &D, row: &Row) -> Result<Entry> {
    let id = row.int(0)?;
    let sql = "SELECT address, state, tries, due, changed, status, code, said, why, via \
               FROM postrider_outbox_recipient WHERE message = ?1 ORDER BY n";
    let mut recipients = Vec::new();
    for row in db.query(sql, &[id.into()]).await? {
        let state = named(&row, 1)?;
        let waits = matches!(state, State::Queued | State::Deferred);
        recipients.push(Standing {
            address: row.text(0)?,
            state,
            tries: u32::try_from(row.int(2)?).unwrap_or(u32::MAX),
            due: row.maybe_time(3)?.filter(|_| waits),
            since: row.time(4)?,
            reply: row.reply(5)?,
            why: row.maybe_text(8)?,
            via: row.maybe_text(9)?,
        });
    }
    Ok(Entry {
        id: LetterId(id),
        enqueued: row.time(1)?,
        expires: row.maybe_time(2)?,
        sender: row.maybe_text(3)?,
        message_id: row.text(4)?,
        size: u64::try_from(row.int(5)?).unwrap_or(0),
        recipients,
    })
}

fn named(row: &Row, column: usize) -> Result<State> {
    let name = row.text(column)?;
    State::named(&name).ok_or_else(|| {
        let what =
            format!("the outbox holds a state that this program does not know: {}", name.escape_debug());
        Error::new(ErrorKind::Unsupported, Phase::List, what)
            .with_advice("use the version of the program that wrote it, or a later one")
    })
}

fn count(most: usize) -> super::sql::Value {
    i64::try_from(most).unwrap_or(i64::MAX).into()
}
