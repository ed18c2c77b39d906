//! The command line.

use crate::check_args::CheckArgs;
use crate::exit;
use crate::fetch_args::FetchArgs;
use crate::outbox::OutboxCommand;
use crate::plugin_args::{LoadArgs, PluginCommand, PluginsArgs};
use crate::send_args::SendArgs;
use crate::watch::WatchArgs;
use clap::{Parser, Subcommand};
use postrider::{Milliseconds, PropertyValue};
use std::path::PathBuf;
use std::time::Duration;

/// Send and receive mail through pluggable transports.
///
/// New here? `postrider demo` shows mail go out and come back, without any server or account of yours.
#[derive(Debug, Parser)]
#[command(name = "postrider", version, after_help = exit::HELP, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch mail go out over SMTP and come back over POP3 and IMAP, on a mail server inside this process
    Demo(DemoArgs),
    /// Look for the cause when mail does not go out or come in, step by step
    Check(Box<CheckArgs>),
    /// Send one message
    Send(Box<SendArgs>),
    /// List messages, or fetch them into files
    Fetch(Box<FetchArgs>),
    /// Handle every message that comes in, once: by a program, into a maildir, or as lines of JSON
    Watch(Box<WatchArgs>),
    /// Messages that wait durably, and are sent when it is possible: put them in, look at them, send them
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Show every setting as it stands: its value, where it comes from, what it beats and whether it is read
    Explain(ExplainArgs),
    /// Look for mistakes in settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// List the transports of this program and what can be set on each
    Plugins(PluginsArgs),
    /// For authors of transports: write a new one, check a built one
    #[command(subcommand)]
    Plugin(PluginCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// List all mistakes in a file of settings at once, each with its line
    Check(ConfigCheckArgs),
}

impl Command {
    /// True if a machine reads stdout.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Demo(args) => args.json,
            Self::Check(args) => args.settings.json,
            Self::Send(args) => args.settings.json,
            Self::Fetch(args) => args.settings.json,
            Self::Watch(args) => args.settings.json,
            Self::Outbox(command) => command.is_json(),
            Self::Explain(args) => args.json,
            Self::Config(ConfigCommand::Check(args)) => args.json,
            Self::Plugins(args) => args.json,
            Self::Plugin(command) => command.is_json(),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Stay up, and print the settings for any mail client and for `postrider send` and `fetch`
    #[arg(long)]
    pub(crate) serve: bool,
    /// Print each step as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXPLAIN_HELP)]
pub(crate) struct ExplainArgs {
    /// Only this key, with everything that is known about it
    #[arg(value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Account file: TOML or Java properties. Default: what the environment variable POSTRIDER_FILE names
    #[arg(long, value_name = "FILE", visible_alias = "file")]
    pub(crate) account_file: Option<PathBuf>,
    /// Which account of the file, if it has several
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Set a property; beats the account file. May be given several times. Never for passwords
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub(crate) property: Vec<String>,
    /// Only what somebody set, no defaults
    #[arg(long)]
    pub(crate) set: bool,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = CONFIG_CHECK_HELP)]
pub(crate) struct ConfigCheckArgs {
    /// A TOML account file, a Java .properties file or a portal's portal-ext.properties
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only this instance of a TOML file. Default: all of them
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// Only this account of a TOML file. Default: all of them
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// How to read the file. Default: by its name
    #[arg(long = "as", value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a file of settings is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// TOML, with accounts
    Toml,
    /// Java properties
    Properties,
    /// A portal's properties, of which only those about mail count
    Portal,
}

/// What check, send and fetch have in common.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingsArgs {
    /// Account file: TOML or Java properties. Default: what the environment variable POSTRIDER_FILE names
    #[arg(long, value_name = "FILE", visible_alias = "file")]
    pub(crate) account_file: Option<PathBuf>,
    /// Which account of the file, if it has several
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Set a property; beats the account file. May be given several times. Never for passwords
    #[arg(short, long, value_name = "KEY=VALUE")]
    pub(crate) property: Vec<String>,
    /// Read the password from this file (`/dev/fd/3` works too); a line break at its end is dropped
    #[arg(long, value_name = "FILE", group = "secret")]
    pub(crate) password_file: Option<PathBuf>,
    /// Read the password from what this command prints; run by `sh -c`, within 2 minutes
    #[arg(long, value_name = "COMMAND", group = "secret")]
    pub(crate) password_command: Option<String>,
    /// Read an OAuth 2 access token from this file, instead of a password
    #[arg(long, value_name = "FILE", group = "secret")]
    pub(crate) token_file: Option<PathBuf>,
    /// Read an OAuth 2 access token from what this command prints
    #[arg(long, value_name = "COMMAND", group = "secret")]
    pub(crate) token_command: Option<String>,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Show the dialogue with the server on stderr, secrets masked (the same as -p mail.debug=true)
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

const EXPLAIN_HELP: &str = "\
Secrets are masked: the output can go into a bug report. No server is asked for anything.

  postrider explain --account-file me.toml
  postrider explain --account-file me.toml mail.smtp.port
  postrider explain -p mail.smtp.host=mail.example.org --set";

const CONFIG_CHECK_HELP: &str = "\
Errors keep the settings from being used, and end the command with exit code 78; warnings
are settings that likely don't do what was meant; notes are worth knowing. No server is
asked for anything; `postrider check` does that.

  postrider config check accounts.toml
  postrider config check portal-ext.properties --json";

/// A bare number would count milliseconds, as properties have it. Nobody means that here.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Err("a time with its unit is expected, such as 30s, 5m or 1h".into());
    }
    Milliseconds::parse(text).map(|m| m.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_time_has_its_unit() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert!(duration("30").is_err() && duration("soon").is_err());
    }
}
