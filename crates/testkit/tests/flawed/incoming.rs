//! Ways in with a flaw.

use crate::as_kind;
use postrider_core::*;
use postrider_imap::{FACTORY, Imap, ImapConfig};
use postrider_testkit::conformance::{self, ScriptedImap, Verdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    SettlesEarly,
    MarksAsSeen,
    UnstableKeys,
    Reversed,
    Twice,
    NoPages,
    Buffers,
    GivesHalf,
    GivesSomething,
    TakesAnyKey,
    SaysSettled,
    SettlesAll,
    SettlesNothing,
    SaysRejected,
    CutsNames,
    ListsSeen,
    WaitsForEver,
    DeletesOnConnect,
    TripsAfterCancellation,
    Leaks,
    DialsToClose,
    StripsDots,
    IgnoresMaxSize,
    BelievesHints,
    MarksHinted,
    ReadsHinted,
    TripsOverHints,
    GivesUpHints,
    ActsOnHints,
    HidesMove,
    CannotConnect,
}

struct Flawed {
    inner: Imap,
    flaw: Flaw,
    session: usize,
    busy: bool,
    hinted: Vec<MessageId>,
    ahead: Vec<u8>,
}

static SESSIONS: AtomicUsize = AtomicUsize::new(0);

impl Flawed {
    /// Their key of ours.
    fn outer(&self, id: &MessageId) -> MessageId {
        let text = format!("{}/{}", id.as_str(), self.session);
        if self.flaw == Flaw::UnstableKeys { MessageId::parse(&text).unwrap() } else { id.clone() }
    }

    fn inner(&self, id: &MessageId) -> MessageId {
        let stem = id.as_str().rsplit_once('/').map_or("x", |(stem, _)| stem);
        if self.flaw == Flaw::UnstableKeys { MessageId::parse(stem).unwrap() } else { id.clone() }
    }
}

#[async_trait]
impl IncomingTransport for Flawed {
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        let mut query = query.clone();
        query.after = query.after.map(|id| self.inner(&id));
        if self.flaw == Flaw::NoPages {
            query.limit = 1_000;
        }
        if self.flaw == Flaw::ListsSeen {
            query.unseen = false;
        }
        if self.flaw == Flaw::TripsAfterCancellation && self.busy {
            return Err(Error::new(ErrorKind::Protocol, Phase::List, "still busy"));
        }
        if self.flaw == Flaw::TripsOverHints && !self.hinted.is_empty() {
            return Err(Error::new(ErrorKind::Protocol, Phase::List, "an answer to something else"));
        }
        self.busy = true;
        let mut listing = self.inner.list(&query).await.map_err(|error| match self.flaw {
            Flaw::Leaks => {
                Error::new(error.kind(), error.phase(), format!("not with {}", ScriptedImap::PASSWORD))
                    .with_advice("another")
            }
            _ => error,
        })?;
        self.busy = false;
        for message in &mut listing.messages {
            message.id = self.outer(&message.id);
        }
        if self.flaw == Flaw::Reversed {
            listing.messages.reverse();
        }
        if self.flaw == Flaw::Twice {
            listing.messages.extend(listing.messages.clone());
        }
        Ok(listing)
    }

    fn prefetch(&mut self, ids: &[MessageId]) {
        self.hinted = ids.to_vec();
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        let mut id = self.inner(id);
        let flaw = self.flaw;
        match flaw {
            Flaw::BelievesHints if !self.hinted.is_empty() => id = self.hinted.remove(0),
            Flaw::MarksHinted => self.inner.settle(&std::mem::take(&mut self.hinted), &Settle::Seen).await?,
            Flaw::ReadsHinted => {
                for id in std::mem::take(&mut self.hinted) {
                    if let Ok(body) = self.inner.fetch(&id).await {
                        self.ahead.extend_from_slice(&body.read_all(1 << 30).await?);
                    }
                }
            }
            Flaw::GivesUpHints => {
                for id in std::mem::take(&mut self.hinted) {
                    self.inner.fetch(&id).await?;
                }
            }
            Flaw::TripsOverHints => self.hinted.retain(|hinted| *hinted != id),
            _ => {}
        }
        if flaw == Flaw::TakesAnyKey
            && let Some((stem, _)) = id.as_str().rsplit_once('/')
        {
            id = MessageId::parse(&format!("{stem}/4"))?;
        }
        match flaw {
            Flaw::Buffers | Flaw::SettlesEarly | Flaw::MarksAsSeen | Flaw::StripsDots => {
                let bytes = self.inner.fetch(&id).await?.read_all(1 << 30).await?.to_vec();
                match flaw {
                    Flaw::SettlesEarly => self.inner.settle(&[id], &Settle::Delete).await?,
                    Flaw::MarksAsSeen => self.inner.settle(&[id], &Settle::Seen).await?,
                    _ => {}
                }
                let text = String::from_utf8_lossy(&bytes).replace("\r\n.", "\r\n");
                Ok(if flaw == Flaw::StripsDots { text.into_bytes().into() } else { bytes.into() })
            }
            Flaw::GivesHalf => {
                let mut bytes = Vec::new();
                {
                    let mut body = self.inner.fetch(&id).await?;
                    while let Ok(Some(chunk)) = body.chunk().await {
                        bytes.extend_from_slice(&chunk);
                    }
                }
                Ok(bytes.into())
            }
            Flaw::GivesSomething => match self.inner.fetch(&id).await {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok("".into()),
                other => other,
            },
            _ => self.inner.fetch(&id).await,
        }
    }

    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        let mut ids: Vec<MessageId> = ids.iter().map(|id| self.inner(id)).collect();
        if let (Flaw::CutsNames, Settle::Move(name)) = (self.flaw, how) {
            let name = name.split('\r').next().unwrap_or_default();
            let how = Settle::Move(if name == "x" { "Archive".into() } else { name.to_owned() });
            return self.inner.settle(&ids, &how).await;
        }
        match self.flaw {
            Flaw::SettlesNothing => return Ok(()),
            Flaw::SaysRejected if *how == Settle::Seen => {
                return Err(Error::new(ErrorKind::Rejected, Phase::Settle, "no such thing here"));
            }
            Flaw::SettlesAll => {
                let all = self.inner.list(&Query::all()).await?;
                ids = all.messages.into_iter().map(|m| m.id).collect();
            }
            _ => {}
        }
        match self.inner.settle(&ids, how).await {
            Err(_) if self.flaw == Flaw::SaysSettled => Ok(()),
            other => other,
        }
    }

    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        if self.flaw == Flaw::WaitsForEver {
            return std::future::pending().await;
        }
        self.inner.wait(limit).await
    }

    async fn connect(&mut self) -> Result<()> {
        if self.flaw == Flaw::CannotConnect {
            return Err(Error::new(ErrorKind::Unsupported, Phase::Configure, "only by listing"));
        }
        if self.flaw == Flaw::DeletesOnConnect {
            let all = self.inner.list(&Query::all()).await?;
            self.inner.settle(&[all.messages[0].id.clone()], &Settle::Delete).await?;
        }
        IncomingTransport::connect(&mut self.inner).await.map_err(|e| as_kind(e.kind(), &e))
    }

    async fn close(mut self: Box<Self>) -> Result<()> {
        if self.flaw == Flaw::ActsOnHints {
            self.inner.settle(&self.hinted, &Settle::Delete).await?;
        }
        if self.flaw == Flaw::DialsToClose {
            IncomingTransport::connect(&mut self.inner).await?;
        }
        Box::new(self.inner).close().await
    }
}

fn flawed(flaw: Flaw) -> &'static TransportFactory {
    let make = move |properties: &Properties, host: Arc<dyn Host>| -> Result<Box<dyn IncomingTransport>> {
        let mut config = ImapConfig::read(properties)?;
        if flaw == Flaw::IgnoresMaxSize {
            config.max_size = 1 << 30;
        }
        let inner = Imap::new(config, host);
        let session = SESSIONS.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Flawed { inner, flaw, session, busy: false, hinted: Vec::new(), ahead: Vec::new() }))
    };
    let factory = TransportFactory::incoming("flawed", Box::leak(Box::new(make)));
    use Capability::*;
    let capabilities: &'static [Capability] = match flaw {
        Flaw::HidesMove => &[Connect, Unseen, Seen, Delete],
        _ => FACTORY.capabilities,
    };
    let factory = factory.about("with a flaw").properties(FACTORY.properties).capabilities(capabilities);
    Box::leak(Box::new(factory))
}

#[track_caller]
fn is_found(flaw: Flaw, promises: &[&str]) {
    let report = conformance::check_some_incoming(flawed(flaw), ScriptedImap::new, promises);
    for promise in promises {
        let verdict = report.verdict(promise);
        assert!(
            matches!(verdict, Some(Verdict::Broken(_))),
            "{flaw:?} is not found by {promise}: {verdict:?}"
        );
    }
}

#[test]
fn the_transport_under_the_flaws_has_none() {
    conformance::check_incoming(&FACTORY, ScriptedImap::new).assert_kept();
}

#[test]
fn messages_that_change_while_they_are_read_are_found() {
    is_found(Flaw::SettlesEarly, &["reading-changes-nothing"]);
    is_found(Flaw::MarksAsSeen, &["reading-changes-nothing"]);
    is_found(Flaw::DeletesOnConnect, &["connect"]);
    is_found(Flaw::StripsDots, &["fetches", "pieces"]);
    is_found(Flaw::GivesHalf, &["cuts"]);
    is_found(Flaw::Buffers, &["memory"]);
    is_found(Flaw::IgnoresMaxSize, &["maxsize"]);
}

#[test]
fn keys_and_pages_that_can_not_be_relied_on_are_found() {
    is_found(Flaw::UnstableKeys, &["stable-keys"]);
    is_found(Flaw::Reversed, &["lists"]);
    is_found(Flaw::Twice, &["lists"]);
    is_found(Flaw::NoPages, &["lists"]);
    is_found(Flaw::GivesSomething, &["gone"]);
    is_found(Flaw::TakesAnyKey, &["injection"]);
    is_found(Flaw::ListsSeen, &["unseen"]);
}

#[test]
fn settling_that_is_not_what_was_asked_is_found() {
    is_found(Flaw::SaysSettled, &["settle-refused"]);
    is_found(Flaw::SettlesAll, &["seen", "move", "delete"]);
    is_found(Flaw::SettlesNothing, &["seen", "move", "delete"]);
    is_found(Flaw::SaysRejected, &["seen"]);
    is_found(Flaw::CutsNames, &["injection"]);
}

#[test]
fn hints_that_are_more_than_hints_are_found() {
    is_found(Flaw::BelievesHints, &["prefetch"]);
    is_found(Flaw::MarksHinted, &["prefetch"]);
    is_found(Flaw::ReadsHinted, &["prefetch"]);
    is_found(Flaw::TripsOverHints, &["prefetch"]);
    is_found(Flaw::GivesUpHints, &["prefetch"]);
    is_found(Flaw::ActsOnHints, &["prefetch"]);
}

#[test]
fn capabilities_that_are_not_there_or_not_told_are_found() {
    is_found(Flaw::HidesMove, &["capabilities"]);
    is_found(Flaw::CannotConnect, &["capabilities"]);
}

#[test]
fn hangs_leaks_and_lost_sessions_are_found() {
    is_found(Flaw::WaitsForEver, &["wait"]);
    is_found(Flaw::TripsAfterCancellation, &["cancellation"]);
    is_found(Flaw::Leaks, &["secrets"]);
    is_found(Flaw::DialsToClose, &["close"]);
}
