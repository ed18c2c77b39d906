//! What the server's certificates say, and the step of TLS.

use crate::doctor::report::{Status, Step, StepName};
use postrider_core::TlsSession;

/// The step of a session that is encrypted.
pub(crate) fn step(session: &TlsSession) -> Step {
    let step = Step::new(StepName::Tls, Status::Ok, format!("{}, {}", session.version, session.cipher_suite));
    reading::soon(step.details(lines(&session.certificates)), &session.certificates)
}

/// A certificate's chain in lines, its own first.
pub(crate) fn lines(chain: &[Vec<u8>]) -> Vec<String> {
    reading::lines(chain)
}

/// Who has signed the server's certificate.
// Without the feature `net` nobody can tell.
#[cfg_attr(not(feature = "net"), allow(dead_code))]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    /// Its own key.
    Itself,
    /// An authority of this name.
    Authority(String),
}

/// Who has signed the first certificate of a chain, if it can be read.
pub(crate) fn signer(chain: &[Vec<u8>]) -> Option<Signer> {
    reading::signer(chain)
}

#[cfg(feature = "net")]
mod reading {
    use super::Signer;
    use crate::doctor::report::{Finding, Status, Step};
    use postrider_net::Certificate;
    use std::time::{SystemTime, UNIX_EPOCH};

    /// A certificate that ends sooner should have been renewed, in seconds.
    const SOON: i64 = 14 * 86_400;
    const NAMES: usize = 10;

    fn own(chain: &[Vec<u8>]) -> Option<Certificate> {
        Certificate::read(chain.first()?)
    }

    pub(super) fn lines(chain: &[Vec<u8>]) -> Vec<String> {
        let mut lines = Vec::new();
        for certificate in chain.iter().filter_map(|der| Certificate::read(der)) {
            let (first, last) = certificate.days();
            if lines.is_empty() {
                let mut names: Vec<&str> = certificate.names.iter().take(NAMES).map(String::as_str).collect();
                if certificate.names.len() > NAMES {
                    names.push("…");
                }
                lines.push(format!("certificate for {}", names.join(", ")));
                lines.push(format!("issued by {}, good from {first} to {last}", certificate.issuer));
            } else {
                let (subject, issuer) = (certificate.subject, certificate.issuer);
                lines.push(format!("sent with it: {subject}, issued by {issuer}, to {last}"));
            }
        }
        lines
    }

    pub(super) fn signer(chain: &[Vec<u8>]) -> Option<Signer> {
        let own = own(chain)?;
        Some(if own.issuer == own.subject { Signer::Itself } else { Signer::Authority(own.issuer) })
    }

    pub(super) fn soon(mut step: Step, chain: &[Vec<u8>]) -> Step {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let Some(own) = own(chain) else { return step };
        if own.not_after.saturating_sub(i64::try_from(now).unwrap_or(i64::MAX)) < SOON {
            let (_, last) = own.days();
            step.status = Status::Warning;
            step.findings.push(Finding::new(
                format!("the server's certificate ends on {last}, and nobody has renewed it yet"),
                "tell whoever runs the server",
            ));
        }
        step
    }
}

/// Nothing here reads certificates: that comes with the feature `net`.
#[cfg(not(feature = "net"))]
mod reading {
    use super::Signer;
    use crate::doctor::report::Step;

    pub(super) fn lines(_: &[Vec<u8>]) -> Vec<String> {
        Vec::new()
    }

    pub(super) fn signer(_: &[Vec<u8>]) -> Option<Signer> {
        None
    }

    pub(super) fn soon(step: Step, _: &[Vec<u8>]) -> Step {
        step
    }
}
