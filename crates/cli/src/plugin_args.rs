//! `--load`, and the command lines of `postrider plugins` and `postrider plugin`.

use clap::{ArgGroup, Subcommand};
use postrider::{Error, Registry};
use postrider_loader::{LoadExt, Policy};
use std::path::PathBuf;

/// Transports that are not linked into this program.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct LoadArgs {
    /// Load the transports of this plugin (absolute path of a .so). It can do all that this program can: load only
    /// what you trust. May be given several times
    #[arg(long, value_name = "FILE.so")]
    pub(crate) load: Vec<PathBuf>,
}

impl LoadArgs {
    /// The transports that are linked, and those of the plugins.
    pub(crate) fn registry(&self) -> postrider::Result<Registry> {
        let mut registry = Registry::linked()?;
        for file in &self.load {
            registry.load(file, &Policy::new()).map_err(Error::from)?;
        }
        Ok(registry)
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct PluginsArgs {
    /// List the properties of this transport: key, type, default and meaning
    #[arg(long, value_name = "NAME")]
    pub(crate) properties: Option<String>,
    /// List the properties of every transport
    #[arg(short, long, conflicts_with = "properties")]
    pub(crate) verbose: bool,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Write a crate with a new transport that works, passes the conformance suite and can be loaded
    New(NewArgs),
    /// Look at a plugin: what it says it is, whether it can be loaded, and what it promises
    Check(PluginCheckArgs),
}

impl PluginCommand {
    /// True if a machine reads stdout.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::New(args) => args.json,
            Self::Check(args) => args.json,
        }
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = NEW_HELP, group = ArgGroup::new("direction").required(true).args(["outgoing", "incoming"]))]
pub(crate) struct NewArgs {
    /// Name of the transport and its crate: lower-case letters, digits and hyphens
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Messages go out by it
    #[arg(long)]
    pub(crate) outgoing: bool,
    /// Messages come in by it
    #[arg(long)]
    pub(crate) incoming: bool,
    /// The crate's folder, which must not be there yet. Default: ./NAME
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
    /// Depend on Postrider's crates in this checkout. Default: on the published ones of this version
    #[arg(long, value_name = "DIR")]
    pub(crate) postrider_path: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = CHECK_HELP)]
pub(crate) struct PluginCheckArgs {
    /// The plugin (absolute path of a .so)
    #[arg(value_name = "FILE.so")]
    pub(crate) file: PathBuf,
    /// Set a property that its transports can't be made without. May be given several times. Never for passwords
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub(crate) property: Vec<String>,
    /// Try this transport alone, of those in the file
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// Try every promise of the conformance suite against a small server of this protocol that this program plays
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) speaks: Option<Protocol>,
    /// Let an outgoing transport send a message to one@example.org, where it can't connect() without. One that does not
    /// use the connections it is lent sends it in earnest
    #[arg(long)]
    pub(crate) send: bool,
    /// Seconds that the plugin may take for one promise before it counts as blocked
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) patience: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A protocol that the conformance suite has a server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Protocol {
    Smtp,
    Pop3,
    Imap,
}

const NEW_HELP: &str = "\
The new transport works on a folder of files: put your own way in its place, step by step,
while its tests go on to pass.

  postrider plugin new pigeon --outgoing
  cd pigeon && cargo test";

const CHECK_HELP: &str = "\
Nothing leaves this program: the plugin is lent connections that are refused, silent, cut, or
talk nonsense, and time that passes at once. What takes a server that answers is tried with
--speaks, if it is one of these protocols, and by the tests of its author otherwise (the
conformance suite of postrider-testkit); what was not tried is named.

The plugin's code runs, in a process of its own that is ended when it blocks: check only what
you trust. Against a real account: postrider check --load FILE.so.

The exit code is 78 if the plugin is refused, 70 if a promise is broken, the plugin blocks or
ends its process, 0 otherwise.

  postrider plugin check \"$PWD/target/release/libpigeon_plugin.so\"";
