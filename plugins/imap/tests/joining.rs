//! A further connection that is being opened stands in nobody's way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_imap::Imap;
use postrider_testkit::{Dialogue, VirtualHost, run};
use postrider_wire::Login;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

/// A host that looks up one secret at a time, and slowly: whoever comes meanwhile waits.
struct OneByOne {
    inner: VirtualHost,
    turn: Mutex<(bool, Vec<Waker>)>,
}

struct Turn<'a>(&'a OneByOne);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turn = self.0.turn.lock().unwrap();
        turn.0 = false;
        turn.1.drain(..).for_each(Waker::wake);
    }
}

#[async_trait]
impl Host for OneByOne {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        self.inner.connect(target).await
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.inner.sleep(duration)
    }

    fn now(&self) -> Duration {
        self.inner.now()
    }

    async fn secret(&self, _: &SecretRef) -> Result<Secret> {
        poll_fn(|cx| {
            let mut turn = self.turn.lock().unwrap();
            if std::mem::replace(&mut turn.0, true) {
                turn.1.push(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        let _turn = Turn(self);
        self.inner.sleep(Duration::from_secs(1)).await;
        Ok(SECRET.into())
    }
}

#[test]
fn a_new_first_connection_does_not_wait_for_what_a_further_one_holds() {
    let asked =
        "C~ {a} UID FETCH 1:3 *\nC~ {b} UID FETCH 4:6 *\nS: * 1 FETCH (UID 1 BODY[] {3}\nS: one)\nCUT\n";
    let again = "C~ {c} UID FETCH 3:5 *\nC~ {d} UID FETCH 6 *\nS: * 3 FETCH (UID 3 BODY[] {5}\nS: three)\n";
    let script = format!("{}{asked}CONNECT\n{}{again}", opened(""), opened("").replace("{open}", "{anew}"));
    let host = VirtualHost::play(&Dialogue::parse(&script).unwrap());
    let mut config = pipelined(TlsMode::Implicit);
    config.login = Login::password(&config.target, "me", SecretRef::Environment("X".into()));
    (config.connections, config.window) = (2, 96);
    let slow = OneByOne { inner: host.clone(), turn: Mutex::default() };
    let mut imap = Imap::new(config, Arc::new(slow));
    let ids: Vec<MessageId> = (1..=6).map(key).collect();
    run(&host, async {
        imap.prefetch(&ids);
        assert_eq!(read(&mut imap, &ids[0]).await.unwrap(), "one");
        assert_eq!(read(&mut imap, &ids[1]).await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(read(&mut imap, &ids[2]).await.unwrap(), "three");
    })
    .expect("hangs");
    assert!(host.mismatches().is_empty(), "{:?}", host.mismatches());
}
