//! One trial after another: each with a bench of its own, and no error goes unseen.

use super::bench::Bench;
use super::report::{Promise, Report, Verdict};
use postrider_core::{
    Error, Host, Layer, LayerKind, Properties, Registry, Result as Answer, TransportFactory,
};
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// `Ok` if the promise is kept.
pub(super) type Check = Result<(), Verdict>;

/// Makes the transport over a host and lets it do the first thing it is for.
pub(super) type Attempt<B> =
    fn(&Kit<'_, B>, &B, &[(String, String)], Arc<dyn Host>) -> Result<Answer<()>, Verdict>;

/// A promise: its name, its text and how it is tried.
pub(super) type Trial<B> = (&'static str, &'static str, fn(&Kit<'_, B>) -> Check);

/// What every trial works with.
pub(super) struct Kit<'k, B: Bench + ?Sized> {
    pub(super) factory: &'static TransportFactory,
    pub(super) bench: &'k dyn Fn() -> Box<B>,
    pub(super) attempt: Attempt<B>,
    pub(super) errors: RefCell<Vec<Seen>>,
}

/// What is kept of an error for the promises about all of them.
pub(super) struct Seen {
    pub(super) shown: String,
    pub(super) fault: Option<String>,
}

impl<'k, B: Bench + ?Sized> Kit<'k, B> {
    pub(super) fn new(
        factory: &'static TransportFactory,
        bench: &'k dyn Fn() -> Box<B>,
        attempt: Attempt<B>,
    ) -> Self {
        Self { factory, bench, attempt, errors: RefCell::default() }
    }

    /// A registry with this transport alone.
    pub(super) fn registry(&self) -> Result<Registry, Verdict> {
        let mut registry = Registry::empty();
        registry.add(self.factory, "conformance").map_err(|e| Verdict::broken(e.to_string()))?;
        Ok(registry)
    }

    /// The bench's properties, with these on top.
    pub(super) fn properties(&self, bench: &B, over: &[(String, String)]) -> Result<Properties, Verdict> {
        let text = bench.properties(self.factory.name);
        let layer = Layer::parse(LayerKind::Account, "bench", &text);
        let layer = layer.map_err(|e| Verdict::broken(format!("the bench's properties: {e}")))?;
        let mut above = Layer::new(LayerKind::Overrides, "suite");
        over.iter().for_each(|(key, value)| above.set(key, value.as_str()));
        Ok(Properties::new([layer, above]))
    }

    /// Runs a future to its end.
    pub(super) fn drive<T>(&self, bench: &B, work: impl Future<Output = T>) -> Result<T, Verdict> {
        let mut out = None;
        let ended = bench.drive(Box::pin(async { out = Some(work.await) }));
        match (ended, out) {
            (Ok(()), Some(out)) => Ok(out),
            _ => Err(Verdict::broken("it hangs: no answer, no deadline")),
        }
    }

    /// Takes an error in for the promises about all errors.
    pub(super) fn note<T>(&self, outcome: &Answer<T>) {
        if let Err(error) = outcome {
            self.note_error(error);
        }
    }

    /// The same, of an error alone.
    pub(super) fn note_error(&self, error: &Error) {
        let mut errors = self.errors.borrow_mut();
        if errors.len() < 20_000 {
            errors.push(Seen { shown: everything(error), fault: super::secrecy::fault(error) });
        }
    }

    /// Notes the error and gives the value, which there has to be.
    pub(super) fn good<T>(&self, what: &str, outcome: Answer<T>) -> Result<T, Verdict> {
        self.note(&outcome);
        outcome.map_err(|e| Verdict::broken(format!("{what} failed: {e}")))
    }

    /// Tries every promise whose name is wanted.
    pub(super) fn judge(&self, wanted: impl Fn(&str) -> bool, trials: &[Trial<B>]) -> Report {
        let mut promises = Vec::new();
        for (name, text, trial) in trials.iter().filter(|trial| wanted(trial.0)) {
            let verdict = match catch_unwind(AssertUnwindSafe(|| trial(self))) {
                Ok(Ok(())) => Verdict::Kept,
                Ok(Err(verdict)) => verdict,
                Err(panic) => Verdict::broken(format!("it panics: {}", words(&*panic))),
            };
            promises.push(Promise { name: (*name).into(), text: (*text).into(), verdict });
        }
        Report {
            transport: self.factory.name.into(),
            direction: self.factory.direction().to_string(),
            promises,
        }
    }
}

/// The promise can't be tried here.
pub(super) fn not_tried<T>(why: &str) -> Result<T, Verdict> {
    Err(Verdict::NotTried(why.into()))
}

/// The promise is broken.
pub(super) fn broken<T>(seen: impl Into<String>) -> Result<T, Verdict> {
    Err(Verdict::Broken(seen.into()))
}

/// All that an error shows anywhere, sources included.
fn everything(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text.push_str(&format!(" {inner} {inner:?}"));
        source = inner.source();
    }
    text
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|t| (*t).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".into())
}

/// The virtual line, or the reason why this can't be tried.
pub(super) fn need_line(line: Option<crate::VirtualHost>) -> Result<crate::VirtualHost, Verdict> {
    line.ok_or_else(|| Verdict::NotTried("nothing goes over a virtual line here".into()))
}
