//! COMPRESS=DEFLATE (RFC 4978): a connection whose bytes are deflated (RFC 1951) both ways. No protocol in it.
//!
//! What comes is inflated into the reader's buffer and never beyond: a stream that grows a thousandfold is read as
//! slowly as any other, and every limit counts what came out of it.

use bytes::{Buf, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use postrider_core::{Connection, Error, ErrorKind, Phase, Result, Target, TlsSession, async_trait};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read, and deflated, at once.
const PIECE: usize = 16 * 1024;
/// While so much waits to be written, no more is taken.
const MAX_WAITING: usize = 64 * 1024;

/// A connection within which everything is deflated.
pub(crate) struct Deflated {
    inner: Box<dyn Connection>,
    inflate: Decompress,
    deflate: Compress,
    // What came and was not inflated yet.
    input: BytesMut,
    // What was deflated and not written yet.
    output: BytesMut,
    // Something was said that the other side can't read before a flush.
    unsaid: bool,
    // The stream has ended.
    over: bool,
}

impl Deflated {
    /// `input` is what had come already of the deflated stream. `level` is from 0, none, to 9, best; `None` leaves it to
    /// the library.
    pub(crate) fn new(inner: Box<dyn Connection>, input: BytesMut, level: Option<u32>) -> Self {
        let level = level.map_or_else(Compression::default, Compression::new);
        Self {
            inner,
            inflate: Decompress::new(false),
            deflate: Compress::new(level, false),
            input,
            output: BytesMut::new(),
            unsaid: false,
            over: false,
        }
    }

    /// Inflates into `out`; true if anything came out.
    fn inflated(&mut self, out: &mut ReadBuf<'_>) -> io::Result<bool> {
        let (taken, made) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(&self.input, out.initialize_unfilled(), FlushDecompress::None)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.input.advance(progress(taken, self.inflate.total_in()).min(self.input.len()));
        let made = progress(made, self.inflate.total_out()).min(out.remaining());
        out.advance(made);
        self.over |= status == Status::StreamEnd;
        Ok(made > 0)
    }

    /// Deflates; gives how much of `bytes` was taken.
    fn deflated(&mut self, bytes: &[u8], flush: FlushCompress) -> io::Result<(usize, bool)> {
        let (taken, made) = (self.deflate.total_in(), self.deflate.total_out());
        let mut piece = [0u8; PIECE];
        self.deflate.compress(bytes, &mut piece, flush).map_err(io::Error::other)?;
        let made = progress(made, self.deflate.total_out());
        self.output.extend_from_slice(piece.get(..made).unwrap_or_default());
        Ok((progress(taken, self.deflate.total_in()), made < PIECE))
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>, down_to: usize) -> Poll<io::Result<()>> {
        while self.output.len() > down_to {
            match ready!(Pin::new(&mut self.inner).poll_write(cx, &self.output))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.output.advance(n),
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn progress(before: u64, now: u64) -> usize {
    usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX)
}

impl AsyncRead for Deflated {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            if this.over {
                return Poll::Ready(Ok(()));
            }
            // Also without new input: the last buffer may have been too small for what was to come out.
            if this.inflated(out)? {
                return Poll::Ready(Ok(()));
            }
            if !this.input.is_empty() || this.over {
                continue;
            }
            let mut piece = [0u8; PIECE];
            let mut read = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.input.extend_from_slice(read.filled());
        }
    }
}

impl AsyncWrite for Deflated {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx, MAX_WAITING))?;
        loop {
            let (taken, _) = this.deflated(bytes, FlushCompress::None)?;
            if taken > 0 || bytes.is_empty() {
                this.unsaid |= taken > 0;
                return Poll::Ready(Ok(taken));
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.unsaid {
            let (_, complete) = this.deflated(&[], FlushCompress::Sync)?;
            this.unsaid = !complete;
        }
        ready!(this.poll_drain(cx, 0))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[async_trait]
impl Connection for Deflated {
    async fn start_tls(self: Box<Self>, _: &Target) -> Result<Box<dyn Connection>> {
        // Encryption goes outside of compression, and was decided on long before.
        let what = "a connection that is compressed can't be encrypted any more";
        Err(Error::new(ErrorKind::Protocol, Phase::StartTls, what))
    }

    fn tls(&self) -> Option<&TlsSession> {
        self.inner.tls()
    }

    fn is_loopback(&self) -> bool {
        self.inner.is_loopback()
    }
}
