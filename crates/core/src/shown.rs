//! Values that are no secrets, fit to be seen.

use std::borrow::Cow;

/// The text without the login that people write into a URL or in front of a host, where it belongs into properties of
/// its own: `http://me:hunter2@proxy:80` is `http://***@proxy:80`, `me:hunter2@proxy` is `me:***@proxy`.
pub fn without_login(text: &str) -> Cow<'_, str> {
    // The last @: a password may hold others.
    let Some((before, host)) = text.rsplit_once('@') else { return text.into() };
    if let Some((scheme, _)) = before.split_once("://") {
        return format!("{scheme}://***@{host}").into();
    }
    match before.split_once(':') {
        Some((user, _)) => format!("{user}:***@{host}").into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_before_a_host_is_masked_and_nothing_else_is() {
        for (text, want) in [
            ("http://me:hunter2@proxy:80", "http://***@proxy:80"),
            ("http://me:p@s/s w,d:x@proxy", "http://***@proxy"),
            ("https://t0ken@host/path", "https://***@host/path"),
            ("me:hunter2@proxy:80", "me:***@proxy:80"),
            ("http://proxy:80", "http://proxy:80"),
            ("[::1]:80", "[::1]:80"),
            ("Grüße@example.org", "Grüße@example.org"),
            ("a@example.org, b@[IPv6:::1]", "a@example.org, b@[IPv6:::1]"),
        ] {
            assert_eq!(without_login(text), want);
        }
    }
}
