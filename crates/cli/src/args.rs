//! The command line.

use crate::check_args::CheckArgs;
use crate::exit;
use crate::outbox::OutboxCommand;
use crate::plugin_args::{LoadArgs, PluginCommand, PluginsArgs};
use crate::watch::WatchArgs;
use clap::{ArgGroup, Parser, Subcommand};
use postrider::{Milliseconds, Notify, PropertyValue, ReturnContent, Settle};
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
#[command(after_help = SEND_HELP)]
pub(crate) struct SendArgs {
    /// Sender: `me@example.org` or `Me <me@example.org>`; with --raw also `<>`. Default: the property mail.from
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: Option<String>,
    /// Recipient. May be given several times, as may --cc and --bcc
    #[arg(long, value_name = "ADDRESS", required_unless_present_any = ["cc", "bcc"])]
    pub(crate) to: Vec<String>,
    /// Recipient of a copy
    #[arg(long, value_name = "ADDRESS", conflicts_with = "raw")]
    pub(crate) cc: Vec<String>,
    /// Recipient of a copy whom the others don't see
    #[arg(long, value_name = "ADDRESS", conflicts_with = "raw")]
    pub(crate) bcc: Vec<String>,
    /// Subject
    #[arg(long, value_name = "TEXT", conflicts_with = "raw", default_value = "", hide_default_value = true)]
    pub(crate) subject: String,
    /// Text of the message, UTF-8, `-` for stdin
    #[arg(long, value_name = "FILE", conflicts_with = "raw", default_value = "-")]
    pub(crate) body_file: PathBuf,
    /// Attach a file. May be given several times
    #[arg(long, value_name = "FILE", conflicts_with = "raw")]
    pub(crate) attach: Vec<PathBuf>,
    /// Send this ready-made message (`-` for stdin) as it is, streamed; --from and --to are its envelope
    #[arg(long, value_name = "FILE")]
    pub(crate) raw: Option<PathBuf>,
    /// Ask for a delivery report: `never`, or any of `success,failure,delay` (RFC 3461)
    #[arg(long, value_name = "WHEN", value_parser = notify, help_heading = "Delivery reports")]
    pub(crate) notify: Option<Notify>,
    /// How much of the message a report of failure carries: `full` or `headers`
    #[arg(long, value_name = "WHAT", value_parser = returned, help_heading = "Delivery reports")]
    pub(crate) ret: Option<ReturnContent>,
    /// An identifier that comes back in delivery reports
    #[arg(long, value_name = "TEXT", help_heading = "Delivery reports")]
    pub(crate) envid: Option<String>,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = FETCH_HELP, group = ArgGroup::new("what").required(true).args(["list", "output"]))]
pub(crate) struct FetchArgs {
    /// Only list: key, size and flags of each message, oldest first
    #[arg(long)]
    pub(crate) list: bool,
    /// Write each message into a file of this directory (made if need be); `-` writes one message to stdout
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Only the message of this key, as --list shows it. May be given several times
    #[arg(long, value_name = "KEY", conflicts_with_all = ["list", "unseen", "limit"])]
    pub(crate) key: Vec<String>,
    /// At most this many, the oldest first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Only messages that are not marked as seen (not over POP3, which has no such mark)
    #[arg(long)]
    pub(crate) unseen: bool,
    /// What becomes of a message on the server once its file is safely on disk: keep, seen, delete, move:MAILBOX
    #[arg(long, value_name = "HOW", default_value = "keep", value_parser = settle, conflicts_with = "list")]
    pub(crate) settle: Settle,
    /// First wait for news, at most this long (30s, 5m, 1h): by IDLE where the server has it, else by asking
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
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

const SEND_HELP: &str = "\
The message is built from --subject, the text on stdin (or --body-file) and --attach,
or taken ready-made by --raw. One line per recipient says what the server did with it.

  echo 'Hello!' | postrider send --account-file me.toml --to you@example.org --subject Hi
  postrider send -p mail.smtp.host=mail.example.org -p mail.smtp.user=me \\
      --password-command 'pass show mail' --from me@example.org --to you@example.org --raw letter.eml

Without a password source, a password is asked for on the terminal if mail.<transport>.user is set.
`postrider plugins --properties smtp` lists all properties; `postrider --help` the exit codes.";

const FETCH_HELP: &str = "\
A message is written to a temporary file, flushed to disk and only then named; --settle
touches it on the server after that. Content is kept byte for byte. A file that is there
already is never overwritten: the same content is left as it is, another gets a number.

  postrider fetch --account-file me.toml --list
  postrider fetch --account-file me.toml --output mail/ --unseen --settle seen
  postrider fetch -p mail.store.protocol=pop3 -p mail.pop3.host=mail.example.org \\
      -p mail.pop3.user=me --password-file ~/.mailpw --output mail/ --settle delete

Without a password source, a password is asked for on the terminal if mail.<transport>.user is set.
`postrider plugins` lists the transports; `postrider --help` the exit codes.";

fn settle(text: &str) -> Result<Settle, String> {
    match text {
        "keep" => Ok(Settle::Keep),
        "seen" => Ok(Settle::Seen),
        "delete" => Ok(Settle::Delete),
        _ => match text.strip_prefix("move:") {
            Some(mailbox) if !mailbox.is_empty() => Ok(Settle::Move(mailbox.to_owned())),
            _ => Err("one of keep, seen, delete, move:MAILBOX is expected".into()),
        },
    }
}

/// A bare number would count milliseconds, as properties have it. Nobody means that here.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Err("a time with its unit is expected, such as 30s, 5m or 1h".into());
    }
    Milliseconds::parse(text).map(|m| m.0)
}

fn notify(text: &str) -> Result<Notify, String> {
    if text == "never" {
        return Ok(Notify::Never);
    }
    let (mut success, mut failure, mut delay) = (false, false, false);
    for word in text.split(',') {
        match word.trim() {
            "success" => success = true,
            "failure" => failure = true,
            "delay" => delay = true,
            _ => return Err("never is expected, or any of success,failure,delay".into()),
        }
    }
    Ok(Notify::On { success, failure, delay })
}

fn returned(text: &str) -> Result<ReturnContent, String> {
    match text {
        "full" => Ok(ReturnContent::Full),
        "headers" => Ok(ReturnContent::Headers),
        _ => Err("full or headers is expected".into()),
    }
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
    fn small_languages_are_read_strictly() {
        assert_eq!(settle("move:A b"), Ok(Settle::Move("A b".into())));
        assert!(settle("move:").is_err() && settle("Keep").is_err());
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert!(duration("30").is_err() && duration("soon").is_err());
        assert_eq!(notify("failure,delay"), Ok(Notify::On { success: false, failure: true, delay: true }));
        assert!(notify("never,delay").is_err() && notify("").is_err());
    }
}
