//! `postrider plugin check`.

use crate::exit::{Code, Failure};
use crate::output::{Output, clean};
use crate::plugin_args::PluginCheckArgs;
use crate::plugin_promises::{Made, Outcome, Promised, Settings};
use crate::plugins;
use crate::settings::is_secret;
use postrider::{Error, Registry, TransportFactory};
use postrider_loader::{LoadExt, Loaded, Policy, Refusal};
use serde_json::{Value, json};
use std::sync::mpsc::channel;
use std::time::Duration;

/// How long the promises of a library may take to be tried: they take milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Loads a library, shows what it says of itself and tries what it promises.
pub(crate) fn run(args: &PluginCheckArgs, out: &mut Output) -> Result<Code, Failure> {
    let settings = settings(&args.property)?;
    let mut registry = Registry::empty();
    let loaded = match registry.load(&args.file, &Policy::new()) {
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
    let Some(tried) = in_time(&loaded, registry, settings) else {
        let what = "the plugin blocks for ever when a transport is made or a value is looked at";
        return Err(Failure::new(Code::Software, format!("{}: {what}", args.file.display())));
    };
    let linked = collisions(&loaded)?;
    if out.is_json() {
        machine(&loaded, &tried, &linked, out)?;
    } else {
        people(&loaded, &tried, &linked, out)?;
    }
    Ok(if tried.iter().any(Promised::is_broken) { Code::Software } else { Code::Done })
}

/// Tries all promises on a thread of its own: what blocks can't be stopped, only left behind.
fn in_time(loaded: &Loaded, registry: Registry, settings: Settings) -> Option<Vec<Promised>> {
    let factories = loaded.plugin.factories.clone();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let one = |factory: &&'static TransportFactory| Promised::of(factory, &registry, &settings);
        tell.send(factories.iter().map(one).collect())
    });
    told.recv_timeout(PATIENCE).ok()
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
        let row = |(text, outcome): &(String, Outcome)| vec![text.clone(), clean(&outcome.to_string())];
        out.table(&["PROMISE", "RESULT"], promised.promises.iter().map(row).collect())?;
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
            let promise = |(text, outcome): &(String, Outcome)| json!({ "promise": text, "result": outcome.name(), "seen": outcome.seen() });
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
