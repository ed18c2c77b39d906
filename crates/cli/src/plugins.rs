//! `postrider plugins`.

use crate::exit::{Code, Failure};
use crate::output::{Output, clean};
use crate::plugin_args::PluginsArgs;
use postrider::{Direction, PropertySpec, Registry, TransportFactory, session_property};
use serde_json::{Value, json};

/// Lists transports, or their properties.
pub(crate) fn run(args: &PluginsArgs, out: &mut Output) -> Result<Code, Failure> {
    let registry = args.load.registry()?;
    let chosen = match &args.properties {
        Some(name) => named(&registry, name)?,
        None => registry.iter().collect(),
    };
    if out.is_json() {
        let all: Vec<Value> = chosen.iter().map(|(factory, origin)| value(factory, origin)).collect();
        out.value(&json!({ "transports": all, "session": session_property::PROPERTIES }))?;
    } else if args.verbose || args.properties.is_some() {
        for (factory, _) in &chosen {
            properties(out, factory)?;
        }
        session(out)?;
    } else {
        overview(out, &chosen)?;
    }
    Ok(Code::Done)
}

type Known<'a> = (&'static TransportFactory, &'a str);

/// A name may stand for a way in and a way out.
fn named<'a>(registry: &'a Registry, name: &str) -> Result<Vec<Known<'a>>, Failure> {
    let found: Vec<_> = registry.iter().filter(|(factory, _)| factory.names().any(|n| n == name)).collect();
    if found.is_empty() {
        let mut names: Vec<&str> = registry.iter().flat_map(|(factory, _)| factory.names()).collect();
        names.dedup();
        let shown = name.escape_debug();
        return Err(Failure::usage(format!(
            "there is no transport \"{shown}\" here; there are: {}{}",
            names.join(", "),
            meant(registry, name)
        )));
    }
    Ok(found)
}

/// The nearest name, if one is near.
fn meant(registry: &Registry, name: &str) -> String {
    let error = |direction| registry.factory(direction, name).err();
    let errors = [Direction::Outgoing, Direction::Incoming].into_iter().filter_map(error);
    let mut advice =
        errors.filter_map(|e| e.advice().filter(|a| a.starts_with("did you mean")).map(str::to_owned));
    advice.next().map(|advice| format!(" -> {advice}")).unwrap_or_default()
}

fn overview(out: &mut Output, transports: &[Known<'_>]) -> Result<(), Failure> {
    let row = |(factory, origin): &Known<'_>| {
        let aliases: Vec<&str> = factory.aliases.iter().map(|alias| alias.name).collect();
        let aliases = if aliases.is_empty() { "-".to_owned() } else { aliases.join(", ") };
        vec![
            factory.name.into(),
            factory.direction().to_string(),
            aliases,
            capabilities(factory),
            clean(origin),
            clean(factory.about),
        ]
    };
    out.table(
        &["NAME", "DIRECTION", "ALIASES", "CAPABILITIES", "FROM", "ABOUT"],
        transports.iter().map(row).collect(),
    )?;
    out.line("")?;
    out.line("postrider plugins --properties NAME lists what can be set on one, -v on all.")
}

/// How it is chosen and what can be set.
pub(crate) fn properties(out: &mut Output, factory: &TransportFactory) -> Result<(), Failure> {
    let chooser = match factory.direction() {
        Direction::Incoming => "mail.store.protocol",
        Direction::Outgoing => "mail.transport.protocol",
    };
    // A loaded plugin's words are a stranger's.
    out.line(clean(&format!("{} ({}): {}", factory.name, factory.direction(), factory.about)))?;
    let names: Vec<&str> = factory.names().collect();
    out.line(format_args!("Chosen by {chooser}={}.", names.join(" or ")))?;
    out.line(format_args!("Capabilities: {}", capabilities(factory)))?;
    for (key, text) in factory.preset {
        out.line(clean(&format!("Preset: {key}={text}")))?;
    }
    out.line("")?;
    table(out, factory.specs(), &format!("mail.{}.", factory.name))
}

/// What it can do beyond what every transport must.
fn capabilities(factory: &TransportFactory) -> String {
    let names: Vec<&str> = factory.capabilities.iter().map(|capability| capability.name()).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

fn session(out: &mut Output) -> Result<(), Failure> {
    out.line("For every transport. A property marked * above may be set here too, as mail.KEY.")?;
    out.line("")?;
    table(out, session_property::PROPERTIES.iter(), "mail.")
}

fn table<'a>(
    out: &mut Output,
    specs: impl Iterator<Item = &'a PropertySpec>,
    prefix: &str,
) -> Result<(), Failure> {
    let row = |spec: &PropertySpec| {
        let star = if spec.shared && prefix != "mail." { " *" } else { "" };
        let key = clean(&format!("{prefix}{}{star}", spec.name));
        vec![key, spec.value.to_string(), clean(spec.default.unwrap_or("-")), clean(spec.doc)]
    };
    out.table(&["KEY", "TYPE", "DEFAULT", "MEANING"], specs.map(row).collect())?;
    out.line("")
}

/// A transport for a machine.
pub(crate) fn value(factory: &TransportFactory, origin: &str) -> Value {
    json!({
        "name": factory.name,
        "direction": factory.direction(),
        "aliases": factory.aliases.iter().map(|alias| alias.name).collect::<Vec<_>>(),
        "origin": origin,
        // A crate's name is no absolute path.
        "loaded": origin.starts_with('/'),
        "about": factory.about,
        "capabilities": factory.capabilities,
        "preset": factory.preset.iter().map(|(key, text)| json!({ "key": key, "value": text })).collect::<Vec<_>>(),
        "properties": factory.specs().collect::<Vec<_>>(),
    })
}
