//! The inbox: pages, whole messages, and what is left alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider::*;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A mailbox in the test. Message `n` has the size `sizes[n]`, and one of them breaks off.
#[derive(Default)]
struct Mailbox {
    sizes: Vec<usize>,
    breaks_off: Option<usize>,
    fails_at_page: Option<usize>,
    calls: Mutex<Vec<String>>,
}

struct Pigeonhole(Arc<Mailbox>);

impl Pigeonhole {
    fn id(n: usize) -> MessageId {
        MessageId::new("hole", [n.to_string().as_str()])
    }

    fn number(id: &MessageId) -> usize {
        id.parts::<1>("hole").unwrap()[0].parse().unwrap()
    }

    fn note(&self, call: String) {
        self.0.calls.lock().unwrap().push(call);
    }
}

#[async_trait]
impl IncomingTransport for Pigeonhole {
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        give_way().await;
        self.note("list".into());
        if self.0.fails_at_page == Some(self.0.calls.lock().unwrap().len()) {
            return Err(Error::new(ErrorKind::Closed, Phase::List, "cut"));
        }
        let from = query.after.as_ref().map_or(0, |id| Self::number(id) + 1);
        let to = (from + query.limit).min(self.0.sizes.len());
        let messages = (from..to).map(|n| MessageInfo::new(Self::id(n))).collect();
        Ok(Listing::new(messages, to < self.0.sizes.len()))
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        let n = Self::number(id);
        let (size, breaks_off) = (self.0.sizes[n], self.0.breaks_off == Some(n));
        Ok(Body::generate((0, self), move |(at, hole)| async move {
            give_way().await;
            let chunk: Vec<u8> = (at..size.min(at + 50_000)).map(|i| (i / 7) as u8).collect();
            match chunk.len() {
                0 if breaks_off => Err(Error::new(ErrorKind::Closed, Phase::Fetch, "cut")),
                0 => Ok(None),
                n => Ok(Some((chunk.into(), (at + n, hole)))),
            }
        }))
    }

    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        let numbers: Vec<usize> = ids.iter().map(Self::number).collect();
        self.note(format!("settle {numbers:?} {how:?}"));
        Ok(())
    }

    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        self.note(format!("wait {limit:?}"));
        Ok(Wake::Elapsed)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.note("close".into());
        Ok(())
    }
}

fn inbox(mailbox: Mailbox) -> (Arc<Mailbox>, Inbox) {
    let mailbox = Arc::new(mailbox);
    (Arc::clone(&mailbox), Inbox::new(Box::new(Pigeonhole(mailbox))))
}

async fn next<S: futures_core::Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}

async fn all(inbox: &mut Inbox, limit: usize) -> Vec<Result<usize>> {
    let mut stream = inbox.list_all(Query::all().limit(limit));
    let mut found = Vec::new();
    while let Some(info) = next(&mut stream).await {
        found.push(info.map(|i| Pigeonhole::number(&i.id)));
    }
    assert!(next(&mut stream).await.is_none(), "the end stays the end");
    found
}

#[tokio::test]
async fn all_pages_come_in_order_and_only_as_they_are_asked_for() {
    for (messages, limit, pages) in [(0, 3, 1), (1, 3, 1), (3, 3, 1), (7, 3, 3), (9, 3, 3), (5, 1, 5)] {
        let (mailbox, mut inbox) = inbox(Mailbox { sizes: vec![1; messages], ..Mailbox::default() });
        let found: Vec<usize> = all(&mut inbox, limit).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(found, (0..messages).collect::<Vec<_>>());
        assert_eq!(mailbox.calls.lock().unwrap().len(), pages, "{messages} by {limit}");
    }
    let (mailbox, mut inbox) = inbox(Mailbox { sizes: vec![1; 9], ..Mailbox::default() });
    let mut stream = inbox.list_all(Query::all().limit(3));
    for _ in 0..3 {
        next(&mut stream).await.unwrap().unwrap();
    }
    assert_eq!(mailbox.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_error_ends_the_listing_behind_what_came_before_it() {
    let (_, mut inbox) = inbox(Mailbox { sizes: vec![1; 9], fails_at_page: Some(2), ..Mailbox::default() });
    let found = all(&mut inbox, 3).await;
    assert_eq!(found.len(), 4);
    assert_eq!(found[3].as_ref().unwrap_err().kind(), ErrorKind::Closed);
    // The transport dials anew, and so the inbox can be asked again.
    assert_eq!(all(&mut inbox, 3).await.len(), 9);
}

#[tokio::test]
async fn a_message_is_received_whole_whatever_its_size_and_can_be_sent_on_more_than_once() {
    let sizes = vec![0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_333_333];
    let (_, mut inbox) = inbox(Mailbox { sizes: sizes.clone(), ..Mailbox::default() });
    for (n, size) in sizes.into_iter().enumerate() {
        let whole = inbox.fetch(&Pigeonhole::id(n)).await.unwrap().read_all(1 << 30).await.unwrap();
        let spool = inbox.receive(&Pigeonhole::id(n)).await.unwrap();
        assert_eq!((spool.len(), spool.is_empty()), (size as u64, size == 0));
        assert_eq!(spool.bytes().unwrap(), whole);
        // Two readers of one file, turn by turn.
        let (mut a, mut b) = (spool.body(), spool.clone().body());
        assert_eq!(a.size(), Some(size as u64));
        drop(spool);
        let (mut from_a, mut from_b) = (Vec::new(), Vec::new());
        loop {
            let (x, y) = (a.chunk().await.unwrap(), b.chunk().await.unwrap());
            from_a.extend_from_slice(x.as_deref().unwrap_or_default());
            from_b.extend_from_slice(y.as_deref().unwrap_or_default());
            if x.is_none() && y.is_none() {
                break;
            }
        }
        assert!(from_a == whole && from_b == whole, "{size}");
    }
}

#[tokio::test]
async fn a_message_that_breaks_off_is_never_received() {
    for size in [0, 10, 2 << 20] {
        let (_, mut inbox) = inbox(Mailbox { sizes: vec![size], breaks_off: Some(0), ..Mailbox::default() });
        let error = inbox.receive(&Pigeonhole::id(0)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn settling_waiting_and_closing_are_the_transports_and_nothing_is_settled_unasked() {
    let (mailbox, mut inbox) = inbox(Mailbox { sizes: vec![1, 1], ..Mailbox::default() });
    inbox.receive(&Pigeonhole::id(0)).await.unwrap();
    inbox.settle(&[Pigeonhole::id(0), Pigeonhole::id(1)], &Settle::Delete).await.unwrap();
    assert_eq!(inbox.wait(Duration::from_secs(9)).await.unwrap(), Wake::Elapsed);
    assert_eq!(format!("{inbox:?}"), "Inbox { .. }");
    inbox.close().await.unwrap();
    assert_eq!(*mailbox.calls.lock().unwrap(), ["settle [0, 1] Delete", "wait 9s", "close"]);
}

#[tokio::test]
async fn what_is_received_by_one_transport_goes_out_by_another_as_it_comes() {
    let (_, mut inbox) = inbox(Mailbox { sizes: vec![3_000_000], ..Mailbox::default() });
    let line = Arc::new(Line::default());
    let mailer = session(&line, &Clock::default(), "").unwrap().mailer().unwrap();
    let body = inbox.fetch(&Pigeonhole::id(0)).await.unwrap();
    mailer.send(&envelope(), body).await.unwrap();
    assert_eq!(line.messages.lock().unwrap()[0].1.len(), 3_000_000);
    // The fetched body is over: the inbox is free again.
    inbox.settle(&[Pigeonhole::id(0)], &Settle::Delete).await.unwrap();
}
