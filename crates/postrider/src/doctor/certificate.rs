//! The step of TLS: version, cipher suite and what the server's certificates say.

use crate::doctor::report::{Status, Step, StepName};
use postrider_core::TlsSession;

/// The step of a session that is encrypted.
#[cfg(feature = "net")]
pub(crate) fn step(session: &TlsSession) -> Step {
    use crate::doctor::report::Finding;
    use postrider_net::Certificate;
    use std::time::{SystemTime, UNIX_EPOCH};

    /// A certificate that ends sooner should have been renewed.
    const SOON: i64 = 14 * 86_400;
    const NAMES: usize = 10;

    let chain: Vec<Certificate> =
        session.certificates.iter().filter_map(|der| Certificate::read(der)).collect();
    let mut step = plain(session);
    let Some((own, above)) = chain.split_first() else { return step };
    let names: Vec<&str> = own.names.iter().take(NAMES).map(String::as_str).collect();
    let (first, last) = own.days();
    step.details.push(format!("certificate for {}", names.join(", ")));
    step.details.push(format!("issued by {}, good from {first} to {last}", own.issuer));
    for certificate in above {
        let (_, last) = certificate.days();
        step.details.push(format!(
            "sent with it: {}, issued by {}, to {last}",
            certificate.subject, certificate.issuer
        ));
    }
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(0));
    if own.not_after.saturating_sub(now) < SOON {
        step.status = Status::Warning;
        step.findings.push(Finding::new(
            format!("the server's certificate ends on {last}, and nobody has renewed it yet"),
            "tell whoever runs the server",
        ));
    }
    step
}

/// The step of a session that is encrypted. Nothing here reads certificates.
#[cfg(not(feature = "net"))]
pub(crate) fn step(session: &TlsSession) -> Step {
    plain(session)
}

fn plain(session: &TlsSession) -> Step {
    Step::new(StepName::Tls, Status::Ok, format!("{}, {}", session.version, session.cipher_suite))
}
