//! Whom to trust.
//!
//! The system's authorities come from rustls-native-certs, not from rustls-platform-verifier: so every
//! certificate, whether its authority is the system's, a fixed one or a file's, goes through one verifier
//! (webpki) and fails with the same typed errors on every platform; and no operating system's verifier
//! blocks a runtime thread during a handshake. On Linux both read the same files. What is given up is the
//! revocation check and the roots on demand of Windows and macOS.

use crate::pem;
use postrider_core::{Error, ErrorKind, Phase, Result};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use std::sync::{Arc, OnceLock};

/// Where trust comes from when a target has no file of its own.
pub(crate) enum Roots {
    System(OnceLock<Arc<RootCertStore>>),
    Fixed(Arc<RootCertStore>),
}

impl Roots {
    pub(crate) fn system() -> Self {
        Self::System(OnceLock::new())
    }

    pub(crate) fn fixed(pem: &[u8]) -> Result<Self> {
        let store = pem::certificates(pem).and_then(store);
        store.map(|store| Self::Fixed(Arc::new(store))).map_err(|why| {
            let message = format!("the PEM text of trusted certificates can't be used: {why}");
            Error::new(ErrorKind::Configuration, Phase::Configure, message)
                .with_advice("give -----BEGIN CERTIFICATE----- blocks of at least one authority")
        })
    }

    /// The authorities. Reads files the first time: blocking.
    pub(crate) fn store(&self) -> Result<Arc<RootCertStore>> {
        let cell = match self {
            Self::Fixed(store) => return Ok(store.clone()),
            Self::System(cell) => cell,
        };
        if let Some(store) = cell.get() {
            return Ok(store.clone());
        }
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some of the system's certificate authorities can't be read");
        }
        match store(found.certs) {
            // An empty store is not kept: the package may be installed while the program runs.
            Ok(store) => Ok(cell.get_or_init(|| Arc::new(store)).clone()),
            Err(_) => Err(Error::new(
                ErrorKind::Configuration,
                Phase::Configure,
                "this system has no certificate authorities to trust",
            )
            .with_property("ssl.cafile", None)
            .with_advice("install the package ca-certificates, or name a PEM file in ssl.cafile")),
        }
    }
}

/// A store of all certificates that can stand for an authority; an error if none can.
pub(crate) fn store(certificates: Vec<CertificateDer<'static>>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(certificates);
    if added == 0 { Err("none of its certificates can be read".into()) } else { Ok(store) }
}
