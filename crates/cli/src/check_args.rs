//! The command line of `postrider check`.

use crate::args::{SettingsArgs, duration};
use postrider::{Address, Direction};
use std::time::Duration;

#[derive(Debug, clap::Args)]
#[command(after_help = CHECK_HELP)]
pub(crate) struct CheckArgs {
    /// Look at this way only. Default: both, as far as they are set up
    #[arg(long, value_name = "WAY")]
    pub(crate) only: Option<Way>,
    /// Send one short message to this address when all else is well
    #[arg(long, value_name = "ADDRESS", value_parser = address, conflicts_with = "only")]
    pub(crate) send_to: Option<Address>,
    /// Longest wait for each thing that is looked at
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub(crate) patience: Duration,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// In or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Way {
    Incoming,
    Outgoing,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Incoming => Self::Incoming,
            Way::Outgoing => Self::Outgoing,
        }
    }
}

fn address(text: &str) -> Result<Address, String> {
    Address::new(text).map_err(|error| error.message().to_owned())
}

const CHECK_HELP: &str = "\
Step by step: the settings and where they come from, the name's addresses, TCP to each of
them, the first words, TLS and the certificate, what is offered, signing in, the mailbox
or the sender. Each step says what it saw; one that fails, why that may be and what to try,
as properties where it can. No message is touched, and none is sent without --send-to.
Passwords are not shown: the output can go to whoever helps.

  postrider check --account-file me.toml
  postrider check --account-file me.toml --send-to me@example.org
  postrider check -p mail.smtp.host=smtp.gmail.com -p mail.smtp.user=me --password-file pw --json

The exit code is that of the first step that failed, 0 if none did.";
