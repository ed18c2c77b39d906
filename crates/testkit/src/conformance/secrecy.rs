//! What errors, logs and Debug texts may show, and what an error has to.

use super::bench::{Bench, Condition};
use super::logs;
use super::report::Verdict;
use super::trial::{Check, Kit, broken, not_tried};
use crate::secrets;
use postrider_core::{Error, ErrorKind, Phase, Repeat};

/// What is wrong with an error, whatever it is about.
pub(super) fn fault(error: &Error) -> Option<String> {
    let says = |what: &str| Some(format!("{what}: {:?} in {:?}: {error}", error.kind(), error.phase()));
    let configuration = error.kind() == ErrorKind::Configuration;
    if error.message().trim().is_empty() {
        says("an error without words")
    } else if error.kind() == ErrorKind::Plugin {
        says("an error that says the transport itself has failed")
    } else if (error.kind() == ErrorKind::Unsure) != (error.repeat() == Repeat::MayDuplicate) {
        says("an error whose advice to repeat is not that of its kind")
    } else if configuration && (error.advice().is_none() && error.property().is_none()) {
        says("an error about the settings that neither names a property nor says what to do")
    } else if matches!(error.kind(), ErrorKind::Authentication | ErrorKind::Tls) && error.advice().is_none() {
        says("an error that a person has to do something about, and nothing says what")
    } else {
        None
    }
}

/// No secret in any error of the whole suite, in what is logged, in Debug, nor in clear text on the line.
pub(super) fn silent<B: Bench + ?Sized>(kit: &Kit<'_, B>) -> Check {
    let secrets = (kit.bench)().secrets();
    if secrets.is_empty() {
        return not_tried("this transport is set up without a secret");
    }
    let absent = |place: &str, text: &str| match secrets.iter().find(|s| secrets::is_in(text, s)) {
        Some(_) => broken(format!("a secret shows in {place}")),
        None => Ok(()),
    };
    for condition in [None, Some(Condition::RefuseSignIn), Some(Condition::NoStartTls)] {
        let mut bench = (kit.bench)();
        if condition.as_ref().is_some_and(|c| !bench.arrange(c)) {
            continue;
        }
        let properties = kit.properties(&bench, &[])?;
        absent("the Debug text of its properties", &format!("{properties:?}"))?;
        let scope = kit.registry()?.scope(kit.factory.direction(), kit.factory.name, &properties);
        let scope = scope.map_err(|e| Verdict::broken(e.to_string()))?;
        absent("its Debug text", &bench.debug(&scope).unwrap_or_default())?;
        let over = [("mail.debug".to_owned(), "true".to_owned())];
        let (outcome, log) = logs::of(|| (kit.attempt)(kit, &bench, &over, bench.host()));
        kit.note(&outcome?);
        absent("the log", &log)?;
        if let Some(line) = bench.line() {
            let clear = line.sent_in_clear();
            if condition.is_some() || clear.len() < line.sent_count() {
                absent("clear text on the line", &String::from_utf8_lossy(&clear))?;
            }
        }
    }
    for seen in kit.errors.borrow().iter() {
        absent(&format!("an error ({} characters long)", seen.shown.len()), &seen.shown)?;
    }
    Ok(())
}

/// A refused sign-in is told as one; and every error the suite met had its kind, words and advice.
pub(super) fn typed<B: Bench + ?Sized>(kit: &Kit<'_, B>) -> Check {
    let mut bench = (kit.bench)();
    if bench.arrange(&Condition::RefuseSignIn) {
        let outcome = (kit.attempt)(kit, &bench, &[], bench.host())?;
        kit.note(&outcome);
        let Err(error) = outcome else { return broken("it works although the server lets nobody in") };
        if (error.kind(), error.phase()) != (ErrorKind::Authentication, Phase::Authenticate) {
            return broken(format!(
                "a refused sign-in is {:?} in {:?}: {error}",
                error.kind(),
                error.phase()
            ));
        }
    }
    let errors = kit.errors.borrow();
    if errors.is_empty() {
        return not_tried("nothing ever failed");
    }
    errors.iter().find_map(|seen| seen.fault.clone()).map_or(Ok(()), broken)
}
