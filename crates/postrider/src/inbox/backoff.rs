//! How long to wait after a failure.

use super::WatchConfig;
use postrider_core::{Error, ErrorKind};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// The longest that a server's word is taken for.
const LONGEST: Duration = Duration::from_secs(3600);

/// The pause after the `count`th failure in a row, from 0.
pub(super) fn pause(config: &WatchConfig, error: &Error, count: u32) -> Duration {
    if error.kind() == ErrorKind::Authentication {
        return config.auth_retry;
    }
    let own = doubled(config.backoff, count, config.backoff_max);
    let own = varied(own, RandomState::new().build_hasher().finish());
    match asked(error) {
        Some(asked) => own.max(asked),
        None => own,
    }
}

/// `first`, doubled so many times, up to `most`.
pub(super) fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    first.saturating_mul(2u32.saturating_pow(times.min(20))).min(most)
}

/// Between a half and all of it: those who failed together don't come back together.
fn varied(pause: Duration, random: u64) -> Duration {
    let part = 0.5 + (random % 1024) as f64 / 2048.0;
    pause.mul_f64(part)
}

/// What the server asks for: by a code of RFC 2449 §8, RFC 3206 or RFC 5530, and by a number in its words.
fn asked(error: &Error) -> Option<Duration> {
    let reply = error.reply()?;
    let code = reply.code()?.to_ascii_uppercase();
    let (word, rest) = code.split_once([' ', '=']).unwrap_or((&code, ""));
    let usual = match word {
        // Somebody has the maildrop; perhaps it is our own last session, which the server has not missed yet.
        "IN-USE" | "INUSE" => 10,
        "LOGIN-DELAY" => 60,
        "UNAVAILABLE" | "SYS/TEMP" => 30,
        "LIMIT" | "OVERQUOTA" => 60,
        _ => return None,
    };
    let told = rest.trim().parse().ok().or_else(|| seconds(reply.text()));
    Some(Duration::from_secs(told.unwrap_or(usual)).min(LONGEST))
}

/// `try again in 5 minutes` is 300.
fn seconds(text: &str) -> Option<u64> {
    let mut words =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        let Ok(number) = word.parse::<u64>() else { continue };
        let unit = words.peek().map(|unit| unit.to_ascii_lowercase()).unwrap_or_default();
        match unit.as_str() {
            "s" | "sec" | "secs" | "second" | "seconds" => return Some(number),
            "m" | "min" | "mins" | "minute" | "minutes" => return number.checked_mul(60),
            "h" | "hour" | "hours" => return number.checked_mul(3600),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Phase, Reply};

    fn error(kind: ErrorKind, code: Option<&str>, text: &str) -> Error {
        let reply = Reply::new("-ERR", code.map(str::to_owned), text);
        Error::new(kind, Phase::Authenticate, "no").with_reply(reply)
    }

    #[test]
    fn pauses_double_to_their_limit_and_vary_by_a_half() {
        let config = WatchConfig::default();
        let closed = Error::new(ErrorKind::Closed, Phase::Wait, "gone");
        for (count, most) in [(0, 1), (1, 2), (5, 32), (30, 300)] {
            let most = Duration::from_secs(most);
            let pause = pause(&config, &closed, count);
            assert!(pause >= most / 2 && pause <= most, "{count}: {pause:?}");
        }
        assert_eq!(varied(Duration::from_secs(8), 0), Duration::from_secs(4));
        assert!(varied(Duration::from_secs(8), 1023) > Duration::from_millis(7_990));
    }

    #[test]
    fn what_the_server_says_counts_where_it_is_longer() {
        let config = WatchConfig::default();
        for (code, text, seconds) in [
            ("IN-USE", "locked", 10),
            ("LOGIN-DELAY", "try again in 5 minutes", 300),
            ("LOGIN-DELAY", "minimum time between logins is 42 seconds", 42),
            ("LOGIN-DELAY 900", "later", 900),
            ("UNAVAILABLE", "back end", 30),
            ("SYS/TEMP", "", 30),
            ("LOGIN-DELAY", "wait 99999999 hours", 3600),
        ] {
            let pause = pause(&config, &error(ErrorKind::Deferred, Some(code), text), 0);
            assert_eq!(pause, Duration::from_secs(seconds), "{code} {text}");
        }
        let short = pause(&config, &error(ErrorKind::Deferred, None, "in 9 minutes"), 0);
        assert!(short <= Duration::from_secs(1));
        assert_eq!(pause(&config, &error(ErrorKind::Authentication, Some("AUTH"), ""), 0), config.auth_retry);
    }
}
