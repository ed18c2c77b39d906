//! The handshake, and what is known of the session after it.

use crate::config::Configs;
use crate::name::HostName;
use crate::stream::{Tls, is_loopback};
use crate::tap::Tap;
use crate::{binding, tls_error};
use postrider_core::{Result, Target, TlsSession};
use rustls::{ClientConnection, HandshakeKind, ProtocolVersion};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Encrypts a connected socket; the certificate must be for the target's host.
pub(crate) async fn handshake(tcp: TcpStream, configs: &Configs, target: &Target) -> Result<Tls> {
    let name = HostName::read(&target.host)?.server_name()?;
    let config = configs.config(target).await?;
    let loopback = is_loopback(&tcp, target);
    let work = TlsConnector::from(config).connect(name, Tap::new(tcp)).into_fallible();
    match timeout(target.tls_options.handshake_timeout, work).await {
        Err(_) => Err(tls_error::timed_out(target)),
        Ok(Err((error, tap))) => Err(tls_error::in_handshake(target, error, tap.seen())),
        Ok(Ok(stream)) => {
            let session = describe(stream.get_ref().1);
            tracing::debug!(
                host = %target.host,
                version = %session.version,
                cipher = %session.cipher_suite,
                resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed),
                "encrypted"
            );
            Ok(Tls::new(stream, session, loopback, target.clone()))
        }
    }
}

fn describe(connection: &ClientConnection) -> TlsSession {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        other => format!("{other:?}"),
    };
    let suite = connection
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
        // rustls writes TLS13_ where IANA has TLS_.
        .map(|name| name.replacen("TLS13_", "TLS_", 1));
    let shown = connection.peer_certificates().unwrap_or_default();
    let session = TlsSession::new(version, suite.unwrap_or_default())
        .with_certificates(shown.iter().map(|certificate| certificate.to_vec()).collect());
    match binding::of(connection) {
        Some(binding) => session.with_channel_binding(binding),
        None => session,
    }
}
