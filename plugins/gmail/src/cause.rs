//! From an error to Gmail's own cause of it. Pure.

use crate::causes::CAUSES;
use postrider_core::{Error, ErrorKind, Outcome, Repeat, Reply, Verdict};

/// A row of the table: what Gmail says, and what that means. A row fits if everything it gives fits.
#[derive(Debug)]
pub(crate) struct Cause {
    /// The status of the reply: `534`, `NO`, `-ERR`.
    pub(crate) status: Option<&'static str>,
    /// The code of the reply: `5.7.9`, `ALERT`, `AUTH`.
    pub(crate) code: Option<&'static str>,
    /// Any of these words, in small letters; none fits any text.
    pub(crate) words: &'static [&'static str],
    /// The status inside the exchange of a token: `400`, `401`.
    pub(crate) token: Option<&'static [&'static str]>,
    /// True if time alone mends it: the same call may be made again, later.
    pub(crate) passes: bool,
    /// What it means and what to do.
    pub(crate) advice: &'static str,
}

/// The error with Gmail's own cause named, if it has one.
pub(crate) fn explain(error: Error) -> Error {
    let Some(cause) = find(&error) else { return error };
    if !cause.passes || !waiting_helps(&error) {
        return error.with_advice(cause.advice);
    }
    let error = if error.kind() == ErrorKind::Authentication { deferred(error) } else { error };
    error.with_repeat(Repeat::Safe).with_advice(cause.advice)
}

/// True unless something may have been accepted already, or a recipient was refused for another reason.
fn waiting_helps(error: &Error) -> bool {
    let passes = |reply: &Reply| CAUSES.iter().find(|c| c.fits(Some(reply), None)).is_some_and(|c| c.passes);
    error.outcome() != Outcome::Unsure
        && error.repeat() != Repeat::MayDuplicate
        && error.recipients().iter().all(|r| match &r.verdict {
            Verdict::Refused(reply) => passes(reply),
            _ => true,
        })
}

/// Gmail says no to a sign-in for reasons that have nothing to do with the credentials: nobody should be asked
/// for another password because of them.
fn deferred(error: Error) -> Error {
    let mut out = Error::new(ErrorKind::Deferred, error.phase(), error.message())
        .with_recipients(error.recipients().to_vec());
    if let Some(reply) = error.reply() {
        out = out.with_reply(reply.clone());
    }
    out.with_source(error)
}

fn find(error: &Error) -> Option<&'static Cause> {
    let refused =
        || error.recipients().iter().filter(|r| !r.verdict.is_accepted()).find_map(|r| r.verdict.reply());
    let reply = error.reply().or_else(refused);
    let told = told_of_token(error.message());
    CAUSES.iter().find(|cause| cause.fits(reply, told.as_deref()))
}

impl Cause {
    fn fits(&self, reply: Option<&Reply>, told: Option<&str>) -> bool {
        if let Some(statuses) = self.token {
            return told.is_some_and(|status| statuses.contains(&status));
        }
        let Some(reply) = reply else { return false };
        // Lines of a long reply are joined, and Gmail repeats its code in each.
        let text = reply.text().to_lowercase().replace('\n', " ");
        let code = reply.code().unwrap_or_default();
        self.status.is_none_or(|status| reply.status() == status)
            && self
                .code
                .is_none_or(|wanted| code.split(' ').next().is_some_and(|c| c.eq_ignore_ascii_case(wanted)))
            && (self.words.is_empty() || self.words.iter().any(|words| text.contains(words)))
    }
}

/// The status in the error challenge of XOAUTH2 and OAUTHBEARER, which the transports underneath put into
/// their message: `{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}`.
fn told_of_token(message: &str) -> Option<String> {
    let message = message.replace('\\', "");
    let rest = message.split_once("\"status\"")?.1;
    let value = rest.trim_start_matches([' ', ':', '"']);
    Some(value.chars().take_while(char::is_ascii_alphanumeric).collect())
}

#[cfg(test)]
#[path = "cause_tests.rs"]
mod tests;
