//! What went wrong in TLS, in words a person can act on.

use crate::tls_error_certificate as certificate;
use postrider_core::{Error, ErrorKind, Phase, Repeat, Target, TlsMode};
use rustls::{AlertDescription, Error as Rustls};
use std::io;

/// The handshake failed; `seen` are the first bytes the server sent.
pub(crate) fn in_handshake(target: &Target, error: io::Error, seen: &[u8]) -> Error {
    let described = match error.get_ref().and_then(|inner| inner.downcast_ref::<Rustls>()) {
        // A TLS server begins with a handshake (22) or alert (21) record.
        _ if seen.first().is_some_and(|first| !matches!(first, 21 | 22)) => not_tls(target, seen),
        Some(cause) => from_rustls(target, cause),
        None => cut_off(target, &error),
    };
    described.with_source(error)
}

/// A read or write failed after the handshake. In TLS 1.3 this is where the server's verdict on our
/// certificate arrives. What the connection itself reports stays as it is, a missing close_notify too.
pub(crate) fn in_session(target: &Target, error: io::Error) -> io::Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Rustls>()) {
        Some(cause) => from_rustls(target, cause).with_source(error).into(),
        None => error,
    }
}

/// The handshake took too long.
pub(crate) fn timed_out(target: &Target) -> Error {
    let limit = target.tls_options.handshake_timeout.as_secs_f32();
    let message = format!("{} did not finish the TLS handshake within {limit} s", server(target));
    let advice = if target.tls == TlsMode::Implicit {
        "if this port expects clear text first, use tls=starttls or port 465/993/995; or raise ssl.timeout"
    } else {
        "try again, or raise ssl.timeout"
    };
    Error::new(ErrorKind::Timeout, Phase::Tls, message).with_advice(advice)
}

/// The server as errors name it.
pub(crate) fn server(target: &Target) -> String {
    format!("{}:{}", target.host.escape_debug(), target.port)
}

/// An error of kind and phase Tls.
pub(crate) fn tls(message: String, advice: impl Into<String>) -> Error {
    Error::new(ErrorKind::Tls, Phase::Tls, message).with_advice(advice)
}

fn not_tls(target: &Target, seen: &[u8]) -> Error {
    let line = seen.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or(seen);
    let text = line.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | 0x80..));
    let shown = if text { String::from_utf8_lossy(line) } else { String::from_utf8_lossy(seen) };
    let (server, shown) = (server(target), shown.escape_debug().to_string());
    if !text {
        let message = format!("{server} does not speak TLS; it began with \"{shown}\"");
        return tls(message, "check host and port: another service listens there");
    }
    let message = format!("{server} answers in clear text where TLS is expected: \"{shown}\"");
    if line.starts_with(b"<") || line.starts_with(b"HTTP/") {
        return tls(
            message,
            "a web server answers: either host and port are wrong, or a captive portal is in the way, where one \
             signs in in a browser first",
        );
    }
    if target.tls == TlsMode::Implicit {
        tls(message, "the server speaks clear text on this port: use tls=starttls, or port 465/993/995")
    } else {
        tls(
            message,
            "the server went on in clear text after it agreed to STARTTLS: a proxy may interfere; use \
             tls=implicit with port 465/993/995",
        )
    }
}

fn cut_off(target: &Target, error: &io::Error) -> Error {
    let server = server(target);
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("{server} closed the connection during the TLS handshake"),
        _ => format!("the connection to {server} broke during the TLS handshake: {error}"),
    };
    let advice = if target.tls == TlsMode::Implicit {
        "the port may not expect TLS from the start: use tls=starttls, or port 465/993/995; or the server \
         refuses connections from here"
    } else {
        "the server's TLS may not be set up; its log tells"
    };
    tls(message, advice).with_repeat(Repeat::Safe)
}

fn from_rustls(target: &Target, cause: &Rustls) -> Error {
    let server = server(target);
    match cause {
        Rustls::InvalidCertificate(cause) => certificate::refused(target, cause),
        Rustls::AlertReceived(alert) => alert_received(target, *alert),
        Rustls::PeerIncompatible(why) => tls(
            format!("{server} and this program have no kind of TLS in common: {why:?}"),
            narrowed(target).unwrap_or_else(|| {
                "TLS 1.2 or 1.3 with current cipher suites is needed: the server has to be brought up to date"
                    .into()
            }),
        ),
        Rustls::NoCertificatesPresented => {
            tls(format!("{server} shows no certificate"), "the server's TLS is not set up")
        }
        other => tls(
            format!("TLS with {server} failed: {other}"),
            "check host and port; if they are right, the server or something on the way breaks TLS",
        ),
    }
}

/// What to do where our own settings leave less than there is.
fn narrowed(target: &Target) -> Option<String> {
    let options = &target.tls_options;
    let mut set = Vec::new();
    if !options.protocols.is_empty() {
        let names: Vec<String> = options.protocols.iter().map(ToString::to_string).collect();
        set.push(format!("ssl.protocols allows {} only", names.join(", ")));
    }
    if !options.cipher_suites.is_empty() {
        let names: Vec<&str> = options.cipher_suites.iter().map(|suite| suite.name()).collect();
        set.push(format!("ssl.ciphersuites allows {} only", names.join(", ")));
    }
    let advice = || format!("{}: allow more, or leave it unset", set.join(", and "));
    (!set.is_empty()).then(advice)
}

fn alert_received(target: &Target, alert: AlertDescription) -> Error {
    use AlertDescription as Alert;
    let server = server(target);
    let about_ours = matches!(
        alert,
        Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::UnsupportedCertificate
            | Alert::AccessDenied
    );
    match (&target.tls_options.certificate_file, alert) {
        (Some(file), _) if about_ours => tls(
            format!("{server} refuses the client certificate of \"{}\": {alert:?}", file.display()),
            "ssl.certfile must hold a certificate this server accepts, with its intermediate certificates",
        ),
        (None, _) if about_ours => tls(
            format!("{server} demands a client certificate ({alert:?})"),
            "name your certificate's PEM file in ssl.certfile and its key in ssl.keyfile",
        )
        .with_property("ssl.certfile", None),
        (_, Alert::HandshakeFailure | Alert::ProtocolVersion) if narrowed(target).is_some() => tls(
            format!("{server} broke off the TLS handshake: {alert:?}"),
            narrowed(target).unwrap_or_default(),
        ),
        (None, Alert::HandshakeFailure) => tls(
            format!("{server} broke off the TLS handshake: HandshakeFailure"),
            "either it demands a client certificate (ssl.certfile, ssl.keyfile), or it has no current cipher \
             suite in common with this program; its log tells",
        ),
        (_, Alert::ProtocolVersion) => tls(
            format!("{server} accepts neither TLS 1.2 nor 1.3"),
            "the server has to be brought up to date",
        ),
        (_, Alert::UnrecognisedName) => tls(
            format!("{server} does not know itself by this name"),
            "give the host property a name the server has a certificate for",
        ),
        _ => tls(format!("{server} broke off TLS: {alert:?}"), "the server's log tells more"),
    }
}
