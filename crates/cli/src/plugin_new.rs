//! `postrider plugin new`: the files of `templates/`, with the name filled in.

use crate::exit::{Code, Failure};
use crate::output::Output;
use crate::plugin_args::NewArgs;
use postrider::{Error, ErrorKind, Phase, Registry, TransportFactory};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

macro_rules! template {
    ($file:literal) => {
        include_str!(concat!("../templates/", $file, ".txt"))
    };
}

/// The files of a crate: where they go, and what is in them.
type Files = [(&'static str, &'static [&'static str])];

const BOTH: &Files = &[
    ("Cargo.toml", &[template!("Cargo.toml")]),
    ("rustfmt.toml", &[template!("rustfmt.toml")]),
    ("README.md", &[template!("README.md")]),
    ("plugin/Cargo.toml", &[template!("plugin.toml")]),
    ("plugin/src/lib.rs", &[template!("plugin.rs")]),
];
const OUTGOING: &Files = &[
    ("src/lib.rs", &[template!("outgoing/lib.rs")]),
    ("src/config.rs", &[template!("outgoing/config.rs")]),
    ("src/transport.rs", &[template!("outgoing/transport.rs")]),
    ("tests/conformance.rs", &[template!("outgoing/conformance.rs"), template!("loaded.rs")]),
];
const INCOMING: &Files = &[
    ("src/lib.rs", &[template!("incoming/lib.rs")]),
    ("src/config.rs", &[template!("incoming/config.rs")]),
    ("src/transport.rs", &[template!("incoming/transport.rs")]),
    ("tests/conformance.rs", &[template!("incoming/conformance.rs"), template!("loaded.rs")]),
];

/// Words that Rust or Cargo keeps for itself.
const NOT_A_CRATE: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "tempfile",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Writes a crate.
pub(crate) fn run(args: &NewArgs, out: &mut Output) -> Result<Code, Failure> {
    fits(&args.name)?;
    is_free(args)?;
    let folder = args.path.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    let checkout = args.postrider_path.as_deref().map(checkout).transpose()?;
    let values = values(args, checkout.as_deref());
    // What is there is never written over.
    fs::create_dir(&folder).map_err(|e| Failure::unwritable(folder.display(), &e))?;
    let files = BOTH.iter().chain(if args.outgoing { OUTGOING } else { INCOMING });
    let mut written = Vec::new();
    for (name, parts) in files {
        let path = folder.join(name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, filled(parts, &values)))
            .map_err(|e| Failure::unwritable(path.display(), &e))?;
        written.push(path);
    }
    if out.is_json() {
        out.value(&json!({ "name": args.name, "folder": folder, "files": written }))?;
        return Ok(Code::Done);
    }
    for path in &written {
        out.line(path.display())?;
    }
    out.line("")?;
    out.line(format_args!(
        "cd {} && cargo test    # it passes the conformance suite, linked and loaded",
        folder.display()
    ))?;
    Ok(Code::Done)
}

/// A name that a transport and a crate can have.
fn fits(name: &str) -> Result<(), Failure> {
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 32
        && !name.ends_with('-')
        && !name.contains("--")
        && !NOT_A_CRATE.contains(&name)
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if good {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "\"{}\" is no name for a transport: a lower-case letter, then letters, digits and single hyphens, at most 32",
        name.escape_debug()
    )))
}

/// A name that no transport of this program and no other kind of key has.
fn is_free(args: &NewArgs) -> Result<(), Failure> {
    let name = String::leak(args.name.clone());
    let factory = if args.outgoing {
        TransportFactory::outgoing(name, &|_, _| Err(never_made()))
    } else {
        TransportFactory::incoming(name, &|_, _| Err(never_made()))
    };
    let taken = Registry::linked()?.add(Box::leak(Box::new(factory)), "the new crate");
    taken.map_err(|error| Failure::usage(error.to_string()))
}

fn never_made() -> Error {
    Error::new(ErrorKind::Plugin, Phase::Configure, "a name is no transport yet")
}

/// The absolute path of a checkout.
fn checkout(path: &Path) -> Result<PathBuf, Failure> {
    let whole = path.canonicalize().map_err(|e| Failure::unreadable(path.display(), &e))?;
    if whole.join("crates/core/Cargo.toml").is_file() {
        return Ok(whole);
    }
    Err(Failure::usage(format!("{} is no checkout of Postrider: it has no crates/core", path.display())))
}

fn values(args: &NewArgs, checkout: Option<&Path>) -> Vec<(String, String)> {
    let (direction, capital, command, chooser, example) = if args.outgoing {
        ("outgoing", "Outgoing", "send", "transport", "--from me@example.org --to you@example.org")
    } else {
        ("incoming", "Incoming", "fetch", "store", "--list")
    };
    let more =
        if args.outgoing { "\ntempfile = \"3\" # a file has its name only once it is whole" } else { "" };
    let mut values: Vec<(String, String)> = [
        ("name", args.name.as_str()),
        ("crate", &args.name.replace('-', "_")),
        ("direction", direction),
        ("Direction", capital),
        ("command", command),
        ("chooser", chooser),
        ("example", example),
        ("more", more),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    for krate in ["abi", "core", "loader", "testkit"] {
        let from = match checkout {
            // Debug quotes as TOML's basic strings do.
            Some(path) => format!("{{ path = {:?} }}", path.join("crates").join(krate)),
            None => format!("\"{}\"", env!("CARGO_PKG_VERSION")),
        };
        values.push((format!("dependency {krate}"), from));
    }
    values
}

fn filled(parts: &[&str], values: &[(String, String)]) -> String {
    values.iter().fold(parts.concat(), |text, (key, value)| text.replace(&format!("{{{{{key}}}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_lines(files: &Files) -> usize {
        let source = files.iter().filter(|(name, _)| name.starts_with("src/"));
        let lines = source.flat_map(|(_, parts)| parts.iter().flat_map(|part| part.lines()));
        lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
    }

    #[test]
    fn the_scaffolds_are_as_short_as_promised() {
        let (outgoing, incoming) = (code_lines(OUTGOING), code_lines(INCOMING));
        assert!(outgoing <= 40 && incoming <= 120, "{outgoing}, {incoming}");
    }

    #[test]
    fn a_name_that_cargo_or_a_registry_refuses_is_refused_first() {
        for name in
            ["", "Pigeon", "1pigeon", "pi geon", "../x", "pigeon-", "pi--geon", "pig.eon", "fn", "core"]
        {
            assert!(fits(name).is_err(), "{name}");
        }
        assert!(fits("pigeon-2").is_ok());
    }
}
