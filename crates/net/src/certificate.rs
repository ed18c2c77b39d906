//! What a certificate says, for people. Whether it is to be trusted is decided elsewhere.

use crate::tls_error_certificate::date;
use rustls::pki_types::UnixTime;
use std::net::IpAddr;
use std::time::Duration;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

/// More names than this are of no use to a reader.
const NAMES: usize = 100;

/// The readable part of an X.509 certificate (RFC 5280). Everything in it was written by whoever made the
/// certificate; control characters are escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate {
    /// Whom it is for: the common name, else the whole distinguished name.
    pub subject: String,
    /// Who signed it, as `subject`.
    pub issuer: String,
    /// The host names and addresses it is good for, at most 100.
    pub names: Vec<String>,
    /// Good from then on, in seconds since 1970 (UTC).
    pub not_before: i64,
    /// Good until then, in seconds since 1970 (UTC).
    pub not_after: i64,
}

impl Certificate {
    /// Reads a certificate in DER; `None` if it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let validity = certificate.validity();
        let mut names = Vec::new();
        if let Ok(Some(alternatives)) = certificate.subject_alternative_name() {
            names.extend(alternatives.value.general_names.iter().filter_map(name).take(NAMES));
        }
        Some(Self {
            subject: distinguished(certificate.subject()),
            issuer: distinguished(certificate.issuer()),
            names,
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
        })
    }

    /// The first and the last day it is good, in UTC: `2026-11-24`.
    pub fn days(&self) -> (String, String) {
        let day = |seconds: i64| {
            let seconds = u64::try_from(seconds).unwrap_or_default();
            date(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
        };
        (day(self.not_before), day(self.not_after))
    }
}

fn name(general: &GeneralName<'_>) -> Option<String> {
    match general {
        GeneralName::DNSName(name) => Some(shown(name)),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(|ip| ip.to_string())
        }
        _ => None,
    }
}

fn distinguished(name: &X509Name<'_>) -> String {
    let common = name.iter_common_name().find_map(|part| part.as_str().ok());
    match common {
        Some(text) => shown(text),
        None => shown(&name.to_string()),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(200).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

    fn made() -> Vec<u8> {
        let names = ["a.example".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "A\u{1b}[2J server");
        params.not_before = date_time_ymd(2026, 1, 2);
        params.not_after = date_time_ymd(2027, 3, 4);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn names_days_and_issuer_are_read_and_nothing_steers_a_terminal() {
        let certificate = Certificate::read(&made()).unwrap();
        assert_eq!(certificate.names, ["a.example", "127.0.0.1"]);
        assert_eq!(certificate.days(), ("2026-01-02".to_owned(), "2027-03-04".to_owned()));
        assert_eq!(certificate.subject, "A\\u{1b}[2J server");
        assert_eq!(certificate.issuer, certificate.subject);
    }

    #[test]
    fn what_is_cut_or_bent_is_no_certificate_and_no_panic() {
        let der = made();
        for length in 0..der.len() {
            assert_eq!(Certificate::read(&der[..length]), None, "{length}");
        }
        for at in 0..der.len() {
            let mut bent = der.clone();
            bent[at] ^= 0xff;
            let _ = Certificate::read(&bent).map(|certificate| certificate.days());
        }
    }
}
