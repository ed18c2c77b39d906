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
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const NEW_HELP: &str = "\
The new transport works on a folder of files: put your own way in its place, step by step,
while its tests go on to pass.

  postrider plugin new pigeon --outgoing
  cd pigeon && cargo test";

const CHECK_HELP: &str = "\
Nothing is connected to, sent or fetched, so only what a transport promises before it does
anything is tried here; the rest needs its backend, which its own tests bring (the
conformance suite of postrider-testkit). The plugin's code runs: check only what you trust.

The exit code is 78 if the plugin is refused, 70 if a promise is broken, 0 otherwise.

  postrider plugin check \"$PWD/target/release/libpigeon_plugin.so\"";
