//! Receiving: one mailbox by hand, or watched.
//!
//! | file | what is in it |
//! |---|---|
//! | here | [`Inbox`] |
//! | `watch`, `look` | [`Watch`]: the supervised loop; a look through the mailbox |
//! | `round`, `outcome`, `deal` | fetching ahead, handling and settling at a time; what comes of it; one message |
//! | `handler`, `arrival`, `marks` | what a host app writes, and what it gets |
//! | `config`, `quarantine`, `backoff` | what a watch can be told, and how long it waits |
//! | `status`, `event` | how it is, and what happens |

mod arrival;
mod backoff;
mod config;
mod deal;
mod event;
mod handler;
mod look;
mod marks;
mod outcome;
mod quarantine;
mod round;
mod status;
mod watch;

pub use arrival::Arrival;
pub use config::WatchConfig;
pub use event::Event;
pub use handler::{Answer, Handler, HandlerError};
pub use marks::Marks;
pub use quarantine::Quarantine;
pub use status::{Counts, Health, Status, WatchHandle};
pub use watch::Watch;

use crate::Spool;
use futures_core::Stream;
use postrider_core::{Body, IncomingTransport, Listing, MessageId, MessageInfo, Query, Result, Settle, Wake};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// One mailbox. Nothing changes on the server before [`settle`](Self::settle) says so.
///
/// The order that loses nothing: [`list`](Self::list), [`receive`](Self::receive), handle the message and
/// write down its key, [`settle`](Self::settle), and at the end [`close`](Self::close). Whatever stops in
/// between, the message is still there and comes again; the key that was written down tells that it is the
/// same one.
///
/// It connects when it is first needed and again after a failure. Dropped without `close` the connection is
/// cut, and over POP3 nothing is deleted.
pub struct Inbox {
    transport: Box<dyn IncomingTransport>,
}

impl Inbox {
    /// An inbox over a transport that the host app has made itself, without a registry or properties.
    pub fn new(transport: Box<dyn IncomingTransport>) -> Self {
        Self { transport }
    }

    /// Connects and signs in, unless that has been done: a check of the settings.
    ///
    /// # Errors
    /// As [`IncomingTransport::connect`].
    ///
    /// # Cancellation
    /// Costs the connection.
    pub async fn connect(&mut self) -> Result<()> {
        self.transport.connect().await
    }

    /// One page of messages, oldest first.
    ///
    /// # Errors
    /// As [`IncomingTransport::list`].
    ///
    /// # Cancellation
    /// Costs the connection; nothing changes in the mailbox.
    pub async fn list(&mut self, query: &Query) -> Result<Listing> {
        self.transport.list(query).await
    }

    /// All messages, oldest first, page after page as they are asked for; `query.limit` is the size of a page.
    /// Memory holds one page. An error ends the stream.
    ///
    /// # Cancellation
    /// Dropping the stream while a page is under way costs the connection.
    pub fn list_all(&mut self, query: Query) -> impl Stream<Item = Result<MessageInfo>> + Send + Unpin + '_ {
        Pages { ready: VecDeque::new(), state: PageState::Idle(self, query) }
    }

    /// One message as it comes off the wire, in constant memory: to be sent on or stored. It is whole only
    /// once it has come to its plain end; a handler that acts on what it reads wants
    /// [`receive`](Self::receive).
    ///
    /// # Errors
    /// As [`IncomingTransport::fetch`].
    ///
    /// # Cancellation
    /// Costs the connection; the message stays.
    pub async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        self.transport.fetch(id).await
    }

    /// One whole message, what a handler should get: in memory up to 1 MiB, in a temporary file above.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch), and `Limit` if a large one can't be spooled.
    ///
    /// # Cancellation
    /// As [`fetch`](Self::fetch).
    pub async fn receive(&mut self, id: &MessageId) -> Result<Spool> {
        Spool::read(self.transport.fetch(id).await?).await
    }

    /// As [`receive`](Self::receive), with the fingerprint of what was received.
    pub(crate) async fn receive_marked(
        &mut self,
        id: &MessageId,
    ) -> Result<(Spool, postrider_store::ledger::Fingerprint)> {
        let mut hasher = postrider_store::ledger::Hasher::default();
        let spool = Spool::read_with(self.transport.fetch(id).await?, |chunk| hasher.update(chunk)).await?;
        Ok((spool, hasher.finish()))
    }

    /// Says that these are fetched next, in this order, so that several may be under way at a time. A hint: nothing
    /// but the speed depends on it.
    pub fn prefetch(&mut self, ids: &[MessageId]) {
        self.transport.prefetch(ids);
    }

    /// Does `how` with handled messages. Over POP3 a deletion is committed by [`close`](Self::close).
    ///
    /// # Errors
    /// As [`IncomingTransport::settle`].
    ///
    /// # Cancellation
    /// Some may be settled; asking again is safe.
    pub async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        self.transport.settle(ids, how).await
    }

    /// Waits for news, at most for `limit`.
    ///
    /// # Errors
    /// As [`IncomingTransport::wait`].
    ///
    /// # Cancellation
    /// Costs at most the connection.
    pub async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        self.transport.wait(limit).await
    }

    /// Ends the session in good order; over POP3 this is what deletes.
    ///
    /// # Errors
    /// If settled messages may not have been deleted.
    ///
    /// # Cancellation
    /// As if the connection had been cut.
    pub async fn close(self) -> Result<()> {
        self.transport.close().await
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

type PageFuture<'a> = Pin<Box<dyn Future<Output = (&'a mut Inbox, Query, Result<Listing>)> + Send + 'a>>;

struct Pages<'a> {
    ready: VecDeque<MessageInfo>,
    state: PageState<'a>,
}

enum PageState<'a> {
    Idle(&'a mut Inbox, Query),
    Asking(PageFuture<'a>),
    Done,
}

impl Stream for Pages<'_> {
    type Item = Result<MessageInfo>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(info) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(info)));
            }
            match std::mem::replace(&mut self.state, PageState::Done) {
                PageState::Done => return Poll::Ready(None),
                PageState::Idle(inbox, query) => {
                    self.state = PageState::Asking(Box::pin(async move {
                        let page = inbox.list(&query).await;
                        (inbox, query, page)
                    }));
                }
                PageState::Asking(mut future) => match future.as_mut().poll(cx) {
                    Poll::Pending => {
                        self.state = PageState::Asking(future);
                        return Poll::Pending;
                    }
                    Poll::Ready((_, _, Err(error))) => return Poll::Ready(Some(Err(error))),
                    Poll::Ready((inbox, query, Ok(page))) => {
                        if let (true, Some(last)) = (page.more, page.messages.last()) {
                            let query = query.after(last.id.clone());
                            self.state = PageState::Idle(inbox, query);
                        }
                        self.ready = page.messages.into();
                    }
                },
            }
        }
    }
}
