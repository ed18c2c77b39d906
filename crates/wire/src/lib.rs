//! What every protocol on a line of bytes needs: bounded reading, gathered writing, deadlines on the
//! host's clock, dot-stuffing, SASL and a transcript that masks itself.
//!
//! [`Channel`] moves bytes and knows no protocol; [`dot`] and [`sasl`] are pure. A session begins with
//! [`Login::resolved`], which has the host look up what the settings only name the place of.

mod channel;
pub mod dot;
mod login;
mod login_grant;
mod login_mechanisms;
mod login_place;
mod login_resolve;
mod redactor;
pub mod sasl;
mod timing;
mod transcript;

pub use channel::Channel;
pub use login::Login;
pub use redactor::Redactor;
pub use timing::Timing;

/// Fresh random letters and digits, for nonces and tags that nobody can foretell.
///
/// # Errors
/// `Unsupported` if the operating system gives no randomness.
pub fn random_text(length: usize) -> postrider_core::Result<String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut bytes = vec![0u8; length];
    getrandom::fill(&mut bytes).map_err(|e| {
        use postrider_core::{Error, ErrorKind, Phase};
        Error::new(ErrorKind::Unsupported, Phase::Connect, format!("the system gives no randomness: {e}"))
    })?;
    Ok(bytes.iter().filter_map(|b| LETTERS.get(usize::from(b & 31))).map(|b| char::from(*b)).collect())
}
