//! Handing over: each message once, in the fixed order, and everything that comes meanwhile.

use super::*;

#[test]
fn a_message_is_handed_over_then_written_down_and_then_settled() {
    let world = World::new().configured(|c| c.settle = Settle::Delete);
    let id = world.memory.deliver(message("one"));
    let notes = Notes::default();
    let status = world.run(notes.handler(), |status| idle(status) && status.counts.settled == 1);
    let n = id.as_str().rsplit('/').next().unwrap();
    let expected = ["fetched", "handing", "answered", "recorded"].map(|word| format!("{word} {n}"));
    assert_eq!(world.events()[..4], expected);
    assert_eq!(world.events()[4], format!("settled {n} Delete"));
    assert_eq!((notes.subjects(), world.state(&id)), (vec!["one".to_owned()], Some(State::Done)));
    assert!(world.memory.mailbox("INBOX").is_empty());
    assert_eq!((status.health, status.counts.handled), (Health::Stopped, 1));
}

#[test]
fn what_comes_while_it_waits_is_handed_over_without_the_wait_of_a_poll() {
    let world = World::new();
    let (memory, notes) = (world.memory.clone(), Notes::default());
    let watch = world.watch(notes.handler());
    let handle = watch.handle();
    let outcome = postrider_testkit::run(&world.host, async {
        let deliver = async {
            for n in 0..50 {
                handle.when(idle).await;
                memory.deliver(message(&n.to_string()));
                // At the same moment, at the start of the next wait, or later: any of them is noticed.
                if n % 3 == 0 {
                    memory.deliver(message("more"));
                }
                let expected = notes.subjects().len() as u64 + if n % 3 == 0 { 2 } else { 1 };
                handle.when(|status| status.counts.handled == expected).await;
            }
            handle.stop();
        };
        futures_util::future::join(watch.run(), deliver).await.0
    });
    outcome.unwrap().unwrap();
    assert_eq!(notes.subjects().len(), 50 + 17);
    assert_eq!(Host::now(&world.host), Duration::ZERO, "the clock did not have to move");
}

#[test]
fn retained_mail_is_never_handed_over_again_whatever_is_restarted() {
    for settle in [Settle::Keep, Settle::Seen] {
        let world = World::new().configured(|c| c.settle = settle.clone());
        for n in 0..5 {
            world.memory.deliver(message(&n.to_string()));
        }
        let notes = Notes::default();
        world.run(notes.handler(), idle);
        let first = world.events().len();
        for _ in 0..2 {
            world.run(notes.handler(), idle);
        }
        assert_eq!(notes.subjects(), ["0", "1", "2", "3", "4"]);
        assert_eq!(world.events().len(), first, "a restart has nothing to do");
        assert_eq!(world.memory.mailbox("INBOX").len(), 5);
        let seen = world.memory.mailbox("INBOX").iter().filter(|(_, stored)| stored.flags.seen).count();
        assert_eq!(seen, if settle == Settle::Seen { 5 } else { 0 });
    }
}

#[test]
fn what_was_written_down_and_not_settled_is_settled_and_not_handed_over() {
    let world = World::new().configured(|c| c.settle = Settle::Move("Done".into()));
    world.memory.create("Done");
    for n in 0..3 {
        world.memory.deliver(message(&n.to_string()));
    }
    // The first is written down and could not be settled, and the second is in the handler, when the watch is killed.
    world
        .memory
        .next_error(postrider_memory::Call::Settle, Error::new(ErrorKind::Closed, Phase::Settle, "cut"));
    let notes = Notes::default();
    let seen = notes.clone();
    let handler = move |arrival: Arrival| {
        let first = subject(&arrival) == "0";
        if first {
            seen.0.lock().unwrap().push(subject(&arrival));
        }
        async move { if first { Ok(Answer::Done) } else { std::future::pending().await } }
    };
    world.kill(handler);
    assert_eq!((notes.subjects().len(), world.memory.mailbox("Done").len()), (1, 0));
    let status = world.run(notes.handler(), |status| status.counts.settled == 3);
    assert_eq!(notes.subjects(), ["0", "1", "2"]);
    assert_eq!((world.memory.mailbox("Done").len(), status.counts.known), (3, 1));
}

#[test]
fn a_killed_watch_hands_over_again_only_what_was_in_its_handler() {
    let world = World::new().configured(|c| c.settle = Settle::Delete);
    for n in 0..3 {
        world.memory.deliver(message(&n.to_string()));
    }
    let stuck = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&stuck);
    world.kill(move |arrival: Arrival| {
        seen.lock().unwrap().push((subject(&arrival), arrival.attempt()));
        std::future::pending::<Result<Answer, HandlerError>>()
    });
    assert_eq!(*stuck.lock().unwrap(), [("0".to_owned(), 1)]);
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&attempts);
    let handler = move |arrival: Arrival| {
        seen.lock().unwrap().push((subject(&arrival), arrival.attempt()));
        async { Ok(Answer::Done) }
    };
    world.run(handler, |status| status.counts.settled == 3);
    assert_eq!(*attempts.lock().unwrap(), [("0".to_owned(), 2), ("1".to_owned(), 1), ("2".to_owned(), 1)]);
}

#[test]
fn a_handler_that_does_not_end_is_waited_for_when_the_watch_is_stopped() {
    let world = World::new().configured(|c| c.settle = Settle::Delete);
    for n in 0..3 {
        world.memory.deliver(message(&n.to_string()));
    }
    let host = world.host.clone();
    let notes = Notes::default();
    let seen = notes.clone();
    let watch = world.watch(move |arrival: Arrival| {
        seen.0.lock().unwrap().push(subject(&arrival));
        let sleep = host.sleep(seconds(20));
        async move {
            sleep.await;
            Ok(Answer::Done)
        }
    });
    let handle = watch.handle();
    let outcome = postrider_testkit::run(&world.host, async {
        let stop = async {
            world.host.sleep(seconds(5)).await;
            handle.stop();
        };
        futures_util::future::join(watch.run(), stop).await.0
    });
    outcome.unwrap().unwrap();
    assert_eq!(notes.subjects(), ["0"]);
    assert_eq!((handle.status().counts.settled, world.memory.mailbox("INBOX").len()), (1, 2));
}

#[test]
fn fetching_goes_on_while_a_message_is_handled_but_never_too_far() {
    let world = World::new().configured(|c| (c.ahead, c.ahead_size) = (8, 1 << 20));
    for n in 0..40 {
        world.memory.deliver(message(&n.to_string()));
    }
    let host = world.host.clone();
    let handler = move |_: Arrival| {
        let sleep = host.sleep(seconds(1));
        async move {
            sleep.await;
            Ok(Answer::Done)
        }
    };
    world.run(handler, |status| status.counts.handled == 40);
    let (mut ahead, mut most) = (0i32, 0);
    for event in world.events() {
        match event.split(' ').next() {
            Some("fetched") => ahead += 1,
            Some("handing") => ahead -= 1,
            _ => {}
        }
        most = most.max(ahead);
    }
    assert!((4..=9).contains(&most), "{most} messages were ahead");
}

#[test]
fn messages_are_marked_by_their_header() {
    let world = World::new().configured(|c| c.own = vec!["me@example.org".into()]);
    let deliver =
        |text: &str| world.memory.deliver(format!("{text}\r\nSubject: x\r\n\r\nBody\r\n").into_bytes());
    deliver("From: them@example.net");
    deliver("From: them@example.net\r\nAuto-Submitted: auto-replied");
    deliver("Return-Path: <>\r\nFrom: daemon@example.net");
    deliver("From: me@example.org");
    deliver("From: them@example.net\r\nList-Id: <l.example.net>");
    let marks = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&marks);
    let handler = move |arrival: Arrival| {
        let m = arrival.marks();
        seen.lock().unwrap().push([m.auto_submitted, m.bounce, m.own, m.list]);
        async { Ok(Answer::Done) }
    };
    world.run(handler, |status| status.counts.handled == 5);
    let one = |n: usize| std::array::from_fn::<bool, 4, _>(|i| i == n);
    assert_eq!(*marks.lock().unwrap(), [one(9), one(0), one(1), one(2), one(3)]);
}

#[test]
fn several_mailboxes_are_watched_in_one_process_over_one_ledger() {
    let world = World::new();
    let other = World { ledger: world.ledger.clone(), host: world.host.clone(), ..World::new() };
    world.memory.deliver(message("here"));
    other.memory.deliver(message("there"));
    let notes = Notes::default();
    let (host, memory) = (Arc::new(other.host.clone()), other.memory.clone());
    let lent = host.clone();
    let make = move || Ok(Inbox::new(Box::new(memory.incoming(lent.clone()))));
    let ledger = Arc::new(other.ledger.clone());
    let second = Watch::over("other", host, make, WatchConfig::default(), ledger, notes.handler()).unwrap();
    let first = world.watch(notes.handler());
    let handles = [first.handle(), second.handle()];
    let outcome = postrider_testkit::run(&world.host, async {
        let stop = async {
            for handle in &handles {
                handle.when(idle).await;
                handle.stop();
            }
        };
        futures_util::future::join3(first.run(), second.run(), stop).await
    });
    let (first, second, ()) = outcome.unwrap();
    first.unwrap();
    second.unwrap();
    let mut subjects = notes.subjects();
    subjects.sort();
    assert_eq!(subjects, ["here", "there"]);
}
