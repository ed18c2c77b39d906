//! The command line of `postrider fetch`.

use crate::args::{SettingsArgs, duration};
use clap::ArgGroup;
use postrider::Settle;
use std::path::PathBuf;
use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_a_message_is_read_strictly() {
        assert_eq!(settle("move:A b"), Ok(Settle::Move("A b".into())));
        assert!(settle("move:").is_err() && settle("Keep").is_err());
    }
}
