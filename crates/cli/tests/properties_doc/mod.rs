//! The text of docs/properties.md.

use postrider::jakarta::{self, Family, JakartaKey, Rule};
use postrider::{Direction, PropertySpec, Registry, TransportFactory, session_property};
use std::collections::BTreeSet;
use std::fmt;

/// How many keys of Jakarta Mail's there are of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) honoured: usize,
    pub(crate) fixed: usize,
    pub(crate) refused: usize,
    pub(crate) pending: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { honoured, fixed, refused, pending } = *self;
        let all = honoured + fixed + refused + pending;
        write!(
            f,
            "Of {all} keys of Jakarta Mail, {honoured} are honoured, {fixed} are honoured for the value that asks \
             for what is done anyhow and refused for others, and {refused} are refused by name."
        )?;
        if pending > 0 { write!(f, " {pending} are still to come.") } else { Ok(()) }
    }
}

const HEAD: &str = "\
# Properties

This file is written from the tables that the transports declare and from the list of Jakarta Mail's keys
(`crates/core/src/jakarta`). To write it anew: `UPDATE=1 cargo test -p postrider-cli --test properties`.

- `mail.<transport>.<key>` belongs to one transport. A key marked * may be set for all of them as `mail.<key>`.
- `smtps`, `imaps` and `pop3s` are `smtp`, `imap` and `pop3` with TLS from the first byte; keys of either name count.
- Times are milliseconds, or have a unit: `500ms`, `30s`, `5m`, `1h`. Sizes are bytes, or have one: `64KiB`, `50MiB`.
- An empty value is the same as none, and hides what a lower layer says.
- `postrider explain` shows every key as it stands; `postrider config check FILE` lists all mistakes in a file.
";

/// The whole text.
pub(crate) fn text(registry: &Registry, counts: Counts, declared: impl Fn(&JakartaKey) -> bool) -> String {
    let mut out = format!("{HEAD}\n{counts}\n");
    out += "\n## For every transport\n\n";
    table(&mut out, "mail.", session_property::PROPERTIES.iter());
    for (factory, _) in registry.iter() {
        transport(&mut out, factory);
    }
    out += "\n## Keys of Jakarta Mail's that are fixed\n\n";
    out += "The value asks for what happens anyhow. Any other is an error.\n\n";
    out += "| key | value | why | instead of another |\n|---|---|---|---|\n";
    for (keys, rule) in grouped(&declared) {
        if let Rule::Fixed { values, why, advice } = rule {
            let row = [&keys, &format!("`{}`", values.join("`, `")), why, advice];
            out += &format!("| {} |\n", row.map(cell).join(" | "));
        }
    }
    out += "\n## Keys of Jakarta Mail's that are refused\n\n";
    out += "Any value is an error.\n\n| key | why | instead |\n|---|---|---|\n";
    for (keys, rule) in grouped(&declared) {
        if let Rule::Refused { why, advice } = rule {
            out += &format!("| {} |\n", [&keys, why, advice].map(cell).join(" | "));
        }
    }
    out
}

fn transport(out: &mut String, factory: &TransportFactory) {
    let chooser = match factory.direction() {
        Direction::Incoming => "mail.store.protocol",
        Direction::Outgoing => "mail.transport.protocol",
    };
    let names: Vec<String> = factory.names().map(|name| format!("`{chooser}={name}`")).collect();
    *out += &format!("\n## {} ({})\n\n", factory.name, factory.direction());
    *out += &format!("{}. Chosen by {}.", factory.about, names.join(" or "));
    if !factory.prefixes.is_empty() {
        let prefixes: Vec<String> = factory.prefixes.iter().map(|p| format!("`mail.{p}.…`")).collect();
        *out += &format!(" Reads {} too, after its own.", prefixes.join(", "));
    }
    if !factory.preset.is_empty() {
        let preset: Vec<String> =
            factory.preset.iter().map(|(key, text)| format!("`{key}={text}`")).collect();
        *out += &format!(" Sets {}.", preset.join(", "));
    }
    *out += "\n\n";
    let mut seen = BTreeSet::new();
    table(out, &format!("mail.{}.", factory.name), factory.specs().filter(|spec| seen.insert(spec.name)));
}

fn table<'a>(out: &mut String, prefix: &str, specs: impl Iterator<Item = &'a PropertySpec>) {
    let mut specs: Vec<&PropertySpec> = specs.collect();
    specs.sort_by_key(|spec| spec.name);
    *out += "| key | type | default | meaning | since |\n|---|---|---|---|---|\n";
    for spec in specs {
        let star = if spec.shared { " *" } else { "" };
        let default = spec.default.map_or_else(String::new, |text| format!("`{text}`"));
        let row = [
            &format!("`{prefix}{}`{star}", spec.name),
            &spec.value.to_string(),
            &default,
            spec.doc,
            spec.since,
        ];
        *out += &format!("| {} |\n", row.map(cell).join(" | "));
    }
}

/// Keys that are not declared, those that differ only in their protocol in one row.
fn grouped(declared: &impl Fn(&JakartaKey) -> bool) -> Vec<(String, Rule)> {
    let mut rows: Vec<(&str, Rule, Vec<String>)> = Vec::new();
    for key in jakarta::keys().filter(|key| !declared(key)) {
        let shown = format!("`{}`", key.key());
        let is_own = key.family != Family::Session;
        match rows.iter_mut().find(|(name, rule, _)| is_own && *name == key.name && *rule == key.rule) {
            Some((_, _, keys)) => keys.push(shown),
            None => rows.push((key.name, key.rule, vec![shown])),
        }
    }
    rows.into_iter().map(|(_, rule, keys)| (keys.join(", "), rule)).collect()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
