//! The names a portal gives to environment variables.
//!
//! `LIFERAY_` and the key in capital letters; what is no lower-case letter stands between underscores, by name or
//! by its number: `LIFERAY_MAIL_PERIOD_SESSION_PERIOD_MAIL_PERIOD_SMTP_PERIOD_HOST`, or `_46_` for the period.

/// Names of characters. Letters and digits have one of their own: `UPPERCASEA`, `LOWERCASEA`, `NUMBER0`.
const NAMES: &[(&str, char)] = &[
    ("AMPERSAND", '&'),
    ("APOSTROPHE", '\''),
    ("AT", '@'),
    ("BACKSLASH", '\\'),
    ("CARET", '^'),
    ("CLOSEBRACKET", ']'),
    ("CLOSECURLYBRACE", '}'),
    ("CLOSEPARENTHESIS", ')'),
    ("COLON", ':'),
    ("COMMA", ','),
    ("DASH", '-'),
    ("DELETE", '\u{7f}'),
    ("EQUAL", '='),
    ("EXCLAMATION", '!'),
    ("FIGURESPACE", '\u{2007}'),
    ("FORWARDSLASH", '/'),
    ("GREATERTHAN", '>'),
    ("LESSTHAN", '<'),
    ("MINUS", '-'),
    ("NARROWNOBREAKSPACE", '\u{202f}'),
    ("NEWLINE", '\n'),
    ("NOBREAKSPACE", '\u{a0}'),
    ("OPENBRACKET", '['),
    ("OPENCURLYBRACE", '{'),
    ("OPENPARENTHESIS", '('),
    ("PERCENT", '%'),
    ("PERIOD", '.'),
    ("PIPE", '|'),
    ("PLUS", '+'),
    ("POUND", '#'),
    ("PRIME", '`'),
    ("QUESTION", '?'),
    ("QUOTE", '"'),
    ("RAQUO", '\u{bb}'),
    ("RETURN", '\r'),
    ("SEMICOLON", ';'),
    ("SLASH", '/'),
    ("SPACE", ' '),
    ("STAR", '*'),
    ("TAB", '\t'),
    ("TILDE", '~'),
    ("UNDERLINE", '_'),
];

/// The key that a variable's name without `LIFERAY_` stands for, and the parts between underscores that mean
/// nothing: they stay as they are, as the portal leaves them.
pub(super) fn decode(name: &str) -> (String, Vec<String>) {
    let lower = name.to_lowercase();
    let (mut key, mut unknown) = (String::new(), Vec::new());
    let mut rest = lower.as_str();
    while let Some((before, after)) = rest.split_once('_') {
        let Some((part, behind)) = after.split_once('_') else { break };
        key.push_str(before);
        match character(part) {
            Some(c) => key.push(c),
            None => {
                key.extend(["_", part, "_"]);
                unknown.push(part.to_uppercase());
            }
        }
        rest = behind;
    }
    key.push_str(rest);
    (key, unknown)
}

fn character(part: &str) -> Option<char> {
    let name = part.to_uppercase();
    let one = |prefix: &str| {
        let mut chars = name.strip_prefix(prefix)?.chars();
        chars.next().filter(|_| chars.next().is_none())
    };
    if let Some((_, c)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(*c);
    }
    if let Some(c) = one("UPPERCASE").filter(char::is_ascii_uppercase) {
        return Some(c);
    }
    if let Some(c) = one("LOWERCASE").filter(char::is_ascii_uppercase) {
        return Some(c.to_ascii_lowercase());
    }
    one("NUMBER").filter(char::is_ascii_digit).or_else(|| char::from_u32(part.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_letters_between_underscores_are_characters() {
        for (name, key) in [
            ("MAIL_PERIOD_SESSION_PERIOD_MAIL_PERIOD_SMTP_PERIOD_HOST", "mail.session.mail.smtp.host"),
            ("MAIL_46_SMTP_46_PORT", "mail.smtp.port"),
            (
                "MAIL_PERIOD_SMTP_PERIOD_SOCKET_UPPERCASEF_ACTORY_PERIOD_CLASS",
                "mail.smtp.socketFactory.class",
            ),
            ("INCLUDE_MINUS_AND_DASH_OVERRIDE", "include-and-override"),
            ("A_UNDERLINE_B_NUMBER3_C_LOWERCASED_", "a_b3cd"),
            ("a_period_b", "a.b"),
        ] {
            assert_eq!(decode(name), (key.to_owned(), vec![]), "{name}");
        }
    }

    #[test]
    fn what_means_nothing_stays_as_it_is_and_is_told() {
        assert_eq!(decode("MAIL_PERIDO_SMTP_PERIOD_X"), ("mail_perido_smtp.x".into(), vec!["PERIDO".into()]));
        assert_eq!(decode("HOME_DIR"), ("home_dir".into(), vec![]));
        assert_eq!(decode("A__B"), ("a__b".into(), vec![String::new()]));
        assert_eq!(decode("A_55296_B"), ("a_55296_b".into(), vec!["55296".into()]));
        assert_eq!(decode(""), (String::new(), vec![]));
    }
}
