//! Shared connections over hosts whose clocks and timers do what a host may do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::yard::{Answer, Yard};
use common::{envelope, in_time};
use postrider::*;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

fn mailer(yard: &Yard, host: impl Host + 'static) -> Mailer {
    let yard = yard.clone();
    let mut config = MailerConfig::default();
    (config.connections, config.rules.allow_reserved) = (2, true);
    Mailer::new("yard", &config, Arc::new(host), move || Ok(yard.transport())).unwrap()
}

fn leave(sending: &mut Pin<Box<impl Future>>) {
    assert!(sending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

/// A clock that sees to its timers when it is asked for the time.
#[derive(Default)]
struct Lazy(Mutex<Vec<Waker>>, Arc<Mutex<Vec<Waker>>>);

#[async_trait]
impl Host for Lazy {
    async fn connect(&self, _: &Target) -> Result<Box<dyn Connection>> {
        unreachable!("this host has no network")
    }

    fn sleep(&self, _: Duration) -> Sleep {
        let wakers = Arc::clone(&self.1);
        Box::pin(poll_fn(move |cx: &mut Context<'_>| {
            wakers.lock().unwrap().push(cx.waker().clone());
            Poll::Pending
        }))
    }

    fn now(&self) -> Duration {
        let _busy = self.0.lock().unwrap();
        let wakers = std::mem::take(&mut *self.1.lock().unwrap());
        wakers.into_iter().for_each(Waker::wake);
        Duration::ZERO
    }
}

#[tokio::test]
async fn a_clock_that_wakes_when_it_is_asked_finds_no_lock_held() {
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let yard = Yard::new(8);
        let mailer = mailer(&yard, Lazy::default());
        let envelope = envelope();
        let [mut one, mut two, mut three] =
            ["1", "2", "3"].map(|text| Box::pin(mailer.send(&envelope, text.into())));
        leave(&mut one);
        leave(&mut two);
        yard.answer([Answer::Yes]);
        futures_util::FutureExt::now_or_never(one).unwrap().unwrap();
        leave(&mut two);
        // A connection is kept: whether for too long is asked of the clock, whose timer is set.
        leave(&mut three);
        done.send(yard.seen().dials).unwrap();
    });
    assert_eq!(finished.recv_timeout(Duration::from_secs(30)), Ok(2));
}

type Hook = Box<dyn FnOnce() + Send>;

/// Its first timer is over before the poll that sets it has come back.
#[derive(Clone, Default)]
struct Early {
    hook: Arc<Mutex<Option<Hook>>>,
    timers: Arc<AtomicUsize>,
    dropped: Arc<AtomicBool>,
}

struct Second(Arc<AtomicBool>);

impl Drop for Second {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[async_trait]
impl Host for Early {
    async fn connect(&self, _: &Target) -> Result<Box<dyn Connection>> {
        unreachable!("this host has no network")
    }

    fn sleep(&self, _: Duration) -> Sleep {
        let number = self.timers.fetch_add(1, SeqCst);
        let second = (number == 1).then(|| Second(Arc::clone(&self.dropped)));
        let hook = Arc::clone(&self.hook);
        Box::pin(poll_fn(move |cx: &mut Context<'_>| {
            let _second = &second;
            let hook = hook.lock().unwrap().take();
            if let Some(hook) = hook {
                cx.waker().wake_by_ref();
                hook();
            }
            Poll::Pending
        }))
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

#[tokio::test]
async fn a_timer_that_is_over_does_not_take_the_place_of_the_one_that_was_set_after_it() {
    let yard = Yard::new(8);
    let host = Early::default();
    let mailer = mailer(&yard, host.clone());
    let (other, waits) = (mailer.clone(), Arc::new(Mutex::new(Vec::new())));
    let kept = Arc::clone(&waits);
    *host.hook.lock().unwrap() = Some(Box::new(move || {
        let mut second = Box::pin(async move { other.send(&envelope(), "second".into()).await });
        leave(&mut second);
        kept.lock().unwrap().push(second);
    }));
    let envelope = envelope();
    let mut first = Box::pin(mailer.send(&envelope, "first".into()));
    leave(&mut first);
    assert_eq!(host.timers.load(SeqCst), 2);
    assert!(!host.dropped.load(SeqCst), "nobody looks after those who wait any more");
    yard.always(Answer::Yes);
    in_time(first).await.unwrap();
    let second = waits.lock().unwrap().pop().unwrap();
    in_time(second).await.unwrap();
}

/// Takes no messages.
struct Lazybones;

#[async_trait]
impl OutgoingTransport for Lazybones {
    async fn send(&mut self, _: &Envelope, _: Body<'_>) -> Result<Receipt> {
        Err(Error::new(ErrorKind::Plugin, Phase::Sender, "no"))
    }

    async fn send_all(&mut self, _: &mut dyn Batch<'_>) {}

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// Bytes whose owner sends a message when they are given back.
struct Owned(Mailer);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        b"owned"
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let envelope = envelope();
        let again = self.0.send(&envelope, "again".into());
        futures_util::FutureExt::now_or_never(again).unwrap().unwrap_err();
    }
}

#[test]
fn bytes_of_a_message_that_nobody_takes_are_given_back_while_no_lock_is_held() {
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut config = MailerConfig::default();
        config.rules.allow_reserved = true;
        let host = Arc::new(Lazy::default());
        let mailer = Mailer::new("lazy", &config, host, || Ok(Box::new(Lazybones))).unwrap();
        let body = Body::from_bytes(bytes::Bytes::from_owner(Owned(mailer.clone())));
        let envelope = envelope();
        let outcome = futures_util::FutureExt::now_or_never(mailer.send(&envelope, body)).unwrap();
        done.send(outcome.unwrap_err().kind()).unwrap();
    });
    assert_eq!(finished.recv_timeout(Duration::from_secs(30)), Ok(ErrorKind::Plugin));
}
