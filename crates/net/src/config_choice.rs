//! The choices of a target that a TLS configuration depends on, apart from files.

use crate::config::fault;
use crate::verify::{Verifier, Voucher};
use postrider_core::{CipherSuite, Fingerprint, Result, Target, TlsVersion};
use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, SupportedProtocolVersion};
use std::sync::Arc;

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Choice {
    /// The certificate must be for the host.
    name: bool,
    /// Any certificate will do.
    blind: bool,
    fingerprints: Vec<Fingerprint>,
    protocols: Vec<TlsVersion>,
    suites: Vec<CipherSuite>,
}

impl Choice {
    pub(crate) fn of(target: &Target) -> Self {
        let options = &target.tls_options;
        Self {
            name: options.check_server_identity,
            blind: options.trust.is_blind_for(&target.host),
            fingerprints: options.fingerprints.clone(),
            protocols: options.protocols.clone(),
            suites: options.cipher_suites.clone(),
        }
    }

    /// Says once for each configuration what an attacker could make of it.
    pub(crate) fn warn(&self, host: &str) {
        if !self.fingerprints.is_empty() {
            return;
        }
        if self.blind {
            tracing::warn!(
                host,
                "ssl.trust accepts any certificate: whoever is on the way can be the server; pin its certificate by \
                 ssl.fingerprints instead"
            );
        }
        if !self.name {
            tracing::warn!(
                host,
                "ssl.checkserveridentity=false accepts a certificate for any name: whoever has one can be the \
                 server; pin its certificate by ssl.fingerprints instead"
            );
        }
    }

    pub(crate) fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let may = |version| self.protocols.is_empty() || self.protocols.contains(&version);
        let mut versions = Vec::new();
        if may(TlsVersion::Tls13) {
            versions.push(&TLS13);
        }
        if may(TlsVersion::Tls12) {
            versions.push(&TLS12);
        }
        versions
    }

    pub(crate) fn provider(&self, all: &Arc<CryptoProvider>) -> Result<Arc<CryptoProvider>> {
        if self.suites.is_empty() {
            return Ok(all.clone());
        }
        let mut cipher_suites = Vec::new();
        for chosen in &self.suites {
            let found = all.cipher_suites.iter().find(|suite| u16::from(suite.suite()) == chosen.code());
            cipher_suites.push(*found.ok_or_else(|| {
                fault(format!("ssl.ciphersuites names {}, which is not built in", chosen.name()))
            })?);
        }
        Ok(Arc::new(CryptoProvider { cipher_suites, ..CryptoProvider::clone(all) }))
    }

    /// The judge of certificates, unless authorities and name decide as usual.
    pub(crate) fn verifier(
        &self,
        roots: impl Fn() -> Result<Arc<RootCertStore>>,
        provider: &CryptoProvider,
    ) -> Result<Option<Verifier>> {
        let voucher = if !self.fingerprints.is_empty() {
            Voucher::Fingerprints(self.fingerprints.clone())
        } else if self.blind {
            Voucher::Nobody
        } else if self.name {
            return Ok(None);
        } else {
            Voucher::Authorities(roots()?)
        };
        let supported = provider.signature_verification_algorithms;
        Ok(Some(Verifier { voucher, name: self.name, supported }))
    }
}
