//! The commands of an envelope. Every text in them has a checked type or is xtext: nothing can end a command
//! early.

use super::decimal::Decimal;
use super::{Capabilities, dsn};
use crate::SmtpConfig;
use postrider_core::{Address, Envelope, Error, ErrorKind, Phase, Recipient, Result, ReturnContent};
use std::borrow::Cow;
use std::ops::Range;

/// The lines of one envelope, each with its CRLF. Used again for the next one, it need not grow anew.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EnvelopeLines {
    text: String,
    ends: Vec<usize>,
    /// Delivery-status wishes were left out because the server does not know DSN. The message goes all the
    /// same (RFC 3461 §4 lets a client do so): whoever sends wants it delivered more than reported.
    pub(crate) without_dsn: bool,
}

impl EnvelopeLines {
    /// Writes MAIL and RCPT with all parameters that the server offers and the envelope needs. `size` is that
    /// of the body, in bytes, where known.
    ///
    /// # Errors
    /// `Unsupported` if an address needs SMTPUTF8 and the server lacks it; `InvalidInput` for an envelope
    /// without recipients or a domain that can't be written as A-labels.
    pub(crate) fn write(
        &mut self,
        envelope: &Envelope,
        size: Option<u64>,
        caps: &Capabilities,
        config: &SmtpConfig,
    ) -> Result<()> {
        self.text.clear();
        self.ends.clear();
        if envelope.to.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                Phase::Recipient,
                "the envelope has no recipient",
            )
            .with_advice("give at least one address to send to"));
        }
        let utf8 = envelope.needs_utf8();
        if utf8 && !caps.smtputf8 {
            return Err(Error::new(
                ErrorKind::Unsupported,
                Phase::Sender,
                "an address has characters outside ASCII before the @, and the server does not offer SMTPUTF8",
            )
            .with_advice("use an ASCII address, or a server that offers SMTPUTF8"));
        }
        let wishes = envelope.returned.is_some() || envelope.id.is_some() || config.returned.is_some();
        let wished = |r: &Recipient| r.notify.or(config.notify).is_some() || r.original.is_some();
        self.without_dsn = !caps.dsn && (wishes || envelope.to.iter().any(wished));
        mail(&mut self.text, envelope, utf8, size, caps, config)?;
        self.ends.push(self.text.len());
        for recipient in &envelope.to {
            rcpt(&mut self.text, recipient, caps, config)?;
            self.ends.push(self.text.len());
        }
        Ok(())
    }

    /// These lines, one behind the other: MAIL is number 0, RCPT of the first recipient of the envelope number 1.
    pub(crate) fn lines(&self, numbers: Range<usize>) -> &[u8] {
        let end = |number: usize| number.checked_sub(1).map_or(Some(0), |last| self.ends.get(last).copied());
        let bounds = end(numbers.start).zip(end(numbers.end));
        bounds.and_then(|(from, to)| self.text.as_bytes().get(from..to)).unwrap_or_default()
    }
}

fn mail(
    line: &mut String,
    envelope: &Envelope,
    utf8: bool,
    size: Option<u64>,
    caps: &Capabilities,
    config: &SmtpConfig,
) -> Result<()> {
    line.push_str("MAIL FROM:<");
    if let Some(from) = &envelope.from {
        line.push_str(&wire_address(from, Phase::Sender)?);
    }
    line.push('>');
    let extension = config.mail_extension.as_ref();
    // To say a parameter twice is an error (RFC 5321 §4.1.1.11): whoever names one of ours means to replace it.
    let ours = |name: &str| !extension.is_some_and(|e| e.has(name));
    if let (true, Some(size)) = (caps.size && ours("SIZE"), size) {
        line.push_str(" SIZE=");
        line.push_str(Decimal::new(size).as_str());
    }
    if caps.eight_bit_mime && ours("BODY") {
        line.push_str(" BODY=8BITMIME");
    }
    if utf8 && ours("SMTPUTF8") {
        line.push_str(" SMTPUTF8");
    }
    if caps.dsn {
        match envelope.returned.or(config.returned).filter(|_| ours("RET")) {
            Some(ReturnContent::Full) => line.push_str(" RET=FULL"),
            Some(_) => line.push_str(" RET=HDRS"),
            None => {}
        }
        if let Some(id) = envelope.id.as_ref().filter(|_| ours("ENVID")) {
            line.extend([" ENVID=", &dsn::xtext(id)]);
        }
    }
    if let (Some(submitter), false) = (&config.submitter, caps.auth.is_empty())
        && ours("AUTH")
    {
        line.extend([" AUTH=", &dsn::xtext(submitter.as_str())]);
    }
    if let Some(extension) = extension {
        line.extend([" ", extension.as_str()]);
    }
    line.push_str("\r\n");
    Ok(())
}

fn rcpt(line: &mut String, recipient: &Recipient, caps: &Capabilities, config: &SmtpConfig) -> Result<()> {
    line.push_str("RCPT TO:<");
    line.push_str(&wire_address(&recipient.address, Phase::Recipient)?);
    line.push('>');
    if caps.dsn {
        if let Some(notify) = recipient.notify.or(config.notify) {
            line.extend([" NOTIFY=", &dsn::notify(notify)]);
        }
        if let Some(original) = &recipient.original {
            line.extend([" ORCPT=", &dsn::original(original.as_str())]);
        }
    }
    line.push_str("\r\n");
    Ok(())
}

/// The address as it goes on the wire: with an ASCII local part an international domain becomes A-labels, so
/// that no SMTPUTF8 is needed anywhere on the way (RFC 6531 §3.2).
fn wire_address(address: &Address, phase: Phase) -> Result<Cow<'_, str>> {
    if address.is_ascii() || !address.local().is_ascii() {
        return Ok(Cow::Borrowed(address.as_str()));
    }
    let domain = idna::domain_to_ascii_strict(address.domain()).map_err(|_| {
        Error::new(
            ErrorKind::InvalidInput,
            phase,
            format!("\"{}\" is no international domain name", address.domain().escape_debug()),
        )
        .with_advice("check the part after the @")
    })?;
    Ok(Cow::Owned(format!("{}@{domain}", address.local())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Notify, Target, TlsMode};
    use postrider_wire::Login;

    fn config() -> SmtpConfig {
        let target = Target::new("h", 465, TlsMode::Implicit).unwrap();
        SmtpConfig::new(target.clone(), Login::none(&target))
    }

    struct Lines {
        mail: String,
        rcpt: Vec<String>,
        without_dsn: bool,
    }

    fn envelope_lines(
        envelope: &Envelope,
        size: Option<u64>,
        caps: &Capabilities,
        config: &SmtpConfig,
    ) -> Result<Lines> {
        let mut lines = EnvelopeLines::default();
        lines.write(envelope, size, caps, config)?;
        let mut all = (0..)
            .map(|n| lines.lines(n..n + 1))
            .take_while(|l| !l.is_empty())
            .map(|l| String::from_utf8(l.to_vec()).unwrap());
        Ok(Lines { mail: all.next().unwrap(), rcpt: all.collect(), without_dsn: lines.without_dsn })
    }

    fn lines(envelope: &Envelope, size: Option<u64>, caps: &Capabilities) -> Lines {
        envelope_lines(envelope, size, caps, &config()).unwrap()
    }

    #[test]
    fn parameters_go_only_to_servers_that_know_them() {
        let mut envelope = Envelope::parse(Some("a@b"), ["c@d"]).unwrap().with_id("x+y = z").unwrap();
        envelope = envelope.with_returned(ReturnContent::Headers);
        envelope.to[0].notify = Some(Notify::On { success: true, failure: false, delay: true });
        envelope.to[0].original = Some("o+r@d".parse().unwrap());
        let none = Capabilities::default();
        let bare = lines(&envelope, Some(5), &none);
        assert_eq!((bare.mail.as_str(), bare.rcpt[0].as_str()), ("MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n"));
        assert!(bare.without_dsn);
        let all =
            Capabilities { size: true, eight_bit_mime: true, smtputf8: true, dsn: true, ..none.clone() };
        let full = lines(&envelope, Some(5), &all);
        assert_eq!(full.mail, "MAIL FROM:<a@b> SIZE=5 BODY=8BITMIME RET=HDRS ENVID=x+2By+20+3D+20z\r\n");
        assert_eq!(full.rcpt, ["RCPT TO:<c@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o+2Br@d\r\n"]);
        assert!(!full.without_dsn);
        let null = lines(&Envelope::parse(None, ["c@d"]).unwrap(), None, &all);
        assert_eq!(null.mail, "MAIL FROM:<> BODY=8BITMIME\r\n");
    }

    #[test]
    fn the_properties_wishes_stand_where_the_envelope_has_none() {
        let envelope = Envelope::parse(Some("a@b"), ["c@d", "e@f"]).unwrap();
        let mut config = config();
        config.notify = Some(Notify::Never);
        config.returned = Some(ReturnContent::Full);
        config.submitter = Some("me+you@x".parse().unwrap());
        let caps = Capabilities { dsn: true, auth: vec!["PLAIN".into()], ..Capabilities::default() };
        let out = envelope_lines(&envelope, Some(1), &caps, &config).unwrap();
        assert_eq!(out.mail, "MAIL FROM:<a@b> RET=FULL AUTH=me+2Byou@x\r\n");
        assert_eq!(out.rcpt[1], "RCPT TO:<e@f> NOTIFY=NEVER\r\n");
        let own = envelope.with_notify(Notify::On { success: false, failure: true, delay: false });
        let own = own.with_returned(ReturnContent::Headers);
        let out = envelope_lines(&own, Some(1), &caps, &config).unwrap();
        assert!(out.mail.contains("RET=HDRS") && out.rcpt[0].contains("NOTIFY=FAILURE"), "{}", out.mail);
    }

    #[test]
    fn parameters_of_the_user_s_own_come_last_and_replace_ours_of_the_same_name() {
        let envelope = Envelope::parse(Some("a@b"), ["c@d"]).unwrap();
        let caps = Capabilities { size: true, eight_bit_mime: true, ..Capabilities::default() };
        for (text, line) in [
            ("XVERP", "MAIL FROM:<a@b> SIZE=5 BODY=8BITMIME XVERP\r\n"),
            ("body=BINARYMIME BY=120;R", "MAIL FROM:<a@b> SIZE=5 body=BINARYMIME BY=120;R\r\n"),
        ] {
            let mut config = config();
            config.mail_extension = Some(crate::MailParameters::parse(text).unwrap());
            assert_eq!(envelope_lines(&envelope, Some(5), &caps, &config).unwrap().mail, line);
        }
    }

    #[test]
    fn international_addresses_need_smtputf8_only_for_their_local_part() {
        let none = Capabilities::default();
        let utf8 = Capabilities { smtputf8: true, ..none.clone() };
        let domain = Envelope::parse(Some("a@exämple.org"), ["c@d"]).unwrap();
        for caps in [&none, &utf8] {
            assert_eq!(lines(&domain, None, caps).mail, "MAIL FROM:<a@xn--exmple-cua.org>\r\n");
        }
        let local = Envelope::parse(None, ["grüße@exämple.org"]).unwrap();
        let error = envelope_lines(&local, None, &none, &config()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let out = lines(&local, None, &utf8);
        assert_eq!(out.mail, "MAIL FROM:<> SMTPUTF8\r\n");
        assert_eq!(out.rcpt, ["RCPT TO:<grüße@exämple.org>\r\n"]);
        // Two labels once the mapping is done, and a bidi rule broken: no name at all.
        let bad = Envelope::parse(None, ["a@א1b.example"]).unwrap();
        assert_eq!(
            envelope_lines(&bad, None, &none, &config()).err().unwrap().kind(),
            ErrorKind::InvalidInput
        );
        let mut empty = local;
        empty.to.clear();
        assert_eq!(
            envelope_lines(&empty, None, &utf8, &config()).err().unwrap().kind(),
            ErrorKind::InvalidInput
        );
    }
}
