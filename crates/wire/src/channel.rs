//! One connection with its buffers: the only place where protocols touch I/O.

mod poll;
mod read;

use crate::transcript::Transcript;
use crate::{Redactor, Timing};
use bytes::BytesMut;
use postrider_core::{
    Connection, Error, ErrorKind, Host, Phase, Result, Secret, Target, TlsMode, TlsSession, within,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// How much is read at once.
const READ: usize = 64 * 1024;
// What an output buffer may hold on to between dialogues, in bytes.
const KEPT: usize = 64 * 1024;

/// A connection with its input and output buffers, deadlines and transcript.
///
/// All state lives here and not in a future, so that dropping a future loses nothing but the time it took.
/// A dialogue that was begun and not finished leaves the channel [busy](Channel::is_busy): nobody knows
/// which answers are still to come, so it must not be used again.
pub struct Channel {
    // None only while STARTTLS is under way or after it failed.
    connection: Option<Box<dyn Connection>>,
    host: Arc<dyn Host>,
    target: Target,
    timing: Timing,
    input: BytesMut,
    // How much of `input` has been searched for a line end: work stays linear in what arrives.
    searched: usize,
    output: BytesMut,
    // Something was written while reading that the connection may still hold.
    unflushed: bool,
    busy: bool,
    // Time waited for a body, and bytes that came in it.
    rate: (Duration, u64),
    transcript: Transcript,
}

impl Channel {
    /// Connects to the target. `name` stands in the transcript, which is written if `debug`.
    ///
    /// # Errors
    /// As [`Host::connect`].
    ///
    /// # Cancellation
    /// Nothing is left behind.
    pub async fn connect(
        host: Arc<dyn Host>,
        target: Target,
        timing: Timing,
        name: &'static str,
        debug: bool,
    ) -> Result<Self> {
        let transcript = Transcript::new(debug, name);
        transcript.note(&format!("connecting to {}:{} ({})", target.host, target.port, target.tls));
        let connection = host.connect(&target).await?;
        if target.tls == TlsMode::Implicit && connection.tls().is_none() {
            return Err(Error::new(ErrorKind::Tls, Phase::Tls, "the host lent an unencrypted connection")
                .with_advice("the Host implementation must do the handshake when Target.tls is Implicit"));
        }
        Ok(Self {
            connection: Some(connection),
            host,
            target,
            timing,
            input: BytesMut::new(),
            searched: 0,
            output: BytesMut::new(),
            unflushed: false,
            busy: false,
            rate: (Duration::ZERO, 0),
            transcript,
        })
    }

    /// Upgrades to TLS. Call it right after the one success reply.
    ///
    /// # Errors
    /// `Protocol` if anything followed that reply in the clear: it could be injected. Otherwise as
    /// [`Connection::start_tls`].
    ///
    /// # Cancellation
    /// The channel is dead.
    pub async fn start_tls(&mut self) -> Result<()> {
        if !self.input.is_empty() {
            self.connection = None;
            return Err(Error::new(
                ErrorKind::Protocol,
                Phase::StartTls,
                "the server sent data after its STARTTLS reply and before TLS; someone may be injecting it",
            )
            .with_advice("use implicit TLS, and find out who sits between here and the server"));
        }
        let connection = self.connection.take().ok_or_else(|| gone(Phase::StartTls))?;
        let limit = self.target.tls_options.handshake_timeout;
        let upgrade =
            within(self.host.as_ref(), limit, Phase::Tls, connection.start_tls(&self.target)).await?;
        if upgrade.tls().is_none() {
            return Err(Error::new(ErrorKind::Tls, Phase::Tls, "the host lent an unencrypted connection"));
        }
        self.transcript.note("TLS is on");
        self.connection = Some(upgrade);
        Ok(())
    }

    /// Marks the beginning of a dialogue: from now until [`finish`](Self::finish) the channel is busy.
    ///
    /// # Errors
    /// `Protocol` if the server has said something nobody asked for: answers and commands would no longer
    /// match. The channel is busy then and must be dropped.
    pub fn begin(&mut self, phase: Phase) -> Result<()> {
        self.busy = true;
        if self.input.is_empty() {
            return Ok(());
        }
        // Masked before it is shortened: half a secret would not be known as one.
        let words = self.transcript.redactor.clean(&String::from_utf8_lossy(&self.input));
        let words: String = words.chars().take(200).collect();
        Err(Error::new(
            ErrorKind::Protocol,
            phase,
            format!("the server spoke before it was asked: \"{}\"", words.escape_debug()),
        ))
    }

    /// Marks the end of a dialogue: every answer has been read. A large output buffer is given back: a connection may rest
    /// for long.
    pub fn finish(&mut self) {
        self.busy = false;
        if self.output.is_empty() && self.output.capacity() > KEPT {
            self.output = BytesMut::new();
        }
    }

    /// True if a dialogue was begun and not finished: drop the channel and dial anew.
    pub fn is_busy(&self) -> bool {
        self.busy || self.connection.is_none()
    }

    /// Puts bytes into the output buffer; [`flush`](Self::flush) sends all of it in as few segments as it takes.
    pub fn queue(&mut self, bytes: &[u8]) {
        self.transcript.client(bytes);
        self.output.extend_from_slice(bytes);
    }

    /// As [`queue`](Self::queue), for a line with a secret in it: the transcript shows `shown` instead.
    pub fn queue_secret(&mut self, bytes: &[u8], shown: &str) {
        self.transcript.client(shown.as_bytes());
        self.output.extend_from_slice(bytes);
    }

    /// The output buffer itself, for message bodies: they do not go into the transcript.
    pub fn output(&mut self) -> &mut BytesMut {
        &mut self.output
    }

    /// Sends what was queued.
    ///
    /// # Errors
    /// `Closed` or `Timeout` in `phase`.
    ///
    /// # Cancellation
    /// An unknown part has been sent; the rest stays queued.
    pub async fn flush(&mut self, phase: Phase) -> Result<()> {
        let connection = self.connection.as_mut().ok_or_else(|| gone(phase))?;
        let (output, unflushed) = (&mut self.output, &mut self.unflushed);
        within(self.host.as_ref(), self.timing.write_timeout, phase, async {
            // Dropped between the two, what was written is flushed by whoever reads next.
            *unflushed = true;
            while !output.is_empty() {
                let n = connection.write_buf(output).await.map_err(|e| Error::from_io(e, phase))?;
                if n == 0 {
                    return Err(gone(phase));
                }
            }
            connection.flush().await.map_err(|e| Error::from_io(e, phase))?;
            *unflushed = false;
            Ok(())
        })
        .await
    }

    /// Tells the transcript what the server said, for a protocol that takes it from [`input`](Self::input).
    pub fn heard(&self, line: &[u8]) {
        self.transcript.server(line);
    }

    /// Masks a secret from now on in the transcript and in [`redactor`](Self::redactor).
    pub fn mask(&mut self, secret: &Secret) {
        self.transcript.redactor.add(secret);
    }

    /// What takes the session's secrets out of the server's words.
    pub fn redactor(&self) -> &Redactor {
        &self.transcript.redactor
    }

    /// A remark for the transcript.
    pub fn note(&self, text: &str) {
        self.transcript.note(text);
    }

    /// What protects the connection; `None` in the clear.
    pub fn tls(&self) -> Option<&TlsSession> {
        self.connection.as_ref().and_then(|c| c.tls())
    }

    /// True if nobody between here and the server can read along: TLS, or the server is this machine.
    pub fn is_private(&self) -> bool {
        self.connection.as_ref().is_some_and(|c| c.tls().is_some() || c.is_loopback())
    }

    /// The connection itself, for a client that brings its own way of reading and writing. What the transcript
    /// and the deadlines do ends here.
    ///
    /// # Errors
    /// `Protocol` if the server has said something that was not taken: it would be lost. `Closed` if there is no
    /// connection any more.
    pub fn into_connection(self, phase: Phase) -> Result<Box<dyn Connection>> {
        if !self.input.is_empty() {
            return Err(Error::new(ErrorKind::Protocol, phase, "the server spoke before it was asked"));
        }
        self.connection.ok_or_else(|| gone(phase))
    }

    /// Goes on over another connection that wraps this one, as for compression. What has come and was not taken belongs
    /// to the new one: it is for the caller to take it from [`input`](Self::input) and hand it over.
    ///
    /// # Errors
    /// `Protocol` if something was left there, `Closed` if there is no connection any more.
    pub fn wrap(
        &mut self,
        phase: Phase,
        wrapper: impl FnOnce(Box<dyn Connection>) -> Box<dyn Connection>,
    ) -> Result<()> {
        if !self.input.is_empty() {
            return Err(Error::new(ErrorKind::Protocol, phase, "the server spoke before it was asked"));
        }
        let connection = self.connection.take().ok_or_else(|| gone(phase))?;
        self.connection = Some(wrapper(connection));
        Ok(())
    }

    /// The server.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The deadlines.
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    /// The host that lent the connection.
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// Closes the sending side: for the end of a session, errors are of no interest.
    pub async fn shutdown(&mut self) {
        if let Some(connection) = self.connection.as_mut() {
            let limit = Duration::from_secs(5);
            let end = async { connection.shutdown().await.map_err(|e| Error::from_io(e, Phase::Close)) };
            let _ = within(self.host.as_ref(), limit, Phase::Close, end).await;
        }
        self.connection = None;
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel")
            .field("target", &self.target)
            .field("busy", &self.busy)
            .finish_non_exhaustive()
    }
}

fn gone(phase: Phase) -> Error {
    Error::new(ErrorKind::Closed, phase, "the server closed the connection")
}
