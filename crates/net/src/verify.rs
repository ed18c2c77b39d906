//! Whether the server is who it should be, where a target says it otherwise than "an authority vouches for the
//! name": by fingerprints, without the name, or by anybody.
//!
//! Whatever is left out here, the handshake's signature is always checked: the server holds the private key of the
//! certificate it shows. See docs/adr/0008-trust-and-pins.md.

use postrider_core::Fingerprint;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// Who has to vouch for a certificate.
#[derive(Debug)]
pub(crate) enum Voucher {
    /// An authority.
    Authorities(Arc<RootCertStore>),
    /// Its own fingerprint, which also settles whose it is.
    Fingerprints(Vec<Fingerprint>),
    /// Nobody.
    Nobody,
}

/// The judge of certificates.
#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) voucher: Voucher,
    /// The certificate must be for the host.
    pub(crate) name: bool,
    pub(crate) supported: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        match &self.voucher {
            Voucher::Fingerprints(known) => {
                let shown = Shown {
                    certificate: hash(end_entity),
                    key: hash(&certificate.subject_public_key_info()),
                };
                if known.contains(&shown.certificate) || known.contains(&shown.key) {
                    return Ok(ServerCertVerified::assertion());
                }
                return Err(CertificateError::Other(OtherError(Arc::new(shown))).into());
            }
            Voucher::Authorities(roots) => {
                let all = self.supported.all;
                verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, all)?;
            }
            Voucher::Nobody => {}
        }
        if self.name {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.supported)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.supported)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.supported.supported_schemes()
    }
}

pub(crate) fn hash(bytes: &[u8]) -> Fingerprint {
    Fingerprint::new(Sha256::digest(bytes).into())
}

/// What a certificate with none of the expected fingerprints has instead.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) certificate: Fingerprint,
    pub(crate) key: Fingerprint,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the certificate's fingerprint is {}, its public key's {}", self.certificate, self.key)
    }
}

impl std::error::Error for Shown {}
