//! The command line of `postrider watch`.

use crate::args::SettingsArgs;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct WatchArgs {
    /// Run this command for each message, by `sh -c`: the message on its stdin, its exit code is the answer
    #[arg(long, value_name = "COMMAND", conflicts_with = "maildir")]
    pub(crate) exec: Option<String>,
    /// Deliver each message into this maildir (made if need be)
    #[arg(long, value_name = "DIR")]
    pub(crate) maildir: Option<PathBuf>,
    /// What is remembered of handled messages: a file, or the URL of a PostgreSQL that several machines share
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) ledger: Option<String>,
    /// What becomes of a handled message on the server: keep, seen, delete, move:MAILBOX (mail.watch.settle)
    #[arg(long, value_name = "HOW")]
    pub(crate) settle: Option<String>,
    /// What becomes of one that is refused or fails too often: keep, move:MAILBOX, folder:DIR (mail.watch.quarantine)
    #[arg(long, value_name = "HOW")]
    pub(crate) quarantine: Option<String>,
    /// Handle what is there, then end
    #[arg(long)]
    pub(crate) once: bool,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

const HELP: &str = "\
Every message is handled, once: what came of it is written into the ledger before the server
is told, so that nothing is lost and nothing is handled again whatever stops in between, but
for the one message that was being handled. Without --exec and --maildir, --json prints each
message as a line of JSON, its bytes in base64 under \"message\".

The exit code of --exec is the answer:
   0           done
  75           later (mail.watch.retry); no failure, however often
  65 67 77     refused: put aside at once, as --quarantine says
  any other    failed: handed over again later, and put aside after mail.watch.failures
  a signal, or longer than mail.watch.deadline: failed too

It finds in its environment: POSTRIDER_ID (the server's key), POSTRIDER_KEY (what the ledger
knows it by), POSTRIDER_FINGERPRINT (SHA-256), POSTRIDER_SIZE, POSTRIDER_ATTEMPT (from 1) and
POSTRIDER_MARKS: any of auto-submitted, bounce, list, own, apart by blanks (empty: none).

  postrider watch --account-file me.toml --exec 'handle-reply' --settle delete
  postrider watch --account-file me.toml --maildir ~/Mail --once
  postrider watch --account-file me.toml --exec 'import' --ledger postgresql://me@%2Frun%2Fpostgresql/app

Ctrl-C ends it when the message in hand is done; a second one at once. The ledger's default is
a file of the mailbox's own in $XDG_STATE_HOME/postrider (~/.local/state/postrider).";
