//! `postrider send`.

use crate::compose::compose;
use crate::exit::{Code, Failure};
use crate::interrupt::interrupted;
use crate::output::{self, Output};
use crate::progress::Progress;
use crate::send_args::SendArgs;
use crate::{report, settings};
use postrider::{Body, Direction, Envelope, Mailer, Receipt, Result};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Runtime;

/// Sends one message and says what became of it for each recipient.
pub(crate) fn run(runtime: &Runtime, args: &SendArgs, out: &mut Output) -> Result<Code, Failure> {
    let session = settings::session(&args.settings, Direction::Outgoing)?;
    // Before the text is typed: mistakes in the settings show now.
    let mailer = session.mailer()?;
    let (envelope, body) = compose(args, mailer.from().as_ref())?;
    match runtime.block_on(deliver(&mailer, &envelope, body))? {
        Ok(receipt) => delivered(out, &receipt),
        Err(error) => {
            if !out.is_json() && !error.recipients().is_empty() {
                out.table(report::HEADINGS, report::rows(error.recipients()))?;
            }
            Err(error.into())
        }
    }
}

async fn deliver(mailer: &Mailer, envelope: &Envelope, body: Body<'_>) -> Result<Result<Receipt>, Failure> {
    let ended = Arc::new(AtomicBool::new(false));
    let progress = Progress::new("sending");
    let body = progress.watch(body, Arc::clone(&ended));
    let work = async {
        let outcome = mailer.send(envelope, body).await;
        progress.done();
        outcome
    };
    let stop = interrupted();
    tokio::pin!(stop);
    let outcome = tokio::select! {
        outcome = work => outcome,
        () = &mut stop => return Err(stopped(ended.load(Ordering::Acquire))),
    };
    // The outcome stands; a goodbye that is interrupted changes nothing.
    tokio::select! {
        () = mailer.close() => {}
        () = stop => {}
    }
    Ok(outcome)
}

/// The end of data leaves after the body's end was read: before that, nothing can have been accepted.
fn stopped(body_ended: bool) -> Failure {
    if body_ended {
        Failure::new(
            Code::Unsure,
            "interrupted after the whole message had gone out and before the server's answer: \
             it may have been accepted; look before you send it again",
        )
    } else {
        Failure::new(Code::Interrupted, "interrupted; the message was not sent")
    }
}

fn delivered(out: &mut Output, receipt: &Receipt) -> Result<Code, Failure> {
    let failures = receipt.failures().count();
    if out.is_json() {
        out.value(&json!({
            "outcome": if failures == 0 { "delivered" } else { "partial" },
            "reply": receipt.reply,
            "recipients": report::recipients(&receipt.recipients),
            "copies": report::recipients(&receipt.copies),
        }))?;
    } else {
        out.table(report::HEADINGS, report::rows(&receipt.recipients))?;
    }
    // It changes nothing for the message, and should not be found out by its absence.
    for copy in receipt.copies.iter().filter(|copy| !copy.verdict.is_accepted()) {
        let address = output::clean(copy.address.as_str());
        output::note(format!(
            "postrider: warning: the audit copy to {address} is not known to have gone out"
        ));
    }
    if failures == 0 {
        return Ok(Code::Done);
    }
    let all = receipt.recipients.len();
    output::note(format!("postrider: the message went out, but not to {failures} of {all} recipients"));
    Ok(Code::Partial)
}
