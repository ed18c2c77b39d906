//! What the program is told.

use postrider_core::{Envelope, Error, ErrorKind, Notify, Phase, Result, ReturnContent};

/// The arguments: those of the configuration, then ours. Each address is one argument, and an [`Address`] holds no
/// NUL; those of recipients stand behind `--`, and the sender's is what follows `-f`, so a leading hyphen is harmless.
///
/// [`Address`]: postrider_core::Address
pub(crate) fn arguments(before: &[String], envelope: &Envelope) -> Result<Vec<String>> {
    let mut all = before.to_vec();
    // A line of a single dot is part of the message.
    all.push("-i".into());
    all.push("-f".into());
    all.push(envelope.from.as_ref().map_or_else(|| "<>".to_owned(), |from| from.as_str().to_owned()));
    if let Some(notify) = notify(envelope)? {
        all.extend(["-N".into(), notify]);
    }
    if let Some(returned) = envelope.returned {
        all.extend(["-R".into(), if returned == ReturnContent::Full { "full" } else { "hdrs" }.into()]);
    }
    if let Some(id) = &envelope.id {
        all.extend(["-V".into(), id.clone()]);
    }
    all.push("--".into());
    all.extend(envelope.to.iter().map(|r| r.address.as_str().to_owned()));
    Ok(all)
}

/// The one wish for delivery reports that all recipients share.
fn notify(envelope: &Envelope) -> Result<Option<String>> {
    let mut wishes = envelope.to.iter().map(|r| r.notify);
    let first = wishes.next().flatten();
    if wishes.any(|wish| wish != first) {
        let what = "the program takes one wish for delivery reports, not one for each recipient";
        return Err(Error::new(ErrorKind::Unsupported, Phase::Recipient, what)
            .with_advice("send to recipients with other wishes apart"));
    }
    Ok(first.map(|wish| match wish {
        Notify::On { success, failure, delay } if success || failure || delay => {
            let words = [(success, "success"), (failure, "failure"), (delay, "delay")];
            words.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect::<Vec<_>>().join(",")
        }
        _ => "never".into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::Address;

    #[test]
    fn addresses_that_look_like_options_or_commands_are_addresses() {
        let envelope = Envelope::parse(Some("-x@example.org"), ["-oQ/tmp@example.org", "`id`@example.org"]);
        let all = arguments(&["-C".into(), "/etc/x".into()], &envelope.unwrap()).unwrap();
        let want =
            ["-C", "/etc/x", "-i", "-f", "-x@example.org", "--", "-oQ/tmp@example.org", "`id`@example.org"];
        assert_eq!(all, want);
        let null = Envelope::parse(None, ["a@b"]).unwrap();
        assert_eq!(arguments(&[], &null).unwrap(), ["-i", "-f", "<>", "--", "a@b"]);
    }

    #[test]
    fn wishes_for_reports_are_passed_on_and_what_the_program_cannot_do_is_said() {
        let on = Notify::On { success: true, failure: false, delay: true };
        let mut envelope = Envelope::parse(None, ["a@b", "c@d"]).unwrap().with_notify(on);
        envelope = envelope.with_returned(ReturnContent::Headers).with_id("a b").unwrap();
        let all = arguments(&[], &envelope).unwrap().join(" ");
        assert_eq!(all, "-i -f <> -N success,delay -R hdrs -V a b -- a@b c@d");
        envelope.to.push(Address::new("e@f").unwrap().into());
        assert_eq!(arguments(&[], &envelope).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
