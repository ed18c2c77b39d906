//! The command line of `postrider send`.

use crate::args::SettingsArgs;
use postrider::{Notify, ReturnContent};
use std::path::PathBuf;

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

const SEND_HELP: &str = "\
The message is built from --subject, the text on stdin (or --body-file) and --attach,
or taken ready-made by --raw. One line per recipient says what the server did with it.

  echo 'Hello!' | postrider send --account-file me.toml --to you@example.org --subject Hi
  postrider send -p mail.smtp.host=mail.example.org -p mail.smtp.user=me \\
      --password-command 'pass show mail' --from me@example.org --to you@example.org --raw letter.eml

Without a password source, a password is asked for on the terminal if mail.<transport>.user is set.
`postrider plugins --properties smtp` lists all properties; `postrider --help` the exit codes.";

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

    #[test]
    fn when_to_report_is_read_strictly() {
        assert_eq!(notify("failure,delay"), Ok(Notify::On { success: false, failure: true, delay: true }));
        assert!(notify("never,delay").is_err() && notify("").is_err());
    }
}
