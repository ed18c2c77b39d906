//! From what was seen to steps: what each saw, and which one failed.

use crate::doctor::causes;
use crate::doctor::certificate;
use crate::doctor::report::{Finding, Status, Step, StepName};
use crate::doctor::seen::{Attempt, Seen};
use crate::doctor::settings::Patient;
use postrider_core::{Error, ErrorKind, Phase, TlsMode};

/// More capabilities than this are cut off.
const CAPABILITIES: usize = 60;

/// The steps of the connection, in the order they are made.
pub(crate) fn of(patient: &Patient, seen: &Seen, failure: Option<&Error>) -> Vec<Step> {
    let broken = failure.map(|error| (step_of(error, seen), error));
    let mut steps = Vec::new();
    let mut reached = true;
    // What failed in the clear, while STARTTLS was still to come.
    let wanted = seen.target.as_ref().is_some_and(|target| target.tls == TlsMode::StartTls);
    let never_encrypted = wanted
        && !seen.starttls_used
        && broken.is_some_and(|(failed, _)| !matches!(failed, StepName::StartTls | StepName::Tls));
    for name in order(patient, seen) {
        steps.push(match broken {
            Some((failed, error)) if failed == name => {
                reached = false;
                failed_step(patient, seen, name, error)
            }
            Some((failed, _))
                if !reached || (never_encrypted && matches!(name, StepName::StartTls | StepName::Tls)) =>
            {
                Step::skipped(name, format!("not reached: {failed} failed"))
            }
            _ => Seeing { patient, seen }.step(name),
        });
    }
    steps
}

/// What of a session an error belongs to.
pub(crate) fn step_of(error: &Error, seen: &Seen) -> StepName {
    match error.phase() {
        Phase::Configure => StepName::Settings,
        Phase::Resolve => StepName::Dns,
        Phase::Connect => StepName::Tcp,
        Phase::Tls => StepName::Tls,
        Phase::Greeting => StepName::Greeting,
        Phase::Capability => StepName::Capabilities,
        Phase::StartTls => StepName::StartTls,
        // It was looked up before anybody was asked.
        Phase::Authenticate if seen.target.is_none() => StepName::Settings,
        Phase::Authenticate if seen.method.is_none() && error.reply().is_none() => StepName::Mechanisms,
        Phase::Authenticate => StepName::SignIn,
        Phase::Sender | Phase::Recipient | Phase::Data | Phase::EndOfData => StepName::TestMessage,
        _ => StepName::Mailbox,
    }
}

fn order(patient: &Patient, seen: &Seen) -> [StepName; 8] {
    use StepName::{Capabilities, Dns, Greeting, Mechanisms, SignIn, StartTls, Tcp, Tls};
    let mode = seen.target.as_ref().map(|target| target.tls).or_else(|| patient.target().map(|t| t.tls));
    if mode == Some(TlsMode::Implicit) {
        [Dns, Tcp, Tls, Greeting, StartTls, Capabilities, Mechanisms, SignIn]
    } else {
        [Dns, Tcp, Greeting, StartTls, Tls, Capabilities, Mechanisms, SignIn]
    }
}

/// A step that failed, with its causes.
pub(crate) fn failed_step(patient: &Patient, seen: &Seen, name: StepName, error: &Error) -> Step {
    let mut saw = patient.clean(error.message());
    if let Some(reply) = error.reply() {
        saw = format!("{saw}; the server said: {}", patient.clean(&reply.to_string()));
    }
    let mut step = Step::new(name, Status::Failed, saw);
    if name == StepName::Tcp {
        step.details = tried(seen);
    }
    if name == StepName::Tls {
        step.details = certificate::lines(&seen.shown);
    }
    if name == StepName::Mechanisms
        && let Some(offered) = &seen.mechanisms
    {
        step.details.push(format!("offered: {}", words(patient, offered)));
        if !patient.mechanisms().is_empty() {
            step.details.push(format!("configured: {}", patient.mechanisms().join(" ")));
        }
    }
    step.findings = causes::of(patient, seen, name, error);
    step
}

fn tried(seen: &Seen) -> Vec<String> {
    seen.attempts.iter().map(|(address, attempt)| format!("{address}: {}", attempt.in_words())).collect()
}

fn words(patient: &Patient, words: &[String]) -> String {
    if words.is_empty() {
        return "none".into();
    }
    let shown: Vec<String> =
        words.iter().take(CAPABILITIES).map(|w| patient.clean(w).escape_debug().to_string()).collect();
    shown.join(", ")
}

/// A session that came as far as this.
struct Seeing<'a> {
    patient: &'a Patient,
    seen: &'a Seen,
}

impl Seeing<'_> {
    fn step(&self, name: StepName) -> Step {
        if self.seen.untried && self.seen.target.is_none() {
            return Step::skipped(name, "this transport can't be tried without sending or receiving");
        }
        if self.seen.target.is_none() {
            return Step::skipped(name, "the transport did not connect by this host");
        }
        match name {
            StepName::Dns => self.dns(),
            StepName::Tcp => self.tcp(),
            StepName::Greeting => match &self.seen.greeting {
                Some(line) => Step::new(name, Status::Ok, self.patient.clean(line)),
                None => Step::skipped(name, "the server did not speak first"),
            },
            StepName::StartTls => self.starttls(),
            StepName::Tls => self.tls(),
            StepName::Capabilities => match &self.seen.capabilities {
                Some(offered) => Step::new(name, Status::Ok, words(self.patient, offered)),
                None => Step::skipped(name, "nothing was told of them"),
            },
            StepName::Mechanisms => self.mechanisms(),
            _ => match &self.seen.method {
                Some(method) => {
                    let method = self.patient.clean(method);
                    Step::new(
                        name,
                        Status::Ok,
                        match self.patient.user.as_str() {
                            "" => format!("by {method}"),
                            user => format!("as {}, by {method}", user.escape_debug()),
                        },
                    )
                }
                None if self.patient.speaks.is_some() => {
                    Step::skipped(name, "there are no credentials to sign in with")
                }
                None => Step::skipped(name, "nothing was told of it"),
            },
        }
    }

    fn mode(&self) -> Option<TlsMode> {
        self.seen.target.as_ref().map(|target| target.tls)
    }

    fn dns(&self) -> Step {
        match &self.seen.addresses {
            Some(addresses) => {
                let list: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
                let list = list.join(", ");
                let saw = match self.seen.proxy() {
                    Some(proxy) => format!("{list}, of {proxy}, which looks the server's name up"),
                    None => list,
                };
                Step::new(StepName::Dns, Status::Ok, saw)
            }
            None => Step::skipped(StepName::Dns, "this host does not tell which addresses it connects to"),
        }
    }

    fn tcp(&self) -> Step {
        let name = StepName::Tcp;
        let open = |attempt: &Attempt| *attempt == Attempt::Open;
        let through = self.seen.proxy().map(|proxy| format!("connected through {proxy}"));
        let connected = through.unwrap_or_else(|| "connected".into());
        let all = self.seen.attempts.len();
        let good = self.seen.attempts.iter().filter(|(_, attempt)| open(attempt)).count();
        match (good, all) {
            (_, 0) if self.seen.connected => Step::new(name, Status::Ok, connected),
            (_, 0) => Step::skipped(name, "this host does not connect to single addresses"),
            (good, all) if good == all => Step::new(name, Status::Ok, connected).details(tried(self.seen)),
            (good, all) => {
                let mut step = Step::new(name, Status::Warning, format!("{good} of {all} addresses answer"))
                    .details(tried(self.seen));
                step.findings.push(self.partial());
                step
            }
        }
    }

    fn partial(&self) -> Finding {
        let six = |want: bool| {
            let family = self.seen.attempts.iter().filter(move |(address, _)| address.is_ipv6() == want);
            family.map(|(_, attempt)| *attempt == Attempt::Open).collect::<Vec<_>>()
        };
        let (v6, v4) = (six(true), six(false));
        let dead = |family: &[bool]| !family.is_empty() && family.iter().all(|open| !open);
        if dead(&v6) {
            Finding::new(
                "IPv6 does not answer and IPv4 does: this machine's network, or the server's, has IPv6 in name only",
                "it works, by IPv4; to be rid of the delay repair IPv6, or take the AAAA record of the server out",
            )
        } else if dead(&v4) {
            Finding::new(
                "IPv4 does not answer and IPv6 does",
                "it works, by IPv6; look at the server's A record and at this machine's IPv4 route",
            )
        } else {
            Finding::new(
                "some of the server's machines are down, or not reachable from here",
                "it works, by the others; tell whoever runs the server",
            )
        }
    }

    fn starttls(&self) -> Step {
        let name = StepName::StartTls;
        match self.mode() {
            Some(TlsMode::Implicit) => Step::skipped(name, "not needed: TLS from the start"),
            Some(TlsMode::None) if self.seen.starttls_offered => {
                let next = format!("set {}=starttls", self.patient.key("tls"));
                let finding = Finding::new("the settings say tls=none, and the server could encrypt", next);
                let finding = finding.correct(self.patient.key("tls"), "starttls");
                Step::new(name, Status::Warning, "offered, and not used").finding(finding)
            }
            Some(TlsMode::None) => Step::skipped(name, "not asked for: tls=none"),
            _ if self.seen.starttls_used => Step::new(name, Status::Ok, "offered, and used"),
            _ => Step::new(name, Status::Warning, "not offered").finding(Finding::new(
                "the settings let the session go on in the clear; no password goes over it unless auth.cleartext says so",
                "use a port with TLS from the start",
            )),
        }
    }

    fn tls(&self) -> Step {
        match &self.seen.tls {
            Some(session) => certificate::step(session),
            None => Step::skipped(StepName::Tls, "the session is not encrypted"),
        }
    }

    fn mechanisms(&self) -> Step {
        let name = StepName::Mechanisms;
        let Some(offered) = &self.seen.mechanisms else {
            return Step::skipped(name, "nothing was told of them");
        };
        let mut saw = format!("offered: {}", words(self.patient, offered));
        let configured = self.patient.mechanisms();
        if !configured.is_empty() {
            saw = format!("{saw}; configured: {}", configured.join(" "));
        }
        if let Some(method) = &self.seen.method {
            saw = format!("{saw}; chosen: {}", self.patient.clean(method));
        }
        Step::new(name, Status::Ok, saw)
    }
}

/// True if a transport can't be tried without sending or receiving: no server has been asked.
pub(crate) fn is_untried(error: &Error) -> bool {
    error.kind() == ErrorKind::Unsupported && error.phase() == Phase::Configure
}
