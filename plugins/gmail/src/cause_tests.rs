use super::*;
use postrider_core::{Address, Phase, RecipientOutcome};

/// The lines of the file, taken apart.
fn recorded() -> Vec<(Error, ErrorKind, bool, &'static str)> {
    let lines = include_str!("../tests/recorded.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let [status, code, kind, passes, words, text] = line.splitn(6, " | ").collect::<Vec<_>>()[..]
            else {
                panic!("{line}")
            };
            let kind = kind_of(kind);
            (error(status, code, &text.replace("\\n", "\n"), kind), kind, passes == "passes", words)
        })
        .collect()
}

fn kind_of(word: &str) -> ErrorKind {
    use ErrorKind::{Authentication, Closed, Deferred, Rejected};
    let kinds = [Authentication, Closed, Deferred, Rejected];
    kinds.into_iter().find(|kind| format!("{kind:?}") == word).unwrap()
}

fn error(status: &str, code: &str, text: &str, kind: ErrorKind) -> Error {
    let code = (code != "-").then(|| code.to_owned());
    Error::new(kind, Phase::Authenticate, "no").with_reply(Reply::new(status, code, text))
}

#[test]
fn each_recorded_reply_is_explained_by_its_cause() {
    assert!(recorded().len() > 30);
    for (plain, kind, passes, words) in recorded() {
        let what = plain.to_string();
        let reply = plain.reply().cloned();
        let told = explain(plain);
        let advice = told.advice().unwrap_or_default();
        assert!(advice.contains(words), "{what}: {advice}");
        assert_eq!(told.repeat() == Repeat::Safe, passes, "{what}");
        // What passes is no matter of credentials; the server's words stay as they were.
        let wanted = if passes && kind == ErrorKind::Authentication { ErrorKind::Deferred } else { kind };
        assert_eq!(
            (told.kind(), told.phase(), told.message()),
            (wanted, Phase::Authenticate, "no"),
            "{what}"
        );
        assert_eq!(told.reply(), reply.as_ref());
    }
}

#[test]
fn each_row_of_the_table_has_a_recorded_reply() {
    for (index, cause) in CAUSES.iter().enumerate().filter(|(_, c)| c.token.is_none()) {
        let hit = |(e, ..): &(Error, _, _, _)| find(e).is_some_and(|found| std::ptr::eq(found, cause));
        assert!(recorded().iter().any(hit), "row {index} is never reached: {cause:?}");
    }
}

#[test]
fn a_refused_token_is_told_from_a_refused_password_by_what_google_says_inside_the_exchange() {
    for message in [
        "not accepted: {\"status\":\"400\",\"schemes\":\"Bearer\",\"scope\":\"https://mail.google.com/\"}",
        "explained: {\\\"status\\\":\\\"401\\\",\\\"schemes\\\":\\\"bearer mac\\\"}",
        "explained: { \"status\" : 400 }",
    ] {
        let reply = Reply::new("535", Some("5.7.8".into()), "Username and Password not accepted. - gsmtp");
        let told =
            explain(Error::new(ErrorKind::Authentication, Phase::Authenticate, message).with_reply(reply));
        assert!(told.advice().unwrap().contains("OAuth token was not accepted"), "{told}");
        assert_eq!((told.kind(), told.repeat()), (ErrorKind::Authentication, Repeat::Never));
        let reply = Reply::new("NO", Some("ALERT".into()), "Too many simultaneous connections. (Failure)");
        let told =
            explain(Error::new(ErrorKind::Authentication, Phase::Authenticate, message).with_reply(reply));
        assert_eq!((told.kind(), told.repeat()), (ErrorKind::Deferred, Repeat::Safe), "{told}");
    }
}

#[test]
fn what_gmail_did_not_say_stays_as_it_is() {
    for plain in [
        Error::new(ErrorKind::Timeout, Phase::Connect, "no answer").with_advice("look"),
        error(
            "550",
            "5.1.1",
            "The email account that you tried to reach does not exist. - gsmtp",
            ErrorKind::Rejected,
        )
        .with_advice("look"),
    ] {
        let (kind, repeat) = (plain.kind(), plain.repeat());
        let told = explain(plain);
        assert_eq!((told.kind(), told.repeat(), told.advice()), (kind, repeat, Some("look")));
    }
}

#[test]
fn nothing_becomes_safe_to_repeat_that_may_have_been_done_or_was_refused_for_good() {
    let unsure = error("421", "4.7.0", "Try again later", ErrorKind::Unsure);
    assert_eq!(explain(unsure).repeat(), Repeat::MayDuplicate);
    let refused = |code: &str, text: &str| {
        let address = Address::new("you@example.org").unwrap();
        RecipientOutcome::new(address, Verdict::Refused(Reply::new("550", Some(code.into()), text)))
    };
    let quota = refused("5.4.5", "Daily user sending limit exceeded.");
    let nobody = refused("5.1.1", "does not exist");
    let rejected = || Error::new(ErrorKind::Rejected, Phase::Recipient, "no");
    let told = explain(rejected().with_recipients(vec![quota.clone()]));
    assert_eq!((told.repeat(), told.kind()), (Repeat::Safe, ErrorKind::Rejected));
    let told = explain(rejected().with_recipients(vec![quota, nobody]));
    assert_eq!(told.repeat(), Repeat::Never);
}
