//! What became of an attempt is written down.

use super::claim::refresh;
use super::sql::{Row, Sql, Value, reply_values, time};
use super::{Attempt, Event, LetterId, Next, OnUnsure, Settled, State, Terms};
use futures_util::future::join;
use postrider_core::{Reply, Result};

/// What is written of a recipient.
pub(super) struct Change<'a> {
    pub(super) n: i64,
    pub(super) state: State,
    /// When it is tried next, where that means something.
    pub(super) due: i64,
    /// Whether this was a try.
    pub(super) is_try: bool,
    pub(super) reply: Option<&'a Reply>,
    pub(super) why: Option<&'a str>,
    pub(super) via: Option<&'a str>,
}

/// What is known of a message that changes.
pub(super) struct Subject {
    pub(super) letter: i64,
    pub(super) message_id: String,
    pub(super) expires: i64,
    pub(super) now: i64,
}

impl Subject {
    /// Locks the message, as whoever changes a recipient does first; `None` if it is not there.
    pub(super) async fn of<D: Sql>(db: &D, letter: i64, terms: &Terms) -> Result<Option<Self>> {
        let now = db.now().await?;
        let sql = format!(
            "SELECT message_id, COALESCE(expires, enqueued + ?2) FROM postrider_outbox_message WHERE id = ?1{}",
            D::LOCK_ROWS
        );
        let rows = db.query(&sql, &[letter.into(), Value::ms(terms.expire).into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Self { letter, message_id: row.text(0)?, expires: row.int(1)?, now }))
    }
}

/// Settles the recipients of an attempt, one by one.
pub(super) async fn settle<D: Sql>(
    db: &D,
    attempt: &Attempt,
    results: &[Settled],
    terms: &Terms,
) -> Result<Vec<Event>> {
    let letter = attempt.letter.0;
    let Some(subject) = Subject::of(db, letter, terms).await? else { return Ok(Vec::new()) };
    let mut events = Vec::new();
    // The last one need not be waited for before the next statement.
    let mut untold: Option<(Change<'_>, String, u32)> = None;
    for result in results {
        let Some(n) = attempt.numbers.get(result.recipient) else { continue };
        for change in changes(*n, result, &subject, terms.on_unsure) {
            // Whoever claims it anew gives it another number: with this one it is still ours, whatever was thought.
            let states = match change.state {
                State::Unsure => "'claimed', 'sending'",
                // Held while it was in doubt: there is nothing to be kept back any more.
                State::Accepted | State::Rejected => {
                    "'held', 'claimed', 'sending', 'unsure', 'queued', 'deferred'"
                }
                _ => OPEN,
            };
            let guard = format!("claim = ?11 AND state IN ({states})");
            match write(db, &subject, &change, &guard, Some(attempt.claim)).await? {
                Some(tries) if is_told(result.next) => {
                    let next = (change, attempt_address(attempt, result), tries);
                    if let Some((change, address, tries)) = untold.replace(next) {
                        events.push(tell(db, &subject, &change, &address, tries).await?);
                    }
                }
                Some(_) => {}
                None => {
                    events.extend(late(db, &subject, &change, attempt, result).await?);
                    break;
                }
            }
        }
    }
    let refreshed = refresh(db, letter, subject.now);
    match untold {
        None => refreshed.await?,
        Some((change, address, tries)) => {
            let (event, refreshed) = join(tell(db, &subject, &change, &address, tries), refreshed).await;
            events.push(event?);
            refreshed?;
        }
    }
    Ok(events)
}

/// The states in which what becomes known of a claim still counts.
const OPEN: &str = "'claimed', 'sending', 'unsure', 'queued', 'deferred'";

fn is_told(next: Next) -> bool {
    !matches!(next, Next::Postponed(_))
}

fn attempt_address(attempt: &Attempt, result: &Settled) -> String {
    attempt.envelope.to.get(result.recipient).map_or_else(String::new, |to| to.address.as_str().to_owned())
}

/// The steps that a result means; each is told.
fn changes<'a>(n: i64, result: &'a Settled, subject: &Subject, on_unsure: OnUnsure) -> Vec<Change<'a>> {
    let now = subject.now;
    let (reply, why, via) = (result.reply.as_ref(), result.why.as_deref(), result.via.as_deref());
    let change = |state, due, is_try| Change { n, state, due, is_try, reply, why, via };
    match result.next {
        Next::Accepted => vec![change(State::Accepted, now, true)],
        Next::Rejected => vec![change(State::Rejected, now, true)],
        Next::Postponed(wait) => vec![change(State::Queued, now.saturating_add(Value::ms(wait)), false)],
        Next::Later(wait) => {
            let due = now.saturating_add(Value::ms(wait));
            let deferred = change(State::Deferred, due, true);
            if due < subject.expires {
                return vec![deferred];
            }
            // Told now: to wait would change nothing.
            vec![deferred, change(State::Expired, now, false)]
        }
        Next::Unsure => {
            let unsure = change(State::Unsure, now, true);
            [unsure].into_iter().chain(decided(n, on_unsure, now)).collect()
        }
    }
}

/// What follows a doubt by itself.
pub(super) fn decided<'a>(n: i64, on_unsure: OnUnsure, now: i64) -> Option<Change<'a>> {
    let (state, due, why) = match on_unsure {
        OnUnsure::Report => return None,
        OnUnsure::Repeat(wait) => (
            State::Queued,
            now.saturating_add(Value::ms(wait)),
            "to be repeated although it may have arrived",
        ),
        OnUnsure::Sent => (State::Accepted, now, "taken as sent although it may not have arrived"),
    };
    Some(Change { n, state, due, is_try: false, reply: None, why: Some(why), via: None })
}

/// Writes a change where the guard allows it (`?11` is the claim); gives the number of tries then.
pub(super) async fn write<D: Sql>(
    db: &D,
    subject: &Subject,
    change: &Change<'_>,
    guard: &str,
    claim: Option<i64>,
) -> Result<Option<u32>> {
    let [status, code, said] = reply_values(change.reply);
    // Somebody who changes the state without words of a server leaves its last ones.
    let sql = format!(
        "UPDATE postrider_outbox_recipient SET state = ?3, due = ?4, changed = ?5, tries = tries + ?6, worker = NULL, \
         code = CASE WHEN CAST(?7 AS TEXT) IS NULL THEN code ELSE ?8 END, said = CASE WHEN CAST(?7 AS TEXT) IS NULL THEN said ELSE ?9 END, \
         status = COALESCE(CAST(?7 AS TEXT), status), why = ?10, via = COALESCE(?12, via) \
         WHERE message = ?1 AND n = ?2 AND {guard} RETURNING tries"
    );
    let values = [
        subject.letter.into(),
        change.n.into(),
        change.state.name().into(),
        change.due.into(),
        subject.now.into(),
        i64::from(change.is_try).into(),
        status,
        code,
        said,
        change.why.into(),
        claim.unwrap_or(0).into(),
        change.via.into(),
    ];
    let rows = db.query(&sql, &values).await?;
    rows.first().map(|row| Ok(u32::try_from(row.int(0)?).unwrap_or(u32::MAX))).transpose()
}

/// Writes an event.
pub(super) async fn tell<D: Sql>(
    db: &D,
    subject: &Subject,
    change: &Change<'_>,
    address: &str,
    tries: u32,
) -> Result<Event> {
    let [status, code, said] = reply_values(change.reply);
    let values = [
        subject.now.into(),
        subject.letter.into(),
        subject.message_id.as_str().into(),
        address.into(),
        change.state.name().into(),
        i64::from(tries).into(),
        status,
        code,
        said,
        change.why.into(),
        change.via.into(),
    ];
    let sql = "INSERT INTO postrider_outbox_event \
               (at, message, message_id, address, state, tries, status, code, said, why, via) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) RETURNING id";
    let rows = db.query(sql, &values).await?;
    Ok(Event {
        number: rows.first().map(|row: &Row| row.int(0)).transpose()?.unwrap_or(0),
        at: time(subject.now),
        letter: LetterId(subject.letter),
        message_id: subject.message_id.clone(),
        address: address.to_owned(),
        state: change.state,
        tries,
        reply: change.reply.cloned(),
        why: change.why.map(str::to_owned),
        via: change.via.map(str::to_owned),
    })
}

/// Tells what came too late to change anything: somebody else has the message by now, or has decided.
async fn late<D: Sql>(
    db: &D,
    subject: &Subject,
    change: &Change<'_>,
    attempt: &Attempt,
    result: &Settled,
) -> Result<Option<Event>> {
    if !is_told(result.next) {
        return Ok(None);
    }
    let why = format!("too late to count: {}", change.why.unwrap_or(change.state.name()));
    let change = Change { why: Some(&why), ..*change };
    let tries = attempt.tries.get(result.recipient).copied().unwrap_or(0).saturating_add(1);
    tell(db, subject, &change, &attempt_address(attempt, result), tries).await.map(Some)
}
