//! A worker takes messages, says that it lives, begins, and leaves.

use super::put::{recipient, returned};
use super::sql::{Sql, Value};
use super::{Attempt, Claims, LetterId, Worker};
use bytes::Bytes;
use futures_util::future::join;
use postrider_core::{Address, Envelope, Error, ErrorKind, Phase, Result};
use std::time::Duration;

/// Takes what is due.
pub(super) async fn claim<D: Sql>(db: &D, worker: &Worker, most: usize) -> Result<Claims> {
    stay(db, worker).await?;
    let now = db.now().await?;
    let sql = format!(
        "SELECT id, sender, envid, ret, message_id, size FROM postrider_outbox_message \
         WHERE next <= ?1 ORDER BY next, id LIMIT ?2{}",
        D::LOCK_FREE_ROWS
    );
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut attempts = Vec::new();
    for row in db.query(&sql, &[now.into(), most.into()]).await? {
        let letter = row.int(0)?;
        let claim = number()?;
        // Only here it is decided: another worker may have been faster since the SELECT.
        let sql = "UPDATE postrider_outbox_recipient SET state = 'claimed', claim = ?1, worker = ?2, changed = ?3 \
                   WHERE message = ?4 AND state IN ('queued', 'deferred') AND due <= ?3 \
                   RETURNING n, address, notify, original, tries";
        let values = [claim.into(), worker.id().into(), now.into(), letter.into()];
        let mut taken = Vec::new();
        for row in db.query(sql, &values).await? {
            let to = recipient(row.text(1)?, row.maybe_text(2)?, row.maybe_text(3)?)?;
            taken.push((row.int(0)?, to, u32::try_from(row.int(4)?).unwrap_or(u32::MAX)));
        }
        refresh(db, letter, now).await?;
        if taken.is_empty() {
            continue;
        }
        taken.sort_by_key(|(n, ..)| *n);
        let numbers = taken.iter().map(|(n, ..)| *n).collect();
        let tries = taken.iter().map(|(_, _, tries)| *tries).collect();
        let from = row.maybe_text(1)?.map(Address::new).transpose()?;
        let mut envelope = Envelope::new(from, taken.iter().map(|(_, to, _)| to.clone()))?;
        // As they are, also if somebody stands there twice: each has a row.
        envelope.to = taken.into_iter().map(|(_, to, _)| to).collect();
        envelope.id = row.maybe_text(2)?;
        envelope.returned = row.maybe_text(3)?.as_deref().map(returned);
        let (message_id, size) = (row.text(4)?, u64::try_from(row.int(5)?).unwrap_or(0));
        attempts.push(Attempt {
            letter: LetterId(letter),
            envelope,
            tries,
            size,
            message_id,
            numbers,
            claim,
        });
    }
    let rows = db.query("SELECT min(next) FROM postrider_outbox_message WHERE next IS NOT NULL", &[]).await?;
    let next = rows.first().map(|row| row.maybe_int(0)).transpose()?.flatten();
    let next = next.map(|at| Duration::from_millis(u64::try_from(at - now).unwrap_or(0)));
    Ok(Claims { attempts, next })
}

/// Says that the worker lives; false if it was not known (any more).
pub(super) async fn stay<D: Sql>(db: &D, worker: &Worker) -> Result<bool> {
    let until = db.now().await?.saturating_add(Value::ms(worker.lease()));
    let values = [worker.id().into(), until.into()];
    let sql = "UPDATE postrider_outbox_worker SET alive_until = ?2 WHERE id = ?1";
    if db.run(sql, &values).await? > 0 {
        return Ok(true);
    }
    let sql = "INSERT INTO postrider_outbox_worker (id, alive_until) VALUES (?1, ?2)";
    db.run(sql, &values).await?;
    Ok(false)
}

/// From claimed to sending, for all recipients of the attempt or none; gives the message. It may be said again, and is
/// refused then if the worker was taken for dead meanwhile.
pub(super) async fn begin<D: Sql>(db: &D, attempt: &Attempt) -> Result<Bytes> {
    let letter = attempt.letter.0;
    let now = db.now().await?;
    // The message is locked as it is read. The second statement does not wait for the first one's answer.
    let read = format!(
        "SELECT bytes FROM postrider_outbox_message JOIN postrider_outbox_body ON message = id WHERE id = ?1{}",
        D::LOCK_ROWS
    );
    let record = "UPDATE postrider_outbox_recipient SET state = 'sending', changed = ?3 \
                  WHERE message = ?1 AND claim = ?2 AND state IN ('claimed', 'sending')";
    let values = [letter.into(), attempt.claim.into(), now.into()];
    let id = [letter.into()];
    let (rows, begun) = join(db.query(&read, &id), db.run(record, &values)).await;
    let (row, begun) = (rows?.pop().ok_or_else(|| lost(attempt.letter))?, begun?);
    if begun != attempt.numbers.len() as u64 {
        return Err(lost(attempt.letter));
    }
    Ok(row.into_blob(0)?.into())
}

/// Gives back what is claimed and not begun.
pub(super) async fn leave<D: Sql>(db: &D, worker: &Worker) -> Result<()> {
    let now = db.now().await?;
    for letter in letters_of(db, worker.id()).await? {
        lock(db, letter).await?;
        let sql = "UPDATE postrider_outbox_recipient SET state = 'queued', worker = NULL, changed = ?3 \
                   WHERE message = ?1 AND worker = ?2 AND state = 'claimed'";
        db.run(sql, &[letter.into(), worker.id().into(), now.into()]).await?;
        refresh(db, letter, now).await?;
    }
    let sql = "DELETE FROM postrider_outbox_worker WHERE id = ?1 AND NOT EXISTS \
               (SELECT 1 FROM postrider_outbox_recipient WHERE worker = ?1)";
    db.run(sql, &[worker.id().into()]).await?;
    // What it is sending has nobody any more: the next sweep says so.
    db.run("UPDATE postrider_outbox_worker SET alive_until = 0 WHERE id = ?1", &[worker.id().into()]).await?;
    Ok(())
}

/// The messages that a worker has.
pub(super) async fn letters_of<D: Sql>(db: &D, worker: &str) -> Result<Vec<i64>> {
    let sql = "SELECT DISTINCT message FROM postrider_outbox_recipient WHERE worker = ?1 ORDER BY message";
    db.query(sql, &[worker.into()]).await?.iter().map(|row| row.int(0)).collect()
}

/// Keeps others from changing the message until the end of the transaction: whoever changes a recipient has this first,
/// so that two never wait for each other. False if it is not there.
pub(super) async fn lock<D: Sql>(db: &D, letter: i64) -> Result<bool> {
    let sql = format!("SELECT id FROM postrider_outbox_message WHERE id = ?1{}", D::LOCK_ROWS);
    Ok(!db.query(&sql, &[letter.into()]).await?.is_empty())
}

/// Brings the message's own row up to date with its recipients'.
pub(super) async fn refresh<D: Sql>(db: &D, letter: i64, now: i64) -> Result<()> {
    let sql = "UPDATE postrider_outbox_message SET \
               next = (SELECT min(due) FROM postrider_outbox_recipient \
                       WHERE message = ?1 AND state IN ('queued', 'deferred')), \
               done = CASE WHEN EXISTS (SELECT 1 FROM postrider_outbox_recipient WHERE message = ?1 \
                       AND state NOT IN ('accepted', 'rejected', 'expired', 'dropped')) THEN NULL ELSE CAST(?2 AS BIGINT) END \
               WHERE id = ?1";
    db.run(sql, &[letter.into(), now.into()]).await?;
    Ok(())
}

/// A number that no other claim has.
fn number() -> Result<i64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::new(ErrorKind::Plugin, Phase::Configure, format!("no random numbers: {e}")))?;
    Ok(i64::from_le_bytes(bytes) & i64::MAX)
}

fn lost(letter: LetterId) -> Error {
    let what = format!("message {letter} of the outbox is not this worker's any more");
    Error::new(ErrorKind::Closed, Phase::Sender, what)
        .with_advice("nothing: whoever has it sends it; a longer lease makes this rarer")
}
