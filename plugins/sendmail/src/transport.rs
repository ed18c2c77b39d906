//! The transport: the contract of core on top of one process for each message.

use crate::SendmailConfig;
use crate::arguments::arguments;
use crate::exit::{self, Got};
use crate::process::Process;
use postrider_core::line_ends::ToLf;
use postrider_core::{
    Body, Envelope, Error, ErrorKind, Host, OutgoingTransport, Phase, Receipt, RecipientOutcome, Repeat,
    Result, Verdict, async_trait,
};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

/// The program is looked at so often: soon at first, for most take a few milliseconds.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(20);

/// Mail by a local program, started anew for each message.
pub struct Sendmail {
    config: SendmailConfig,
    host: Arc<dyn Host>,
}

impl Sendmail {
    /// A transport of this configuration. No I/O happens.
    pub fn new(config: SendmailConfig, host: Arc<dyn Host>) -> Self {
        Self { config, host }
    }

    /// Gives the program bytes. False if it reads no more.
    async fn feed(&self, process: &mut Process, mut bytes: &[u8]) -> Result<bool> {
        let mut pause = Pause::new(self, self.config.timeout);
        while !bytes.is_empty() {
            match process.write(bytes) {
                Ok(Some(taken)) => {
                    bytes = bytes.get(taken..).unwrap_or_default();
                    pause = Pause::new(self, self.config.timeout);
                }
                Ok(None) if pause.rest().await => {}
                Ok(None) => return Err(self.overdue(process, Got::Part)),
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Waits for the program's end.
    async fn end(&self, process: &mut Process, got: Got) -> Result<ExitStatus> {
        let whole = got == Got::Whole;
        let mut pause = Pause::new(self, if whole { self.config.final_timeout } else { self.config.timeout });
        loop {
            match process.exited() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if pause.rest().await => {}
                Ok(None) => return Err(self.overdue(process, got)),
                Err(error) => {
                    let kind = if whole { ErrorKind::Unsure } else { ErrorKind::Closed };
                    let what = format!("how the program ended can't be learned: {error}");
                    return Err(Error::new(kind, phase(got), what)
                        .with_advice("look into the program's log; SIGCHLD must not be ignored")
                        .with_source(error));
                }
            }
        }
    }

    /// Ends a program that takes too long.
    fn overdue(&self, process: &mut Process, got: Got) -> Error {
        let killed = process.kill();
        let limit = if got == Got::Whole { self.config.final_timeout } else { self.config.timeout };
        let did = if killed { "it was killed" } else { "it may not be killed" };
        let what = format!("the program took longer than {} s; {did}", limit.as_secs_f64());
        let kind = if got == Got::Whole || !killed { ErrorKind::Unsure } else { ErrorKind::Timeout };
        let error = Error::new(kind, phase(got), what);
        if kind == ErrorKind::Unsure {
            error.with_advice("look into the program's log before sending it again, or raise finaltimeout")
        } else {
            error.with_advice("see what the program waits for, or raise timeout")
        }
    }

    fn start(&self, envelope: &Envelope) -> Result<Process> {
        let arguments = arguments(&self.config.arguments, envelope)?;
        Process::start(&self.config.program, &arguments).map_err(|error| self.unstarted(error))
    }

    fn unstarted(&self, error: io::Error) -> Error {
        let (kind, advice) = match error.kind() {
            io::ErrorKind::ArgumentListTooLong => {
                (ErrorKind::Limit, "send to fewer recipients at a time: mail.send.recipientspertransaction")
            }
            io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => {
                (ErrorKind::Connect, "this machine has no room for another process now: try again later")
            }
            io::ErrorKind::NotFound => {
                (ErrorKind::Configuration, "install a mail server, or set the property program")
            }
            _ => (ErrorKind::Configuration, "the property program must name a program that may be run"),
        };
        let what = format!("{} can't be started: {error}", self.config.program.display());
        Error::new(kind, Phase::Connect, what).with_advice(advice).with_source(error)
    }

    /// Gives the program the whole message. [`Got::Part`] if it stopped reading.
    async fn stream(&self, process: &mut Process, mut body: Body<'_>) -> Result<Got> {
        let mut lines = self.config.convert_line_ends.then(ToLf::default);
        while let Some(chunk) = body.chunk().await.map_err(unreadable)? {
            let chunk = match &mut lines {
                Some(lines) => lines.convert(chunk),
                None => chunk,
            };
            if !self.feed(process, &chunk).await? {
                return Ok(Got::Part);
            }
        }
        let rest = lines.map_or(&b""[..], ToLf::finish);
        Ok(if self.feed(process, rest).await? { Got::Whole } else { Got::Part })
    }
}

#[async_trait]
impl OutgoingTransport for Sendmail {
    /// A dropped call kills the program. The message is not sent then, unless it had got the whole of it.
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let mut process = self.start(envelope)?;
        // On any error on the way the process is killed, as it is dropped, before its input ends.
        let got = self.stream(&mut process, body).await?;
        if got == Got::Whole {
            process.end_input();
        }
        let status = self.end(&mut process, got).await?;
        let reply = exit::outcome(status, got, envelope.to.len(), &process.said())?;
        let accepted = |address: &postrider_core::Address| {
            RecipientOutcome::new(address.clone(), Verdict::Accepted(reply.clone()))
        };
        let recipients = envelope.to.iter().map(|r| accepted(&r.address)).collect();
        Ok(Receipt::new(reply, recipients))
    }

    /// Looks whether the program is there and may be run, and does not start it.
    async fn connect(&mut self) -> Result<()> {
        let meta = std::fs::metadata(&self.config.program).map_err(|e| self.unstarted(e))?;
        if meta.is_file() && meta.permissions().mode() & 0o111 != 0 {
            return Ok(());
        }
        Err(self.unstarted(io::ErrorKind::PermissionDenied.into()))
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// Rests between two looks, until a deadline.
struct Pause<'a> {
    host: &'a dyn Host,
    end: Duration,
    next: Duration,
}

impl<'a> Pause<'a> {
    fn new(sendmail: &'a Sendmail, limit: Duration) -> Self {
        let host = sendmail.host.as_ref();
        Self { host, end: host.now().saturating_add(limit), next: FIRST_LOOK }
    }

    /// False if the time is up.
    async fn rest(&mut self) -> bool {
        let left = self.end.saturating_sub(self.host.now());
        if left.is_zero() {
            return false;
        }
        self.host.sleep(self.next.min(left)).await;
        self.next = (self.next * 2).min(LAST_LOOK);
        true
    }
}

fn phase(got: Got) -> Phase {
    if got == Got::Whole { Phase::EndOfData } else { Phase::Data }
}

/// The body comes from somewhere else, whose verdicts are none about this message.
fn unreadable(error: Error) -> Error {
    if error.kind() == ErrorKind::Body {
        return error;
    }
    let repeat = if error.repeat() == Repeat::Safe { Repeat::Safe } else { Repeat::Never };
    let what = format!("the message could not be read to its end ({}: {})", error.phase(), error.message());
    Error::new(ErrorKind::Body, Phase::Data, what).with_repeat(repeat).with_source(error)
}

impl std::fmt::Debug for Sendmail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sendmail").field("config", &self.config).finish_non_exhaustive()
    }
}
