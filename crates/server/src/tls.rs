//! A certificate authority and a server certificate, made at start.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use tokio_rustls::TlsAcceptor;

use crate::dates;
use crate::options::Options;

/// What a session may know of its TLS.
#[derive(Debug, Clone)]
pub(crate) struct Info {
    /// RFC 9266's `tls-exporter` channel binding; only TLS 1.3 is safe without more ado.
    pub(crate) exporter: Option<[u8; 32]>,
}

impl Info {
    pub(crate) fn of(connection: &ServerConnection) -> Self {
        let tls13 = connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        let export =
            || connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok();
        Self { exporter: if tls13 { export() } else { None } }
    }
}

/// Makes the authority and the server's side of TLS; returns the authority's certificate as PEM.
pub(crate) fn prepare(options: &Options) -> io::Result<(String, TlsAcceptor)> {
    let (ca, leaf, key) = certificates(options).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
            builder.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key)
        })
        .map_err(io::Error::other)?;
    Ok((ca.pem(), TlsAcceptor::from(Arc::new(config))))
}

fn certificates(
    options: &Options,
) -> Result<(rcgen::Certificate, rcgen::Certificate, KeyPair), rcgen::Error> {
    let (year, _, _) = dates::civil(dates::now() / 86_400);
    let year = i32::try_from(year).unwrap_or(2026);

    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name.push(DnType::CommonName, "Postrider test authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (ca.not_before, ca.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(year + 2, 1, 1));
    let ca_key = KeyPair::generate()?;
    let ca_certificate = ca.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca, ca_key);

    let mut leaf = CertificateParams::new(names(options))?;
    leaf.distinguished_name.push(DnType::CommonName, "Postrider test server");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    // Apple's clients refuse more than 825 days.
    (leaf.not_before, leaf.not_after) = if options.expired_certificate {
        (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1))
    } else {
        (date_time_ymd(year - 1, 12, 1), date_time_ymd(year + 1, 12, 31))
    };
    let leaf_key = KeyPair::generate()?;
    let leaf_certificate = leaf.signed_by(&leaf_key, &issuer)?;
    Ok((ca_certificate, leaf_certificate, leaf_key))
}

fn names(options: &Options) -> Vec<String> {
    if let Some(names) = &options.certificate_names {
        return names.clone();
    }
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(Into::into).to_vec();
    for name in [&options.host, &options.domain] {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}
