//! Transports that messages go out by: lent by a plugin, used by the host.

use crate::batch::{self, BatchLoan};
use crate::body::{self, Loan};
use crate::buf::Buf;
use crate::call::{Call, Failure, FfiFuture, Given, Poison, give};
use crate::guard::{guard, malformed};
use crate::letter::{self, Letter};
use crate::object::{Header, Object, Table, end, kind};
use crate::value;
use postrider_core::{Batch, Body, Envelope, Error, OutgoingTransport, Receipt, Result, async_trait};

type Lent = Box<dyn OutgoingTransport>;

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct OutgoingTable {
    header: Header,
    send: Option<unsafe extern "C" fn(*mut (), Buf, Object) -> FfiFuture>,
    send_all: Option<unsafe extern "C" fn(*mut (), Object) -> FfiFuture>,
    connect: Option<unsafe extern "C" fn(*mut ()) -> FfiFuture>,
    /// Ends the transport.
    close: Option<unsafe extern "C" fn(*mut ()) -> FfiFuture>,
}

// SAFETY: repr(C), a header and optional functions.
unsafe impl Table for OutgoingTable {
    const KIND: u32 = kind::OUTGOING;
}

static TABLE: OutgoingTable = OutgoingTable {
    header: Header { size: size_of::<OutgoingTable>(), kind: kind::OUTGOING, drop: Some(end::<Lent>) },
    send: Some(send),
    send_all: Some(send_all),
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

unsafe extern "C" fn send(data: *mut (), letter: Buf, body: Object) -> FfiFuture {
    let work = |transport: &'static mut Lent| async move {
        let (envelope, size) = value::decode::<Letter>(&letter)?;
        let body = body::foreign(body, size, None)?;
        Ok(give(&transport.send(&envelope, body).await?))
    };
    // SAFETY: the host keeps the transport, for this call alone, until the future is ended.
    unsafe { serve(data, work) }
}

unsafe extern "C" fn send_all(data: *mut (), batch: Object) -> FfiFuture {
    let work = |transport: &'static mut Lent| async move {
        let mut batch = batch::foreign(batch)?;
        transport.send_all(&mut batch).await;
        Ok((Buf::empty(), Object::none()))
    };
    // SAFETY: as in `send`.
    unsafe { serve(data, work) }
}

unsafe extern "C" fn connect(data: *mut ()) -> FfiFuture {
    let work = |transport: &'static mut Lent| async move {
        transport.connect().await?;
        Ok((Buf::empty(), Object::none()))
    };
    // SAFETY: as in `send`.
    unsafe { serve(data, work) }
}

unsafe extern "C" fn close(data: *mut ()) -> FfiFuture {
    // SAFETY: `data` is what `Object::new` made of a Lent, and this call ends it.
    let transport = unsafe { Box::from_raw(data.cast::<Lent>()) };
    let work = async move {
        transport.close().await?;
        Ok((Buf::empty(), Object::none()))
    };
    // SAFETY: it borrows nothing.
    unsafe { FfiFuture::serve(work) }
}

/// A transport of a plugin.
struct Foreign {
    object: Object,
    table: OutgoingTable,
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

#[async_trait]
impl OutgoingTransport for Foreign {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        self.poison.check()?;
        let send = self.table.send.ok_or_else(missing)?;
        let letter = letter::written(envelope, &body);
        let (object, loan) = Loan::new(body);
        // SAFETY: the object is there, and we have it alone until the call is over.
        let future = unsafe { send(self.object.data(), letter, object) };
        let given = Call::new(future, Some(&self.poison)).await;
        let receipt = |(bytes, _): Given| value::decode_about(&bytes, &envelope.to).map_err(Failure::Broken);
        match given.and_then(receipt) {
            Ok(receipt) => Ok(receipt),
            Err(Failure::Told(error)) => Err(error),
            Err(Failure::Broken(error)) => {
                self.poison.set();
                Err(letter::doubted(&error, &loan))
            }
        }
    }

    async fn send_all(&mut self, batch: &mut dyn Batch<'_>) {
        let (object, loan) = BatchLoan::new(batch);
        let function = self.poison.check().and_then(|()| self.table.send_all.ok_or_else(missing));
        let ended = match function {
            // SAFETY: the object is there, and we have it alone until the call is over.
            Ok(send_all) => {
                match Call::new(unsafe { send_all(self.object.data(), object) }, Some(&self.poison)).await {
                    Ok(_) => Ok(()),
                    Err(Failure::Told(error) | Failure::Broken(error)) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        loan.conclude(ended, &self.poison).await;
    }

    async fn connect(&mut self) -> Result<()> {
        self.poison.check()?;
        let connect = self.table.connect.ok_or_else(missing)?;
        // SAFETY: as in `send`.
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
