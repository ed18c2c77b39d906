//! What was likely meant by a value.

use crate::shown::without_login;
use crate::{PropertySpec, ValueType};

/// Service names people write for a port.
const SERVICES: [(&str, &str); 8] = [
    ("smtp", "25"),
    ("submission", "587"),
    ("smtps", "465"),
    ("submissions", "465"),
    ("imap", "143"),
    ("imaps", "993"),
    ("pop3", "110"),
    ("pop3s", "995"),
];

/// Words for units, and the unit as it is written here.
const UNITS: [(&[&str], &str); 7] = [
    (&["ms", "msec", "millis", "millisecond", "milliseconds"], "ms"),
    (&["s", "sec", "secs", "second", "seconds"], "s"),
    (&["m", "min", "mins", "minute", "minutes"], "m"),
    (&["h", "hr", "hour", "hours"], "h"),
    (&["kilobyte", "kilobytes"], "KiB"),
    (&["mega", "megabyte", "megabytes"], "MiB"),
    (&["gigabyte", "gigabytes"], "GiB"),
];

/// What was likely meant by a value that can't be read: what to write instead.
pub(crate) fn better(spec: &PropertySpec, text: &str) -> Option<String> {
    let bare = unquoted(text.trim()).unwrap_or(text.trim()).trim();
    let word = bare.to_ascii_lowercase();
    if bare == "-1" && spec.value == ValueType::Duration {
        let advice = "there is no endless waiting: remove it for the default, or write a time such as 10m";
        return Some(advice.into());
    }
    let meant = match spec.value {
        ValueType::Boolean => match word.as_str() {
            "yes" | "1" | "on" | "y" | "t" | "enable" | "enabled" => "true".into(),
            "no" | "0" | "off" | "n" | "f" | "disable" | "disabled" => "false".into(),
            _ => bare.to_owned(),
        },
        ValueType::Tls => match word.as_str() {
            "ssl" | "tls" | "true" | "ssl/tls" | "smtps" | "imaps" | "pop3s" => "implicit".into(),
            "start_tls" | "start-tls" | "stls" => "starttls".into(),
            "opportunistic" | "auto" => "starttls-if-offered".into(),
            "false" | "plain" | "off" => "none".into(),
            _ => bare.to_owned(),
        },
        ValueType::Number if spec.name == "port" => {
            let known = SERVICES.iter().find(|(service, _)| *service == word);
            known.map_or_else(|| bare.to_owned(), |(_, port)| (*port).to_owned())
        }
        ValueType::Duration | ValueType::Size => with_unit(&word).unwrap_or_else(|| bare.to_owned()),
        _ => bare.to_owned(),
    };
    let fits = !spec.is_secret() && meant != text && spec.check(&meant).is_ok();
    fits.then(|| format!("write {}", without_login(&meant).escape_debug()))
}

fn with_unit(word: &str) -> Option<String> {
    let end = word.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = word.split_at(end);
    let (_, unit) = UNITS.iter().find(|(words, _)| words.contains(&unit.trim()))?;
    Some(format!("{number}{unit}"))
}

/// A text without the quotes around it, if it stands in quotes.
pub(crate) fn unquoted(text: &str) -> Option<&str> {
    ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
}
