//! The driver of signing in.

use crate::auth::{Method, Run, Then, plan};
use crate::codec::{Status, StatusKind};
use crate::session::Session;
use crate::session_dialogue::Said;
use crate::{Capabilities, ImapConfig};
use postrider_core::{Error, ErrorKind, Fact, Phase, Result, Secret};

const PHASE: Phase = Phase::Authenticate;

impl Session {
    /// Signs in, and learns what the server offers to those it knows.
    pub(crate) async fn sign_in(&mut self, config: &ImapConfig) -> Result<()> {
        let private = self.channel.is_private();
        self.tell_capabilities();
        let method = plan(&config.login, &self.state.caps, self.channel.tls(), private)?;
        self.channel.host().learned(Fact::SigningIn(match &method {
            Method::Sasl(run) => run.first(false).0,
            Method::Login => "LOGIN".into(),
        }));
        match method {
            Method::Sasl(run) => self.authenticate(run).await?,
            Method::Login => {
                let password = config.login.plain_password().map_or("", Secret::expose);
                // A server that repeats the command repeats the password as it was quoted.
                self.mask(&Secret::new(password.replace('\\', "\\\\").replace('"', "\\\"")));
                let command = self.command("LOGIN").string(&config.login.user).secret(password);
                self.state.caps = Capabilities::default();
                self.ok(command, PHASE, "the server did not accept the sign-in by LOGIN").await?;
            }
        }
        // It may offer more, or other things, now (RFC 9051 §6.2.2): some say so unasked, beside or in their OK.
        if self.state.caps.is_empty() { self.ask_capabilities().await } else { Ok(()) }
    }

    /// They are known before anybody is signed in, and may be what keeps us out.
    fn tell_capabilities(&self) {
        let words = |word: &str| self.channel.redactor().clean(word);
        let (caps, host) = (&self.state.caps, self.channel.host());
        host.learned(Fact::Capabilities(caps.iter().map(words).collect()));
        host.learned(Fact::Mechanisms(caps.mechanisms().into_iter().map(words).collect()));
    }

    async fn authenticate(&mut self, mut run: Run) -> Result<()> {
        let (words, initial) = run.first(self.state.caps.has("SASL-IR"));
        let mut command = self.command(&words);
        if let Some(initial) = &initial {
            self.mask(initial);
            command = command.secret_word(initial.expose());
        }
        self.begin(PHASE)?;
        let tag = self.send(command, PHASE).await?;
        self.state.caps = Capabilities::default();
        let mut bounds = self.bounds();
        let mut cancelled: Option<Error> = None;
        loop {
            match self.said(&tag, PHASE, &mut bounds).await? {
                Said::Prompt(challenge) => {
                    let then = if cancelled.is_some() { cancel_again() } else { run.answer(&challenge) };
                    match then {
                        Then::Say(answer) => self.say(&answer).await?,
                        Then::Cancel(error) => {
                            if cancelled.is_some() {
                                return Err(error);
                            }
                            cancelled = Some(error);
                            self.say(&Secret::new("*")).await?;
                        }
                    }
                }
                Said::Status(status) => {
                    self.end(PHASE)?;
                    if let Some(error) = cancelled {
                        return Err(error);
                    }
                    if status.kind != StatusKind::Ok {
                        return Err(self.not_signed_in(&run, &status));
                    }
                    return run.check_success();
                }
                Said::Data(_) | Said::Body(_) => {}
            }
        }
    }

    async fn say(&mut self, answer: &Secret) -> Result<()> {
        self.mask(answer);
        self.channel.queue_secret(format!("{}\r\n", answer.expose()).as_bytes(), "***\r\n");
        self.channel.flush(PHASE).await
    }

    /// A server may repeat what it was told; a short answer is no secret and would mask much.
    fn mask(&mut self, answer: &Secret) {
        if answer.expose().len() > 3 {
            self.channel.mask(answer);
        }
    }

    fn not_signed_in(&self, run: &Run, status: &Status) -> Error {
        let (what, advice) = run.refusal(status);
        let what = self.channel.redactor().clean(&what);
        let error = self.refused(status, PHASE, &what.escape_debug().to_string());
        match advice {
            Some(advice) if error.kind() == ErrorKind::Authentication => error.with_advice(advice),
            _ => error,
        }
    }
}

fn cancel_again() -> Then {
    let what = "the server goes on with a sign-in that was cancelled";
    Then::Cancel(Error::new(ErrorKind::Protocol, PHASE, what))
}
