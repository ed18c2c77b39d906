//! Transports that messages come in by: lent by a plugin, used by the host.

use crate::body::{self, Loan};
use crate::buf::Buf;
use crate::call::{Call, FfiFuture, Given, Poison, give};
use crate::guard::{guard, malformed};
use crate::object::{Header, Object, Table, end, kind};
use crate::value::{self, Value};
use postrider_core::{
    Body, Error, IncomingTransport, Listing, MessageId, Query, Result, Settle, Wake, async_trait,
};
use std::time::Duration;

type Lent = Box<dyn IncomingTransport>;
type Plain = unsafe extern "C" fn(*mut ()) -> FfiFuture;
type Ask = unsafe extern "C" fn(*mut (), Buf) -> FfiFuture;

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct IncomingTable {
    header: Header,
    list: Option<Ask>,
    /// Gives a body, which is ended before the transport is used again.
    fetch: Option<Ask>,
    /// Not 0 if it panicked.
    prefetch: Option<unsafe extern "C" fn(*mut (), Buf) -> u32>,
    settle: Option<Ask>,
    wait: Option<Ask>,
    connect: Option<Plain>,
    /// Ends the transport.
    close: Option<Plain>,
}

// SAFETY: repr(C), a header and optional functions.
unsafe impl Table for IncomingTable {
    const KIND: u32 = kind::INCOMING;
}

static TABLE: IncomingTable = IncomingTable {
    header: Header { size: size_of::<IncomingTable>(), kind: kind::INCOMING, drop: Some(end::<Lent>) },
    list: Some(list),
    fetch: Some(fetch),
    prefetch: Some(prefetch),
    settle: Some(settle),
    wait: Some(wait),
    connect: Some(connect),
    close: Some(close),
};

/// Lends a transport.
pub(crate) fn lend(transport: Lent) -> Object {
    Object::new(transport, &TABLE)
}

/// Serves what `work` makes of the transport.
///
/// # Safety
/// `data` is what `Object::new` made of a Lent; it stays, and nobody else uses it, until the future is ended.
unsafe fn serve<F>(data: *mut (), work: impl FnOnce(&'static mut Lent) -> F) -> FfiFuture
where
    F: Future<Output = Result<Given>> + Send,
{
    // SAFETY: the caller's. `work` only makes a future; what it could panic by is in `guard`.
    match guard(|| work(unsafe { &mut *data.cast::<Lent>() })) {
        // SAFETY: the caller's.
        Ok(future) => unsafe { FfiFuture::serve(future) },
        Err(text) => FfiFuture::failed(text),
    }
}

fn nothing() -> Given {
    (Buf::empty(), Object::none())
}

unsafe extern "C" fn list(data: *mut (), query: Buf) -> FfiFuture {
    // SAFETY: the host keeps the transport, for this call alone, until the future is ended.
    unsafe {
        serve(data, |transport| async move {
            let query = value::decode::<Query>(&query)?;
            Ok(give(&transport.list(&query).await?))
        })
    }
}

unsafe extern "C" fn fetch(data: *mut (), id: Buf) -> FfiFuture {
    // SAFETY: as in `list`, and the host ends the body before it uses the transport again.
    unsafe {
        serve(data, |transport| async move {
            let id = value::decode::<MessageId>(&id)?;
            let body = transport.fetch(&id).await?;
            let size = value::encode(&body.size());
            let (object, loan) = Loan::new(body);
            loan.keep();
            Ok((size, object))
        })
    }
}

unsafe extern "C" fn prefetch(data: *mut (), ids: Buf) -> u32 {
    let hinted = guard(|| {
        // A hint that can't be read is none.
        if let Ok(ids) = value::decode::<Vec<MessageId>>(&ids) {
            // SAFETY: `data` is what `Object::new` made of a Lent, and the host uses it for this call alone.
            unsafe { &mut *data.cast::<Lent>() }.prefetch(&ids);
        }
    });
    u32::from(hinted.is_err())
}

unsafe extern "C" fn settle(data: *mut (), what: Buf) -> FfiFuture {
    // SAFETY: as in `list`.
    unsafe {
        serve(data, |transport| async move {
            let (ids, how) = value::decode::<(Vec<MessageId>, Settle)>(&what)?;
            transport.settle(&ids, &how).await.map(|()| nothing())
        })
    }
}

unsafe extern "C" fn wait(data: *mut (), limit: Buf) -> FfiFuture {
    // SAFETY: as in `list`.
    unsafe {
        serve(data, |transport| async move {
            let limit = value::decode::<Duration>(&limit)?;
            Ok(give(&transport.wait(limit).await?))
        })
    }
}

unsafe extern "C" fn connect(data: *mut ()) -> FfiFuture {
    // SAFETY: as in `list`.
    unsafe { serve(data, |transport| async move { transport.connect().await.map(|()| nothing()) }) }
}

unsafe extern "C" fn close(data: *mut ()) -> FfiFuture {
    // SAFETY: `data` is what `Object::new` made of a Lent, and this call ends it.
    let transport = unsafe { Box::from_raw(data.cast::<Lent>()) };
    // SAFETY: it borrows nothing.
    unsafe { FfiFuture::serve(async move { transport.close().await.map(|()| nothing()) }) }
}

/// A transport of a plugin.
struct Foreign {
    object: Object,
    table: IncomingTable,
    poison: Poison,
}

/// The transport behind an object.
pub(crate) fn foreign(object: Object) -> Result<Lent> {
    let table = object.table()?;
    Ok(Box::new(Foreign { object, table, poison: Poison::default() }))
}

fn missing() -> Error {
    malformed("the transport has no such function")
}

impl Foreign {
    async fn ask(&mut self, ask: Option<Ask>, value: Buf) -> Result<Given> {
        self.poison.check()?;
        let ask = ask.ok_or_else(missing)?;
        // SAFETY: the object is there, and we have it alone until the call is over.
        let future = unsafe { ask(self.object.data(), value) };
        Ok(Call::new(future, Some(&self.poison)).await?)
    }

    /// What a call gave; a transport that gives what can't be read is not used again.
    fn opened<T: Value>(&self, (given, _): Given) -> Result<T> {
        value::decode(&given).inspect_err(|_| self.poison.set())
    }
}

#[async_trait]
impl IncomingTransport for Foreign {
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        let given = self.ask(self.table.list, value::encode(query)).await?;
        self.opened(given)
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        let (size, object) = self.ask(self.table.fetch, value::encode(id)).await?;
        let size = self.opened((size, Object::none()))?;
        // It borrows the transport, so that it is ended before the next call.
        body::foreign(object, size, Some(&self.poison))
    }

    fn prefetch(&mut self, ids: &[MessageId]) {
        if let (Ok(()), Some(prefetch)) = (self.poison.check(), self.table.prefetch) {
            let ids = value::encode_by(|w| {
                w.list(ids);
            });
            // SAFETY: as in `ask`.
            if unsafe { prefetch(self.object.data(), ids) } != 0 {
                // The next call says so.
                self.poison.set();
            }
        }
    }

    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        let what = value::encode(&(ids.to_vec(), how.clone()));
        self.ask(self.table.settle, what).await.map(drop)
    }

    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        let given = self.ask(self.table.wait, value::encode(&limit)).await?;
        self.opened(given)
    }

    async fn connect(&mut self) -> Result<()> {
        self.poison.check()?;
        let connect = self.table.connect.ok_or_else(missing)?;
        // SAFETY: as in `ask`.
        let future = unsafe { connect(self.object.data()) };
        Ok(Call::new(future, Some(&self.poison)).await.map(drop)?)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.poison.check()?;
        let close = self.table.close.ok_or_else(missing)?;
        // SAFETY: the object is there, and given away.
        let future = unsafe { close(self.object.release()) };
        Ok(Call::new(future, None).await.map(drop)?)
    }
}
