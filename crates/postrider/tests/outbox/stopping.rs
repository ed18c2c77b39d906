//! The moment of doubt, stopping, and a storage that fails.

use crate::post::*;
use bytes::Bytes;
use postrider::outbox::{
    Action, Attempt, Claims, Count, Entry, Event, Letter, LetterId, Outbox, Settled, SqliteOutbox, State,
    Storage, Terms, Worker,
};
use postrider::{Error, ErrorKind, Host, Phase, Result, async_trait};
use postrider_testkit::{run, run_polls};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[test]
fn what_is_in_flight_is_waited_for_and_the_rest_is_given_back() {
    let office = Office::new(|_, _, _| Answer::Slow(SECOND * 10));
    let ids: Vec<_> = (0..20).map(|_| office.put(&["a@x.example"])).collect();
    office.work(&office.outbox(&config(|_| {}), vec![office.way("main")]), SECOND);
    let states: Vec<State> = ids.iter().flat_map(|id| office.states(*id)).collect();
    let count = |state| states.iter().filter(|s| **s == state).count();
    assert!(count(State::Accepted) >= 1, "{states:?}");
    assert_eq!(count(State::Accepted), office.given().len(), "all that was begun was waited for");
    assert_eq!(count(State::Accepted) + count(State::Queued), 20, "{states:?}");
}

#[test]
fn what_has_no_answer_when_time_is_up_is_in_doubt_and_told() {
    let office = Office::new(|_, _, _| Answer::Slow(HOUR));
    let id = office.put(&["a@x.example"]);
    office.work(&office.outbox(&config(|_| {}), vec![office.way("main")]), SECOND);
    assert_eq!((office.states(id), office.told()), (vec![State::Unsure], vec![State::Unsure]));
}

#[test]
fn a_run_until_idle_ends_with_what_is_due() {
    let office = Office::new(|_, _, n| match n {
        0 => Answer::After(ErrorKind::Deferred, Phase::EndOfData),
        _ => Answer::Yes,
    });
    let ids: Vec<_> = (0..50).map(|_| office.put(&["a@x.example"])).collect();
    let outbox = office.outbox(&config(|_| {}), vec![office.way("main")]);
    run(&office.host, outbox.run_until_idle(std::future::pending())).unwrap().unwrap();
    let states: Vec<State> = ids.iter().flat_map(|id| office.states(*id)).collect();
    assert_eq!(states.iter().filter(|s| **s == State::Accepted).count(), 49);
    assert_eq!(states.iter().filter(|s| **s == State::Deferred).count(), 1);
}

/// Dropped at any await, as a process that is killed: nothing is lost, and only what was given out is in doubt.
#[test]
fn dropped_anywhere_nothing_is_lost_and_nothing_goes_twice() {
    let mut ended = false;
    for polls in (0..60).chain((60..400).step_by(20)) {
        let office = Office::new(|_, _, _| Answer::Yes);
        let ids = [office.put(&["a@x.example"]), office.put(&["b@x.example"])];
        let outbox = office.outbox(&config(|_| {}), vec![office.way("main")]);
        ended |= run_polls(outbox.run_until_idle(std::future::pending()), polls).is_some();
        drop(outbox);
        let second = office.outbox(&config(|_| {}), vec![office.way("main")]);
        office.work(&second, MINUTE);
        for (id, to) in ids.iter().zip(["a@x.example", "b@x.example"]) {
            let times = office.given().iter().filter(|g| g.to == [to]).count();
            match office.states(*id)[..] {
                [State::Accepted] => assert_eq!(times, 1, "after {polls} polls"),
                [State::Unsure] => assert!(times <= 1, "after {polls} polls"),
                ref other => panic!("{other:?} after {polls} polls"),
            }
        }
    }
    assert!(ended, "the last of them should have ended by themselves");
}

#[test]
fn a_transport_gets_the_message_only_once_that_is_on_disk() {
    let office = Office::new(|_, _, _| Answer::Yes);
    // Recording fails twice: then nothing is sent, and it is tried again.
    let storage = Arc::new(Flaky::new(office.storage.clone(), 2, 0));
    let id = office.put(&["a@x.example"]);
    office.work(&office.outbox_on(storage, &config(|_| {}), vec![office.way("main")]), MINUTE);
    assert_eq!((office.states(id), office.given().len()), (vec![State::Accepted], 1));
    assert_eq!(office.told(), [State::Accepted]);
}

#[test]
fn an_outcome_is_written_down_however_often_that_fails() {
    let office = Office::new(|_, _, _| Answer::Yes);
    let storage = Arc::new(Flaky::new(office.storage.clone(), 0, 6));
    let id = office.put(&["a@x.example"]);
    office.work(&office.outbox_on(storage, &config(|_| {}), vec![office.way("main")]), MINUTE);
    assert_eq!((office.states(id), office.given().len()), (vec![State::Accepted], 1));
}

/// A worker that was taken for dead with a message in hand: it sends nothing that has passed on.
#[test]
fn a_worker_that_slept_too_long_sends_nothing_of_what_has_passed_on() {
    let office = Office::new(|_, _, _| Answer::Yes);
    let id = office.put(&["a@x.example"]);
    let slow = Arc::new(Sleepy(office.storage.clone(), office.host.clone()));
    let seldom = config(|c| c.poll = HOUR);
    let outbox = office.outbox_on(slow, &seldom, vec![office.way("slow")]);
    let other = office.outbox(&config(|_| {}), vec![office.way("other")]);
    let both = async {
        let stop = || office.host.sleep(MINUTE * 5);
        let (a, b) = (outbox.run(stop()), other.run(async { stop().await }));
        let late = async {
            office.host.sleep(SECOND).await;
            b.await
        };
        let (a, b) = futures_util::future::join(a, late).await;
        a.and(b)
    };
    run(&office.host, both).unwrap().unwrap();
    assert_eq!(office.states(id), [State::Accepted]);
    assert_eq!(office.given().iter().map(|g| g.account.as_str()).collect::<Vec<_>>(), ["other"]);
}

/// Asleep between two accounts, with the message in doubt for everybody else: by then somebody may have repeated it.
#[test]
fn a_worker_that_slept_between_two_accounts_begins_nothing_anew() {
    let office = Office::new(|account, _, _| match account {
        "one" => Answer::After(ErrorKind::Closed, Phase::Data),
        _ => Answer::Yes,
    });
    let id = office.put(&["a@x.example"]);
    let asleep = Arc::new(Absent(office.storage.clone(), office.host.clone(), AtomicUsize::new(0)));
    let once = config(|c| c.poll = HOUR);
    let outbox = office.outbox_on(asleep, &once, vec![office.way("one"), office.way("two")]);
    office.work(&outbox, MINUTE * 3);
    assert_eq!(office.given().iter().map(|g| g.account.as_str()).collect::<Vec<_>>(), ["one"]);
    assert_eq!(office.told(), [State::Unsure]);
    // The first account is known to have sent nothing: that ends the doubt, and it goes out once.
    assert_eq!(office.states(id), [State::Queued]);
    office.work(&office.outbox(&config(|_| {}), vec![office.way("two")]), MINUTE);
    assert_eq!((office.states(id), office.given().len()), (vec![State::Accepted], 2));
}

#[test]
fn one_run_that_stops_does_not_stop_another_of_the_same_outbox() {
    let office = Office::new(|_, _, _| Answer::Yes);
    let outbox = office.outbox(&config(|_| {}), vec![office.way("main")]);
    let put_late = async {
        office.host.sleep(MINUTE).await;
        outbox.enqueue(&letter(&["a@x.example"])).await
    };
    let both = async {
        let stops = (office.host.sleep(SECOND), office.host.sleep(MINUTE * 2));
        futures_util::future::join3(outbox.run(stops.0), outbox.run(stops.1), put_late).await
    };
    let (one, two, id) = run(&office.host, both).unwrap();
    one.and(two).unwrap();
    assert_eq!((office.states(id.unwrap()), office.given().len()), (vec![State::Accepted], 1));
}

#[test]
fn who_panics_on_hearing_an_event_cuts_nothing_off() {
    let office = Office::new(|_, _, _| Answer::Slow(SECOND));
    let ids: Vec<_> = (0..8).map(|_| office.put(&["a@x.example"])).collect();
    let way = office.way("main");
    let outbox =
        Outbox::new(office.storage.clone(), &config(|_| {}), Arc::new(office.host.clone()), vec![way])
            .unwrap()
            .on_event(|event| panic!("{}", event.state));
    office.work(&outbox, MINUTE);
    assert!(ids.iter().all(|id| office.states(*id) == [State::Accepted]));
}

/// Fails so many times to begin, and to settle.
struct Flaky {
    inner: Arc<SqliteOutbox>,
    begins: AtomicUsize,
    settles: AtomicUsize,
}

impl Flaky {
    fn new(inner: Arc<SqliteOutbox>, begins: usize, settles: usize) -> Self {
        Self { inner, begins: begins.into(), settles: settles.into() }
    }

    fn fails(count: &AtomicUsize) -> Result<()> {
        match count.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)) {
            Ok(_) => Err(Error::new(ErrorKind::Limit, Phase::Append, "the disk is full")),
            Err(_) => Ok(()),
        }
    }
}

/// Takes its time before it begins.
struct Sleepy(Arc<SqliteOutbox>, postrider_testkit::VirtualHost);

/// The same, but only when it is to begin for a second time.
struct Absent(Arc<SqliteOutbox>, postrider_testkit::VirtualHost, AtomicUsize);

macro_rules! storage {
    ($type:ty, $inner:tt, begin: $begin:expr, settle: $settle:expr, stay: $stay:expr) => {
        #[async_trait]
        impl Storage for $type {
            async fn enqueue(&self, letter: &Letter) -> Result<LetterId> {
                self.$inner.enqueue(letter).await
            }
            async fn claim(&self, worker: &Worker, most: usize) -> Result<Claims> {
                self.$inner.claim(worker, most).await
            }
            async fn begin(&self, attempt: &Attempt) -> Result<Bytes> {
                let before: fn(&Self) -> _ = $begin;
                before(self).await?;
                self.$inner.begin(attempt).await
            }
            async fn settle(
                &self,
                attempt: &Attempt,
                results: &[Settled],
                terms: &Terms,
            ) -> Result<Vec<Event>> {
                let before: fn(&Self) -> _ = $settle;
                before(self).await?;
                self.$inner.settle(attempt, results, terms).await
            }
            async fn stay(&self, worker: &Worker) -> Result<bool> {
                if !$stay {
                    return Ok(true);
                }
                self.$inner.stay(worker).await
            }
            async fn leave(&self, worker: &Worker) -> Result<()> {
                self.$inner.leave(worker).await
            }
            async fn sweep(&self, terms: &Terms) -> Result<Vec<Event>> {
                self.$inner.sweep(terms).await
            }
            async fn act(
                &self,
                action: Action,
                letter: LetterId,
                address: Option<&str>,
            ) -> Result<Vec<Event>> {
                self.$inner.act(action, letter, address).await
            }
            async fn list(&self, state: Option<State>, after: LetterId, most: usize) -> Result<Vec<Entry>> {
                self.$inner.list(state, after, most).await
            }
            async fn entry(&self, letter: LetterId) -> Result<Option<Entry>> {
                self.$inner.entry(letter).await
            }
            async fn message(&self, letter: LetterId) -> Result<Option<Bytes>> {
                self.$inner.message(letter).await
            }
            async fn counts(&self) -> Result<Vec<Count>> {
                self.$inner.counts().await
            }
            async fn events(&self, letter: Option<LetterId>, after: i64, most: usize) -> Result<Vec<Event>> {
                self.$inner.events(letter, after, most).await
            }
        }
    };
}

type Before = std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>>;

storage!(
    Flaky,
    inner,
    begin: |s| -> Before { let r = Flaky::fails(&s.begins); Box::pin(async { r }) },
    settle: |s| -> Before { let r = Flaky::fails(&s.settles); Box::pin(async { r }) },
    stay: true
);
storage!(
    Sleepy,
    0,
    begin: |s| -> Before { let sleep = s.1.sleep(MINUTE * 2); Box::pin(async { sleep.await; Ok(()) }) },
    settle: |_| -> Before { Box::pin(async { Ok(()) }) },
    stay: false
);
storage!(
    Absent,
    0,
    begin: |s| -> Before {
        let times = if s.2.fetch_add(1, SeqCst) == 0 { 0 } else { 2 };
        let sleep = s.1.sleep(MINUTE * times);
        Box::pin(async { sleep.await; Ok(()) })
    },
    settle: |_| -> Before { Box::pin(async { Ok(()) }) },
    stay: false
);
