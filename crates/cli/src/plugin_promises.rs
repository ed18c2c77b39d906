//! What a transport promises before it does anything, tried without its backend.

use postrider::{
    Direction, Error, ErrorKind, Host, Layer, LayerKind, Phase, Properties, PropertySpec, Registry,
    TokioHost, TransportFactory, ValueType,
};
use postrider_testkit::conformance::{
    Bench, Delivered, IncomingBench, OutgoingBench, Remaining, Verdict, check_some_incoming,
    check_some_outgoing,
};
use std::fmt;
use std::sync::Arc;

/// Those of the suite that need nobody at the far end: nothing is dialled, sent or listed.
const WITHOUT_BACKEND: &[&str] = &["properties", "bad-values", "make-without-io"];
/// Stands for a secret: long enough to be found wherever it shows.
const SECRET: &str = "postrider-check-s3cret-0fJ2";

/// What became of the promises of one transport.
pub(crate) struct Promised {
    pub(crate) made: Made,
    /// Settings that it needs to be made at all, as `key=value`.
    pub(crate) filled: Vec<String>,
    /// Each in a sentence.
    pub(crate) promises: Vec<(String, Outcome)>,
}

/// Whether it can be made without settings.
pub(crate) enum Made {
    /// It can.
    Yes,
    /// The error it gives.
    Told(String),
}

/// What became of a promise.
pub(crate) enum Outcome {
    Kept,
    NotTried(String),
    Broken(String),
}

impl Outcome {
    /// For a machine.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::NotTried(_) => "not-tried",
            Self::Broken(_) => "broken",
        }
    }

    /// What was seen, or why it was not tried.
    pub(crate) fn seen(&self) -> Option<&str> {
        match self {
            Self::Kept => None,
            Self::NotTried(text) | Self::Broken(text) => Some(text),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => f.write_str("kept"),
            Self::NotTried(why) => write!(f, "not tried: {why}"),
            Self::Broken(seen) => write!(f, "BROKEN: {seen}"),
        }
    }
}

impl Promised {
    /// Tries them all. `settings` are those of the command line.
    pub(crate) fn of(factory: &'static TransportFactory, registry: &Registry, settings: &Settings) -> Self {
        let maker = Maker { factory, registry };
        let bare = maker.make(&layer(&Settings::new()));
        let mut settings = settings.clone();
        let (filled, cannot) = maker.complete(&mut settings);
        let mut promises = vec![(
            "Without settings it is made, or says which one is missing".to_owned(),
            bare.as_ref().err().map_or(Outcome::Kept, typed),
        )];
        promises.extend(maker.suite(&settings, cannot.as_ref()));
        promises.push((
            "No secret shows in an error about the settings".to_owned(),
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
        self.promises.iter().any(|(_, outcome)| matches!(outcome, Outcome::Broken(_)))
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
    registry: &'a Registry,
}

impl Maker<'_> {
    fn make(&self, layer: &Layer) -> postrider::Result<()> {
        let properties = Properties::new([layer.clone()]);
        let (name, host) = (self.factory.name, Arc::new(TokioHost::new()));
        match self.factory.direction() {
            Direction::Incoming => self.registry.incoming(name, &properties, host).map(drop),
            Direction::Outgoing => self.registry.outgoing(name, &properties, host).map(drop),
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
    fn suite(&self, settings: &Settings, cannot: Option<&Error>) -> Vec<(String, Outcome)> {
        let lines: Vec<String> =
            settings.iter().map(|(key, text)| format!("{key}={}", escaped(text))).collect();
        let bench = || Bare(lines.join("\n"));
        let report = match self.factory.direction() {
            Direction::Incoming => check_some_incoming(self.factory, bench, WITHOUT_BACKEND),
            Direction::Outgoing => check_some_outgoing(self.factory, bench, WITHOUT_BACKEND),
        };
        let outcome = |name: &str, verdict| match (verdict, cannot) {
            (_, Some(error)) if name != "properties" => {
                Outcome::NotTried(format!("it can't be made; set what it needs by --property ({error})"))
            }
            (Verdict::Broken(seen), _) => Outcome::Broken(seen),
            (Verdict::NotOffered(why) | Verdict::NotTried(why), _) => Outcome::NotTried(why),
            _ => Outcome::Kept,
        };
        report.promises.into_iter().map(|p| (p.text, outcome(&p.name, p.verdict))).collect()
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

/// Properties, and nobody at the far end.
struct Bare(String);

impl Bench for Bare {
    fn properties(&self, _: &str) -> String {
        self.0.clone()
    }

    fn host(&self) -> Arc<dyn Host> {
        Arc::new(TokioHost::new())
    }
}

impl OutgoingBench for Bare {
    fn delivered(&self) -> Vec<Delivered> {
        Vec::new()
    }
}

impl IncomingBench for Bare {
    fn deliver(&self, _: &[u8]) {}

    fn remaining(&self) -> Vec<Remaining> {
        Vec::new()
    }
}
