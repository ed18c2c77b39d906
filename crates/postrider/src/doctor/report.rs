//! What the doctor found, for people and for machines.

use postrider_core::Direction;
use serde::Serialize;
use std::fmt;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, or may work, and somebody should look at it.
    Warning,
    /// It does not work.
    Failed,
    /// It was not done; the step says why.
    Skipped,
}

/// What a step looks at. The order is that of a session that begins in the clear; with TLS from the start, TLS
/// comes before the greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StepName {
    /// The effective settings and where they come from.
    Settings,
    /// The addresses of the host name.
    Dns,
    /// TCP to each address.
    Tcp,
    /// The server's first words.
    Greeting,
    /// STARTTLS or STLS, in the clear.
    #[serde(rename = "starttls")]
    StartTls,
    /// TLS and the certificate.
    Tls,
    /// What the server offers.
    Capabilities,
    /// The ways to sign in: offered against configured.
    Mechanisms,
    /// Who we are.
    SignIn,
    /// The mailbox can be read.
    Mailbox,
    /// The address that messages are from.
    Sender,
    /// One message, if it was asked for.
    TestMessage,
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Settings => "settings",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Greeting => "greeting",
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::Capabilities => "capabilities",
            Self::Mechanisms => "mechanisms",
            Self::SignIn => "sign-in",
            Self::Mailbox => "mailbox",
            Self::Sender => "sender",
            Self::TestMessage => "test message",
        })
    }
}

/// A property and the text that would put something right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Correction {
    /// The full key.
    pub key: String,
    /// Its text. Never a secret.
    pub value: String,
}

/// Something that is wrong or may be, and what to try next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The likely cause.
    pub cause: String,
    /// The next thing to try.
    pub next: String,
    /// The same as properties, where it can be said in properties.
    pub corrections: Vec<Correction>,
}

impl Finding {
    pub(crate) fn new(cause: impl Into<String>, next: impl Into<String>) -> Self {
        Self { cause: cause.into(), next: next.into(), corrections: Vec::new() }
    }

    pub(crate) fn correct(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.corrections.push(Correction { key: key.into(), value: value.into() });
        self
    }
}

/// One step: what was seen, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// What it looks at.
    pub name: StepName,
    /// How it ended.
    pub status: Status,
    /// What was seen, in a sentence; of a step that was skipped, why.
    pub saw: String,
    /// More of it, a line each.
    pub details: Vec<String>,
    /// Causes and what to try, the likeliest first.
    pub findings: Vec<Finding>,
}

impl Step {
    pub(crate) fn new(name: StepName, status: Status, saw: impl Into<String>) -> Self {
        Self { name, status, saw: saw.into(), details: Vec::new(), findings: Vec::new() }
    }

    pub(crate) fn skipped(name: StepName, why: impl Into<String>) -> Self {
        Self::new(name, Status::Skipped, why)
    }

    pub(crate) fn details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    pub(crate) fn finding(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }
}

/// All steps of one direction. Holds no secret: it can be shown to whoever helps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The way in or the way out.
    pub direction: Direction,
    /// The transport's name, if one is chosen.
    pub transport: Option<String>,
    /// Host, port and kind of encryption, as far as they are known.
    pub server: Option<String>,
    /// The steps, in the order they were made.
    pub steps: Vec<Step>,
}

impl Report {
    /// True if no step failed.
    pub fn is_ok(&self) -> bool {
        self.steps.iter().all(|step| step.status != Status::Failed)
    }

    /// The step of this name.
    pub fn step(&self, name: StepName) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The properties that would put right what was found, the first advice for each key.
    pub fn corrections(&self) -> Vec<&Correction> {
        let mut all: Vec<&Correction> = Vec::new();
        let found = self.steps.iter().flat_map(|step| &step.findings).flat_map(|f| &f.corrections);
        for correction in found {
            if !all.iter().any(|known| known.key == correction.key) {
                all.push(correction);
            }
        }
        all
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.direction)?;
        if let Some(transport) = &self.transport {
            write!(f, " by {transport}")?;
        }
        match &self.server {
            Some(server) => writeln!(f, ": {server}")?,
            None => writeln!(f)?,
        }
        for step in &self.steps {
            let status = match step.status {
                Status::Ok => "ok",
                Status::Warning => "WARNING",
                Status::Failed => "FAILED",
                Status::Skipped => "skipped",
            };
            writeln!(f, "  {status:<7}  {:<12}  {}", step.name, step.saw)?;
            for detail in &step.details {
                writeln!(f, "{:25}{detail}", "")?;
            }
            for finding in &step.findings {
                writeln!(f, "{:25}cause: {}", "", finding.cause)?;
                writeln!(f, "{:25}next:  {}", "", finding.next)?;
                for correction in &finding.corrections {
                    writeln!(f, "{:32}{}={}", "", correction.key, correction.value)?;
                }
            }
        }
        Ok(())
    }
}
