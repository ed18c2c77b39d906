//! A way in that deletes when it is closed, with flaws in closing.

use postrider_core::*;
use postrider_pop3::{FACTORY, Pop3, Pop3Config};
use postrider_testkit::conformance::{self, ScriptedPop3, Verdict};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    HidesFailure,
    DropsInstead,
}

struct Flawed {
    inner: Pop3,
    flaw: Flaw,
}

#[async_trait]
impl IncomingTransport for Flawed {
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        self.inner.list(query).await
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        self.inner.fetch(id).await
    }

    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        self.inner.settle(ids, how).await
    }

    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        self.inner.wait(limit).await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        match self.flaw {
            Flaw::None => Box::new(self.inner).close().await,
            Flaw::HidesFailure => Box::new(self.inner).close().await.or(Ok(())),
            Flaw::DropsInstead => Ok(()),
        }
    }
}

fn verdict(flaw: Flaw, promise: &str) -> Verdict {
    let make = move |properties: &Properties, host: Arc<dyn Host>| -> Result<Box<dyn IncomingTransport>> {
        Ok(Box::new(Flawed { inner: Pop3::new(Pop3Config::read(properties)?, host), flaw }))
    };
    let factory = TransportFactory::incoming("flawed", Box::leak(Box::new(make)));
    let factory = Box::leak(Box::new(factory.about("with a flaw").properties(FACTORY.properties)));
    let report = conformance::check_some_incoming(factory, ScriptedPop3::new, &[promise]);
    report.verdict(promise).unwrap().clone()
}

#[test]
fn a_deletion_that_is_lost_when_it_is_closed_is_found() {
    assert!(matches!(verdict(Flaw::HidesFailure, "cuts"), Verdict::Broken(_)));
    assert!(matches!(verdict(Flaw::DropsInstead, "delete"), Verdict::Broken(_)));
    for promise in ["cuts", "delete"] {
        assert_eq!(verdict(Flaw::None, promise), Verdict::Kept);
    }
}

#[test]
fn what_a_protocol_does_not_have_is_not_offered_and_not_kept() {
    for promise in ["seen", "move", "unseen", "connect"] {
        let verdict = verdict(Flaw::None, promise);
        assert!(matches!(verdict, Verdict::NotOffered(_)), "{promise}: {verdict:?}");
    }
}
