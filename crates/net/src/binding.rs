//! Channel binding: what an authentication can be tied to so that nobody in the middle can pass it on.

use postrider_core::ChannelBinding;
use rustls::{ClientConnection, ProtocolVersion};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// `tls-exporter` (RFC 9266) in TLS 1.3. In TLS 1.2 the exporter is only safe with the extended master
/// secret, so there it is `tls-server-end-point` (RFC 5929 §4), where the certificate allows it.
pub(crate) fn of(connection: &ClientConnection) -> Option<ChannelBinding> {
    if connection.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
        let value =
            connection.export_keying_material([0u8; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()?;
        return Some(ChannelBinding::new("tls-exporter", value.to_vec()));
    }
    let certificate = connection.peer_certificates()?.first()?;
    Some(ChannelBinding::new("tls-server-end-point", end_point(certificate)?))
}

/// The certificate's hash, by the hash function of its signature; MD5 and SHA-1 are replaced by SHA-256.
/// Signatures that name none or several (Ed25519, RSA-PSS) leave it undefined.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
    const ECDSA_SHA2: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    let oid = signature_oid(certificate)?;
    let (last, family) = oid.split_last()?;
    let sha256 = || Some(Sha256::digest(certificate).to_vec());
    let sha384 = || Some(Sha384::digest(certificate).to_vec());
    let sha512 = || Some(Sha512::digest(certificate).to_vec());
    match (family, *last) {
        (RSA, 4 | 5 | 11) | (ECDSA_SHA2, 2) => sha256(),
        (RSA, 12) | (ECDSA_SHA2, 3) => sha384(),
        (RSA, 13) | (ECDSA_SHA2, 4) => sha512(),
        _ if oid == ECDSA_SHA1 => sha256(),
        _ => None,
    }
}

/// `Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID, … }, … }`
/// (RFC 5280 §4.1).
fn signature_oid(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const OID: u8 = 0x06;
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (_, after_tbs) = element(certificate, SEQUENCE)?;
    let (algorithm, _) = element(after_tbs, SEQUENCE)?;
    element(algorithm, OID).map(|(oid, _)| oid)
}

/// The content of a DER element of this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        // Four octets hold any certificate.
        let long = bytes.iter().fold(0usize, |sum, byte| (sum << 8) | usize::from(*byte));
        (if bytes.len() <= 4 { long } else { return None }, rest)
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn certificate(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
        let key = KeyPair::generate_for(algorithm).unwrap();
        CertificateParams::new(vec!["a.example".into()]).unwrap().self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_hash_is_that_of_the_signature_or_none() {
        let sha256 = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
        assert_eq!(end_point(&sha256).unwrap(), Sha256::digest(&sha256).to_vec());
        let sha384 = certificate(&rcgen::PKCS_ECDSA_P384_SHA384);
        assert_eq!(end_point(&sha384).unwrap(), Sha384::digest(&sha384).to_vec());
        assert!(end_point(&certificate(&rcgen::PKCS_ED25519)).is_none());
    }

    #[test]
    fn a_certificate_cut_anywhere_is_no_panic() {
        let whole = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
        for end in 0..whole.len() {
            assert!(end_point(&whole[..end]).is_none());
        }
        assert!(element(&[0x30, 0xff], 0x30).is_none());
    }
}
