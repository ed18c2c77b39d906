//! `postrider explain`.

use crate::args::{ExplainArgs, SettingsArgs};
use crate::exit::{Code, Failure};
use crate::output::{Output, clean};
use crate::settings;
use postrider::{
    Direction, Explained, Layer, LayerKind, MailerConfig, Properties, Property, Registry, TokioHost, jakarta,
    session_property,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Shows settings as they stand.
pub(crate) fn run(args: &ExplainArgs, out: &mut Output) -> Result<Code, Failure> {
    let registry = args.load.registry()?;
    let settings = SettingsArgs {
        account_file: args.account_file.clone(),
        account: args.account.clone(),
        property: args.property.clone(),
        load: args.load.clone(),
        ..SettingsArgs::default()
    };
    let layers = settings::layers(&settings, &registry)?;
    let mut sides = Vec::new();
    for direction in [Direction::Outgoing, Direction::Incoming] {
        // Its own: what the other direction reads is not read here.
        let properties = Properties::new(layers.iter().cloned());
        sides.push(Side::of(&registry, &properties, direction));
    }
    match &args.key {
        Some(key) => {
            known(&registry, key)?;
            one(&registry, &sides, key, out)?;
        }
        None => all(&sides, args.set, out)?,
    }
    Ok(Code::Done)
}

/// What one direction comes to.
struct Side {
    direction: Direction,
    transport: Option<String>,
    /// Where the choice was made, in words.
    chosen: String,
    /// Why no transport can be made of it.
    error: Option<String>,
    rows: Vec<Explained>,
}

impl Side {
    fn of(registry: &Registry, properties: &Properties, direction: Direction) -> Self {
        let key = chooser(direction);
        let chosen = match properties.origin(key) {
            Some(origin) => format!("mail.{} at {origin}", key.name()),
            None => format!("mail.{} is not set", key.name()),
        };
        let nothing = |error, rows| Self { direction, transport: None, chosen: chosen.clone(), error, rows };
        let name = match properties.read(key) {
            Ok(Some(name)) => name,
            Ok(None) => return nothing(None, Vec::new()),
            Err(error) => return nothing(Some(error.to_string()), properties.explain()),
        };
        let scope = match registry.scope(direction, &name, properties) {
            Ok(scope) => scope,
            Err(error) => return nothing(Some(error.to_string()), properties.explain()),
        };
        // What is read shows once everything that reads has read.
        let host = Arc::new(TokioHost::new());
        let made = match direction {
            Direction::Incoming => registry.incoming(&name, properties, host).map(drop),
            Direction::Outgoing => registry
                .outgoing(&name, properties, host)
                .map(drop)
                .and_then(|()| MailerConfig::read(properties, &scope).map(drop)),
        };
        let error = made.err().map(|error| error.to_string());
        Self { direction, transport: Some(name), chosen, error, rows: scope.explain() }
    }
}

fn chooser(direction: Direction) -> &'static Property<String> {
    match direction {
        Direction::Incoming => &session_property::STORE_PROTOCOL,
        Direction::Outgoing => &session_property::TRANSPORT_PROTOCOL,
    }
}

/// A key that means nothing is a mistake on the command line; what was meant is told.
fn known(registry: &Registry, key: &str) -> Result<(), Failure> {
    let layer = Layer::new(LayerKind::Overrides, "the command line").with(key, "");
    match registry.unknown_keys(&Properties::new([layer]), &[]).first() {
        Some(error) => {
            let advice = error.advice().map(|advice| format!(" -> {advice}")).unwrap_or_default();
            Err(Failure::usage(format!("{}{advice}", error.message())))
        }
        None => Ok(()),
    }
}

fn all(sides: &[Side], set: bool, out: &mut Output) -> Result<(), Failure> {
    if out.is_json() {
        let sides: Vec<Value> =
            sides.iter().map(|side| value(side, |row| !set || !row.is_default())).collect();
        return out.value(&json!({ "directions": sides }));
    }
    for (at, side) in sides.iter().enumerate() {
        if at > 0 {
            out.line("")?;
        }
        heading(side, out)?;
        let rows = side
            .rows
            .iter()
            .filter(|row| !set || !row.is_default())
            .map(|row| vec![row.key.clone(), shown(&row.value), place(row), yes(row.read), beaten(row)]);
        let rows: Vec<Vec<String>> = rows.map(|row| row.iter().map(|cell| clean(cell)).collect()).collect();
        if !rows.is_empty() {
            out.line("")?;
            out.table(&["KEY", "VALUE", "FROM", "READ", "BEATS"], rows)?;
        }
    }
    Ok(())
}

fn heading(side: &Side, out: &mut Output) -> Result<(), Failure> {
    let name = side.transport.as_deref().unwrap_or("none");
    out.line(clean(&format!("{}: {name} ({})", side.direction, side.chosen)))?;
    match &side.error {
        Some(error) => out.line(clean(&format!("It can't be used: {error}"))),
        None => Ok(()),
    }
}

fn one(registry: &Registry, sides: &[Side], key: &str, out: &mut Output) -> Result<(), Failure> {
    let about = |row: &Explained| row.is_about(key);
    if out.is_json() {
        let found: Vec<Value> = sides.iter().map(|side| value(side, about)).collect();
        let property = registry.property(key);
        let rule = jakarta::find(key).map(|known| known.rule);
        return out.value(&json!({ "key": key, "property": property, "jakarta": rule, "directions": found }));
    }
    match (registry.property(key), jakarta::find(key).map(|known| known.rule)) {
        (Some(spec), _) => {
            let default = spec.default.map_or("none".to_owned(), |text| format!("\"{text}\""));
            out.line(format!("{key}: {}, default {default}, since {}", spec.value, spec.since))?;
            out.line(spec.doc)?;
        }
        (None, Some(jakarta::Rule::Fixed { values, why, .. })) => {
            out.line(format!("{key}: can only be {}: {why}", values.join(" or ")))?;
        }
        _ => out.line(key)?,
    }
    for side in sides {
        let Some(name) = &side.transport else { continue };
        let rows: Vec<&Explained> = side.rows.iter().filter(|row| about(row)).collect();
        out.line("")?;
        if let Some(error) = &side.error {
            out.line(clean(&format!("{} {name} can't be used: {error}", side.direction)))?;
        }
        if rows.is_empty() {
            out.line(format!("{} {name}: not set", side.direction))?;
        }
        for row in rows {
            let use_ = if row.read { "read" } else { "not read" };
            let line = format!("{} {name}: {} = {}", side.direction, row.key, shown(&row.value));
            out.line(clean(&format!("{line}   {}, {use_}", place(row))))?;
            for covered in &row.covered {
                let line =
                    format!("  beats {} = {}   {}", covered.key, shown(&covered.value), covered.origin);
                out.line(clean(&line))?;
            }
        }
    }
    Ok(())
}

fn shown(value: &str) -> String {
    if value.is_empty() { "(empty)".to_owned() } else { value.to_owned() }
}

fn place(row: &Explained) -> String {
    let locked = if row.locked { ", locked" } else { "" };
    row.origin.as_ref().map_or_else(|| "default".to_owned(), |origin| format!("{origin}{locked}"))
}

fn yes(read: bool) -> String {
    (if read { "yes" } else { "no" }).to_owned()
}

/// What a row beats, in a cell.
fn beaten(row: &Explained) -> String {
    let each = row.covered.iter().map(|covered| {
        let key = if covered.key == row.key { String::new() } else { format!("{}=", covered.key) };
        format!("{key}{} at {}", shown(&covered.value), covered.origin)
    });
    let all = each.collect::<Vec<_>>().join("; ");
    if all.is_empty() { "-".to_owned() } else { all }
}

fn value(side: &Side, keep: impl Fn(&Explained) -> bool) -> Value {
    json!({
        "direction": side.direction,
        "transport": side.transport,
        "chosen": side.chosen,
        "error": side.error,
        "properties": side.rows.iter().filter(|row| keep(row)).collect::<Vec<_>>(),
    })
}
