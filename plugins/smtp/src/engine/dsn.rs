//! Delivery status notifications (RFC 3461): words and xtext.

use postrider_core::{Notify, PropertyValue, ReturnContent, ValueType};

/// NOTIFY in a property.
pub(crate) struct NotifyWord(pub(crate) Notify);

impl PropertyValue for NotifyWord {
    const TYPE: ValueType = ValueType::Words;

    fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<String> =
            text.split([',', ' ']).filter(|w| !w.is_empty()).map(str::to_ascii_uppercase).collect();
        let expected = || "NEVER alone, or any of SUCCESS, FAILURE, DELAY are expected".to_owned();
        match words.as_slice() {
            [] => return Err(expected()),
            [only] if only == "NEVER" => return Ok(Self(Notify::Never)),
            _ => {}
        }
        let (mut success, mut failure, mut delay) = (false, false, false);
        for word in &words {
            match word.as_str() {
                "SUCCESS" => success = true,
                "FAILURE" => failure = true,
                "DELAY" => delay = true,
                _ => return Err(expected()),
            }
        }
        Ok(Self(Notify::On { success, failure, delay }))
    }
}

/// RET in a property.
pub(crate) struct RetWord(pub(crate) ReturnContent);

impl PropertyValue for RetWord {
    const TYPE: ValueType = ValueType::Text;

    fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "FULL" => Ok(Self(ReturnContent::Full)),
            "HDRS" => Ok(Self(ReturnContent::Headers)),
            _ => Err("FULL or HDRS is expected".into()),
        }
    }
}

/// The value of NOTIFY.
pub(super) fn notify(notify: Notify) -> String {
    match notify {
        Notify::On { success, failure, delay } => {
            let words = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
            let words: Vec<&str> = words.iter().filter(|(on, _)| *on).map(|(_, w)| *w).collect();
            if words.is_empty() { "NEVER".into() } else { words.join(",") }
        }
        _ => "NEVER".into(),
    }
}

/// xtext of RFC 3461 §4: printable ASCII but `+` and `=`, the rest as `+XX`.
pub(super) fn xtext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (b'!'..=b'~').contains(&byte) && byte != b'+' && byte != b'=' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("+{byte:02X}"));
        }
    }
    out
}

/// The value of ORCPT: type `rfc822`, or `utf-8` in its ASCII form for what is not ASCII (RFC 6533 §3).
pub(super) fn original(address: &str) -> String {
    if address.is_ascii() {
        return format!("rfc822;{}", xtext(address));
    }
    let mut out = String::from("utf-8;");
    for c in address.chars() {
        if ('!'..='~').contains(&c) && !matches!(c, '+' | '=' | '\\') {
            out.push(c);
        } else {
            out.push_str(&format!("\\x{{{:02X}}}", u32::from(c)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_parameter() {
        assert_eq!(xtext("a b+c=d\r\n>\0ä"), "a+20b+2Bc+3Dd+0D+0A>+00+C3+A4");
        assert_eq!(original("a+b@c"), "rfc822;a+2Bb@c");
        assert_eq!(original("grü+ße@c"), "utf-8;gr\\x{FC}\\x{2B}\\x{DF}e@c");
    }

    #[test]
    fn the_words_of_the_properties_are_read_in_any_case() {
        let notify = |t| NotifyWord::parse(t).map(|w| super::notify(w.0));
        assert_eq!(notify("never").unwrap(), "NEVER");
        assert_eq!(notify("delay, Success").unwrap(), "SUCCESS,DELAY");
        for bad in ["", ",", "NEVER,FAILURE", "always"] {
            assert!(notify(bad).is_err(), "{bad}");
        }
        assert!(matches!(RetWord::parse("hdrs").unwrap().0, ReturnContent::Headers));
        assert!(RetWord::parse("all").is_err());
    }
}
