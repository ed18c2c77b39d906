//! A connection of the host, lent to a plugin.

use crate::buf::Buf;
use crate::call::{Call, FfiFuture, Given, status};
use crate::guard::{guard, malformed};
use crate::object::{Header, Object, Table, end, kind};
use crate::value;
use crate::waker::FfiWaker;
use postrider_core::{Connection, Error, Phase, Result, Target, TlsSession, async_trait};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

type Lent = Box<dyn Connection>;
type Plain = unsafe extern "C" fn(*mut (), *const FfiWaker) -> Moved;

/// How reading or writing went.
#[repr(C)]
pub(crate) struct Moved {
    status: u32,
    count: usize,
    error: Buf,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ConnectionTable {
    header: Header,
    read: Option<unsafe extern "C" fn(*mut (), *const FfiWaker, *mut u8, usize) -> Moved>,
    write: Option<unsafe extern "C" fn(*mut (), *const FfiWaker, *const u8, usize) -> Moved>,
    flush: Option<Plain>,
    shutdown: Option<Plain>,
    /// Ends the connection and gives the encrypted one.
    start_tls: Option<unsafe extern "C" fn(*mut (), Buf) -> FfiFuture>,
}

// SAFETY: repr(C), a header and optional functions.
unsafe impl Table for ConnectionTable {
    const KIND: u32 = kind::CONNECTION;
}

static TABLE: ConnectionTable = ConnectionTable {
    header: Header { size: size_of::<ConnectionTable>(), kind: kind::CONNECTION, drop: Some(end::<Lent>) },
    read: Some(read),
    write: Some(write),
    flush: Some(flush),
    shutdown: Some(shutdown),
    start_tls: Some(start_tls),
};

/// Lends a connection, with what is known of it.
pub(crate) fn lend(connection: Lent) -> Given {
    let known = value::encode(&(connection.tls().cloned(), connection.is_loopback()));
    (known, Object::new(connection, &TABLE))
}

fn moved(polled: Result<Poll<io::Result<usize>>, String>) -> Moved {
    let (status, count, error) = match polled {
        Ok(Poll::Pending) => (status::PENDING, 0, Buf::empty()),
        Ok(Poll::Ready(Ok(count))) => (status::READY, count, Buf::empty()),
        Ok(Poll::Ready(Err(error))) => (status::FAILED, 0, failure(error)),
        Err(text) => (status::PANICKED, 0, Buf::of(text)),
    };
    Moved { status, count, error }
}

/// The kinds of I/O error that a reader tells apart; all others are one.
const KINDS: [io::ErrorKind; 6] = [
    io::ErrorKind::Other,
    io::ErrorKind::UnexpectedEof,
    io::ErrorKind::TimedOut,
    io::ErrorKind::InvalidData,
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::BrokenPipe,
];

/// An error of ours inside an I/O error crosses as such; any other by its kind and text, for its phase is the
/// reader's to say.
fn failure(error: io::Error) -> Buf {
    let (kind, text) = (error.kind(), error.to_string());
    if error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
        return value::encode(&Err::<(u8, String), _>(Error::from_io(error, Phase::Connect)));
    }
    let code = KINDS.iter().position(|known| *known == kind).unwrap_or(0);
    value::encode(&Ok::<_, Error>((u8::try_from(code).unwrap_or(0), text)))
}

fn with_line(
    data: *mut (),
    waker: *const FfiWaker,
    work: impl FnOnce(Pin<&mut Lent>, &mut Context<'_>) -> Poll<io::Result<usize>>,
) -> Moved {
    moved(guard(|| {
        // SAFETY: `data` is what `Object::new` made of a Lent; one call at a time, by the rules of the boundary.
        let line = Pin::new(unsafe { &mut *data.cast::<Lent>() });
        // SAFETY: the waker is lent for this call.
        unsafe { FfiWaker::borrow(waker, |waker| work(line, &mut Context::from_waker(waker))) }
    }))
}

unsafe extern "C" fn read(data: *mut (), waker: *const FfiWaker, into: *mut u8, room: usize) -> Moved {
    with_line(data, waker, |line, cx| {
        if into.is_null() || room > isize::MAX as usize {
            return Poll::Ready(Ok(0));
        }
        // SAFETY: the other side lends `room` initialised bytes for this call.
        let mut out = ReadBuf::new(unsafe { std::slice::from_raw_parts_mut(into, room) });
        line.poll_read(cx, &mut out).map_ok(|()| out.filled().len())
    })
}

unsafe extern "C" fn write(data: *mut (), waker: *const FfiWaker, from: *const u8, length: usize) -> Moved {
    with_line(data, waker, |line, cx| {
        if from.is_null() || length > isize::MAX as usize {
            return Poll::Ready(Ok(0));
        }
        // SAFETY: the other side lends `length` bytes for this call.
        line.poll_write(cx, unsafe { std::slice::from_raw_parts(from, length) })
    })
}

unsafe extern "C" fn flush(data: *mut (), waker: *const FfiWaker) -> Moved {
    with_line(data, waker, |line, cx| line.poll_flush(cx).map_ok(|()| 0))
}

unsafe extern "C" fn shutdown(data: *mut (), waker: *const FfiWaker) -> Moved {
    with_line(data, waker, |line, cx| line.poll_shutdown(cx).map_ok(|()| 0))
}

unsafe extern "C" fn start_tls(data: *mut (), target: Buf) -> FfiFuture {
    // SAFETY: `data` is what `Object::new` made of a Lent, and this call ends it.
    let line = unsafe { Box::from_raw(data.cast::<Lent>()) };
    let work = async move {
        let target = value::decode::<Target>(&target)?;
        Ok(lend(line.start_tls(&target).await?))
    };
    // SAFETY: it borrows nothing.
    unsafe { FfiFuture::serve(work) }
}

/// A connection that the host has lent us.
struct Foreign {
    object: Object,
    table: ConnectionTable,
    tls: Option<TlsSession>,
    loopback: bool,
}

/// What a call gave that connects.
pub(crate) fn foreign((known, object): Given) -> Result<Lent> {
    let (tls, loopback) = value::decode(&known)?;
    let table = object.table()?;
    Ok(Box::new(Foreign { object, table, tls, loopback }))
}

fn result(moved: Moved, most: usize) -> Poll<io::Result<usize>> {
    let failed = |what: &str| Poll::Ready(Err(io::Error::from(malformed(what))));
    match moved.status {
        status::PENDING => Poll::Pending,
        status::READY if moved.count <= most => Poll::Ready(Ok(moved.count)),
        status::READY => failed("more bytes are said to have moved than there are"),
        status::FAILED => Poll::Ready(Err(match value::decode::<Result<(u8, String)>>(&moved.error) {
            Ok(Ok((code, text))) => {
                let kind = KINDS.get(usize::from(code)).copied().unwrap_or(io::ErrorKind::Other);
                io::Error::new(kind, text)
            }
            Ok(Err(error)) | Err(error) => error.into(),
        })),
        _ => failed("the host failed in a connection"),
    }
}

impl AsyncRead for Foreign {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(read) = self.table.read else { return result(missing(), 0).map_ok(drop) };
        let waker = FfiWaker::lend(cx.waker());
        let room = out.initialize_unfilled();
        // SAFETY: the object is there and ours alone; the bytes are lent for the call.
        let moved = unsafe { read(self.object.data(), &waker, room.as_mut_ptr(), room.len()) };
        result(moved, out.remaining()).map_ok(|count| out.advance(count))
    }
}

fn missing() -> Moved {
    moved(Err(String::new()))
}

impl AsyncWrite for Foreign {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(write) = self.table.write else { return result(missing(), 0) };
        let waker = FfiWaker::lend(cx.waker());
        // SAFETY: as in `poll_read`.
        result(unsafe { write(self.object.data(), &waker, bytes.as_ptr(), bytes.len()) }, bytes.len())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        plain(&self.object, self.table.flush, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        plain(&self.object, self.table.shutdown, cx)
    }
}

fn plain(object: &Object, function: Option<Plain>, cx: &Context<'_>) -> Poll<io::Result<()>> {
    let Some(function) = function else { return result(missing(), 0).map_ok(drop) };
    let waker = FfiWaker::lend(cx.waker());
    // SAFETY: the object is there, and its owner is borrowed alone.
    result(unsafe { function(object.data(), &waker) }, 0).map_ok(drop)
}

#[async_trait]
impl Connection for Foreign {
    async fn start_tls(self: Box<Self>, target: &Target) -> Result<Box<dyn Connection>> {
        let start = self.table.start_tls.ok_or_else(|| malformed("the host has no STARTTLS"))?;
        let target = value::encode_secret(target);
        // SAFETY: the object is there, and given away.
        let future = unsafe { start(self.object.release(), target) };
        foreign(Call::new(future, None).await?)
    }

    fn tls(&self) -> Option<&TlsSession> {
        self.tls.as_ref()
    }

    fn is_loopback(&self) -> bool {
        self.loopback
    }
}
