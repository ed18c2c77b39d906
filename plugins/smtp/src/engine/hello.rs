//! The name in EHLO. Pure.

/// True for a name that can stand in EHLO: a host name or an address literal (RFC 5321 §4.1.3).
pub(crate) fn is_hello_name(name: &str) -> bool {
    let inner = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    let more = if inner.is_some() { ":" } else { "_" };
    let bare = inner.unwrap_or(name);
    let good = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c) || more.contains(c);
    !bare.is_empty() && name.len() <= 255 && !bare.starts_with('-') && bare.chars().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_and_literals_can_be_said_in_ehlo() {
        for good in ["a", "mail.example.org", "my_pc", "[127.0.0.1]", "[IPv6:2001:db8::1]"] {
            assert!(is_hello_name(good), "{good}");
        }
        for bad in [
            "",
            "[]",
            "-x",
            "a b",
            "a\r\nRSET",
            "a\n",
            "a\0",
            "[1.2.3.4",
            "a>b",
            "a@b",
            "ä",
            "a:b",
            "XCLIENT a",
        ] {
            assert!(!is_hello_name(bad), "{bad:?}");
        }
    }
}
