//! The books are compared: what the host ordered, what the outbox says, and what the server counted.

use postrider::outbox::{LetterId, State, Storage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What came out of a run.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    pub(crate) messages: usize,
    pub(crate) accepted: usize,
    pub(crate) unsure: usize,
    pub(crate) unsure_and_there: usize,
    /// Worked out by hand because of the assertions: always 0.
    pub(crate) lost: usize,
    pub(crate) twice: usize,
}

/// Waits until nothing is left to be done.
pub(crate) async fn settled(storage: &Arc<dyn Storage>) {
    let deadline = std::time::Instant::now() + Duration::from_secs(120);
    loop {
        let counts = storage.counts().await.unwrap();
        let open = counts.iter().filter(|c| !c.state.is_final() && c.state != State::Unsure);
        let open: Vec<_> = open.collect();
        if open.is_empty() {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "still to be done: {open:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Holds the outbox to its promises: `ordered` are all messages that must be in it, `counts` how often each arrived.
pub(crate) async fn balance(
    storage: &Arc<dyn Storage>,
    ordered: &BTreeSet<String>,
    counts: &BTreeMap<String, u32>,
) -> Sum {
    let mut sum = Sum::default();
    let (mut after, mut seen) = (LetterId(0), BTreeSet::new());
    loop {
        let page = storage.list(None, after, 500).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.id;
        for entry in page {
            sum.messages += 1;
            let arrived = counts.get(&entry.message_id).copied().unwrap_or(0);
            let [recipient] = entry.recipients.as_slice() else { panic!("{entry:?}") };
            match recipient.state {
                State::Accepted => sum.accepted += 1,
                State::Unsure => {
                    sum.unsure += 1;
                    sum.unsure_and_there += usize::from(arrived > 0);
                    let events = storage.events(Some(entry.id), 0, 100).await.unwrap();
                    assert!(
                        events.iter().any(|e| e.state == State::Unsure),
                        "a doubt that nobody was told of: {entry:?}"
                    );
                }
                other => panic!("{other}: {entry:?}"),
            }
            sum.lost += usize::from(recipient.state == State::Accepted && arrived == 0);
            sum.twice += usize::from(arrived > 1);
            assert!(seen.insert(entry.message_id), "one message, two entries");
        }
    }
    assert_eq!(seen, *ordered, "what the host committed, and nothing else, is in the outbox");
    assert!(counts.keys().all(|id| ordered.contains(id)), "something arrived that nobody ordered");
    assert_eq!((sum.lost, sum.twice), (0, 0), "{sum:?}");
    sum
}

/// What the host's own table says.
pub(crate) fn orders(file: &str) -> BTreeSet<String> {
    let database = rusqlite::Connection::open(file).unwrap();
    let mut statement = database.prepare("SELECT message_id FROM orders").unwrap();
    let ids = statement.query_map([], |row| row.get(0)).unwrap();
    ids.collect::<Result<_, _>>().unwrap()
}
