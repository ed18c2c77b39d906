//! The first step: what the settings come to, and what is known to be wrong with them before anything is tried.

use crate::doctor::providers::{self, Provider, Server};
use crate::doctor::report::{Finding, Status, Step, StepName};
use crate::doctor::spoken::{Spoken, in_words};
use postrider_core::{
    Credential, Direction, Error, Note, Origin, Properties, Property, PropertySpec, Registry, Result, Secret,
    SecretRef, Target, TlsMode, TransportFactory, Words, without_login,
};
use postrider_wire::Redactor;

// The declarations every transport that dials and signs in shares; only the names matter for reading.
const HOST: Property<String> = Property::new("host", "").shared();
pub(crate) const PORT: Property<u16> = Property::new("port", "");
pub(crate) const TLS: Property<String> = Property::new("tls", "");
pub(crate) const STARTTLS: Property<bool> = Property::new("starttls.enable", "");
const SSL: Property<bool> = Property::new("ssl.enable", "");
const USER: Property<String> = Property::new("user", "").shared();
pub(crate) const PASSWORD: Property<Credential> = Property::new("password", "");
const TOKEN: Property<Credential> = Property::new("auth.token", "");
const REFRESH_TOKEN: Property<Credential> = Property::new("oauth.refreshtoken", "");
const MECHANISMS: Property<Words> = Property::new("auth.mechanisms", "");

/// One direction of a session, and what its settings come to.
pub(crate) struct Patient {
    pub(crate) direction: Direction,
    /// The transport's name, as it was chosen.
    pub(crate) name: String,
    pub(crate) factory: &'static TransportFactory,
    pub(crate) scope: Properties,
    /// What its server should speak, where that is known.
    pub(crate) speaks: Option<Spoken>,
    pub(crate) user: String,
    pub(crate) provider: Option<(&'static Provider, Option<&'static Server>)>,
    notes: Vec<Note>,
    redactor: Redactor,
}

impl Patient {
    /// Chooses the transport and reads what every transport has.
    pub(crate) fn new(
        direction: Direction,
        name: String,
        registry: &Registry,
        properties: &Properties,
        notes: Vec<Note>,
    ) -> Result<Self> {
        let factory = registry.factory(direction, &name)?;
        let scope = registry.scope(direction, &name, properties)?;
        let speaks = Spoken::by(factory);
        let host = scope.read(&HOST)?.unwrap_or_default();
        let user = scope.read(&USER)?.unwrap_or_default();
        let provider = providers::of(&host, speaks);
        let mut patient = Self {
            direction,
            name,
            factory,
            scope,
            speaks,
            user,
            provider,
            notes,
            redactor: Redactor::default(),
        };
        for secret in patient.secrets() {
            patient.redactor.add(&secret);
        }
        Ok(patient)
    }

    /// The full key of one of its properties.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("mail.{}.{name}", self.name)
    }

    /// Where it dials, as far as the settings tell.
    pub(crate) fn target(&self) -> Option<Target> {
        Target::read(&self.scope, self.speaks?.ports()?).ok()
    }

    pub(crate) fn has_token(&self) -> bool {
        [&TOKEN, &REFRESH_TOKEN].into_iter().any(|property| self.credential(property).is_some())
    }

    /// The access token, if the settings hold it themselves.
    pub(crate) fn token(&self) -> Option<Secret> {
        self.credential(&TOKEN)?.value().cloned()
    }

    pub(crate) fn credential(&self, property: &Property<Credential>) -> Option<Credential> {
        self.scope.read(property).ok().flatten()
    }

    /// Masks what was looked up meanwhile, too.
    pub(crate) fn mask(&mut self, secrets: &[Secret]) {
        secrets.iter().for_each(|secret| self.redactor.add(secret));
    }

    /// A stranger's words without the secrets that may be repeated in them.
    pub(crate) fn clean(&self, words: &str) -> String {
        self.redactor.clean(words)
    }

    /// The mechanisms that may be used, if the settings name any.
    pub(crate) fn mechanisms(&self) -> Vec<String> {
        self.scope.read(&MECHANISMS).ok().flatten().unwrap_or_default().0
    }

    /// Every secret in the settings of this direction, to be masked wherever a stranger repeats it.
    fn secrets(&self) -> Vec<Secret> {
        let secrets = self.factory.specs().filter(|spec| spec.is_secret());
        let read = |spec: &PropertySpec| {
            let property = Property::<Credential>::new(spec.name, "");
            let property = if spec.shared { property.shared() } else { property };
            self.credential(&property)?.value().cloned()
        };
        secrets.filter_map(read).collect()
    }

    /// The step, with all that can be said without a connection.
    pub(crate) fn step(&self) -> Step {
        let findings = self.findings();
        let status = if findings.is_empty() { Status::Ok } else { Status::Warning };
        let mut step = Step::new(StepName::Settings, status, self.summary()).details(self.details());
        step.findings = findings;
        step
    }

    /// The step, if the transport can't be made of these settings.
    pub(crate) fn failed(&self, error: &Error) -> Step {
        let mut step = failed(error).details(self.details());
        step.saw = self.clean(&step.saw);
        step.findings.extend(self.findings());
        step
    }

    fn summary(&self) -> String {
        match self.target() {
            Some(target) => {
                format!("{} to {}:{}, {}", self.name, target.host, target.port, in_words(target.tls))
            }
            None => format!("{}, {}", self.name, self.factory.about),
        }
    }

    fn details(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(target) = self.target() {
            lines.push(format!("host {}: {}", target.host, from(self.scope.origin(&HOST))));
            lines.push(format!("port {}: {}", target.port, from(self.scope.origin(&PORT))));
            lines.push(self.encryption(&target));
            if let Some((provider, Some(server))) = self.provider
                && server.doors.contains(&(target.port, target.tls))
            {
                let mode = in_words(target.tls);
                lines.push(format!(
                    "port {} with {mode} is right as it stands for {}",
                    target.port, provider.name
                ));
            }
        }
        // What a transport has beyond that, as far as anybody set it.
        for spec in self.factory.specs() {
            let said = ["host", "port", "tls", "ssl.enable", "starttls.enable"].contains(&spec.name);
            let property = Property::<String>::new(spec.name, "");
            let property = if spec.shared { property.shared() } else { property };
            let Some(origin) = self.scope.origin(&property) else { continue };
            if said && self.target().is_some() {
                continue;
            }
            lines.push(match self.scope.read(&property) {
                _ if spec.is_secret() => match self.kept(spec) {
                    Some(place) => format!("{} is kept in {place}: {origin}", spec.name),
                    None => format!("{} is set: {origin}", spec.name),
                },
                Ok(Some(text)) => format!("{} {}: {origin}", spec.name, without_login(&text).escape_debug()),
                _ => continue,
            });
        }
        // Notes are about the whole session: those about a key of this direction, or of no transport.
        let ours = |note: &&Note| {
            let rest = note.key.strip_prefix("mail.").unwrap_or(&note.key);
            let prefix = rest.split_once('.').map_or("", |(prefix, _)| prefix);
            let other = ["smtp", "smtps", "imap", "imaps", "pop3", "pop3s", "gmail"].contains(&prefix);
            !other || self.factory.names().any(|name| name == prefix)
        };
        lines.extend(self.notes.iter().filter(ours).map(|note| format!("note: {note}")));
        lines
    }

    /// Where a secret is kept, if the settings only name the place.
    fn kept(&self, spec: &PropertySpec) -> Option<SecretRef> {
        let property = Property::<Credential>::new(spec.name, "");
        let property = if spec.shared { property.shared() } else { property };
        self.credential(&property)?.reference().cloned()
    }

    /// How it is encrypted, and which key says so.
    fn encryption(&self, target: &Target) -> String {
        let keys = [
            ("tls", self.scope.origin(&TLS)),
            ("ssl.enable", self.scope.origin(&SSL)),
            ("starttls.enable", self.scope.origin(&STARTTLS)),
        ];
        let mode = in_words(target.tls);
        let Some((key, origin)) = keys.into_iter().find_map(|(key, origin)| Some((key, origin?))) else {
            return format!("{mode}: default for the port");
        };
        match (key, target.tls) {
            ("ssl.enable", TlsMode::StartTls) => {
                format!("{mode}, which is how port {} is made secure: {key}, {origin}", target.port)
            }
            ("starttls.enable", TlsMode::Implicit) => {
                format!("{mode}, which is what port {} speaks: {key}, {origin}", target.port)
            }
            _ => format!("{mode}: {key}, {origin}"),
        }
    }
}

/// The step of settings from which no transport can be made.
pub(crate) fn failed(error: &Error) -> Step {
    let mut saw = error.message().to_owned();
    if let Some((key, origin)) = error.property() {
        saw = match origin {
            Some(origin) => format!("{saw} [{key}, from {origin}]"),
            None => format!("{saw} [{key}, not set]"),
        };
    }
    let next = error.advice().unwrap_or("`postrider plugins` lists what can be set");
    Step::new(StepName::Settings, Status::Failed, saw)
        .finding(Finding::new("the settings can't be used as they are", next))
}

fn from(origin: Option<Origin>) -> String {
    origin.map_or_else(|| "default".to_owned(), |origin| origin.to_string())
}
