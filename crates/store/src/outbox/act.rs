//! What people want.

use super::claim::refresh;
use super::settle::{Change, Subject, tell, write};
use super::sql::Sql;
use super::{Action, Event, LetterId, State, Terms};
use postrider_core::{Error, ErrorKind, Phase, Result};

/// How long a message is tried at least that had ended or was kept back when somebody wants it to be.
const DAY: i64 = 24 * 3600 * 1000;

pub(super) async fn act<D: Sql>(
    db: &D,
    action: Action,
    letter: LetterId,
    address: Option<&str>,
) -> Result<Vec<Event>> {
    let Some(subject) = Subject::of(db, letter.0, &Terms::default()).await? else {
        return Err(unknown(letter, None));
    };
    let sql = "SELECT n, address, state FROM postrider_outbox_recipient WHERE message = ?1 ORDER BY n";
    let rows = db.query(sql, &[letter.0.into()]).await?;
    let (state, why, from) = meaning(action);
    let (mut events, mut found) = (Vec::new(), false);
    for row in rows {
        let (n, to, was) = (row.int(0)?, row.text(1)?, row.text(2)?);
        if address.is_some_and(|address| address != to) {
            continue;
        }
        found = true;
        if !State::named(&was).is_some_and(|was| from.contains(&was)) {
            continue;
        }
        if state == State::Queued && !["queued", "deferred"].contains(&was.as_str()) {
            // It may have got too old meanwhile; the next sweep is not to undo what somebody wants.
            let sql = "UPDATE postrider_outbox_message SET expires = ?2 \
                       WHERE id = ?1 AND (expires IS NULL OR expires <= ?3)";
            let expires = subject.expires.max(subject.now.saturating_add(DAY));
            db.run(sql, &[letter.0.into(), expires.into(), subject.now.into()]).await?;
        }
        let change =
            Change { n, state, due: subject.now, is_try: false, reply: None, why: Some(why), via: None };
        let guard = format!("state = '{was}' AND CAST(?11 AS BIGINT) = 0");
        if let Some(tries) = write(db, &subject, &change, &guard, None).await? {
            events.push(tell(db, &subject, &change, &to, tries).await?);
        }
    }
    if !found {
        return Err(unknown(letter, address));
    }
    refresh(db, letter.0, subject.now).await?;
    Ok(events)
}

/// To which state an action leads, how it is told, and from which states.
fn meaning(action: Action) -> (State, &'static str, &'static [State]) {
    use State::{Accepted, Deferred, Dropped, Expired, Held, Queued, Rejected, Unsure};
    match action {
        Action::Retry => (Queued, "to be tried now", &[Queued, Deferred, Held, Rejected, Expired, Dropped]),
        Action::Repeat => (Queued, "to be repeated although it may have arrived", &[Unsure]),
        Action::Sent => (Accepted, "somebody knows that it has arrived", &[Unsure]),
        Action::Hold => (Held, "kept back", &[Queued, Deferred]),
        Action::Drop => (Dropped, "given up", &[Queued, Deferred, Held, Unsure]),
    }
}

fn unknown(letter: LetterId, address: Option<&str>) -> Error {
    let what = match address {
        None => format!("there is no message {letter} in the outbox"),
        Some(address) => format!("message {letter} of the outbox does not go to {}", address.escape_debug()),
    };
    Error::new(ErrorKind::NotFound, Phase::List, what).with_advice("list the outbox to see what is there")
}
