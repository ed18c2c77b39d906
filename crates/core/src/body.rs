//! The bytes of a message on their way.

use crate::body_source::{Reader, Unfold};
use crate::{Error, ErrorKind, Phase, Result};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// A message as a stream of bytes: what a transport hands out when it fetches and takes when it sends, so
/// that a body fetched from one can be sent through another in constant memory.
///
/// It is a [`Stream`] of chunks and an [`AsyncRead`]. The plain end comes only after the whole message; a
/// body that stops short ends in an error. Dropping it half-way costs the connection it came from, never
/// the message.
pub struct Body<'a> {
    source: Source<'a>,
    current: Bytes,
    size: Option<u64>,
    read: u64,
}

type BoxedStream<'a> = Pin<Box<dyn Stream<Item = Result<Bytes>> + Send + 'a>>;

enum Source<'a> {
    Stream(BoxedStream<'a>),
    Done,
}

impl<'a> Body<'a> {
    /// A body that is in memory already.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        let current = bytes.into();
        let size = Some(current.len() as u64);
        Self { source: Source::Done, current, size, read: 0 }
    }

    /// A body made chunk by chunk: `step` gets the state and gives the next chunk with the state to go on
    /// with, or `None` at the end. An error ends the body.
    pub fn generate<S, F, Fut>(state: S, step: F) -> Self
    where
        S: Send + 'a,
        F: FnMut(S) -> Fut + Send + 'a,
        Fut: Future<Output = Result<Option<(Bytes, S)>>> + Send + 'a,
    {
        Self::from_stream(Unfold::new(state, step))
    }

    /// A body from a stream of chunks.
    pub fn from_stream(stream: impl Stream<Item = Result<Bytes>> + Send + 'a) -> Self {
        Self { source: Source::Stream(Box::pin(stream)), current: Bytes::new(), size: None, read: 0 }
    }

    /// A body from a reader, in chunks of at most 64 KiB. Its errors become [`ErrorKind::Body`].
    pub fn from_reader(reader: impl AsyncRead + Send + Unpin + 'a) -> Self {
        Self::from_stream(Reader::new(reader))
    }

    /// Says how long the body is, in bytes, where that is known beforehand; a sender compares it with the
    /// server's SIZE limit, and a body that turns out to be longer or shorter ends in an error.
    pub fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// The length in bytes, if known beforehand.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The message itself, without a copy, if it is in memory as a whole and nothing of it was read yet.
    ///
    /// # Errors
    /// The body as it was, if it is none of that, or not of the size it was said to have.
    pub fn into_bytes(mut self) -> std::result::Result<Bytes, Self> {
        let whole = matches!(self.source, Source::Done)
            && self.read == 0
            // None is left where a body ended, also one that failed before its first byte.
            && self.size == Some(self.current.len() as u64);
        if whole { Ok(std::mem::take(&mut self.current)) } else { Err(self) }
    }

    /// The next chunk, `None` at the end.
    ///
    /// # Errors
    /// Whatever stopped the body short; after an error the body is at its end.
    ///
    /// # Cancellation
    /// Safe: no chunk is lost by dropping the future.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await.transpose()
    }

    /// Reads the rest into memory, up to `limit` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] if there is more than `limit`, or whatever stopped the body short.
    pub async fn read_all(mut self, limit: u64) -> Result<Bytes> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if (all.len() as u64).saturating_add(chunk.len() as u64) > limit {
                return Err(Error::new(
                    ErrorKind::Limit,
                    Phase::Fetch,
                    format!("the message is longer than the {limit} bytes allowed here"),
                ));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if !self.current.is_empty() {
            let chunk = std::mem::take(&mut self.current);
            return Poll::Ready(self.counted(chunk).transpose());
        }
        loop {
            let Source::Stream(stream) = &mut self.source else {
                // Said once; asked again, the end is plain: an error never comes twice.
                let short = self.size.take().filter(|size| *size != self.read);
                return Poll::Ready(short.map(|size| Err(misfit(size))));
            };
            match ready!(stream.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => return Poll::Ready(self.counted(chunk).transpose()),
                None => self.source = Source::Done,
                error => {
                    self.source = Source::Done;
                    self.size = None;
                    return Poll::Ready(error);
                }
            }
        }
    }

    /// Holds the body to the size it was said to have.
    fn counted(&mut self, chunk: Bytes) -> Result<Option<Bytes>> {
        self.read += chunk.len() as u64;
        match self.size {
            Some(size) if self.read > size => {
                self.source = Source::Done;
                self.size = None;
                Err(misfit(size))
            }
            _ => Ok(Some(chunk)),
        }
    }
}

fn misfit(size: u64) -> Error {
    Error::new(
        ErrorKind::Body,
        Phase::Data,
        format!("the body is not of the {size} bytes it was said to have"),
    )
}

impl Stream for Body<'_> {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_chunk(cx)
    }
}

impl AsyncRead for Body<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        match ready!(this.poll_chunk(cx)) {
            None => Poll::Ready(Ok(())),
            Some(Err(error)) => Poll::Ready(Err(error.into())),
            Some(Ok(mut chunk)) => {
                let n = chunk.len().min(out.remaining());
                out.put_slice(&chunk.split_to(n));
                // What does not fit is read again.
                this.read -= chunk.len() as u64;
                this.current = chunk;
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("size", &self.size).finish_non_exhaustive()
    }
}

impl From<Vec<u8>> for Body<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from_bytes(bytes)
    }
}

impl From<Bytes> for Body<'_> {
    fn from(bytes: Bytes) -> Self {
        Self::from_bytes(bytes)
    }
}

impl From<&'static str> for Body<'_> {
    fn from(text: &'static str) -> Self {
        Self::from_bytes(Bytes::from_static(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    fn three(fail: bool) -> Body<'static> {
        Body::generate(0u8, move |n| async move {
            match n {
                3 if fail => Err(Error::new(ErrorKind::Closed, Phase::Fetch, "cut")),
                3 => Ok(None),
                n => Ok(Some((Bytes::from(vec![b'a' + n; 2]), n + 1))),
            }
        })
    }

    #[tokio::test]
    async fn chunks_arrive_in_order_and_the_end_is_plain() {
        assert_eq!(three(false).read_all(10).await.unwrap(), "aabbcc");
        assert_eq!(three(false).read_all(5).await.unwrap_err().kind(), ErrorKind::Limit);
    }

    #[tokio::test]
    async fn a_body_that_stops_short_ends_in_its_error_for_readers_too() {
        assert_eq!(three(true).read_all(10).await.unwrap_err().kind(), ErrorKind::Closed);
        let io = three(true).read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(Error::from_io(io, Phase::Data).message(), "cut");
    }

    #[tokio::test]
    async fn a_body_is_held_to_the_size_it_was_said_to_have() {
        assert!(three(false).with_size(6).read_all(10).await.is_ok());
        let mut text = String::new();
        three(false).with_size(6).read_to_string(&mut text).await.unwrap();
        for size in [5, 7] {
            let error = three(false).with_size(size).read_all(10).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Body);
        }
        assert!(Body::from_bytes("ab").with_size(3).read_all(10).await.is_err());
    }

    #[tokio::test]
    async fn only_what_is_in_memory_whole_and_unread_is_given_as_bytes() {
        assert_eq!(Body::from_bytes("ab").into_bytes().unwrap(), "ab");
        assert_eq!(Body::from_bytes("").into_bytes().unwrap(), "");
        let other = Body::from_bytes("ab").with_size(3).into_bytes().unwrap_err();
        assert!(other.read_all(9).await.is_err());
        let other = three(false).into_bytes().unwrap_err();
        assert_eq!(other.read_all(9).await.unwrap(), "aabbcc");
        let mut begun = Body::from_bytes("ab");
        begun.read_u8().await.unwrap();
        assert_eq!(begun.into_bytes().unwrap_err().read_all(9).await.unwrap(), "b");
        let fails = Error::new(ErrorKind::Closed, Phase::Fetch, "cut");
        let mut failed = Body::generate(Some(fails), |error| async move { error.map_or(Ok(None), Err) });
        assert!(failed.chunk().await.is_err());
        assert!(failed.into_bytes().is_err());
    }

    #[tokio::test]
    async fn a_reader_becomes_a_body_and_back() {
        let text = vec![7u8; 200_000];
        let body = Body::from_reader(&text[..]);
        let mut out = Vec::new();
        Body::from_reader(body).read_to_end(&mut out).await.unwrap();
        assert_eq!(out, text);
    }
}
