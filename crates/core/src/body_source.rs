//! What a body can be made of, as a stream of chunks.

use crate::{Error, ErrorKind, Phase, Result};
use bytes::{Buf, Bytes, BytesMut};
use futures_core::Stream;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// Steps, each of which gives a chunk and the state for the next one.
pub(crate) struct Unfold<S, F, Fut> {
    step: F,
    state: Option<S>,
    future: Option<Pin<Box<Fut>>>,
}

impl<S, F, Fut> Unfold<S, F, Fut> {
    pub(crate) fn new(state: S, step: F) -> Self {
        Self { step, state: Some(state), future: None }
    }
}

// The future is boxed and the state is only moved between polls.
impl<S, F, Fut> Unpin for Unfold<S, F, Fut> {}

impl<S, F, Fut> Stream for Unfold<S, F, Fut>
where
    F: FnMut(S) -> Fut,
    Fut: Future<Output = Result<Option<(Bytes, S)>>>,
{
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(state) = this.state.take() {
            this.future = Some(Box::pin((this.step)(state)));
        }
        let Some(future) = &mut this.future else { return Poll::Ready(None) };
        let out = ready!(future.as_mut().poll(cx));
        this.future = None;
        Poll::Ready(match out {
            Ok(Some((chunk, state))) => {
                this.state = Some(state);
                Some(Ok(chunk))
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

/// What a reader gives, chunk by chunk.
pub(crate) struct Reader<R> {
    reader: R,
    buffer: BytesMut,
}

impl<R> Reader<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: BytesMut::new() }
    }
}

impl<R: AsyncRead + Unpin> Stream for Reader<R> {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        const CHUNK: usize = 64 * 1024;
        let this = self.get_mut();
        // What is left of the buffer serves again: a reader that gives little at a time costs no more.
        if this.buffer.len() < CHUNK / 4 {
            this.buffer = BytesMut::zeroed(CHUNK);
        }
        let mut out = ReadBuf::new(&mut this.buffer);
        let read = ready!(Pin::new(&mut this.reader).poll_read(cx, &mut out));
        let n = out.filled().len();
        Poll::Ready(match read {
            Err(error) => Some(Err(body_error(error))),
            Ok(()) if n == 0 => None,
            Ok(()) => Some(Ok(this.buffer.copy_to_bytes(n))),
        })
    }
}

fn body_error(error: std::io::Error) -> Error {
    if error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
        return Error::from_io(error, Phase::Data);
    }
    Error::new(ErrorKind::Body, Phase::Data, format!("the body could not be read: {error}"))
        .with_source(error)
}
