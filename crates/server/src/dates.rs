//! Calendar arithmetic: just enough for INTERNALDATE, SEARCH and certificate validity.

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970, now.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(0))
}

/// The year, month and day of a day counted from 1970-01-01.
pub(crate) fn civil(day: i64) -> (i64, u32, u32) {
    let z = day.saturating_add(719_468);
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = doy - (153 * mp + 2) / 5 + 1;
    let m = if mp < 10 { mp + 3 } else { mp - 9 };
    let y = yoe + era * 400 + i64::from(m <= 2);
    (y, u32::try_from(m).unwrap_or(1), u32::try_from(d).unwrap_or(1))
}

/// The day, counted from 1970-01-01, of a date.
pub(crate) fn day_of(year: i64, month: u32, day: u32) -> i64 {
    let (m, d) = (i64::from(month), i64::from(day));
    let y = year - i64::from(m <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// `17-Jul-1996 02:44:25 +0000`, always in UTC.
pub(crate) fn internal_date(seconds: i64) -> String {
    let (y, m, d) = civil(seconds.div_euclid(86_400));
    let s = seconds.rem_euclid(86_400);
    let month = usize::try_from(m).ok().and_then(|m| MONTHS.get(m.wrapping_sub(1))).unwrap_or(&"Jan");
    format!("{d:2}-{month}-{y:04} {:02}:{:02}:{:02} +0000", s / 3600, s / 60 % 60, s % 60)
}

/// Reads what [`internal_date`] writes, with any zone.
pub(crate) fn parse_internal_date(text: &str) -> Option<i64> {
    let mut parts = text.split_ascii_whitespace();
    let day = parse_search_date(parts.next()?)?;
    let time = parse_clock(parts.next()?)?;
    let zone = parse_zone(parts.next()?)?;
    if parts.next().is_some() {
        return None;
    }
    Some(day * 86_400 + time - zone)
}

/// The day of `1-Feb-1994`, as SEARCH keys and INTERNALDATE spell it.
pub(crate) fn parse_search_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    date(day, month, year)
}

/// The day named by a Date header field; the zone is disregarded, as SENTSINCE and its like do (RFC 9051 §6.4.4).
pub(crate) fn parse_header_date(text: &str) -> Option<i64> {
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut parts = text.split_ascii_whitespace();
    date(parts.next()?, parts.next()?, parts.next()?)
}

fn date(day: &str, month: &str, year: &str) -> Option<i64> {
    let d = number(day)?;
    let m = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let y = number(year)?;
    if !(1..=31).contains(&d) || !(1..=9999).contains(&y) {
        return None;
    }
    Some(day_of(y, u32::try_from(m).ok()? + 1, u32::try_from(d).ok()?))
}

fn parse_clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let (h, m, s) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    (parts.next().is_none() && h < 24 && m < 60 && s < 61).then_some(h * 3600 + m * 60 + s)
}

fn parse_zone(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let zone = (digits.len() == 4).then(|| number(digits))??;
    Some(sign * (zone / 100 * 3600 + zone % 100 * 60))
}

fn number(text: &str) -> Option<i64> {
    (text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        for seconds in [0, 1, 86_399, 951_782_400, 1_709_208_000, 4_102_444_800] {
            assert_eq!(parse_internal_date(&internal_date(seconds)), Some(seconds));
        }
        assert_eq!(parse_internal_date("17-Jul-1996 02:44:25 -0700"), Some(837_596_665));
    }

    #[test]
    fn header_dates_may_have_a_weekday() {
        assert_eq!(parse_header_date("Mon, 1 Jan 2024 10:00:00 +0000"), Some(day_of(2024, 1, 1)));
        assert_eq!(parse_header_date("1 Jan 2024 10:00:00 +0000"), Some(day_of(2024, 1, 1)));
        assert_eq!(parse_header_date("gibberish"), None);
    }
}
