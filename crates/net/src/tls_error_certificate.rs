//! Why the server's certificate was not accepted, in words a person can act on.

use crate::tls_error::{server, tls};
use crate::verify::Shown;
use postrider_core::{Error, Target};
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, OtherError};

/// The server's certificate was not accepted.
pub(crate) fn refused(target: &Target, cause: &CertificateError) -> Error {
    let server = server(target);
    match cause {
        CertificateError::UnknownIssuer => unknown_issuer(target),
        CertificateError::ExpiredContext { not_after, .. } => {
            let day = date(*not_after);
            expired(format!("the certificate of {server} expired on {day}"))
        }
        CertificateError::Expired => expired(format!("the certificate of {server} has expired")),
        CertificateError::NotValidYetContext { not_before, .. } => {
            let day = date(*not_before);
            not_yet(format!("the certificate of {server} is valid only from {day}"))
        }
        CertificateError::NotValidYet => not_yet(format!("the certificate of {server} is not yet valid")),
        CertificateError::NotValidForNameContext { presented, .. } => other_name(target, presented),
        CertificateError::NotValidForName => other_name(target, &[]),
        // webpki's own error type is not in the public interface of rustls; its Debug form is its name.
        CertificateError::Other(why) if format!("{why:?}").contains("CaUsedAsEndEntity") => tls(
            format!("the certificate of {server} is that of an authority (CA:TRUE), not of a server"),
            "make the server a certificate that says CA:FALSE (`openssl req -x509 -addext \
             basicConstraints=critical,CA:FALSE …`) and name it, or the authority that signed it, in ssl.cafile",
        ),
        CertificateError::Other(OtherError(why)) if why.is::<Shown>() => tls(
            format!("the certificate of {server} has none of the fingerprints in ssl.fingerprints: {why}"),
            "somebody may pretend to be the server; if whoever runs it confirms that its certificate was \
             replaced, write the new fingerprint into ssl.fingerprints",
        ),
        other => tls(
            format!("the certificate of {server} is not accepted: {other}"),
            "the server needs another certificate",
        ),
    }
}

fn unknown_issuer(target: &Target) -> Error {
    let server = server(target);
    match &target.tls_options.ca_file {
        Some(file) => tls(
            format!(
                "the certificate of {server} is not signed by an authority of ssl.cafile \"{}\"",
                file.display()
            ),
            "ssl.cafile replaces the system's authorities: add the one that signed this certificate, or, if \
             it is self-signed, the certificate itself; the server must send its intermediate certificates",
        ),
        None => tls(
            format!("the certificate of {server} is self-signed or of an authority that is not trusted here"),
            "if it is the right server, name the PEM file of its authority, or of its self-signed \
             certificate, in ssl.cafile, or the certificate's fingerprint in ssl.fingerprints; with a public \
             authority the server fails to send its intermediate certificates",
        )
        .with_property("ssl.cafile", None),
    }
}

fn expired(message: String) -> Error {
    tls(message, "the server's certificate has to be renewed; or this machine's clock is wrong")
}

fn not_yet(message: String) -> Error {
    tls(message, "check this machine's clock")
}

fn other_name(target: &Target, presented: &[String]) -> Error {
    // rustls shows them as `DnsName("a.example")`.
    let names: Vec<&str> = presented.iter().map(|name| plain(name)).collect();
    let host = target.host.escape_debug();
    let only = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
    let message = format!("the certificate is not for \"{host}\" but for {}", only.escape_debug());
    let usable = names.iter().find(|name| !name.contains('*'));
    tls(
        message,
        match usable {
            Some(name) => format!(
                "if that is the server you mean, give its name as the host property, such as {}",
                name.escape_debug()
            ),
            None => {
                "the server needs a certificate with this host among its subject alternative names".into()
            }
        },
    )
}

fn plain(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"')
}

/// The day in UTC, as 2026-11-24 (Howard Hinnant's civil_from_days).
pub(crate) fn date(time: UnixTime) -> String {
    let days = i64::try_from(time.as_secs() / 86_400).unwrap_or(i64::MAX / 1_000_000) + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", year_of_era + era * 400 + carry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn days_are_counted_right_over_leap_years() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_609_459_199, "2020-12-31"),
            (1_795_478_400, "2026-11-24"),
        ] {
            assert_eq!(date(UnixTime::since_unix_epoch(Duration::from_secs(seconds))), day);
        }
    }

    #[test]
    fn names_are_shown_as_they_are_in_the_certificate() {
        assert_eq!(plain("DnsName(\"*.a.example\")"), "*.a.example");
        assert_eq!(plain("IpAddress(127.0.0.1)"), "127.0.0.1");
        assert_eq!(plain("a.example"), "a.example");
    }
}
