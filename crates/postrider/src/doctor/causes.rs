//! Why a step failed: the likely causes and what to try next, the likeliest first.

use crate::doctor::certificate::{self, Signer};
use crate::doctor::report::{Finding, StepName};
use crate::doctor::seen::{Attempt, Seen};
use crate::doctor::settings::Patient;
use crate::doctor::sign_in;
use crate::doctor::spoken::Spoken;
use postrider_core::{Error, ErrorKind, Target, TlsMode};

/// The causes of a step that failed with this error; at least one.
pub(crate) fn of(patient: &Patient, seen: &Seen, step: StepName, error: &Error) -> Vec<Finding> {
    let cause = Cause { patient, seen, error };
    let found = match step {
        StepName::Dns => cause.dns(),
        StepName::Tcp => cause.tcp(),
        StepName::Greeting => cause.greeting(),
        StepName::Tls => cause.tls(),
        StepName::StartTls => cause.starttls(),
        StepName::Mechanisms | StepName::SignIn => sign_in::causes(patient, seen, step, error),
        _ => Vec::new(),
    };
    if found.is_empty() { vec![cause.told()] } else { found }
}

struct Cause<'a> {
    patient: &'a Patient,
    seen: &'a Seen,
    error: &'a Error,
}

impl Cause<'_> {
    /// What the transport itself says of it.
    fn told(&self) -> Finding {
        let cause = match self.error.kind() {
            ErrorKind::Timeout => "the server does not answer in time",
            ErrorKind::Closed => "the connection ended before the work was done",
            ErrorKind::Rejected => "the server refuses",
            ErrorKind::Deferred => "the server refuses for now",
            ErrorKind::Unsupported => "the server, or this transport, can't do it",
            ErrorKind::Protocol => "the server does not speak the protocol as it should",
            ErrorKind::Limit => "a limit was passed",
            ErrorKind::Resolve => "the host name has no address",
            ErrorKind::Connect => "no connection could be made",
            ErrorKind::Configuration | ErrorKind::InvalidInput => {
                "something in the settings is missing or wrong"
            }
            ErrorKind::Authentication => "who we are was not accepted",
            _ => "the server, or the settings",
        };
        let advice = self.error.advice().unwrap_or("look at the dialogue: set mail.debug=true");
        Finding::new(cause, self.patient.clean(advice))
    }

    fn dns(&self) -> Vec<Finding> {
        let host = self.patient.key("host");
        if let Some(proxy) = self.seen.proxy() {
            let cause = format!("the name of {proxy} has no address");
            return vec![Finding::new(cause, "check the keys of the proxy, and this machine's DNS")];
        }
        if let Some((provider, _)) = self.patient.provider {
            let cause = format!(
                "the name is one of {}'s: this machine's DNS or network does not work",
                provider.name
            );
            return vec![Finding::new(cause, "check this machine's DNS and its network")];
        }
        vec![if self.error.kind() == ErrorKind::Timeout {
            Finding::new(
                "this machine's name server does not answer",
                "check this machine's DNS and its network",
            )
        } else {
            let next = format!("check the spelling of {host}; if it is right, check this machine's DNS");
            Finding::new("there is no such name, or it has no address", next)
        }]
    }

    fn tcp(&self) -> Vec<Finding> {
        let Some(target) = &self.seen.target else { return Vec::new() };
        let port = target.port;
        if let Some(door) = self.patient.door() {
            return vec![door];
        }
        if let Some(proxy) = self.seen.proxy() {
            let cause = format!("{proxy} can't be reached, or does not let the connection through");
            let next = format!("check the keys of the proxy, and whether it may connect to port {port}");
            return vec![Finding::new(cause, next)];
        }
        let usual = match self.patient.speaks {
            Some(speaks) => format!("check {}: {speaks} is on {}", self.patient.key("port"), speaks.usual()),
            None => format!("check {}", self.patient.key("port")),
        };
        if self.seen.all(&Attempt::Refused) {
            let cause = format!(
                "the machine is there and nothing listens on port {port}: the wrong port, or the server does not run"
            );
            vec![Finding::new(cause, usual)]
        } else if self.seen.all(&Attempt::Silent) && port == 25 {
            let finding = Finding::new(
                "a firewall drops the packets: most networks let nobody but mail servers use port 25",
                "use port 465, or 587 with STARTTLS, which are for signing in",
            );
            vec![self.patient.through(finding, 465, TlsMode::Implicit)]
        } else if self.seen.all(&Attempt::Silent) {
            let cause = format!(
                "nothing answers on port {port}, not even with a refusal: a firewall here, on the way or at the server \
                 drops the packets, or the machine is down"
            );
            vec![Finding::new(
                cause,
                format!("{usual}; try it from another network; let the firewall pass port {port}"),
            )]
        } else if self.seen.attempts.is_empty() {
            Vec::new()
        } else {
            vec![Finding::new(
                "this machine has no way to the server",
                format!("check this machine's network; {usual}"),
            )]
        }
    }

    fn greeting(&self) -> Vec<Finding> {
        let (Some(target), Some(expected)) = (&self.seen.target, self.patient.speaks) else {
            return Vec::new();
        };
        let port = target.port;
        if self.seen.tls_instead {
            let cause = format!(
                "port {port} speaks TLS from the start, and with {} the server is waited for to speak in the clear first: \
                 both wait",
                self.asked(target)
            );
            let next = format!("set {}=implicit", self.patient.key("tls"));
            return vec![self.patient.through(Finding::new(cause, next), port, TlsMode::Implicit)];
        }
        let spoken = self.seen.greeting.as_deref().and_then(Spoken::of);
        match (spoken, self.error.kind()) {
            (Some(spoken), _) if spoken != expected => vec![self.other(target, expected, spoken)],
            (_, ErrorKind::Timeout) => vec![Finding::new(
                "something accepts the connection and says nothing: a firewall or proxy that answers in the server's \
                 place, a service that is no mail server, or a server that is overloaded",
                format!("check host and port: {expected} is on {}", expected.usual()),
            )],
            _ if self.error.reply().is_some() => vec![Finding::new(
                "the server does not want to serve now, or not this machine: its words say why",
                "wait and try again; if it goes on, ask whoever runs the server",
            )],
            (None, ErrorKind::Closed) => vec![Finding::new(
                "the server hangs up at once: it does not want this machine's address, or is overloaded",
                "look into the server's log, or ask whoever runs it whether this address is blocked",
            )],
            _ => Vec::new(),
        }
    }

    fn asked(&self, target: &Target) -> &'static str {
        if target.tls == TlsMode::None { "tls=none" } else { "STARTTLS" }
    }

    /// Another protocol than the one that was meant.
    fn other(&self, target: &Target, expected: Spoken, spoken: Spoken) -> Finding {
        let (host, port) = (target.host.escape_debug(), target.port);
        match (spoken.transport(), expected.ports()) {
            (Some(_), Some(ports)) => {
                let doors = [(ports.implicit, TlsMode::Implicit), (ports.starttls, TlsMode::StartTls)];
                let other = |(door, mode): &&(u16, TlsMode)| *door != port && *mode == target.tls;
                let door = doors.iter().find(other).or(doors.iter().find(|(door, _)| *door != port));
                let cause = format!("port {port} of {host} is its {spoken} server, and {expected} was meant");
                let next = format!("{expected} is on {}; it may be on another host, too", expected.usual());
                let finding = Finding::new(cause, next);
                match door {
                    Some((door, mode)) => self.patient.through(finding, *door, *mode),
                    None => finding,
                }
            }
            _ if spoken == Spoken::Http => Finding::new(
                format!(
                    "a web server answers on port {port}: a proxy or the sign-in page of a network (captive portal) stands \
                     in the way, or host and port are those of a web site"
                ),
                format!(
                    "sign in to the network with a browser, or use another network; check host and port: {expected} is on \
                     {}",
                    expected.usual()
                ),
            ),
            _ => Finding::new(
                format!("port {port} of {host} is a server for {spoken}"),
                format!("check host and port: {expected} is on {}", expected.usual()),
            ),
        }
    }

    fn tls(&self) -> Vec<Finding> {
        let Some(target) = &self.seen.target else { return Vec::new() };
        if let (Some(line), Some(expected)) = (&self.seen.clear_instead, self.patient.speaks)
            && let Some(spoken) = Spoken::of(line)
        {
            if spoken != expected {
                return vec![self.other(target, expected, spoken)];
            }
            let port = target.port;
            let cause = format!(
                "port {port} speaks {expected} in the clear first (it began with \"{}\"), and the settings ask for TLS \
                 from the start",
                self.patient.clean(line)
            );
            let key = self.patient.key("tls");
            let mut next = format!("set {key}=starttls to encrypt on this port");
            if let Some(ports) = expected.ports().filter(|ports| ports.implicit != port) {
                next = format!("{next}, or use port {} for TLS from the start", ports.implicit);
            }
            return vec![self.patient.through(Finding::new(cause, next), port, TlsMode::StartTls)];
        }
        let message = self.error.message();
        let has = |words: &str| message.contains(words);
        if has("self-signed or of an authority")
            && let Some(Signer::Authority(name)) = certificate::signer(&self.seen.shown)
        {
            let cause = format!(
                "the certificate is signed by \"{name}\", whom nobody here trusts: a private authority, or a proxy or \
                 virus scanner that puts itself between here and the server"
            );
            let mut next =
                "if that is as it should be, name its PEM file in ssl.cafile; if not, somebody reads along"
                    .to_owned();
            if self.seen.shown.len() == 1 {
                next.push_str(
                    "; if it is a public authority, the server fails to send its intermediate certificates",
                );
            }
            return vec![Finding::new(cause, next)];
        }
        let cause = if has("is not for") {
            "another server than the one that was meant answers: the host name is not the server's own (an alias, an \
             address), or a proxy, a captive portal or a virus scanner answers in its place"
        } else if has("self-signed or of an authority") || has("is not signed by") {
            "the server's certificate is its own or of a private authority; or a proxy or virus scanner shows one of its \
             own in the server's place"
        } else if has("expired") {
            "nobody has renewed the server's certificate, or this machine's clock is wrong"
        } else if has("valid only from") || has("not yet valid") {
            "this machine's clock is behind, or the server's certificate was made for later"
        } else if self.error.kind() == ErrorKind::Timeout {
            "the server does not answer the handshake: the port may not be one for TLS, or a firewall lets the \
             connection pass and not what is said on it"
        } else {
            "the server's TLS, or something on the way that interferes with it"
        };
        let advice = self.error.advice().unwrap_or("check host and port");
        vec![Finding::new(cause, self.patient.clean(advice))]
    }

    fn starttls(&self) -> Vec<Finding> {
        let Some(ports) = self.patient.speaks.and_then(Spoken::ports) else { return Vec::new() };
        if self.error.reply().is_some() || self.seen.starttls_offered {
            return Vec::new();
        }
        let cause = "the server has no TLS on this port, or something on the way takes the offer out of its words (some \
                     firewalls do); nothing secret was sent";
        let next = format!("use port {} with TLS from the start", ports.implicit);
        let finding = Finding::new(cause, next);
        vec![self.patient.through(finding, ports.implicit, TlsMode::Implicit)]
    }
}
