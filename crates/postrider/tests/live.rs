//! New settings for a running session: checked, tried, and swapped under whoever sends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider::*;
use postrider_testkit::run_polls;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Two lines and a session that begins on the first of them.
struct Fixture {
    pigeon: Arc<Line>,
    dove: Arc<Line>,
    clock: Clock,
    session: Session,
}

fn line(pauses: usize) -> Arc<Line> {
    Arc::new(Line { pauses: pauses.into(), ..Line::default() })
}

fn fixture(pauses: usize, more: &str) -> Fixture {
    let (pigeon, dove, clock) = (line(pauses), line(pauses), Clock::default());
    let mut registry = registry(&pigeon);
    add(&mut registry, "dove", &dove);
    let builder = settings("pigeon", more).registry(registry).host(Arc::new(clock.clone()));
    Fixture { pigeon, dove, clock, session: builder.build().unwrap() }
}

fn settings(transport: &str, more: &str) -> SessionBuilder {
    let text = format!("mail.transport.protocol={transport}\nmail.send.allowreserved=true\n{more}");
    Session::builder().overrides(&text).unwrap()
}

fn sent(fixture: &Fixture) -> (usize, usize) {
    (fixture.pigeon.sent.load(SeqCst), fixture.dove.sent.load(SeqCst))
}

#[tokio::test]
async fn new_settings_count_at_once_for_every_clone_and_idle_connections_of_the_old_say_goodbye() {
    let fixture = fixture(3, "mail.from=old@example.org");
    let (mailer, session) = (fixture.session.mailer().unwrap(), fixture.session.clone());
    let clone = mailer.clone();
    let envelope = envelope();
    let (a, b) = tokio::join!(mailer.send(&envelope, "a".into()), clone.send(&envelope, "b".into()));
    assert!(a.is_ok() && b.is_ok());
    let applied = session.apply(settings("dove", "mail.from=new@example.org")).await.unwrap();
    assert_eq!((applied.outgoing, applied.incoming), (Trial::Passed, Trial::Unused));
    // Closed in good order and waited for, before anything new came.
    assert_eq!((fixture.pigeon.closed.load(SeqCst), fixture.pigeon.open.load(SeqCst)), (2, 0));
    for mailer in [&mailer, &clone, &fixture.session.mailer().unwrap()] {
        assert_eq!(
            (mailer.transport(), mailer.from().unwrap().to_string()),
            ("dove".into(), "new@example.org".into())
        );
        mailer.send(&envelope, "c".into()).await.unwrap();
    }
    assert_eq!(sent(&fixture), (2, 3));
    let explained = fixture.session.explain(None).unwrap();
    assert!(explained.iter().any(|e| e.key == "mail.from" && e.value == "new@example.org"));
}

#[tokio::test]
async fn what_is_under_way_ends_on_the_old_settings_and_what_waits_for_a_connection_goes_by_the_new() {
    let fixture = fixture(5, "mail.mailer.connections=1");
    let mailer = fixture.session.mailer().unwrap();
    let envelope = envelope();
    let mut under_way = Box::pin(mailer.send(&envelope, "a".into()));
    let mut waiting = Box::pin(mailer.send(&envelope, "b".into()));
    assert!(run_polls(under_way.as_mut(), 2).is_none() && run_polls(waiting.as_mut(), 2).is_none());
    fixture.session.apply(settings("dove", "")).await.unwrap();
    // The one that waited does not wait for the other any more.
    in_time(waiting).await.unwrap();
    assert_eq!(sent(&fixture), (0, 1));
    in_time(under_way).await.unwrap();
    assert_eq!(sent(&fixture), (1, 1));
    // Nobody wants its connection: it is told goodbye.
    assert_eq!((fixture.pigeon.goodbyes.load(SeqCst), fixture.pigeon.open.load(SeqCst)), (1, 0));
}

#[tokio::test]
async fn bad_settings_are_refused_and_the_old_ones_stay() {
    let fixture = fixture(0, "");
    let mailer = fixture.session.mailer().unwrap();
    for (more, part) in [
        ("mail.mailer.conections=1", "did you mean mail.mailer.connections?"),
        ("mail.mailer.connections=0", "from 1"),
        ("mail.send.redirect=nobody", "mail.send.redirect"),
        ("mail.from=nobody", "mail.from"),
        ("mail.transport.protocol=raven", "\"raven\""),
    ] {
        let error = fixture.session.apply_untried(settings("dove", more)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{more}");
        assert!(error.to_string().contains(part) && error.to_string().contains("overrides:3"), "{error}");
    }
    for kind in [ErrorKind::Authentication, ErrorKind::Connect, ErrorKind::Unsupported] {
        *fixture.dove.trial.lock().unwrap() = Some(Error::new(kind, Phase::StartTls, "no"));
        assert_eq!(fixture.session.apply(settings("dove", "")).await.unwrap_err().kind(), kind);
    }
    mailer.send(&envelope(), "x".into()).await.unwrap();
    assert_eq!(
        (sent(&fixture), fixture.dove.trials.load(SeqCst), mailer.transport()),
        ((1, 0), 3, "pigeon".into())
    );
    assert_eq!(fixture.session.protocol(Direction::Outgoing).unwrap(), "pigeon");
    // Each trial was told goodbye, whatever came of it.
    assert_eq!(fixture.dove.closed.load(SeqCst), 3);
}

#[tokio::test]
async fn a_server_that_is_down_can_be_set_all_the_same_and_what_was_not_tried_is_said() {
    let fixture = fixture(0, "");
    let mailer = fixture.session.mailer().unwrap();
    *fixture.dove.trial.lock().unwrap() = Some(Error::new(ErrorKind::Connect, Phase::Connect, "down"));
    let applied = fixture.session.apply_untried(settings("dove", "")).await.unwrap();
    assert_eq!((applied.outgoing, fixture.dove.trials.load(SeqCst)), (Trial::Skipped, 0));
    mailer.send(&envelope(), "x".into()).await.unwrap();
    assert_eq!(sent(&fixture), (0, 1));
    // A transport that can't be tried is no bad one, and no tried one.
    *fixture.pigeon.trial.lock().unwrap() =
        Some(Error::new(ErrorKind::Unsupported, Phase::Configure, "can't"));
    let applied = fixture.session.apply(settings("pigeon", "")).await.unwrap();
    assert_eq!((applied.outgoing, mailer.transport()), (Trial::Unsupported, "pigeon".into()));
}

#[tokio::test]
async fn a_change_that_is_given_up_while_it_is_tried_changes_nothing() {
    let fixture = fixture(9, "");
    let mailer = fixture.session.mailer().unwrap();
    for polls in 1..9 {
        assert!(run_polls(fixture.session.apply(settings("dove", "")), polls).is_none());
        assert_eq!(mailer.transport(), "pigeon");
    }
    in_time(fixture.session.apply(settings("dove", ""))).await.unwrap();
    assert_eq!(mailer.transport(), "dove");
}

#[tokio::test]
async fn a_server_that_never_answers_quit_holds_a_change_up_for_five_seconds_and_no_message() {
    let deaf = Arc::new(Line { deaf: true, ..Line::default() });
    let clock = Clock::default();
    let session = session(&deaf, &clock, "").unwrap();
    let mailer = session.mailer().unwrap();
    mailer.send(&envelope(), "x".into()).await.unwrap();
    let dove = line(0);
    let mut registry = Registry::empty();
    add(&mut registry, "dove", &dove);
    let mut apply = Box::pin(session.apply(settings("dove", "").registry(registry)));
    assert!(run_polls(apply.as_mut(), 5).is_none());
    mailer.send(&envelope(), "x".into()).await.unwrap();
    assert_eq!(dove.sent.load(SeqCst), 1);
    clock.pass(Duration::from_secs(5));
    in_time(apply).await.unwrap();
    assert_eq!(deaf.open.load(SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_the_server_stays_the_same_its_limit_holds_across_every_change() {
    let fixture = fixture(5, "mail.mailer.connections=3");
    let mailer = fixture.session.mailer().unwrap();
    let (tickets, done) = (Arc::new(Semaphore::new(4)), Arc::new(Semaphore::new(0)));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (mailer, tickets, done) = (mailer.clone(), Arc::clone(&tickets), Arc::clone(&done));
            tokio::spawn(async move {
                while let Ok(ticket) = tickets.acquire().await {
                    ticket.forget();
                    mailer.send(&envelope(), "x".into()).await.unwrap();
                    done.add_permits(1);
                }
            })
        })
        .collect();
    for change in 0..100 {
        // A few of them are always under way or waiting when the settings change.
        tickets.add_permits(16);
        in_time(done.acquire_many(16)).await.unwrap().forget();
        let more = format!("mail.mailer.connections={}", 1 + change % 3);
        in_time(fixture.session.apply_untried(settings("pigeon", &more))).await.unwrap();
    }
    in_time(done.acquire_many(4)).await.unwrap().forget();
    tickets.close();
    for task in tasks {
        in_time(task).await.unwrap();
    }
    assert_eq!(sent(&fixture), (1604, 0));
    assert!(fixture.pigeon.dials.load(SeqCst) >= 100, "{}", fixture.pigeon.dials.load(SeqCst));
    assert!(fixture.pigeon.most_open.load(SeqCst) <= 3);
    assert_eq!(fixture.pigeon.used_while_busy.load(SeqCst), 0);
    // The last limit counts exactly: as many at once, and no fewer for all the changes.
    fixture.session.apply_untried(settings("pigeon", "mail.mailer.connections=2")).await.unwrap();
    let envelope = envelope();
    let mut sends: Vec<_> = (0..3).map(|_| Box::pin(mailer.send(&envelope, "x".into()))).collect();
    for send in &mut sends {
        assert!(run_polls(send.as_mut(), 2).is_none());
    }
    assert_eq!(fixture.pigeon.open.load(SeqCst), 2);
}

#[tokio::test]
async fn two_sessions_of_the_same_settings_share_no_connection_and_no_change() {
    let one = fixture(0, "");
    let mut registry = registry(&one.pigeon);
    add(&mut registry, "dove", &one.dove);
    let other = settings("pigeon", "").registry(registry).host(Arc::new(one.clock.clone())).build().unwrap();
    let (first, second) = (one.session.mailer().unwrap(), other.mailer().unwrap());
    first.send(&envelope(), "x".into()).await.unwrap();
    second.send(&envelope(), "x".into()).await.unwrap();
    // The first one's idle connection was not for the second.
    assert_eq!(one.pigeon.dials.load(SeqCst), 2);
    other.apply(settings("dove", "")).await.unwrap();
    assert_eq!((first.transport(), second.transport()), ("pigeon".into(), "dove".into()));
    assert_eq!(one.pigeon.open.load(SeqCst), 1);
}

/// A mailbox that says its name.
struct Hole(&'static str);

#[async_trait]
impl IncomingTransport for Hole {
    async fn list(&mut self, _: &Query) -> Result<Listing> {
        Err(Error::new(ErrorKind::NotFound, Phase::List, self.0))
    }

    async fn fetch(&mut self, _: &MessageId) -> Result<Body<'_>> {
        Err(Error::new(ErrorKind::NotFound, Phase::Fetch, self.0))
    }

    async fn settle(&mut self, _: &[MessageId], _: &Settle) -> Result<()> {
        Ok(())
    }

    async fn wait(&mut self, _: Duration) -> Result<Wake> {
        Ok(Wake::Elapsed)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_inbox_keeps_its_settings_until_it_is_closed_and_a_new_one_has_the_new() {
    const OLD: TransportFactory = TransportFactory::incoming("old", &|_, _| Ok(Box::new(Hole("old"))));
    const NEW: TransportFactory = TransportFactory::incoming("new", &|_, _| Ok(Box::new(Hole("new"))));
    let mut registry = Registry::empty();
    registry.add(&OLD, "this test").unwrap();
    registry.add(&NEW, "this test").unwrap();
    let settings = |name: &str| Session::builder().overrides(&format!("mail.store.protocol={name}")).unwrap();
    let session = settings("old").registry(registry).host(Arc::new(Clock::default())).build().unwrap();
    let mut inbox = session.inbox().unwrap();
    // A session that only receives needs nothing to send by.
    let applied = session.apply(settings("new")).await.unwrap();
    assert_eq!((applied.outgoing, applied.incoming), (Trial::Unused, Trial::Unsupported));
    assert_eq!(inbox.list(&Query::all()).await.unwrap_err().message(), "old");
    assert_eq!(session.inbox().unwrap().list(&Query::all()).await.unwrap_err().message(), "new");
    assert!(session.apply(settings("newer")).await.unwrap_err().to_string().contains("\"newer\""));
    assert_eq!(session.inbox().unwrap().list(&Query::all()).await.unwrap_err().message(), "new");
}
