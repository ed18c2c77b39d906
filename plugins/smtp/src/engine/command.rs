//! The commands of an envelope. Every text in them has a checked type: nothing can end a command early.

use super::{Capabilities, dsn};
use crate::SmtpConfig;
use postrider_core::{Address, Envelope, Error, ErrorKind, Phase, Recipient, Result, ReturnContent};

/// MAIL FROM with all parameters that the server offers and the envelope needs.
///
/// # Errors
/// `Unsupported` if an address needs SMTPUTF8 and the server lacks it.
pub(crate) fn mail_from(
    envelope: &Envelope,
    size: Option<u64>,
    caps: &Capabilities,
    config: &SmtpConfig,
) -> Result<String> {
    let utf8 = envelope.needs_utf8();
    if utf8 && !caps.smtputf8 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            Phase::Sender,
            "an address has characters outside ASCII before the @, and the server does not offer SMTPUTF8",
        )
        .with_advice("use an ASCII address, or a server that offers SMTPUTF8"));
    }
    let from = envelope.from.as_ref().map(|a| wire_address(a, caps)).transpose()?.unwrap_or_default();
    let mut line = format!("MAIL FROM:<{from}>");
    if let (true, Some(size)) = (caps.size, size) {
        line.push_str(&format!(" SIZE={size}"));
    }
    if caps.eight_bit_mime {
        line.push_str(" BODY=8BITMIME");
    }
    if utf8 || (caps.smtputf8 && !from.is_ascii()) {
        line.push_str(" SMTPUTF8");
    }
    if caps.dsn {
        match envelope.returned.or(config.returned) {
            Some(ReturnContent::Full) => line.push_str(" RET=FULL"),
            Some(_) => line.push_str(" RET=HDRS"),
            None => {}
        }
        if let Some(id) = &envelope.id {
            line.push_str(&format!(" ENVID={}", dsn::xtext(id)));
        }
    }
    if let (Some(submitter), false) = (&config.submitter, caps.auth.is_empty()) {
        line.push_str(&format!(" AUTH={}", dsn::xtext(submitter.as_str())));
    }
    line.push_str("\r\n");
    Ok(line)
}

/// RCPT TO with its delivery-status wishes, where the server knows DSN.
///
/// # Errors
/// `InvalidInput` if the domain can't be written as A-labels.
pub(crate) fn rcpt_to(recipient: &Recipient, caps: &Capabilities, config: &SmtpConfig) -> Result<String> {
    let mut line = format!("RCPT TO:<{}>", wire_address(&recipient.address, caps)?);
    if caps.dsn {
        if let Some(notify) = recipient.notify.or(config.notify) {
            line.push_str(&format!(" NOTIFY={}", dsn::notify(notify)));
        }
        if let Some(original) = &recipient.original {
            line.push_str(&format!(" ORCPT=rfc822;{}", dsn::xtext(original.as_str())));
        }
    }
    line.push_str("\r\n");
    Ok(line)
}

/// The address as it goes on the wire: a domain outside ASCII as A-labels unless the server takes UTF-8
/// and the local part needs it anyway (RFC 6531 §3.2).
fn wire_address(address: &Address, caps: &Capabilities) -> Result<String> {
    if address.is_ascii() || (caps.smtputf8 && !address.local().is_ascii()) {
        return Ok(address.as_str().to_owned());
    }
    let domain = idna::domain_to_ascii_strict(address.domain()).map_err(|_| {
        Error::new(
            ErrorKind::InvalidInput,
            Phase::Recipient,
            format!("\"{}\" is no international domain name", address.domain().escape_debug()),
        )
    })?;
    Ok(format!("{}@{domain}", address.local()))
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

    #[test]
    fn parameters_go_only_to_servers_that_know_them() {
        let mut envelope = Envelope::parse(Some("a@b"), ["c@d"]).unwrap().with_id("x+y=z").unwrap();
        envelope = envelope.with_returned(ReturnContent::Headers);
        let none = Capabilities::default();
        assert_eq!(mail_from(&envelope, Some(5), &none, &config()).unwrap(), "MAIL FROM:<a@b>\r\n");
        let all =
            Capabilities { size: true, eight_bit_mime: true, smtputf8: true, dsn: true, ..none.clone() };
        assert_eq!(
            mail_from(&envelope, Some(5), &all, &config()).unwrap(),
            "MAIL FROM:<a@b> SIZE=5 BODY=8BITMIME RET=HDRS ENVID=x+2By+3Dz\r\n"
        );
        let null = Envelope::parse(None, ["c@d"]).unwrap();
        assert_eq!(mail_from(&null, None, &none, &config()).unwrap(), "MAIL FROM:<>\r\n");
        let mut to = Recipient::new("c@d".parse().unwrap());
        to.notify = Some(Notify::On { success: true, failure: false, delay: true });
        to.original = Some("o+r@d".parse().unwrap());
        assert_eq!(
            rcpt_to(&to, &all, &config()).unwrap(),
            "RCPT TO:<c@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o+2Br@d\r\n"
        );
        assert_eq!(rcpt_to(&to, &none, &config()).unwrap(), "RCPT TO:<c@d>\r\n");
    }

    #[test]
    fn international_addresses_need_smtputf8_only_for_their_local_part() {
        let none = Capabilities::default();
        let domain = Envelope::parse(Some("a@exämple.org"), ["c@d"]).unwrap();
        assert_eq!(
            mail_from(&domain, None, &none, &config()).unwrap(),
            "MAIL FROM:<a@xn--exmple-cua.org>\r\n"
        );
        let local = Envelope::parse(None, ["grüße@d"]).unwrap();
        assert_eq!(mail_from(&local, None, &none, &config()).unwrap_err().kind(), ErrorKind::Unsupported);
        let utf8 = Capabilities { smtputf8: true, ..none };
        assert_eq!(mail_from(&local, None, &utf8, &config()).unwrap(), "MAIL FROM:<> SMTPUTF8\r\n");
    }
}
