//! What a transport promises, tried without its backend or with one of ours.

use crate::plugin_args::Protocol;
use crate::plugin_bench::Over;
use crate::plugin_outcome::{Outcome, Promise};
use crate::plugin_watch::Progress;
use postrider::{
    Direction, Error, ErrorKind, Layer, LayerKind, Phase, Properties, PropertySpec, Registry, TokioHost,
    TransportFactory, ValueType,
};
use postrider_testkit::conformance::{
    Blind, Report, ScriptedImap, ScriptedPop3, ScriptedSmtp, Verdict, check_blind, check_incoming_if,
    check_outgoing_if,
};
use std::sync::Arc;

/// Stands for a secret: long enough to be found wherever it shows.
const SECRET: &str = "postrider-check-s3cret-0fJ2";
/// How the transports of a library are tried.
pub(crate) struct Trial<'a> {
    pub(crate) registry: &'a Registry,
    /// Those of the command line.
    pub(crate) settings: Settings,
    pub(crate) speaks: Option<Protocol>,
    pub(crate) sends: bool,
    pub(crate) progress: &'a Progress,
}

/// What became of the promises of one transport.
pub(crate) struct Promised {
    pub(crate) made: Made,
    /// Settings that it needs to be made at all, as `key=value`.
    pub(crate) filled: Vec<String>,
    pub(crate) promises: Vec<Promise>,
}

/// Whether it can be made without settings.
pub(crate) enum Made {
    /// It can.
    Yes,
    /// The error it gives.
    Told(String),
}

impl Promised {
    /// Tries them all.
    pub(crate) fn of(factory: &'static TransportFactory, trial: &Trial<'_>) -> Self {
        let maker = Maker { factory, trial };
        maker.begins("making it");
        let bare = maker.make(&layer(&Settings::new()));
        let mut settings = trial.settings.clone();
        let (filled, cannot) = maker.complete(&mut settings);
        let mut promises = vec![Promise::new(
            "without-settings",
            "Without settings it is made, or says which one is missing",
            bare.as_ref().err().map_or(Outcome::Kept, typed),
        )];
        promises.extend(maker.suite(&settings, cannot.as_ref()));
        maker.begins("making it with a secret and a wrong setting");
        promises.push(Promise::new(
            "secrets-in-settings",
            "No secret shows in an error about the settings",
            maker.secrecy(&layer(&settings)),
        ));
        Self {
            made: bare.map_or_else(|error| Made::Told(error.to_string()), |()| Made::Yes),
            filled,
            promises,
        }
    }

    /// True if any promise is broken.
    pub(crate) fn is_broken(&self) -> bool {
        self.promises.iter().any(|promise| matches!(promise.outcome, Outcome::Broken(_)))
    }
}

/// An error about settings that says so and what to do.
fn typed(error: &Error) -> Outcome {
    let seen = if error.kind() == ErrorKind::Plugin {
        format!("the transport itself fails: {error}")
    } else if (error.kind(), error.phase()) != (ErrorKind::Configuration, Phase::Configure) {
        format!("the error is {:?} in {:?}, not Configuration: {error}", error.kind(), error.phase())
    } else if error.property().is_none() && error.advice().is_none() {
        format!("the error names no property and no advice: {error}")
    } else {
        return Outcome::Kept;
    };
    Outcome::Broken(seen)
}

/// Keys and texts.
pub(crate) type Settings = Vec<(String, String)>;

fn layer(settings: &Settings) -> Layer {
    let mut layer = Layer::new(LayerKind::Overrides, "plugin check");
    settings.iter().for_each(|(key, text)| layer.set(key.as_str(), text.as_str()));
    layer
}

struct Maker<'a> {
    factory: &'static TransportFactory,
    trial: &'a Trial<'a>,
}

impl Maker<'_> {
    fn begins(&self, what: &str) {
        let (name, direction) = (self.factory.name, self.factory.direction());
        self.trial.progress.begins(&format!("{name} ({direction}): {what}"));
    }

    fn make(&self, layer: &Layer) -> postrider::Result<()> {
        let properties = Properties::new([layer.clone()]);
        let (name, host) = (self.factory.name, Arc::new(TokioHost::new()));
        match self.factory.direction() {
            Direction::Incoming => self.trial.registry.incoming(name, &properties, host).map(drop),
            Direction::Outgoing => self.trial.registry.outgoing(name, &properties, host).map(drop),
        }
    }

    /// One more setting each time that the transport says which it misses, until it can be made or why not.
    fn complete(&self, settings: &mut Settings) -> (Vec<String>, Option<Error>) {
        let mut filled = Vec::new();
        loop {
            let Err(error) = self.make(&layer(settings)) else { return (filled, None) };
            let key = error.property().map(|(key, _)| key.to_owned());
            let text = key.as_deref().and_then(|key| self.spec(key)).and_then(plausible);
            let (Some(key), Some(text)) = (key, text) else { return (filled, Some(error)) };
            // Set already, so it is something else that is wrong; and there are not more keys than properties.
            if settings.iter().any(|(set, _)| *set == key) {
                return (filled, Some(error));
            }
            filled.push(format!("{key}={text}"));
            settings.push((key, text.to_owned()));
        }
    }

    fn spec(&self, key: &str) -> Option<&'static PropertySpec> {
        let name = key.strip_prefix("mail.")?.strip_prefix(self.factory.name)?.strip_prefix('.')?;
        self.factory.specs().find(|spec| spec.name == name)
    }

    fn key(&self, spec: &PropertySpec) -> String {
        format!("mail.{}.{}", self.factory.name, spec.name)
    }

    /// The suite's own promises. Those that need a transport that can be made are tried only on one.
    fn suite(&self, settings: &Settings, cannot: Option<&Error>) -> Vec<Promise> {
        let report = match (self.trial.speaks, self.factory.direction()) {
            (Some(Protocol::Smtp), Direction::Outgoing) => check_outgoing_if(
                self.factory,
                || Over::new(ScriptedSmtp::new(), self.factory, text(settings)),
                |name| self.wanted(name),
            ),
            (Some(Protocol::Pop3), Direction::Incoming) => check_incoming_if(
                self.factory,
                || Over::new(ScriptedPop3::new(), self.factory, text(settings)),
                |name| self.wanted(name),
            ),
            (Some(Protocol::Imap), Direction::Incoming) => check_incoming_if(
                self.factory,
                || Over::new(ScriptedImap::new(), self.factory, text(settings)),
                |name| self.wanted(name),
            ),
            _ => self.blind(settings),
        };
        // With a server it has the settings for that one.
        let cannot = cannot.filter(|_| self.trial.speaks.is_none());
        let outcome = |name: &str, verdict| match (verdict, cannot) {
            (_, Some(error)) if name != "properties" => {
                Outcome::NotTried(format!("it can't be made; set what it needs by --property ({error})"))
            }
            (Verdict::Broken(seen), _) => Outcome::Broken(seen),
            (Verdict::NotOffered(why) | Verdict::NotTried(why), _) => Outcome::NotTried(why),
            _ => Outcome::Kept,
        };
        let promise = |p: postrider_testkit::conformance::Promise| Promise {
            outcome: outcome(&p.name, p.verdict),
            name: p.name,
            text: p.text,
        };
        report.promises.into_iter().map(promise).collect()
    }

    /// Every promise is, and the one that watches hears of it.
    fn wanted(&self, name: &str) -> bool {
        self.begins(name);
        true
    }

    /// Without a server: with as many secrets set as it takes at a time.
    fn blind(&self, settings: &Settings) -> Report {
        let secrets = self.factory.specs().filter(|spec| spec.is_secret());
        let mut with = settings.clone();
        // A password is somebody's.
        let user = format!("mail.{}.user", self.factory.name);
        if self.spec(&user).is_some() && !with.iter().any(|(set, _)| *set == user) {
            with.push((user, "postrider-check".to_owned()));
        }
        let bare = with.len();
        for spec in secrets {
            let (key, mut more) = (self.key(spec), with.clone());
            if with.iter().any(|(set, _)| *set == key) {
                continue;
            }
            more.push((key, SECRET.to_owned()));
            if self.make(&layer(&more)).is_ok() {
                with = more;
            }
        }
        let secrets = if with.len() > bare { vec![SECRET.to_owned()] } else { Vec::new() };
        let blind = Blind { properties: text(&with), secrets, sends: self.trial.sends };
        check_blind(self.factory, &blind, |name| self.begins(name))
    }

    /// Each secret set, and each other property wrong in turn.
    fn secrecy(&self, layer: &Layer) -> Outcome {
        let mut tried = false;
        for secret in self.factory.specs().filter(|spec| spec.is_secret()) {
            let with = layer.clone().with(self.key(secret), SECRET);
            let wrong = self.factory.specs().filter(|spec| !spec.is_secret());
            let layers = wrong.map(|spec| with.clone().with(self.key(spec), "no such value \u{1}"));
            for layer in std::iter::once(with.clone()).chain(layers) {
                tried = true;
                if self.make(&layer).is_err_and(|error| format!("{error} {error:?}").contains(SECRET)) {
                    return Outcome::Broken(format!("an error shows {}", self.key(secret)));
                }
            }
        }
        if tried { Outcome::Kept } else { Outcome::NotTried("it has no secrets".into()) }
    }
}

/// As a property file.
fn text(settings: &Settings) -> String {
    settings.iter().map(|(key, text)| format!("{key}={}\n", escaped(text))).collect()
}

/// A value of a property file that is read as this text.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r").replace(' ', "\\ ")
}

/// A text that a property of this type could have. Nobody is asked for a secret, and none is made up.
fn plausible(spec: &PropertySpec) -> Option<&'static str> {
    Some(match spec.value {
        ValueType::Text | ValueType::Words => "localhost",
        ValueType::Boolean => "true",
        ValueType::Number => "1",
        ValueType::Duration => "1s",
        ValueType::Size => "1MiB",
        ValueType::File => "/nonexistent/postrider-plugin-check",
        ValueType::Address => "me@example.org",
        ValueType::Tls => "none",
        _ => return None,
    })
}
