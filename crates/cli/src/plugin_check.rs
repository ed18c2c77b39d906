//! `postrider plugin check`.

use crate::exit::{Code, Failure};
use crate::output::{Output, clean};
use crate::plugin_args::PluginCheckArgs;
use crate::plugin_outcome::{Outcome, Promise};
use crate::plugin_promises::{Made, Promised, Settings, Trial};
use crate::plugin_watch::{self, Progress};
use crate::plugins;
use crate::settings::is_secret;
use postrider::{Error, Registry, TransportFactory};
use postrider_loader::{LoadExt, Loaded, Policy, Refusal};
use serde_json::{Value, json};

/// Watches over a process that does it, or, in that process, does it.
pub(crate) fn run(args: &PluginCheckArgs, out: &mut Output) -> Result<Code, Failure> {
    match Progress::of_this_process() {
        Some(progress) => {
            let ended = inside(args, &progress, out);
            progress.done();
            ended
        }
        None => plugin_watch::run(args, out),
    }
}

/// Loads a library, shows what it says of itself and tries what it promises.
fn inside(args: &PluginCheckArgs, progress: &Progress, out: &mut Output) -> Result<Code, Failure> {
    let settings = settings(&args.property)?;
    let mut registry = Registry::empty();
    progress.begins("opening it");
    let mut loaded = match registry.load(&args.file, &Policy::new()) {
        Ok(loaded) => loaded,
        Err(error) => {
            let reason = reason(error.reason());
            let failure = Failure::from(Error::from(error));
            if !out.is_json() {
                out.line(format_args!("refused: {reason}"))?;
                return Err(failure);
            }
            let code = failure.code;
            out.value(&json!({
                "file": args.file, "refused": reason, "message": failure.message, "code": code.number(),
            }))?;
            return Ok(code);
        }
    };
    if let Some((key, _)) = settings.iter().find(|(key, _)| is_secret(key, &registry)) {
        return Err(Failure::usage(format!(
            "{} is a secret, and arguments are visible to every user of this machine",
            key.escape_debug()
        )));
    }
    if let Some(name) = &args.only {
        // What stays unnamed is not looked at any further.
        loaded.plugin.factories.retain(|factory| factory.name == name);
        if loaded.plugin.factories.is_empty() {
            return Err(Failure::usage(format!("it has no transport \"{}\"", name.escape_debug())));
        }
    }
    let trial = Trial { registry: &registry, settings, speaks: args.speaks, sends: args.send, progress };
    let tried: Vec<Promised> =
        loaded.plugin.factories.iter().map(|factory| Promised::of(factory, &trial)).collect();
    let linked = collisions(&loaded)?;
    if out.is_json() {
        machine(&loaded, &tried, &linked, out)?;
    } else {
        people(&loaded, &tried, &linked, out)?;
    }
    Ok(if tried.iter().any(Promised::is_broken) { Code::Software } else { Code::Done })
}

/// The short name of a refusal, for a machine to go by.
fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::RelativePath => "relative-path",
        Refusal::Unreadable(_) => "unreadable",
        Refusal::NotAFile => "not-a-file",
        Refusal::WritableByOthers(_) => "writable-by-others",
        Refusal::ForeignOwner(_) => "foreign-owner",
        Refusal::NotAllowed(_) => "not-allowed",
        Refusal::NotALibrary(_) => "not-a-library",
        Refusal::NoDescriptor => "no-descriptor",
        Refusal::Incompatible(_) => "incompatible",
        Refusal::Open(_) => "open",
        Refusal::Name(_) => "name",
        _ => "other",
    }
}

fn settings(texts: &[String]) -> Result<Settings, Failure> {
    let one = |text: &String| match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err(Failure::usage("--property takes KEY=VALUE")),
    };
    texts.iter().map(one).collect()
}

/// Names that this command has already, each in words: no fault of the library, but `--load` would refuse it here.
fn collisions(loaded: &Loaded) -> Result<Vec<String>, Failure> {
    let linked = Registry::linked()?;
    let add = |factory: &&'static TransportFactory| {
        linked.clone().add(factory, loaded.path.display().to_string()).err()
    };
    Ok(loaded.plugin.factories.iter().filter_map(add).map(|error| error.message().to_owned()).collect())
}

fn people(loaded: &Loaded, tried: &[Promised], linked: &[String], out: &mut Output) -> Result<(), Failure> {
    let plugin = &loaded.plugin;
    out.line(clean(&format!("file      {}", loaded.path.display())))?;
    out.line(clean(&format!("package   {} {}", plugin.package, plugin.version)))?;
    out.line(clean(&format!("contract  {}", plugin.contract)))?;
    for told in linked {
        out.line(clean(&format!("note      {told}")))?;
    }
    for (factory, promised) in plugin.factories.iter().zip(tried) {
        out.line("")?;
        plugins::properties(out, factory)?;
        let made = match &promised.made {
            Made::Yes => "It is made without any settings.".to_owned(),
            Made::Told(error) => format!("Without settings: {error}"),
        };
        out.line(clean(&made))?;
        if !promised.filled.is_empty() {
            out.line(clean(&format!("Tried with {}", promised.filled.join(" "))))?;
        }
        out.line("")?;
        let (left, shown): (Vec<&Promise>, Vec<&Promise>) =
            promised.promises.iter().partition(|promise| promise.wants_server());
        let row = |promise: &&Promise| vec![promise.text.clone(), clean(&promise.outcome.to_string())];
        out.table(&["PROMISE", "RESULT"], shown.iter().map(row).collect())?;
        let count =
            |wanted: fn(&Outcome) -> bool| promised.promises.iter().filter(|p| wanted(&p.outcome)).count();
        let kept = count(|outcome| matches!(outcome, Outcome::Kept));
        let broken = count(|outcome| matches!(outcome, Outcome::Broken(_)));
        out.line("")?;
        let untried = promised.promises.len() - kept - broken;
        out.line(format_args!("{kept} kept, {broken} broken, {untried} not tried."))?;
        if !left.is_empty() {
            let names: Vec<&str> = left.iter().map(|promise| promise.name.as_str()).collect();
            out.line(format_args!(
                "Not tried, for they take a server that answers (--speaks, or its own tests): {}.",
                names.join(", ")
            ))?;
        }
    }
    Ok(())
}

fn machine(loaded: &Loaded, tried: &[Promised], linked: &[String], out: &mut Output) -> Result<(), Failure> {
    let plugin = &loaded.plugin;
    let origin = loaded.path.display().to_string();
    let one = |(factory, promised): (&&'static TransportFactory, &Promised)| {
        let mut value = plugins::value(factory, &origin);
        if let Some(fields) = value.as_object_mut() {
            let error = if let Made::Told(error) = &promised.made { Some(error) } else { None };
            fields.insert("without_settings".into(), json!({ "made": error.is_none(), "error": error }));
            fields.insert("tried_with".into(), json!(promised.filled));
            let promise = |promise: &Promise| {
                let (result, seen) = (promise.outcome.name(), promise.outcome.seen());
                json!({ "name": promise.name, "promise": promise.text, "result": result, "seen": seen })
            };
            fields.insert("promises".into(), promised.promises.iter().map(promise).collect());
        }
        value
    };
    let transports: Vec<Value> = plugin.factories.iter().zip(tried).map(one).collect();
    out.value(&json!({
        "file": origin,
        "package": plugin.package,
        "version": plugin.version,
        "contract": plugin.contract,
        "notes": linked,
        "broken": tried.iter().any(Promised::is_broken),
        "transports": transports,
    }))
}
