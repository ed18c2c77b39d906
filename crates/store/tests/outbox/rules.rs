//! From state to state.

use crate::{LEASE, Place, letter, seconds, told, worker};
use postrider_core::{ErrorKind, Notify, Reply, ReturnContent};
use postrider_store::outbox::{Action, LetterId, Next, OnUnsure, Settled, State, Terms};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn reply(text: &str) -> Option<Reply> {
    Some(Reply::new("451", Some("4.7.1".into()), text))
}

/// Runs every rule on a place made anew for each.
pub(crate) async fn all(place: impl AsyncFn() -> Place) {
    goes_in_whole_and_comes_out_as_it_was(&place().await).await;
    each_outcome_at_each_position(&place().await).await;
    deferred_waits_and_expires(&place().await).await;
    nothing_is_claimed_twice(&place().await).await;
    begin_is_all_or_nothing(&place().await).await;
    a_dead_worker_leaves_doubt_only_about_what_was_begun(&place().await).await;
    what_comes_late_ends_a_doubt_and_changes_nothing_else(&place().await).await;
    a_doubt_is_decided_as_the_terms_say(&place().await).await;
    people_decide(&place().await).await;
    what_somebody_wants_tried_is_tried_however_old(&place().await).await;
    begun_again_only_while_it_is_this_workers(&place().await).await;
    what_waits_expires_and_what_ended_is_forgotten(&place().await).await;
    leaving_gives_back_what_was_not_begun(&place().await).await;
}

async fn goes_in_whole_and_comes_out_as_it_was(place: &Place) {
    let mut letter = letter(&["a@x.example", "b@y.example"]);
    let envelope = letter.envelope().clone().with_id("e+1").unwrap().with_returned(ReturnContent::Headers);
    let envelope = envelope.with_notify(Notify::On { success: false, failure: true, delay: true });
    letter = postrider_store::outbox::Letter::new(envelope, letter.message().clone()).unwrap();
    let id = place.storage.enqueue(&letter).await.unwrap();
    let worker = worker();
    let claims = place.storage.claim(&worker, 10).await.unwrap();
    assert_eq!((claims.attempts.len(), claims.next), (1, None));
    let attempt = &claims.attempts[0];
    assert_eq!((attempt.letter, &attempt.envelope), (id, letter.envelope()));
    assert_eq!(
        (attempt.size, attempt.message_id.as_str()),
        (letter.message().len() as u64, letter.message_id())
    );
    assert_eq!(place.storage.begin(attempt).await.unwrap(), letter.message());
    assert_eq!(place.storage.message(id).await.unwrap().unwrap(), letter.message());
    assert_eq!(place.storage.message(LetterId(9_999_999)).await.unwrap(), None);
}

async fn each_outcome_at_each_position(place: &Place) {
    let outcomes = [
        (Next::Accepted, State::Accepted),
        (Next::Rejected, State::Rejected),
        (Next::Later(MINUTE), State::Deferred),
        (Next::Postponed(MINUTE), State::Queued),
        (Next::Unsure, State::Unsure),
    ];
    let worker = worker();
    for position in 0..3 {
        for (next, state) in outcomes {
            let id = place.put(&["a@x.example", "b@x.example", "c@x.example"]).await;
            let attempt = place.claim(&worker).await.pop().unwrap();
            assert_eq!(attempt.letter, id);
            place.storage.begin(&attempt).await.unwrap();
            assert_eq!(place.states(id).await, [State::Sending; 3]);
            let results: Vec<Settled> = (0..3)
                .map(|n| {
                    Settled::new(n, if n == position { next } else { Next::Accepted })
                        .with_reply(reply("words"))
                })
                .collect();
            let events = place.settle(&attempt, &results).await;
            let mut want = vec![State::Accepted; 3];
            want[position] = state;
            assert_eq!(place.states(id).await, want);
            let is_told = !matches!(next, Next::Postponed(_));
            assert_eq!(events.len(), if is_told { 3 } else { 2 });
            assert_eq!(
                place.storage.events(Some(id), 0, 100).await.unwrap(),
                events,
                "what is told is written down"
            );
            let entry = place.entry(id).await;
            assert_eq!(entry.recipients[position].tries, u32::from(is_told));
            assert_eq!(entry.recipients[position].reply, reply("words"));
            // Nobody gets what is settled.
            assert!(place.claim(&worker).await.is_empty());
        }
    }
}

async fn deferred_waits_and_expires(place: &Place) {
    let id = place.put(&["a@x.example", "b@x.example"]).await;
    let worker = worker();
    let attempt = place.claim(&worker).await.pop().unwrap();
    place.storage.begin(&attempt).await.unwrap();
    let later = Settled::new(1, Next::Later(MINUTE)).with_reply(reply("greylisted"));
    place.settle(&attempt, &[Settled::new(0, Next::Accepted), later]).await;
    let claims = place.storage.claim(&worker, 10).await.unwrap();
    assert!(claims.attempts.is_empty());
    let next = claims.next.unwrap();
    assert!(next <= MINUTE && next > MINUTE / 2, "{next:?}");

    place.pass(MINUTE);
    let attempt = place.claim(&worker).await.pop().unwrap();
    let to: Vec<&str> = attempt.envelope.to.iter().map(|r| r.address.as_str()).collect();
    assert_eq!((to, attempt.tries.as_slice()), (vec!["b@x.example"], &[1][..]), "only who has not got it");
    let events =
        place.settle(&attempt, &[Settled::new(0, Next::Later(5 * DAY)).with_reply(reply("still"))]).await;
    assert_eq!(told(&events), [(State::Deferred, "b@x.example"), (State::Expired, "b@x.example")]);
    let last = &place.entry(id).await.recipients[1];
    assert_eq!(
        (last.state, last.tries, last.reply.clone()),
        (State::Expired, 2, reply("still")),
        "the last words stay"
    );
    assert_eq!(last.due, None);
}

async fn nothing_is_claimed_twice(place: &Place) {
    for _ in 0..5 {
        place.put(&["a@x.example"]).await;
    }
    let (one, two) = (worker(), worker());
    let mut all = place.storage.claim(&one, 3).await.unwrap().attempts;
    all.extend(place.claim(&two).await);
    let mut ids: Vec<LetterId> = all.iter().map(|a| a.letter).collect();
    assert!(ids.is_sorted(), "the one that waits longest first");
    ids.dedup();
    assert_eq!(ids.len(), 5);
    assert!(place.claim(&one).await.is_empty());
}

async fn begin_is_all_or_nothing(place: &Place) {
    let id = place.put(&["a@x.example", "b@x.example"]).await;
    let (one, two) = (worker(), worker());
    let attempt = place.claim(&one).await.pop().unwrap();
    place.pass(LEASE);
    assert_eq!(
        place.storage.sweep(&Terms::default()).await.unwrap(),
        [],
        "nothing was begun: no doubt, no event"
    );
    let error = place.storage.begin(&attempt).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    let second = place.claim(&two).await.pop().unwrap();
    assert_eq!(place.storage.begin(&attempt).await.unwrap_err().kind(), ErrorKind::Closed);
    place.storage.begin(&second).await.unwrap();
    assert_eq!(place.storage.begin(&attempt).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(place.states(id).await, [State::Sending; 2]);
}

async fn a_dead_worker_leaves_doubt_only_about_what_was_begun(place: &Place) {
    let (sending, claimed) = (place.put(&["a@x.example"]).await, place.put(&["b@x.example"]).await);
    let (dead, other) = (worker(), worker());
    let attempts = place.claim(&dead).await;
    place.storage.begin(&attempts[0]).await.unwrap();
    assert!(place.storage.stay(&dead).await.unwrap());
    place.storage.stay(&other).await.unwrap();
    assert_eq!(place.storage.sweep(&Terms::default()).await.unwrap(), []);
    place.pass(LEASE);
    let events = place.storage.sweep(&Terms::default()).await.unwrap();
    assert_eq!(told(&events), [(State::Unsure, "a@x.example")]);
    assert_eq!(place.states(sending).await, [State::Unsure]);
    assert_eq!(place.states(claimed).await, [State::Queued]);
    assert!(!place.storage.stay(&dead).await.unwrap(), "it learns that it was taken for dead");
    let again = place.claim(&other).await;
    assert_eq!(again.iter().map(|a| a.letter).collect::<Vec<_>>(), [claimed], "what is in doubt is nobody's");
    assert_eq!(place.storage.sweep(&Terms::default()).await.unwrap(), [], "told once");
}

async fn what_comes_late_ends_a_doubt_and_changes_nothing_else(place: &Place) {
    let id = place.put(&["a@x.example"]).await;
    let (slow, other) = (worker(), worker());
    let attempt = place.claim(&slow).await.pop().unwrap();
    place.storage.begin(&attempt).await.unwrap();
    place.pass(LEASE);
    place.storage.sweep(&Terms::default()).await.unwrap();
    let events = place.settle(&attempt, &[Settled::new(0, Next::Unsure)]).await;
    assert_eq!(events.len(), 1, "told, for it was said");
    assert_eq!(place.states(id).await, [State::Unsure]);
    let events = place.settle(&attempt, &[Settled::new(0, Next::Accepted)]).await;
    assert_eq!(
        (told(&events), place.states(id).await),
        (vec![(State::Accepted, "a@x.example")], vec![State::Accepted])
    );

    // To be repeated by somebody's wish, and then kept back.
    let id = place.put(&["a@x.example"]).await;
    let attempt = place.claim(&slow).await.pop().unwrap();
    place.storage.begin(&attempt).await.unwrap();
    place.pass(LEASE);
    place.storage.sweep(&Terms::default()).await.unwrap();
    place.storage.act(Action::Repeat, id, None).await.unwrap();
    place.storage.act(Action::Hold, id, None).await.unwrap();
    place.settle(&attempt, &[Settled::new(0, Next::Later(MINUTE))]).await;
    assert_eq!(place.states(id).await, [State::Held]);
    place.settle(&attempt, &[Settled::new(0, Next::Accepted)]).await;
    assert_eq!(place.states(id).await, [State::Accepted]);

    // Repeated by somebody's wish, and with another worker by now.
    let id = place.put(&["a@x.example"]).await;
    let attempt = place.claim(&slow).await.pop().unwrap();
    place.storage.begin(&attempt).await.unwrap();
    place.pass(LEASE);
    place.storage.sweep(&Terms::default()).await.unwrap();
    place.storage.act(Action::Repeat, id, None).await.unwrap();
    place.storage.stay(&other).await.unwrap();
    let second = place.claim(&other).await.pop().unwrap();
    let events = place.settle(&attempt, &[Settled::new(0, Next::Accepted)]).await;
    assert!(events[0].why.as_deref().unwrap().contains("too late"), "{events:?}");
    assert_eq!(place.states(id).await, [State::Claimed]);
    place.storage.begin(&second).await.unwrap();
    place.settle(&second, &[Settled::new(0, Next::Accepted)]).await;
    assert_eq!(place.states(id).await, [State::Accepted]);
}

async fn a_doubt_is_decided_as_the_terms_say(place: &Place) {
    let cases = [
        (OnUnsure::Report, vec![State::Unsure]),
        (OnUnsure::Repeat(MINUTE), vec![State::Unsure, State::Queued]),
        (OnUnsure::Sent, vec![State::Unsure, State::Accepted]),
    ];
    for (on_unsure, want) in cases {
        let mut terms = Terms::default();
        terms.on_unsure = on_unsure;
        for dies in [false, true] {
            let id = place.put(&["a@x.example"]).await;
            let worker = worker();
            let attempt = place.claim(&worker).await.into_iter().find(|a| a.letter == id).unwrap();
            place.storage.begin(&attempt).await.unwrap();
            let events = if dies {
                place.pass(LEASE);
                place.storage.sweep(&terms).await.unwrap()
            } else {
                place.storage.settle(&attempt, &[Settled::new(0, Next::Unsure)], &terms).await.unwrap()
            };
            let states: Vec<State> = events.iter().map(|e| e.state).collect();
            assert_eq!(states, want, "{on_unsure:?} {dies}");
            assert_eq!(place.states(id).await, [*want.last().unwrap()]);
        }
    }
}

async fn people_decide(place: &Place) {
    let worker = worker();
    let to = ["a@x.example", "b@x.example", "c@x.example", "d@x.example"];
    let id = place.put(&to).await;
    let attempt = place.claim(&worker).await.pop().unwrap();
    assert_eq!(place.storage.act(Action::Drop, id, None).await.unwrap(), [], "not what a worker has");
    place.storage.begin(&attempt).await.unwrap();
    let nexts = [Next::Accepted, Next::Rejected, Next::Later(DAY), Next::Unsure];
    let results: Vec<Settled> =
        nexts.into_iter().enumerate().map(|(n, next)| Settled::new(n, next)).collect();
    place.settle(&attempt, &results).await;

    let act = async |action, address| {
        let events = place.storage.act(action, id, address).await.unwrap();
        events.into_iter().map(|e| (e.state, e.address)).collect::<Vec<_>>()
    };
    assert_eq!(
        act(Action::Hold, None).await,
        [(State::Held, to[2].to_owned())],
        "who waits, and nobody in doubt"
    );
    assert!(place.claim(&worker).await.is_empty());
    let retried = act(Action::Retry, None).await;
    assert_eq!(
        retried,
        [(State::Queued, to[1].to_owned()), (State::Queued, to[2].to_owned())],
        "nobody in doubt"
    );
    assert_eq!(act(Action::Drop, Some(to[1])).await, [(State::Dropped, to[1].to_owned())]);
    assert_eq!(act(Action::Sent, None).await, [(State::Accepted, to[3].to_owned())]);
    assert_eq!(act(Action::Repeat, None).await, []);
    let again = place.claim(&worker).await.pop().unwrap();
    assert_eq!(again.envelope.to[0].address.as_str(), to[2]);
    assert_eq!(again.envelope.to.len(), 1);

    for (id, address) in [(id, Some("nobody@x.example")), (LetterId(9_999_999), None)] {
        let error = place.storage.act(Action::Retry, id, address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

async fn what_somebody_wants_tried_is_tried_however_old(place: &Place) {
    let worker = worker();
    let mut terms = Terms::default();
    terms.keep = DAY * 100;
    let ends = [Some(Next::Rejected), Some(Next::Unsure), None];
    for expires in [None, Some(MINUTE)] {
        for end in ends {
            let mut letter = letter(&["a@x.example"]);
            if let Some(time) = expires {
                letter = letter.expires_after(time);
            }
            let id = place.storage.enqueue(&letter).await.unwrap();
            match end {
                None => {
                    place.storage.act(Action::Hold, id, None).await.unwrap();
                }
                Some(next) => {
                    let attempt = place.claim(&worker).await.pop().unwrap();
                    place.storage.begin(&attempt).await.unwrap();
                    place.settle(&attempt, &[Settled::new(0, next)]).await;
                }
            }
            place.pass(terms.expire);
            place.storage.sweep(&terms).await.unwrap();
            let action = if end == Some(Next::Unsure) { Action::Repeat } else { Action::Retry };
            assert_eq!(place.storage.act(action, id, None).await.unwrap().len(), 1);
            assert_eq!(place.storage.sweep(&terms).await.unwrap(), [], "{end:?} {expires:?}");
            assert_eq!(place.claim(&worker).await[0].letter, id, "{end:?} {expires:?}");
            place.storage.leave(&worker).await.unwrap();
            place.storage.act(Action::Drop, id, None).await.unwrap();
        }
    }
    // What has time left keeps what it was given.
    let short = place.storage.enqueue(&letter(&["a@x.example"]).expires_after(MINUTE)).await.unwrap();
    let before = place.entry(short).await.expires;
    place.storage.act(Action::Hold, short, None).await.unwrap();
    place.storage.act(Action::Retry, short, None).await.unwrap();
    assert_eq!(place.entry(short).await.expires, before);
}

/// An account failed with the message in hand and another is to be tried: not if it has passed on meanwhile.
async fn begun_again_only_while_it_is_this_workers(place: &Place) {
    let id = place.put(&["a@x.example"]).await;
    let slow = worker();
    let attempt = place.claim(&slow).await.pop().unwrap();
    let message = place.storage.begin(&attempt).await.unwrap();
    assert_eq!(place.storage.begin(&attempt).await.unwrap(), message);
    place.pass(LEASE);
    place.storage.sweep(&Terms::default()).await.unwrap();
    assert_eq!(place.storage.begin(&attempt).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(place.states(id).await, [State::Unsure]);
    // It knows that nothing of it was taken: that ends the doubt.
    place.settle(&attempt, &[Settled::new(0, Next::Postponed(Duration::ZERO))]).await;
    assert_eq!(place.states(id).await, [State::Queued]);
}

async fn what_waits_expires_and_what_ended_is_forgotten(place: &Place) {
    let terms = Terms::default();
    let held = place.put(&["h@x.example"]).await;
    place.storage.act(Action::Hold, held, None).await.unwrap();
    let old = place.put(&["a@x.example"]).await;
    let code = place.storage.enqueue(&letter(&["b@x.example"]).expires_after(MINUTE)).await.unwrap();
    place.pass(MINUTE);
    assert_eq!(told(&place.storage.sweep(&terms).await.unwrap()), [(State::Expired, "b@x.example")]);
    // Somebody wants it all the same.
    place.storage.act(Action::Retry, code, None).await.unwrap();
    assert_eq!(place.storage.sweep(&terms).await.unwrap(), []);
    let expires = place.entry(code).await.expires.unwrap();
    place.storage.act(Action::Drop, code, None).await.unwrap();
    place.pass(terms.expire);
    assert!(seconds(expires) > 0);
    assert_eq!(told(&place.storage.sweep(&terms).await.unwrap()), [(State::Expired, "a@x.example")]);
    place.pass(terms.keep);
    place.storage.sweep(&terms).await.unwrap();
    for gone in [old, code] {
        assert_eq!(place.storage.entry(gone).await.unwrap(), None);
        assert_eq!(place.storage.message(gone).await.unwrap(), None);
        assert_eq!(place.storage.events(Some(gone), 0, 10).await.unwrap(), []);
    }
    assert_eq!(place.states(held).await, [State::Held], "held is held");
    let counts = place.storage.counts().await.unwrap();
    assert_eq!(counts.iter().map(|c| (c.state, c.recipients)).collect::<Vec<_>>(), [(State::Held, 1)]);
    assert_eq!(place.storage.list(None, LetterId(0), 10).await.unwrap().len(), 1);
    assert_eq!(place.storage.list(Some(State::Queued), LetterId(0), 10).await.unwrap(), []);
    assert_eq!(place.storage.list(Some(State::Held), LetterId(0), 10).await.unwrap()[0].id, held);
    assert_eq!(place.storage.list(None, held, 10).await.unwrap(), []);
}

async fn leaving_gives_back_what_was_not_begun(place: &Place) {
    let (begun, claimed) = (place.put(&["a@x.example"]).await, place.put(&["b@x.example"]).await);
    let (one, two) = (worker(), worker());
    let attempts = place.claim(&one).await;
    place.storage.begin(&attempts[0]).await.unwrap();
    place.storage.leave(&one).await.unwrap();
    assert_eq!(place.claim(&two).await.iter().map(|a| a.letter).collect::<Vec<_>>(), [claimed], "at once");
    place.settle(&attempts[0], &[Settled::new(0, Next::Accepted)]).await;
    assert_eq!(place.states(begun).await, [State::Accepted]);
}
