//! What time does.

use super::claim::{letters_of, refresh};
use super::settle::{Change, Subject, decided, tell, write};
use super::sql::{Sql, Value};
use super::{Event, State, Terms};
use postrider_core::Result;

/// Most messages that one sweep forgets or lets expire: the next one goes on.
const MOST: i64 = 500;

const STOPPED: &str = "its worker stopped while it was being sent: it may have arrived";
const TOO_OLD: &str = "too old to be tried again";

pub(super) async fn sweep<D: Sql>(db: &D, terms: &Terms) -> Result<Vec<Event>> {
    let now = db.now().await?;
    let mut events = Vec::new();
    let sql = format!("SELECT id FROM postrider_outbox_worker WHERE alive_until < ?1{}", D::LOCK_FREE_ROWS);
    for row in db.query(&sql, &[now.into()]).await? {
        let worker = row.text(0)?;
        for letter in letters_of(db, &worker).await? {
            events.extend(orphan(db, letter, &worker, terms).await?);
        }
        db.run("DELETE FROM postrider_outbox_worker WHERE id = ?1", &[worker.as_str().into()]).await?;
    }
    events.extend(expire(db, now, terms).await?);
    forget(db, now, terms).await?;
    Ok(events)
}

/// A message of a worker that is dead. What it had claimed goes back: its transport can't have had the end of the
/// message, for that is given out only once `sending` is recorded.
async fn orphan<D: Sql>(db: &D, letter: i64, worker: &str, terms: &Terms) -> Result<Vec<Event>> {
    let Some(subject) = Subject::of(db, letter, terms).await? else { return Ok(Vec::new()) };
    let sql = "UPDATE postrider_outbox_recipient SET state = 'queued', worker = NULL, due = ?3, changed = ?3 \
               WHERE message = ?1 AND worker = ?2 AND state = 'claimed'";
    db.run(sql, &[letter.into(), worker.into(), subject.now.into()]).await?;
    let sql = "SELECT n, address FROM postrider_outbox_recipient \
               WHERE message = ?1 AND worker = ?2 AND state = 'sending' ORDER BY n";
    let mut events = Vec::new();
    for row in db.query(sql, &[letter.into(), worker.into()]).await? {
        let (n, address) = (row.int(0)?, row.text(1)?);
        let (state, due) = (State::Unsure, subject.now);
        let unsure = Change { n, state, due, is_try: true, reply: None, why: Some(STOPPED), via: None };
        for (change, from) in
            [(Some(unsure), State::Sending), (decided(n, terms.on_unsure, due), State::Unsure)]
        {
            let Some(change) = change else { continue };
            let guard = format!("state = '{from}' AND CAST(?11 AS BIGINT) = 0");
            if let Some(tries) = write(db, &subject, &change, &guard, None).await? {
                events.push(tell(db, &subject, &change, &address, tries).await?);
            }
        }
    }
    refresh(db, letter, subject.now).await?;
    Ok(events)
}

/// What waits beyond its time is given up.
async fn expire<D: Sql>(db: &D, now: i64, terms: &Terms) -> Result<Vec<Event>> {
    let sql = format!(
        "SELECT id FROM postrider_outbox_message WHERE next IS NOT NULL AND COALESCE(expires, enqueued + ?1) <= ?2 \
         ORDER BY id LIMIT ?3{}",
        D::LOCK_FREE_ROWS
    );
    let mut events = Vec::new();
    for row in db.query(&sql, &[Value::ms(terms.expire).into(), now.into(), MOST.into()]).await? {
        let letter = row.int(0)?;
        let Some(subject) = Subject::of(db, letter, terms).await? else { continue };
        let sql = "SELECT n, address FROM postrider_outbox_recipient \
                   WHERE message = ?1 AND state IN ('queued', 'deferred') ORDER BY n";
        for row in db.query(sql, &[letter.into()]).await? {
            let (n, address) = (row.int(0)?, row.text(1)?);
            let (state, due) = (State::Expired, subject.now);
            let change = Change { n, state, due, is_try: false, reply: None, why: Some(TOO_OLD), via: None };
            let guard = "state IN ('queued', 'deferred') AND CAST(?11 AS BIGINT) = 0";
            if let Some(tries) = write(db, &subject, &change, guard, None).await? {
                events.push(tell(db, &subject, &change, &address, tries).await?);
            }
        }
        refresh(db, letter, subject.now).await?;
    }
    Ok(events)
}

/// What ended long ago is forgotten.
async fn forget<D: Sql>(db: &D, now: i64, terms: &Terms) -> Result<()> {
    let sql = format!(
        "SELECT id FROM postrider_outbox_message WHERE done IS NOT NULL AND done <= ?1 ORDER BY id LIMIT ?2{}",
        D::LOCK_FREE_ROWS
    );
    let before = now.saturating_sub(Value::ms(terms.keep));
    for row in db.query(&sql, &[before.into(), MOST.into()]).await? {
        let letter = [row.int(0)?.into()];
        for (table, column) in
            [("event", "message"), ("recipient", "message"), ("body", "message"), ("message", "id")]
        {
            db.run(&format!("DELETE FROM postrider_outbox_{table} WHERE {column} = ?1"), &letter).await?;
        }
    }
    Ok(())
}
