//! Delivery status notifications (RFC 3461): words and xtext.

use postrider_core::{Notify, PropertyValue, ReturnContent, ValueType};

/// NOTIFY in a property.
pub(crate) struct NotifyWord(pub(crate) Notify);

impl PropertyValue for NotifyWord {
    const TYPE: ValueType = ValueType::Words;

    fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<String> =
            text.split([',', ' ']).filter(|w| !w.is_empty()).map(str::to_ascii_uppercase).collect();
        if words.iter().any(|w| w == "NEVER") && words.len() == 1 {
            return Ok(Self(Notify::Never));
        }
        let (mut success, mut failure, mut delay) = (false, false, false);
        for word in &words {
            match word.as_str() {
                "SUCCESS" => success = true,
                "FAILURE" => failure = true,
                "DELAY" => delay = true,
                _ => return Err("NEVER alone, or any of SUCCESS, FAILURE, DELAY are expected".into()),
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
