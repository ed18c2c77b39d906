//! How often a mailbox is looked through and what is said of it, when a server, a handler or a quarantine is odd.

use super::*;
use postrider::ledger::{Lease, Ledger as _};

/// A mailbox that knows no `after` of a message that is gone, as POP3's.
#[derive(Default)]
struct Odd {
    messages: Vec<(u32, Vec<u8>)>,
    listed: u32,
    connected: u32,
    /// It lists this one and does not have it.
    ghost: Option<u32>,
    /// It ends every wait at once.
    cuts_waits: bool,
    /// It fails to fetch this one by a limit.
    large: Option<u32>,
    /// There is no mailbox to move to.
    no_moves: bool,
}

type Shared = Arc<Mutex<Odd>>;

struct Transport(Shared, VirtualHost);

fn id(number: u32) -> MessageId {
    MessageId::new("odd", ["me", &number.to_string()])
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, Phase::Fetch, "the test wants it so")
}

#[async_trait]
impl IncomingTransport for Transport {
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        let mut odd = self.0.lock().unwrap();
        odd.listed += 1;
        let mut all: Vec<u32> = odd.messages.iter().map(|(number, _)| *number).chain(odd.ghost).collect();
        if let Some(after) = &query.after {
            let at = all.iter().position(|number| id(*number) == *after);
            all.drain(..=at.ok_or_else(|| error(ErrorKind::NotFound))?);
        }
        let messages = all.into_iter().map(|number| {
            let mut info = MessageInfo::new(id(number));
            info.stable = true;
            info
        });
        Ok(Listing::new(messages.collect(), false))
    }

    async fn fetch(&mut self, wanted: &MessageId) -> Result<Body<'_>> {
        let odd = self.0.lock().unwrap();
        if odd.large.is_some_and(|large| id(large) == *wanted) {
            return Err(error(ErrorKind::Limit));
        }
        let found = odd.messages.iter().find(|(number, _)| id(*number) == *wanted);
        let (_, message) = found.ok_or_else(|| error(ErrorKind::NotFound))?;
        Ok(Body::from_bytes(message.clone()))
    }

    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        let mut odd = self.0.lock().unwrap();
        if odd.no_moves && matches!(how, Settle::Move(_)) {
            return Err(error(ErrorKind::Rejected));
        }
        odd.messages.retain(|(number, _)| !ids.contains(&id(*number)));
        Ok(())
    }

    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        if self.0.lock().unwrap().cuts_waits {
            return Err(error(ErrorKind::Closed));
        }
        self.1.sleep(limit).await;
        Ok(Wake::Elapsed)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn odd(count: u32) -> Shared {
    let messages = (1..=count).map(|number| (number, message(&number.to_string()))).collect();
    Arc::new(Mutex::new(Odd { messages, ..Odd::default() }))
}

/// Watches it for so long; gives how it was at the end, before it was stopped.
fn watch_for(world: &World, mailbox: &Shared, handler: impl Handler + 'static, time: Duration) -> Status {
    watch_and(world, mailbox, handler, time, || {}, Duration::ZERO)
}

fn watch_and(
    world: &World,
    mailbox: &Shared,
    handler: impl Handler + 'static,
    time: Duration,
    change: impl FnOnce(),
    more: Duration,
) -> Status {
    let (host, made, lent) = (Arc::new(world.host.clone()), Arc::clone(mailbox), world.host.clone());
    let make = move || {
        made.lock().unwrap().connected += 1;
        Ok(Inbox::new(Box::new(Transport(made.clone(), lent.clone()))))
    };
    let ledger = Arc::new(world.ledger.clone());
    let watch = Watch::over(NAME, host, make, world.config.clone(), ledger, handler).unwrap();
    let handle = watch.handle();
    let ended = postrider_testkit::run(&world.host, async {
        let stop = async {
            world.host.sleep(time).await;
            change();
            world.host.sleep(more).await;
            let status = handle.status();
            handle.stop();
            status
        };
        futures_util::future::join(watch.run(), stop).await
    });
    let (outcome, status) = ended.unwrap();
    outcome.unwrap();
    assert_eq!(handle.status().health, Health::Stopped);
    status
}

#[test]
fn a_message_that_its_handler_wrote_down_and_wants_later_is_done_and_keeps_nothing_busy() {
    let (world, mailbox) = (World::new(), odd(1));
    let ledger = world.ledger.clone();
    let handler = move |arrival: Arrival| {
        let ledger = ledger.clone();
        async move {
            let lease = Lease::of_process(NAME, 0);
            let _ = ledger.record(&lease, arrival.key(), State::Done, "").await?;
            Ok(Answer::Later)
        }
    };
    watch_for(&world, &mailbox, handler, seconds(600));
    let listed = mailbox.lock().unwrap().listed;
    assert!(listed < 20, "{listed} listings in 10 minutes");
}

#[test]
fn what_waits_keeps_its_time_when_the_last_message_that_was_seen_is_gone() {
    let world = World::new().configured(|c| (c.settle, c.retry) = (Settle::Delete, seconds(1800)));
    let (mailbox, notes) = (odd(2), Notes::default());
    let seen = notes.clone();
    let handler = move |arrival: Arrival| {
        let subject = subject(&arrival);
        seen.0.lock().unwrap().push(subject.clone());
        async move { if subject == "1" { Err("not now".into()) } else { Ok(Answer::Done) } }
    };
    watch_for(&world, &mailbox, handler, seconds(1500));
    assert_eq!(notes.subjects(), ["1", "2"]);
}

#[test]
fn a_server_that_lists_what_it_has_not_is_asked_less_and_less_often() {
    let (world, mailbox) = (World::new(), odd(1));
    mailbox.lock().unwrap().ghost = Some(7);
    watch_for(&world, &mailbox, Notes::default().handler(), seconds(3600));
    let listed = mailbox.lock().unwrap().listed;
    assert!(listed < 40, "{listed} listings in an hour");
}

#[test]
fn a_server_that_ends_each_wait_at_once_is_asked_less_and_less_often() {
    let (world, mailbox) = (World::new(), odd(1));
    mailbox.lock().unwrap().cuts_waits = true;
    watch_for(&world, &mailbox, Notes::default().handler(), seconds(3600));
    let connected = mailbox.lock().unwrap().connected;
    assert!(connected < 50, "{connected} connections in an hour");
}

#[test]
fn what_was_degraded_is_not_when_it_works_again() {
    let (world, mailbox, notes) = (World::new(), odd(2), Notes::default());
    mailbox.lock().unwrap().large = Some(1);
    let status = watch_for(&world, &mailbox, notes.handler(), seconds(20));
    assert!(status.degraded.is_some_and(|why| why.contains("can't be fetched")));
    let room = Arc::clone(&mailbox);
    let change = move || room.lock().unwrap().large = None;
    let status = watch_and(&world, &mailbox, notes.handler(), seconds(20), change, seconds(3600));
    assert_eq!((status.degraded, notes.subjects()), (None, vec!["2".to_owned(), "1".to_owned()]));
}

#[test]
fn a_quarantine_that_is_not_there_stays_told_whatever_else_is_settled() {
    let world = World::new()
        .configured(|c| (c.settle, c.quarantine) = (Settle::Delete, Quarantine::Move("None".to_owned())));
    let mailbox = odd(3);
    mailbox.lock().unwrap().no_moves = true;
    let handler = |arrival: Arrival| {
        let refused = subject(&arrival) == "2";
        async move { if refused { Ok(Answer::Refuse("no".into())) } else { Ok(Answer::Done) } }
    };
    let (late, at) = (Arc::clone(&mailbox), seconds(60));
    let change = move || late.lock().unwrap().messages.push((4, message("4")));
    let status = watch_and(&world, &mailbox, handler, at, change, seconds(600));
    assert!(status.degraded.is_some_and(|why| why.contains("can't be settled")), "it is told");
    let left: Vec<u32> = mailbox.lock().unwrap().messages.iter().map(|(number, _)| *number).collect();
    assert_eq!(left, [2]);
}

#[test]
fn a_watch_that_ends_by_an_error_or_is_dropped_says_that_nobody_watches() {
    let world = World::new();
    let make = || Err(Error::new(ErrorKind::Configuration, Phase::Configure, "no"));
    let (host, ledger) = (Arc::new(world.host.clone()), Arc::new(world.ledger.clone()));
    let watch =
        Watch::over(NAME, host, make, world.config.clone(), ledger, Notes::default().handler()).unwrap();
    let handle = watch.handle();
    postrider_testkit::run(&world.host, watch.run()).unwrap().unwrap_err();
    assert_eq!(handle.status().health, Health::Stopped);
    let watch = world.watch(Notes::default().handler());
    let handle = watch.handle();
    assert!(postrider_testkit::run_polls(watch.run(), 100).is_none());
    assert_eq!(handle.status().health, Health::Stopped);
}

#[test]
fn a_look_that_is_asked_for_while_it_looks_makes_a_new_connection_at_once() {
    let (world, mailbox) = (World::new(), odd(1));
    let (host, made, lent) = (Arc::new(world.host.clone()), Arc::clone(&mailbox), world.host.clone());
    let make = move || {
        made.lock().unwrap().connected += 1;
        Ok(Inbox::new(Box::new(Transport(made.clone(), lent.clone()))))
    };
    let ledger = Arc::new(world.ledger.clone());
    let asked: Arc<Mutex<Option<WatchHandle>>> = Arc::default();
    let later = Arc::clone(&asked);
    let handler = move |_: Arrival| {
        later.lock().unwrap().take().unwrap().look();
        async { Ok(Answer::Done) }
    };
    let watch = Watch::over(NAME, host, make, world.config.clone(), ledger, handler).unwrap();
    let handle = watch.handle();
    *asked.lock().unwrap() = Some(handle.clone());
    let ended = postrider_testkit::run(&world.host, async {
        let stop = async {
            world.host.sleep(seconds(1)).await;
            let connected = mailbox.lock().unwrap().connected;
            handle.stop();
            connected
        };
        futures_util::future::join(watch.run(), stop).await.1
    });
    assert_eq!(ended.unwrap(), 2, "with the settings of now");
}

#[test]
fn a_message_under_the_key_of_one_that_is_gone_is_handled_before_it_is_deleted() {
    let world = World::new().configured(|c| c.settle = Settle::Delete);
    let (mailbox, notes) = (odd(1), Notes::default());
    let late = Arc::clone(&mailbox);
    let change = move || late.lock().unwrap().messages.push((1, message("another")));
    watch_and(&world, &mailbox, notes.handler(), seconds(60), change, seconds(7200));
    assert_eq!(notes.subjects(), ["1", "another"]);
    assert!(mailbox.lock().unwrap().messages.is_empty());
}
