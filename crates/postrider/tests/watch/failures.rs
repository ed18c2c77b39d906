//! What fails: the handler, the connection, the server, the ledger. Nothing is lost, and nothing blocks the rest.

use super::*;
use postrider::ledger::LedgerErrorKind;
use postrider_memory::Call;

fn failure(what: &str) -> Result<Answer, HandlerError> {
    Err(what.into())
}

#[test]
fn a_message_that_fails_is_handed_over_again_later_and_blocks_nobody() {
    let world = World::new();
    for n in 0..3 {
        world.memory.deliver(message(&n.to_string()));
    }
    let notes = Notes::default();
    let answers = vec![failure("no"), Ok(Answer::Done), Ok(Answer::Done), failure("no"), Ok(Answer::Done)];
    let status = world.run(notes.answering(answers), |status| status.counts.handled == 3);
    assert_eq!(notes.subjects(), ["0", "1", "2", "0", "0"]);
    assert_eq!(status.counts.failed, 2);
    // 30 s, then 60 s.
    assert_eq!(Host::now(&world.host), seconds(90));
}

#[test]
fn later_is_no_failure_however_often_it_is_said() {
    let world = World::new().configured(|c| c.failures = 2);
    let id = world.memory.deliver(message("one"));
    let notes = Notes::default();
    let status = world.run(notes.answering((0..9).map(|_| Ok(Answer::Later)).collect()), |status| {
        status.counts.handled == 1
    });
    assert_eq!((notes.subjects().len(), status.counts.later), (10, 9));
    assert_eq!(world.ledger.entry(NAME, &id).unwrap().attempts, 1);
}

#[test]
fn after_its_last_failure_a_message_is_put_aside_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("quarantine");
    for quarantine in [Quarantine::Keep, Quarantine::Move("Bad".into()), Quarantine::Folder(place.clone())] {
        let world = World::new().configured(|c| {
            (c.failures, c.settle, c.quarantine) = (3, Settle::Delete, quarantine.clone());
        });
        world.memory.create("Bad");
        let id = world.memory.deliver(message("bad"));
        world.memory.deliver(message("good"));
        let handler = |arrival: Arrival| {
            let bad = subject(&arrival) == "bad";
            async move { if bad { Err("it is bad".into()) } else { Ok(Answer::Done) } }
        };
        let status = world.run(handler, |status| status.counts.quarantined == 1 && idle(status));
        assert_eq!((status.counts.failed, status.counts.handled), (2, 1));
        let entry = world.ledger.entry(NAME, &id).unwrap();
        assert_eq!(
            (entry.state, entry.reason.as_str()),
            (State::Quarantined, "failed 3 times, at last: it is bad")
        );
        let places = (world.memory.mailbox("INBOX").len(), world.memory.mailbox("Bad").len());
        let expected = match &quarantine {
            Quarantine::Keep => (1, 0),
            Quarantine::Move(_) => (0, 1),
            _ => (0, 0),
        };
        assert_eq!(places, expected, "{quarantine:?}");
        // Not even after a restart.
        let notes = Notes::default();
        world.run(notes.handler(), idle);
        assert_eq!(notes.subjects(), Vec::<String>::new());
    }
    let name = ledger::Fingerprint::of(&message("bad")).to_string();
    assert_eq!(std::fs::read(place.join(format!("{name}.eml"))).unwrap(), message("bad"));
    let told = std::fs::read_to_string(place.join(format!("{name}.txt"))).unwrap();
    assert!(told.contains("it is bad"), "{told}");
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 2);
}

#[test]
fn a_quarantine_that_can_not_be_written_keeps_the_message_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("file");
    std::fs::write(&place, "no folder").unwrap();
    let world = World::new().configured(|c| {
        (c.settle, c.quarantine) = (Settle::Delete, Quarantine::Folder(place.clone()));
    });
    let id = world.memory.deliver(message("one"));
    let refuse = || |_: Arrival| async { Ok(Answer::Refuse("not for us".into())) };
    let status = world.run(refuse(), |status| status.degraded.is_some() && idle(status));
    assert!(status.degraded.unwrap().contains("quarantine"));
    assert_eq!((world.state(&id), world.memory.mailbox("INBOX").len()), (Some(State::Begun), 1));
    std::fs::remove_file(&place).unwrap();
    world.run(refuse(), |status| status.counts.refused == 1 && idle(status));
    assert_eq!((world.state(&id), world.memory.mailbox("INBOX").len()), (Some(State::Refused), 0));
}

#[test]
fn a_handler_that_panics_or_takes_too_long_has_failed_and_the_watch_goes_on() {
    let world = World::new().configured(|c| c.deadline = seconds(7));
    world.memory.deliver(message("panic"));
    world.memory.deliver(message("slow"));
    world.memory.deliver(message("good"));
    let handler = |arrival: Arrival| {
        let (what, attempt) = (subject(&arrival), arrival.attempt());
        async move {
            match what.as_str() {
                "panic" if attempt == 1 => panic!("on purpose"),
                "slow" if attempt == 1 => std::future::pending().await,
                _ => Ok(Answer::Done),
            }
        }
    };
    let status = world.run(handler, |status| status.counts.handled == 3);
    assert_eq!(status.counts.failed, 2);
    let events = world.events().join("\n");
    assert!(events.contains("the handler panicked: on purpose"), "{events}");
    assert!(events.contains("the handler took longer than 7 s"), "{events}");
}

#[test]
fn a_message_that_ends_the_process_each_time_is_put_aside_in_the_end() {
    let world = World::new().configured(|c| c.interruptions = 3);
    let id = world.memory.deliver(message("deadly"));
    for _ in 0..3 {
        world.kill(|_: Arrival| std::future::pending::<Result<Answer, HandlerError>>());
    }
    let notes = Notes::default();
    let status = world.run(notes.handler(), |status| status.counts.quarantined == 1);
    assert_eq!((notes.subjects(), status.counts.handled), (Vec::new(), 0));
    assert!(world.ledger.entry(NAME, &id).unwrap().reason.contains("ended 3 times"));
}

#[test]
fn nothing_is_lost_whichever_call_of_the_connection_fails() {
    for call in [Call::List, Call::Fetch, Call::Settle, Call::Wait] {
        let world = World::new().configured(|c| c.settle = Settle::Delete);
        for n in 0..5 {
            world.memory.deliver(message(&n.to_string()));
        }
        world.memory.next_error(call, Error::new(ErrorKind::Closed, Phase::Fetch, "cut"));
        let notes = Notes::default();
        let status = world.run(notes.handler(), |status| status.counts.settled == 5);
        let mut subjects = notes.subjects();
        subjects.sort();
        assert_eq!(subjects, ["0", "1", "2", "3", "4"], "{call:?}");
        assert_eq!(status.counts.handled, 5);
    }
    let world = World::new();
    world.memory.deliver(message("cut"));
    world.memory.cut_next_fetch(10);
    let notes = Notes::default();
    world.run(notes.handler(), |status| status.counts.handled == 1);
    assert_eq!(notes.subjects(), ["cut"]);
}

#[test]
fn a_message_that_always_breaks_the_connection_does_not_keep_the_others_from_coming() {
    let world = World::new();
    world.memory.deliver(message("deadly"));
    world.memory.deliver(message("good"));
    world.memory.next_error(Call::Fetch, Error::new(ErrorKind::Protocol, Phase::Fetch, "nonsense"));
    let notes = Notes::default();
    world.run(notes.handler(), |status| status.counts.handled == 2);
    assert_eq!(notes.subjects(), ["good", "deadly"]);
}

#[test]
fn a_settlement_that_is_refused_is_told_and_repeats_nothing() {
    let world = World::new().configured(|c| c.settle = Settle::Move("Nowhere".into()));
    world.memory.deliver(message("one"));
    let notes = Notes::default();
    let status = world.run(notes.handler(), |status| status.degraded.is_some() && idle(status));
    assert!(status.degraded.unwrap().contains("Nowhere") && status.counts.handled == 1);
    world.memory.create("Nowhere");
    let status = world.run(notes.handler(), |status| status.counts.settled == 1);
    assert_eq!((notes.subjects().len(), status.degraded), (1, None));
    assert_eq!(world.memory.mailbox("Nowhere").len(), 1);
}

#[test]
fn a_ledger_that_fails_stops_the_handing_over_until_it_works_again() {
    for errors in 1..=4 {
        let world = World::new().configured(|c| c.settle = Settle::Delete);
        for n in 0..3 {
            world.memory.deliver(message(&n.to_string()));
        }
        // Before the handler is asked, or after it: then it is asked again.
        for _ in 0..errors {
            world.ledger.next_error(LedgerErrorKind::Full);
        }
        let (told, notes) = (Arc::new(Mutex::new(Vec::new())), Notes::default());
        let seen = Arc::clone(&told);
        let status = world.run(notes.handler(), move |status| {
            if let Health::BackingOff { why, .. } = &status.health {
                seen.lock().unwrap().push(why.clone());
            }
            status.counts.settled == 3
        });
        // What the ledger could not take is written down later, without the handler.
        assert_eq!(notes.subjects(), ["0", "1", "2"]);
        assert_eq!(status.counts.handled, 3);
        assert!(told.lock().unwrap().iter().all(|why| why.contains("make room")), "{told:?}");
        assert!(!told.lock().unwrap().is_empty());
    }
}

#[test]
fn what_the_ledger_could_not_take_is_written_down_later_without_the_handler() {
    for answer in [Answer::Done, Answer::Refuse("no".into())] {
        let world = World::new().configured(|c| c.settle = Settle::Delete);
        let id = world.memory.deliver(message("one"));
        let (notes, ledger) = (Notes::default(), world.ledger.clone());
        let (seen, expected) = (notes.clone(), answer.clone());
        let handler = move |arrival: Arrival| {
            seen.0.lock().unwrap().push(subject(&arrival));
            (0..20).for_each(|_| ledger.next_error(LedgerErrorKind::Full));
            let answer = answer.clone();
            async { Ok(answer) }
        };
        world.run(handler, |status| status.counts.handled + status.counts.refused == 1);
        assert_eq!(notes.subjects(), ["one"]);
        let state = if expected == Answer::Done { State::Done } else { State::Refused };
        assert_eq!(world.state(&id), Some(state));
    }
}

#[test]
fn a_failed_sign_in_asks_for_somebody_and_is_seldom_tried_again() {
    let world = World::new();
    world.memory.deliver(message("one"));
    let refused = || Error::new(ErrorKind::Authentication, Phase::Authenticate, "wrong password");
    world.memory.next_error(Call::List, refused());
    let seen = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&seen);
    let status = world.run(Notes::default().handler(), move |status| {
        if let Health::NeedsAuthentication { until, why } = &status.health {
            *noted.lock().unwrap() = Some((*until, why.clone(), status.is_healthy()));
        }
        status.counts.handled == 1
    });
    let (until, why, healthy) = seen.lock().unwrap().clone().unwrap();
    assert_eq!((until, healthy), (seconds(900), false));
    assert!(why.contains("wrong password"));
    assert!(Host::now(&world.host) >= seconds(900));
    assert!(status.is_healthy());
}

#[test]
fn a_link_that_goes_silent_is_noticed_within_the_probe_interval() {
    struct Silent(bool, Memory, VirtualHost);

    #[async_trait]
    impl IncomingTransport for Silent {
        async fn list(&mut self, query: &Query) -> Result<Listing> {
            self.1.incoming(Arc::new(self.2.clone())).list(query).await
        }
        async fn fetch(&mut self, _: &MessageId) -> Result<Body<'_>> {
            Ok(Body::from_bytes(message("one")))
        }
        async fn settle(&mut self, _: &[MessageId], _: &Settle) -> Result<()> {
            Ok(())
        }
        async fn wait(&mut self, limit: Duration) -> Result<Wake> {
            if self.0 {
                return std::future::pending().await;
            }
            self.2.sleep(limit).await;
            Ok(Wake::Elapsed)
        }
        async fn close(self: Box<Self>) -> Result<()> {
            Ok(())
        }
    }

    let host = VirtualHost::serve(|| panic!("nobody connects"));
    let memory = Memory::new();
    let (made, lent, mailbox) = (Mutex::new(0), host.clone(), memory.clone());
    let make = move || {
        *made.lock().unwrap() += 1;
        Ok(Inbox::new(Box::new(Silent(*made.lock().unwrap() == 1, mailbox.clone(), lent.clone()))))
    };
    let config = WatchConfig::default();
    let ledger = Arc::new(MemoryLedger::new());
    let watch =
        Watch::over(NAME, Arc::new(host.clone()), make, config, ledger, Notes::default().handler()).unwrap();
    let handle = watch.handle();
    let ended = postrider_testkit::run(&host, async {
        let look = async {
            let backing_off = |status: &Status| matches!(status.health, Health::BackingOff { .. });
            let status = handle.when(backing_off).await;
            assert_eq!(Host::now(&host), seconds(300));
            assert!(status.health.to_string().contains("no sign of life"));
            memory.deliver(message("one"));
            handle.when(|status| status.counts.handled == 1).await;
            handle.stop();
        };
        futures_util::future::join(watch.run(), look).await.0
    });
    ended.unwrap().unwrap();
}

#[test]
fn a_watch_that_waits_can_be_asked_to_look_at_once_and_stopped_at_once() {
    let world = World::new();
    world.memory.next_error(Call::List, Error::new(ErrorKind::Authentication, Phase::Authenticate, "no"));
    let notes = Notes::default();
    let watch = world.watch(notes.handler());
    let handle = watch.handle();
    let outcome = postrider_testkit::run(&world.host, async {
        let ask = async {
            handle.when(|status| matches!(status.health, Health::NeedsAuthentication { .. })).await;
            handle.look();
            handle.when(idle).await;
            handle.stop();
        };
        futures_util::future::join(watch.run(), ask).await.0
    });
    outcome.unwrap().unwrap();
    assert_eq!(Host::now(&world.host), Duration::ZERO);
}
