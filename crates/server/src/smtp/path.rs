//! `<path>` and the parameters after it.

/// What follows MAIL FROM: or RCPT TO:.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// Without the angle brackets and without a source route.
    pub(crate) address: String,
    pub(crate) parameters: Vec<String>,
}

/// Reads `FROM:<a@b> X=1` when `word` is `FROM:`. No blank may precede the bracket (RFC 5321 §3.3).
pub(crate) fn parse(word: &str, text: &str) -> Option<Path> {
    let (start, rest) = text.split_at_checked(word.len())?;
    if !start.eq_ignore_ascii_case(word) {
        return None;
    }
    let rest = rest.strip_prefix('<')?;
    let end = closing(rest)?;
    let (path, rest) = rest.split_at_checked(end)?;
    let rest = rest.strip_prefix('>')?;
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    let parameters = rest.split_ascii_whitespace().map(Into::into).collect();
    Some(Path { address: without_route(path)?, parameters })
}

/// Whether a path is something that can be mailed to or from.
pub(crate) fn is_address(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let atoms = || local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext));
    let literal = domain.starts_with('[') && domain.ends_with(']');
    let labels = || {
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-' || !c.is_ascii())
        };
        domain.split('.').all(label)
    };
    address.len() <= 320
        && !address.chars().any(char::is_control)
        && (quoted || atoms())
        && (literal || labels())
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii()
}

/// Where the `>` is that isn't inside a quoted local part.
fn closing(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn without_route(path: &str) -> Option<String> {
    if !path.starts_with('@') {
        return Some(path.to_owned());
    }
    path.split_once(':').map(|(_, address)| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths() {
        let path = parse("FROM:", "from:<a@b> SIZE=1 BODY=8BITMIME").unwrap();
        assert_eq!((path.address.as_str(), path.parameters.len()), ("a@b", 2));
        assert_eq!(parse("TO:", "TO:<@x,@y:a@b>").unwrap().address, "a@b");
        assert_eq!(parse("TO:", r#"TO:<"a>b\"@c"@d>"#).unwrap().address, r#""a>b\"@c"@d"#);
        assert_eq!(parse("FROM:", "FROM:<>").unwrap().address, "");
        for bad in ["FROM: <a@b>", "FROM:a@b", "FROM:<a@b", "FROM:<a@b>x", "TO:<a@b>", "FR", ""] {
            assert_eq!(parse("FROM:", bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses() {
        for good in ["a@b", "a.b+c@d.example", r#""a b"@c"#, "jürgen@例え.test", "a@[127.0.0.1]"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a b@c", "a..b@c", "a@b c", "a@-b", "a@b\u{1}"] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in any::<String>()) {
            let _ = parse("FROM:", &text);
            let _ = parse("FROM:", &format!("FROM:<{text}"));
            let _ = is_address(&text);
        }
    }
}
