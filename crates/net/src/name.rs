//! The host of a target as lookup and certificate check want it.

use postrider_core::{Error, ErrorKind, Phase, Result};
use rustls::pki_types::{DnsName, ServerName};
use std::net::IpAddr;

/// An address, or a name in ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostName {
    Address(IpAddr),
    Name(String),
}

impl HostName {
    /// Reads a host as a user writes it: a name, also beyond ASCII (RFC 5891), or an address, also in
    /// brackets.
    pub(crate) fn read(host: &str) -> Result<Self> {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(host).parse() {
            return Ok(Self::Address(address));
        }
        if bare.is_some() || host.is_empty() {
            return Err(fault(host, "only an IP address stands in brackets"));
        }
        if host.is_ascii() {
            return Ok(Self::Name(host.to_owned()));
        }
        // A letter beyond ASCII may stand for one that no host name has, such as a full-width slash.
        let ascii = idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::URL);
        ascii
            .map(|name| Self::Name(name.into_owned()))
            .map_err(|_| fault(host, "it is not a valid internationalised name (IDNA)"))
    }

    /// What the certificate must be for. The dot that ends an absolute name is not part of it.
    pub(crate) fn server_name(&self) -> Result<ServerName<'static>> {
        match self {
            Self::Address(address) => Ok(ServerName::from(address.to_canonical())),
            Self::Name(name) => {
                let name = name.strip_suffix('.').unwrap_or(name).to_owned();
                DnsName::try_from(name.clone())
                    .map(ServerName::DnsName)
                    .map_err(|_| fault(&name, "no certificate can be for it"))
            }
        }
    }
}

fn fault(host: &str, why: &str) -> Error {
    let message = format!("\"{}\" is not a host name: {why}", host.escape_debug());
    Error::new(ErrorKind::InvalidInput, Phase::Resolve, message)
        .with_advice("give the host property a name such as mail.example.org or an IP address")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_name(host: &str) -> String {
        HostName::read(host).unwrap().server_name().unwrap().to_str().into_owned()
    }

    #[test]
    fn names_and_addresses_become_what_a_certificate_is_for() {
        assert_eq!(server_name("mail.example.org"), "mail.example.org");
        assert_eq!(server_name("mail.example.org."), "mail.example.org");
        assert_eq!(server_name("Bücher.example"), "xn--bcher-kva.example");
        assert_eq!(server_name("my_host.example"), "my_host.example");
        assert_eq!(server_name("127.0.0.1"), "127.0.0.1");
        assert_eq!(server_name("[::1]"), "::1");
        assert_eq!(server_name("::1"), "::1");
    }

    #[test]
    fn what_can_be_neither_says_why() {
        for (host, why) in [("[mail.example.org]", "brackets"), ("é\u{ff0f}x", "IDNA")] {
            let error = HostName::read(host).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{host}");
            assert!(error.message().contains(why), "{error}");
        }
        let number = HostName::read("2130706433").unwrap();
        assert!(number.server_name().unwrap_err().message().contains("no certificate"));
    }
}
