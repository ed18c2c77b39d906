//! From the command line to a session.

use crate::args::{Format, SettingsArgs};
use crate::config::format_of;
use crate::exit::{Code, Failure};
use crate::{output, secret, transcript};
use postrider::settings::{Environment, PortalFile, PropertiesFile};
use postrider::{
    AccountFile, Direction, Error, ErrorKind, Layer, LayerKind, Phase, Registry, SecretRef, Session,
    TokioHost, session_property,
};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

/// Names an account file for all commands of a shell.
const FILE_VARIABLE: &str = "POSTRIDER_FILE";

/// Makes the session that a command works with, secrets included. May ask for a password on the terminal.
pub(crate) fn session(args: &SettingsArgs, direction: Direction) -> Result<Session, Failure> {
    let registry = args.load.registry()?;
    let layers = layers(args, &registry)?;
    anything(&layers, direction)?;
    let host = Arc::new(TokioHost::new());
    let build = |secret: Option<secret::Found>| {
        let mut builder = Session::builder().registry(registry.clone()).host(host.clone());
        for layer in &layers {
            builder = builder.layer(layer.clone());
        }
        if let Some(found) = secret {
            builder = builder.layer(Layer::new(LayerKind::Host, found.origin).with(found.key, found.secret));
        }
        builder.build()
    };
    let session = build(None)?;
    if session.properties().read(&session_property::DEBUG)? == Some(true) {
        transcript::show();
    }
    let name = session.protocol(direction)?;
    let factory = registry.factory(direction, &name)?;
    let scope = registry.scope(direction, &name, &session.properties())?;
    match secret::find(args, factory, &name, &scope)? {
        Some(found) => Ok(build(Some(found))?),
        None => Ok(session),
    }
}

/// Every layer that the command line names. Asks for nothing.
pub(crate) fn layers(args: &SettingsArgs, registry: &Registry) -> Result<Vec<Layer>, Failure> {
    let mut layers = Vec::new();
    match file(args) {
        Some(path) => {
            layers = file_layers(args, &path)?;
            warn_of_readers(&path, &layers, registry);
        }
        None if args.account.is_some() => {
            return Err(Failure::usage(format!(
                "--account chooses from an account file, and there is none: add --account-file FILE, or set {FILE_VARIABLE}"
            )));
        }
        None => {}
    }
    layers.push(Environment::of_process().layer()?);
    layers.push(overrides(args, registry)?);
    Ok(layers)
}

/// Whoever has set nothing at all is told where settings go, and not which key is missed first.
pub(crate) fn anything(layers: &[Layer], direction: Direction) -> Result<(), Failure> {
    let debug = format!("mail.{}", session_property::DEBUG.name());
    if layers.iter().flat_map(Layer::keys).any(|key| key != debug) {
        return Ok(());
    }
    let (first, example) = match direction {
        Direction::Outgoing => ("mail.smtp.host", "-p mail.smtp.host=mail.example.org"),
        Direction::Incoming => (
            "mail.store.protocol",
            "-p mail.store.protocol=imap -p mail.imap.host=mail.example.org (or pop3)",
        ),
    };
    let what = format!("{first} is not set, nor is anything else");
    let error = Error::new(ErrorKind::Configuration, Phase::Configure, what);
    Err(error
        .with_advice(format!("name an account file (--account-file FILE), or set properties: {example}"))
        .into())
}

/// Fails unless there is a file to read.
pub(crate) fn readable(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => {
            Err(Failure::new(Code::NoInput, format!("{shown} can't be read: it is a directory, not a file")))
        }
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            Err(Failure::new(Code::NoInput, format!("{shown} can't be read: there is no such file")))
        }
        Err(e) => Err(Failure::unreadable(shown, &e)),
    }
}

/// The layers of a TOML file's account, of a Java property file, or of a portal's: then of its variables too.
fn file_layers(args: &SettingsArgs, path: &Path) -> Result<Vec<Layer>, Failure> {
    readable(path)?;
    let format = format_of(path);
    if args.account.is_some() && format != Format::Toml {
        return Err(Failure::usage("--account chooses from a TOML file, and this is none"));
    }
    Ok(match format {
        Format::Toml => AccountFile::load(path)?.layers(args.account.as_deref())?,
        Format::Properties => vec![PropertiesFile::load(path)?.layer(LayerKind::Account)?],
        Format::Portal => {
            let variables = Environment::of_process().portal_layers()?;
            PortalFile::load(path)?.layers(LayerKind::System)?.into_iter().chain(variables).collect()
        }
    })
}

fn file(args: &SettingsArgs) -> Option<PathBuf> {
    let variable = || std::env::var_os(FILE_VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from);
    args.account_file.clone().or_else(variable)
}

/// The layer of `--property`. The text after the `=` is never repeated in an error: it may be a secret all
/// the same.
fn overrides(args: &SettingsArgs, registry: &Registry) -> Result<Layer, Failure> {
    let mut layer = Layer::new(LayerKind::Overrides, "--property");
    if args.verbose {
        layer.set_at("mail.debug", "true", "--verbose");
    }
    for text in &args.property {
        let Some((key, value)) = text.split_once('=').map(|(key, value)| (key.trim(), value)) else {
            return Err(Failure::usage(
                "--property takes KEY=VALUE, for example --property mail.smtp.host=mail.example.org",
            ));
        };
        if key.is_empty() {
            return Err(Failure::usage("--property has no key before its ="));
        }
        // Where a secret is kept is none.
        let refers = matches!(SecretRef::parse(value), Ok(Some(_)));
        if is_secret(key, registry) && !refers {
            return Err(Failure::usage(format!(
                "{} is a secret, and arguments are visible to every user of this machine; \
                 use --password-file, --password-command, --token-file or --token-command instead, \
                 say where it is kept (file:PATH, env:NAME), or write it into an account file that only you can read",
                key.escape_debug()
            )));
        }
        layer.set(key, value);
    }
    Ok(layer)
}

/// True if any transport declares the key as a secret, however it is written.
pub(crate) fn is_secret(key: &str, registry: &Registry) -> bool {
    let key = key.to_ascii_lowercase();
    registry.iter().flat_map(|(factory, _)| factory.specs()).filter(|spec| spec.is_secret()).any(|spec| {
        key.strip_suffix(&spec.name.to_ascii_lowercase())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// True if others may read this secret. Where one is kept they may read, but not change.
pub(crate) fn is_exposed(mode: u32, layer: &Layer, key: &str, registry: &Registry) -> bool {
    let concerns = if layer.is_reference(key) { 0o022 } else { 0o077 };
    mode & concerns != 0 && is_secret(key, registry)
}

fn warn_of_readers(path: &Path, layers: &[Layer], registry: &Registry) {
    use std::os::unix::fs::PermissionsExt;
    // `check` makes a session for each direction; once is enough.
    static WARNED: Once = Once::new();
    let Ok(about) = std::fs::metadata(path) else { return };
    let mode = about.permissions().mode();
    if layers.iter().any(|layer| layer.keys().any(|key| is_exposed(mode, layer, key, registry))) {
        let shown = path.display();
        WARNED.call_once(|| {
            output::note(format!(
                "warning: {shown} holds a password and others may read or change it -> chmod 600 {shown}"
            ));
        });
    }
}
