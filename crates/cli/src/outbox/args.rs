//! The command line of `postrider outbox`.

use crate::args::SettingsArgs;
use crate::send_args::SendArgs;
use clap::{ArgGroup, Subcommand};
use postrider::outbox::State;

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// Put a message in; it is sent by `outbox run`, here or elsewhere
    Add(Box<AddArgs>),
    /// List the messages
    List(ListArgs),
    /// Show one message: each recipient, the server's words, and all that happened
    Show(ShowArgs),
    /// Try messages now that wait, are held, or ended without being accepted
    Retry(RetryArgs),
    /// Keep messages back that wait, until a retry
    Hold(WhichArgs),
    /// Give messages up that wait, are held or in doubt
    Drop(DropArgs),
    /// Send what is in it, and what comes, until Ctrl-C
    Run(Box<RunArgs>),
}

impl OutboxCommand {
    /// True if a machine reads stdout.
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Add(args) => args.send.settings.json,
            Self::List(args) => args.place.json,
            Self::Show(args) => args.place.json,
            Self::Retry(args) => args.which.place.json,
            Self::Hold(args) => args.place.json,
            Self::Drop(args) => args.which.place.json,
            Self::Run(args) => args.settings.json,
        }
    }
}

/// Where the outbox is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PlaceArgs {
    /// The outbox: a file, or postgres://… (a password goes into the variable). Default: the environment variable
    /// POSTRIDER_OUTBOX
    #[arg(short, long, value_name = "FILE|URL")]
    pub(crate) outbox: Option<String>,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = ADD_HELP)]
pub(crate) struct AddArgs {
    /// The outbox: a file, or postgres://… (a password goes into the variable). Default: the environment variable
    /// POSTRIDER_OUTBOX
    #[arg(short, long, value_name = "FILE|URL")]
    pub(crate) outbox: Option<String>,
    /// Give it up when it could not be sent for so long (10m, 24h). Default: mail.outbox.expire of the run
    #[arg(long, value_name = "TIME", value_parser = crate::args::duration)]
    pub(crate) expire: Option<std::time::Duration>,
    #[command(flatten)]
    pub(crate) send: SendArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Only messages with a recipient in this state
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub(crate) state: Option<State>,
    /// At most this many, the oldest first
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) limit: usize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Number of the message, as `list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: i64,
    /// Write the message itself to stdout, byte for byte as it is sent
    #[arg(long, conflicts_with = "json")]
    pub(crate) message: bool,
}

/// Which messages.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("which").required(true).args(["id", "state"]))]
pub(crate) struct WhichArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Numbers of the messages, as `list` shows them
    #[arg(value_name = "ID")]
    pub(crate) id: Vec<i64>,
    /// All messages with a recipient in this state
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub(crate) state: Option<State>,
    /// Only for this recipient
    #[arg(long, value_name = "ADDRESS", conflicts_with = "state")]
    pub(crate) to: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RetryArgs {
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// Those in doubt, and no others: whoever has got it gets it twice
    #[arg(long)]
    pub(crate) unsure: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DropArgs {
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    /// Those in doubt, and no others: they have arrived, and are noted as accepted
    #[arg(long)]
    pub(crate) arrived: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = RUN_HELP)]
pub(crate) struct RunArgs {
    /// The outbox: a file, or postgres://… (a password goes into the variable). Default: the environment variable
    /// POSTRIDER_OUTBOX
    #[arg(short, long, value_name = "FILE|URL")]
    pub(crate) outbox: Option<String>,
    /// End when nothing is left to be done now
    #[arg(long)]
    pub(crate) until_idle: bool,
    /// Another account of the account file to send by, after --account. May be given several times; its password stands
    /// in the file, or where the file says
    #[arg(long, value_name = "NAME", requires = "account")]
    pub(crate) also: Vec<String>,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

const ADD_HELP: &str = "\
The message is made as `postrider send` makes it. Its Message-ID and Date are fixed now.

  echo 'Hello!' | postrider outbox add --outbox mail.db --from me@example.org --to you@example.org
  postrider outbox run --outbox mail.db --account-file me.toml";

const RUN_HELP: &str = "\
Several may run on one outbox, on many machines if it is in PostgreSQL: each message goes out
once. Ctrl-C waits for the answers to what was sent (mail.outbox.stoptimeout). A message that
may have been accepted and got no answer is kept until you decide: `outbox retry --unsure`
sends it again, `outbox drop --arrived` notes it as accepted.

  postrider outbox run --outbox mail.db --account-file me.toml
  postrider outbox run --outbox mail.db --account-file me.toml --account main --also backup \\
      -p mail.outbox.rate=100/1m --until-idle

With --until-idle the exit code tells how it went: 79 if a message came to be in doubt, else 69
if one was refused or expired, else 75 if one is deferred.";

fn state(text: &str) -> Result<State, String> {
    State::named(text).ok_or_else(|| {
        let names: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
        format!("one of {} is expected", names.join(", "))
    })
}
