//! The driver of commands: what is sent, what is heard, and how long it may take.

use crate::bounds::Bounds;
use crate::codec::{Command, Event, Response, Status, StatusKind, parse, refusal_kind};
use crate::session::Session;
use postrider_core::{Error, ErrorKind, Phase, Result};
use std::time::Duration;

/// Takes what is said in answer to a command and is no status.
pub(crate) type Each<'a> = &'a mut (dyn FnMut(Response) -> Result<()> + Send);

/// For commands that want no data.
pub(crate) fn nobody(_: Response) -> Result<()> {
    Ok(())
}

/// True if a tagged status can say this.
fn is_end(kind: StatusKind) -> bool {
    matches!(kind, StatusKind::Ok | StatusKind::No | StatusKind::Bad)
}

/// What a command waits for.
pub(crate) enum Said {
    /// Its tagged status.
    Status(Status),
    /// The server asks for more (`+`).
    Prompt(String),
    /// Data.
    Data(Response),
    /// A piece of the message that is due.
    Body(Event),
}

impl Session {
    /// Begins a dialogue: takes in what the server said meanwhile, and is busy from then on.
    pub(crate) fn begin(&mut self, phase: Phase) -> Result<()> {
        self.catch_up(phase).inspect_err(|_| self.over = true)?;
        self.check_rebuilt(phase)?;
        self.channel.begin(phase)
    }

    /// Takes in what has arrived while no command was under way: a mailbox changes at any time (RFC 9051 §5.3).
    fn catch_up(&mut self, phase: Phase) -> Result<()> {
        while let Some(event) = self.framed(phase)? {
            let Event::Response(text) = event else { continue };
            let response = parse(&text).map_err(|f| f.at(phase))?;
            if matches!(response, Response::Tagged { .. } | Response::Continue(_)) {
                return Err(self.unasked(&text, phase));
            }
            self.state.absorb(response);
            if let Some(bye) = self.state.bye.take() {
                return Err(self.goodbye(&bye, phase));
            }
        }
        Ok(())
    }

    /// Sends a command and reads its answers; data goes to `each`. A NO or BAD is for the caller to judge.
    pub(crate) async fn run(&mut self, command: Command, phase: Phase, each: Each<'_>) -> Result<Status> {
        self.begin(phase)?;
        let tag = self.send(command, phase).await?;
        let status = self.answer(&tag, phase, each).await?;
        self.end(phase)?;
        Ok(status)
    }

    /// As [`run`](Self::run) for a command that must succeed; `what` says what it means if it does not.
    pub(crate) async fn ok(&mut self, command: Command, phase: Phase, what: &str) -> Result<Status> {
        let status = self.run(command, phase, &mut nobody).await?;
        self.judge(status, phase, what)
    }

    /// As [`ok`](Self::ok), with the data.
    pub(crate) async fn ask(
        &mut self,
        command: Command,
        phase: Phase,
        what: &str,
        each: Each<'_>,
    ) -> Result<Status> {
        let status = self.run(command, phase, each).await?;
        self.judge(status, phase, what)
    }

    /// A NO or BAD becomes an error.
    pub(crate) fn judge(&self, status: Status, phase: Phase, what: &str) -> Result<Status> {
        if status.kind == StatusKind::Ok { Ok(status) } else { Err(self.refused(&status, phase, what)) }
    }

    /// Ends a dialogue: every answer has been read. A mailbox that was rebuilt meanwhile is lost: what was asked
    /// and what was answered may be of different messages.
    pub(crate) fn end(&mut self, phase: Phase) -> Result<()> {
        self.check_rebuilt(phase)?;
        self.channel.finish();
        Ok(())
    }

    pub(crate) fn check_rebuilt(&mut self, phase: Phase) -> Result<()> {
        if self.state.selected.as_ref().is_none_or(|s| !s.rebuilt) {
            return Ok(());
        }
        self.over = true;
        let what = "the mailbox was rebuilt while it was open (its UIDVALIDITY has changed)";
        Err(Error::new(ErrorKind::NotFound, phase, what).with_advice("list again: all keys are new"))
    }

    /// Sends a command, waiting for consent where a literal needs it; gives its tag.
    pub(crate) async fn send(&mut self, command: Command, phase: Phase) -> Result<String> {
        // Nobody can foretell it, and so nobody can answer a command before it was sent.
        let tag = postrider_wire::random_text(8)?;
        let mut start = format!("{tag} ");
        let mut pieces = command.pieces().into_iter().peekable();
        while let Some(piece) = pieces.next() {
            let bytes = [start.as_bytes(), &piece.bytes].concat();
            match &piece.shown {
                Some(shown) => self.channel.queue_secret(&bytes, &format!("{start}{shown}")),
                None => self.channel.queue(&bytes),
            }
            start.clear();
            self.channel.flush(phase).await?;
            if pieces.peek().is_some() {
                self.consent(&tag, phase).await?;
            }
        }
        Ok(tag)
    }

    /// Waits until the server wants the literal it was told of.
    pub(crate) async fn consent(&mut self, tag: &str, phase: Phase) -> Result<()> {
        let mut bounds = self.bounds();
        loop {
            match self.said(tag, phase, &mut bounds).await? {
                Said::Prompt(_) => return Ok(()),
                Said::Status(status) => {
                    // It will not read the literal: the next command may follow.
                    let error = self.refused(&status, phase, "the server does not take what was to be sent");
                    self.end(phase)?;
                    return Err(error);
                }
                Said::Data(_) | Said::Body(_) => {}
            }
        }
    }

    /// Reads up to the tagged status of a command.
    pub(crate) async fn answer(&mut self, tag: &str, phase: Phase, each: Each<'_>) -> Result<Status> {
        let mut bounds = self.bounds();
        loop {
            match self.said(tag, phase, &mut bounds).await? {
                Said::Status(status) => return Ok(status),
                Said::Data(response) => each(response)?,
                Said::Body(_) => {}
                Said::Prompt(_) => {
                    let what = "the server asks for more where nothing more is to come";
                    return Err(Error::new(ErrorKind::Protocol, phase, what));
                }
            }
        }
    }

    /// The next thing that is of interest to a command.
    pub(crate) async fn said(&mut self, tag: &str, phase: Phase, bounds: &mut Bounds) -> Result<Said> {
        loop {
            let wait = bounds.wait(self.channel.timing().command(), self.channel.host().now());
            let Some(wait) = wait.filter(|_| bounds.count()) else { return Err(self.endless(phase)) };
            let text = match self.hear(wait, phase).await? {
                Event::Response(text) => text,
                body => return Ok(Said::Body(body)),
            };
            if let Some(said) = self.read(&text, tag, phase)? {
                return Ok(said);
            }
        }
    }

    /// What a response means to the command of this tag; `None` if it means nothing to it.
    pub(crate) fn read(&mut self, text: &[u8], tag: &str, phase: Phase) -> Result<Option<Said>> {
        let response = match parse(text).map_err(|f| f.at(phase))? {
            Response::Tagged { tag: t, status } if t == tag => {
                self.silent = false;
                if !is_end(status.kind) {
                    return Err(self.unasked(text, phase));
                }
                self.state.code(status.code.clone());
                return Ok(Some(Said::Status(status)));
            }
            Response::Tagged { tag: t, status } => {
                let early = self.early.iter_mut().find(|(early, status)| *early == t && status.is_none());
                let Some((_, slot)) = early.filter(|_| is_end(status.kind)) else {
                    return Err(self.unasked(text, phase));
                };
                self.silent = false;
                self.state.code(status.code.clone());
                *slot = Some(status);
                return Ok(None);
            }
            Response::Continue(prompt) => {
                self.silent = false;
                return Ok(Some(Said::Prompt(prompt)));
            }
            other => other,
        };
        let data = self.state.absorb(response);
        if phase != Phase::Close
            && let Some(bye) = self.state.bye.take()
        {
            self.over = true;
            return Err(self.goodbye(&bye, phase));
        }
        self.silent = false;
        Ok(data.map(Said::Data))
    }

    pub(crate) fn endless(&mut self, phase: Phase) -> Error {
        self.over = true;
        Error::new(ErrorKind::Limit, phase, "the server never comes to an end of its answer")
    }

    /// The bounds of a command that begins now.
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds::new(self.channel.host().now(), self.channel.timing().command())
    }

    /// The next piece of what the server says; all of it has to come within `wait`.
    pub(crate) async fn hear(&mut self, wait: Duration, phase: Phase) -> Result<Event> {
        let end = self.channel.host().now().saturating_add(wait);
        let mut heard = false;
        loop {
            if let Some(event) = self.framed(phase)? {
                return Ok(event);
            }
            let left = end.saturating_sub(self.channel.host().now());
            match self.channel.fill(left, phase).await {
                // It did say something, and too slowly: the time that was left is not what it had.
                Err(error) if error.kind() == ErrorKind::Timeout && heard => {
                    let what =
                        format!("the server did not finish what it says within {} s", wait.as_secs_f32());
                    return Err(Error::new(ErrorKind::Timeout, phase, what)
                        .with_advice("raise the timeout property if the line is that slow"));
                }
                filled => filled?,
            }
            heard = true;
        }
    }

    /// The next piece, if it has arrived.
    pub(crate) fn framed(&mut self, phase: Phase) -> Result<Option<Event>> {
        let event = self.framer.next(self.channel.input()).map_err(|fault| {
            self.over = true;
            fault.at(phase)
        })?;
        if let Some(Event::Response(text)) = &event {
            self.channel.heard(text);
        }
        Ok(event)
    }

    /// The error of a refusal.
    pub(crate) fn refused(&self, status: &Status, phase: Phase, what: &str) -> Error {
        let (kind, advice) = refusal_kind(status, phase);
        let error = Error::new(kind, phase, what).with_reply(status.to_core(self.channel.redactor()));
        match advice {
            Some(advice) => error.with_advice(advice),
            None => error,
        }
    }

    pub(crate) fn unasked(&self, text: &[u8], phase: Phase) -> Error {
        let words = self.channel.redactor().clean(&String::from_utf8_lossy(text));
        let words: String = words.chars().take(200).collect();
        let what = format!("the server answered what was not asked: \"{}\"", words.escape_debug());
        Error::new(ErrorKind::Protocol, phase, what)
    }
}
