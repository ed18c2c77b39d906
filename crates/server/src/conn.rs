//! One client's connection: bounded lines and counted bytes in, gathered replies out, TLS when asked.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::error::{Ended, Result};
use crate::tls;

/// Replies are gathered up to this before they are written without being asked.
const OUT_HIGH: usize = 64 << 10;
const READ_SIZE: usize = 16 << 10;

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// A line a client sent, without its CRLF.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line that ended in CRLF.
    Whole(Vec<u8>),
    /// A line that ended in a bare LF, or held a bare CR or a NUL: no client should send one.
    Malformed,
    /// A line over the limit, swallowed to its end.
    TooLong,
}

/// A connection. Reading is cancel-safe: what was read but not handed out stays here.
pub(crate) struct Conn {
    stream: Option<Pin<Box<dyn Stream>>>,
    input: Vec<u8>,
    /// How much of `input` was handed out already.
    taken: usize,
    output: Vec<u8>,
    written: usize,
    chunk: Option<usize>,
    idle_limit: Duration,
    tls: Option<tls::Info>,
}

impl Conn {
    pub(crate) fn new(stream: TcpStream, chunk: Option<usize>, idle_limit: Duration) -> Self {
        Self {
            stream: Some(Box::pin(stream)),
            input: Vec::new(),
            taken: 0,
            output: Vec::new(),
            written: 0,
            chunk,
            idle_limit,
            tls: None,
        }
    }

    /// What TLS agreed on; `None` in clear.
    pub(crate) fn tls(&self) -> Option<&tls::Info> {
        self.tls.as_ref()
    }

    /// Turns the connection into TLS. Bytes that came before the handshake are an attack or a bug, and end it.
    pub(crate) async fn start_tls(&mut self, acceptor: &TlsAcceptor) -> Result<()> {
        self.flush().await?;
        if self.has_input() {
            return Err(Ended::Gone);
        }
        let stream = self.stream.take().ok_or(Ended::Gone)?;
        let handshake = tokio::time::timeout(Duration::from_secs(30), acceptor.accept(stream));
        let stream = handshake.await.map_err(|_| Ended::Gone)??;
        self.tls = Some(tls::Info::of(stream.get_ref().1));
        self.stream = Some(Box::pin(stream));
        Ok(())
    }

    /// Whether bytes arrived that no one asked for yet.
    pub(crate) fn has_input(&self) -> bool {
        self.taken < self.input.len()
    }

    /// The next line, at most `limit` bytes of it kept.
    pub(crate) async fn line(&mut self, limit: usize) -> Result<Line> {
        let mut searched = 0;
        let mut too_long = false;
        loop {
            let fresh = self.fresh();
            if let Some(at) = fresh.iter().skip(searched).position(|&b| b == b'\n') {
                let line = self.take(searched + at + 1);
                return Ok(if too_long || line.len() > limit + 2 { Line::TooLong } else { whole(line) });
            }
            searched = fresh.len();
            if searched > limit + 2 {
                too_long = true;
                self.take(searched);
                searched = 0;
            }
            self.fill().await?;
        }
    }

    /// Up to `most` bytes, at least one.
    pub(crate) async fn some(&mut self, most: usize) -> Result<Vec<u8>> {
        if !self.has_input() {
            self.fill().await?;
        }
        let n = self.fresh().len().min(most);
        Ok(self.take(n))
    }

    /// Exactly `n` bytes onto the end of `into`. The caller has checked `n` against its limit; memory
    /// follows what arrives, not what was announced.
    pub(crate) async fn exactly(&mut self, n: usize, into: &mut Vec<u8>) -> Result<()> {
        let mut left = n;
        while left > 0 {
            let piece = self.some(left).await?;
            left -= piece.len();
            into.extend_from_slice(&piece);
        }
        Ok(())
    }

    /// Reads `n` bytes and forgets them.
    pub(crate) async fn discard(&mut self, n: u64) -> Result<()> {
        let mut left = n;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(READ_SIZE);
            left -= self.some(most).await?.len() as u64;
        }
        Ok(())
    }

    /// Puts bytes back in front of what is still to be read.
    pub(crate) fn unread(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut input = bytes.to_vec();
        input.extend_from_slice(self.fresh());
        self.input = input;
        self.taken = 0;
    }

    /// Adds to the reply; written when the client has to be waited for.
    pub(crate) fn put(&mut self, bytes: impl AsRef<[u8]>) {
        self.output.extend_from_slice(bytes.as_ref());
    }

    /// Writes if much has gathered. For replies that may be long.
    pub(crate) async fn drain(&mut self) -> Result<()> {
        if self.output.len() >= OUT_HIGH { self.flush().await } else { Ok(()) }
    }

    /// Writes all replies. Cancel-safe: what was written is not written again.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        let limit = self.idle_limit;
        tokio::time::timeout(limit, self.write_all()).await.map_err(|_| Ended::Gone)??;
        Ok(())
    }

    /// Says the last of it and closes, with TLS's goodbye where there is TLS.
    pub(crate) async fn close(mut self) {
        let goodbye = async {
            if self.write_all().await.is_ok()
                && let Some(stream) = &mut self.stream
            {
                let _ = stream.shutdown().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
    }

    async fn write_all(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        while let Some(rest) = self.output.get(self.written..).filter(|rest| !rest.is_empty()) {
            let piece = rest.get(..self.chunk.unwrap_or(rest.len())).unwrap_or(rest);
            let n = stream.write(piece).await?;
            if n == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.written += n;
            if self.chunk.is_some() {
                stream.flush().await?;
                tokio::task::yield_now().await;
            }
        }
        stream.flush().await?;
        self.written = 0;
        self.output.clear();
        self.output.shrink_to(OUT_HIGH);
        Ok(())
    }

    fn fresh(&self) -> &[u8] {
        self.input.get(self.taken..).unwrap_or_default()
    }

    fn take(&mut self, n: usize) -> Vec<u8> {
        let piece = self.fresh().get(..n).unwrap_or_default().to_vec();
        self.taken += piece.len();
        if !self.has_input() {
            self.input.clear();
            self.taken = 0;
        }
        piece
    }

    async fn fill(&mut self) -> Result<()> {
        self.flush().await?;
        if self.taken > 0 {
            self.input.drain(..self.taken.min(self.input.len()));
            self.taken = 0;
        }
        self.input.reserve(READ_SIZE);
        let stream = self.stream.as_mut().ok_or(Ended::Gone)?;
        let read = tokio::time::timeout(self.idle_limit, stream.read_buf(&mut self.input));
        match read.await.map_err(|_| Ended::Gone)?? {
            0 => Err(Ended::Gone),
            _ => Ok(()),
        }
    }
}

fn whole(mut line: Vec<u8>) -> Line {
    line.pop();
    if line.pop() != Some(b'\r') || line.iter().any(|&b| b == b'\r' || b == 0) {
        return Line::Malformed;
    }
    Line::Whole(line)
}
