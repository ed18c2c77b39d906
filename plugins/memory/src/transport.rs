//! The transports: the contract of core on top of what a test shares with them.

use crate::state::{Sent, canonical};
use crate::{Call, Memory, MemoryConfig, SendFault, fault};
use bytes::{Bytes, BytesMut};
use postrider_core::{
    Address, Body, Envelope, Error, ErrorKind, Host, IncomingTransport, Listing, MessageId, MessageInfo,
    OutgoingTransport, Phase, Query, Receipt, RecipientOutcome, Repeat, Reply, Result, Settle, Verdict, Wake,
    async_trait,
};
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// A way out that ends in memory.
#[derive(Debug)]
pub struct MemoryOutgoing {
    memory: Memory,
    config: MemoryConfig,
}

/// A mailbox in memory.
pub struct MemoryIncoming {
    memory: Memory,
    config: MemoryConfig,
    host: Arc<dyn Host>,
    // The newest message when it was last listed.
    listed: u64,
}

impl MemoryOutgoing {
    /// A transport that ends in this memory.
    pub fn new(memory: &Memory, config: MemoryConfig) -> Self {
        Self { memory: memory.clone(), config }
    }

    async fn read(&self, mut body: Body<'_>) -> Result<Bytes> {
        let mut message = BytesMut::new();
        while let Some(chunk) = body.chunk().await.map_err(unreadable)? {
            message.extend_from_slice(&chunk);
            check_size(message.len(), self.config.max_size, Phase::Data)?;
        }
        Ok(message.freeze())
    }

    fn outcomes(&self, envelope: &Envelope) -> Vec<RecipientOutcome> {
        let shared = self.memory.0.lock();
        let verdict = |address: &Address| {
            let accepted = || Verdict::Accepted(Reply::new("OK", None, "in memory"));
            shared.verdicts.get(address).cloned().unwrap_or_else(accepted)
        };
        envelope.to.iter().map(|r| RecipientOutcome::new(r.address.clone(), verdict(&r.address))).collect()
    }
}

#[async_trait]
impl OutgoingTransport for MemoryOutgoing {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let fault = self.memory.0.lock().sends.pop_front();
        if fault == Some(SendFault::NotSent) {
            return Err(fault::not_sent());
        }
        let outcomes = self.outcomes(envelope);
        let accepted: Vec<Address> =
            outcomes.iter().filter(|o| o.verdict.is_accepted()).map(|o| o.address.clone()).collect();
        if accepted.is_empty() {
            return Err(nobody(outcomes));
        }
        let message = self.read(body).await?;
        if matches!(fault, None | Some(SendFault::Unsure { accepted: true })) {
            self.memory.0.lock().sent.push(Sent { envelope: envelope.clone(), accepted, message });
        }
        match fault.map(SendFault::error) {
            None => Ok(Receipt::new(Reply::new("OK", None, "in memory"), outcomes)),
            Some(Some(error)) => Err(error),
            Some(None) => pending().await,
        }
    }

    async fn connect(&mut self) -> Result<()> {
        self.memory.0.lock().error(Call::Connect)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.memory.0.lock().error(Call::Close)
    }
}

impl MemoryIncoming {
    /// The mailbox of this memory that the configuration names.
    pub fn new(memory: &Memory, config: MemoryConfig, host: Arc<dyn Host>) -> Self {
        Self { memory: memory.clone(), config, host, listed: 0 }
    }

    fn folder(&self) -> &str {
        canonical(&self.config.folder)
    }

    fn number(&self, id: &MessageId) -> Result<u64> {
        let [name, folder, number] = id.parts::<3>("memory")?;
        let number = number.parse().ok().filter(|_| name == self.memory.name() && folder == self.folder());
        number.ok_or_else(|| {
            let what = format!("\"{}\" is no key of this mailbox", id.as_str());
            Error::new(ErrorKind::InvalidInput, Phase::Configure, what)
                .with_advice("use the keys that list() of the same transport gave")
        })
    }
}

#[async_trait]
impl IncomingTransport for MemoryIncoming {
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        let after = query.after.as_ref().map_or(Ok(0), |id| self.number(id))?;
        let mut shared = self.memory.0.lock();
        shared.error(Call::List)?;
        let folder = shared.folders.entry(self.folder().to_owned()).or_default();
        let mut found = folder
            .range(after.saturating_add(1)..)
            .filter(|(_, stored)| !query.unseen || !stored.flags.seen)
            .map(|(number, stored)| {
                let mut info = MessageInfo::new(self.memory.id(self.folder(), *number));
                info.size = Some(stored.message.len() as u64);
                info.flags = stored.flags.clone();
                info
            });
        let messages = found.by_ref().take(query.limit.max(1)).collect();
        let more = found.next().is_some();
        drop(found);
        let newest = shared.newest(self.folder());
        drop(shared);
        self.listed = newest;
        Ok(Listing::new(messages, more))
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        let number = self.number(id)?;
        let mut shared = self.memory.0.lock();
        shared.error(Call::Fetch)?;
        let message =
            shared.folders.get(self.folder()).and_then(|f| f.get(&number)).map(|s| s.message.clone());
        let Some(message) = message else {
            return Err(Error::new(ErrorKind::NotFound, Phase::Fetch, "the message is gone")
                .with_advice("list again"));
        };
        check_size(message.len(), self.config.max_size, Phase::Fetch)?;
        match shared.cuts.pop_front().filter(|after| *after < message.len()) {
            Some(after) => Ok(broken_off(message.slice(..after))),
            None => Ok(Body::from_bytes(message)),
        }
    }

    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        let numbers: Vec<u64> = ids.iter().map(|id| self.number(id)).collect::<Result<_>>()?;
        let mut shared = self.memory.0.lock();
        shared.error(Call::Settle)?;
        if let Settle::Move(to) = how
            && !shared.folders.contains_key(canonical(to))
        {
            let what = format!("there is no mailbox \"{}\"", to.escape_debug());
            return Err(Error::new(ErrorKind::NotFound, Phase::Settle, what)
                .with_advice("let the test create it: Memory::create"));
        }
        let Some(folder) = shared.folders.get_mut(self.folder()) else { return Ok(()) };
        let mut moved = Vec::new();
        for number in numbers {
            match how {
                Settle::Keep => {}
                Settle::Seen => {
                    folder.entry(number).and_modify(|stored| stored.flags.seen = true);
                }
                Settle::Delete => drop(folder.remove(&number)),
                Settle::Move(to) if canonical(to) == canonical(&self.config.folder) => {}
                Settle::Move(to) => {
                    moved.extend(folder.remove(&number).map(|stored| (canonical(to), stored)))
                }
                _ => {
                    return Err(Error::new(ErrorKind::Unsupported, Phase::Settle, "memory can't do this"));
                }
            }
        }
        for (to, stored) in moved {
            shared.store(to, stored);
        }
        Ok(())
    }

    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        self.memory.0.lock().error(Call::Wait)?;
        let mut sleep = self.host.sleep(limit);
        let wake = poll_fn(|cx| {
            {
                let mut shared = self.memory.0.lock();
                if shared.newest(self.folder()) > self.listed {
                    return Poll::Ready(Wake::News);
                }
                if !shared.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                    shared.waiting.push(cx.waker().clone());
                }
            }
            sleep.as_mut().poll(cx).map(|()| Wake::Elapsed)
        });
        Ok(wake.await)
    }

    async fn connect(&mut self) -> Result<()> {
        self.memory.0.lock().error(Call::Connect)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.memory.0.lock().error(Call::Close)
    }
}

/// The beginning of a message, and no end.
fn broken_off(start: Bytes) -> Body<'static> {
    Body::generate(Some(start), |left| async move {
        match left {
            Some(start) => Ok(Some((start, None))),
            None => Err(Error::new(ErrorKind::Closed, Phase::Fetch, "the test cuts the connection")
                .with_advice("fetch it again")),
        }
    })
}

fn check_size(size: usize, limit: u64, phase: Phase) -> Result<()> {
    if size as u64 <= limit {
        return Ok(());
    }
    let what = format!("the message is longer than the {limit} bytes allowed");
    Err(Error::new(ErrorKind::Limit, phase, what).with_advice("raise maxsize"))
}

/// No recipient was accepted.
fn nobody(outcomes: Vec<RecipientOutcome>) -> Error {
    let later = outcomes.iter().any(|o| matches!(o.verdict, Verdict::Deferred(_)));
    let (kind, advice) = if later {
        (ErrorKind::Deferred, "try again later")
    } else {
        (ErrorKind::Rejected, "check the addresses")
    };
    let reply = outcomes.iter().find_map(|o| o.verdict.reply().cloned());
    let error = Error::new(kind, Phase::Recipient, "every recipient was refused").with_advice(advice);
    match reply {
        Some(reply) => error.with_reply(reply),
        None => error,
    }
    .with_recipients(outcomes)
}

/// The body comes from somewhere else, whose verdicts are none about this message.
fn unreadable(error: Error) -> Error {
    if error.kind() == ErrorKind::Body {
        return error;
    }
    let repeat = if error.repeat() == Repeat::Safe { Repeat::Safe } else { Repeat::Never };
    let what = format!("the message could not be read to its end ({}: {})", error.phase(), error.message());
    Error::new(ErrorKind::Body, Phase::Data, what).with_repeat(repeat).with_source(error)
}

impl std::fmt::Debug for MemoryIncoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryIncoming").field("config", &self.config).finish_non_exhaustive()
    }
}
