//! Whether a row reached what was asked of it.

use crate::contender::Check;
use crate::result::{Checked, Row};

pub fn judge(row: &Row, check: &Check) -> Checked {
    let ratio = |a: Option<f64>, b: Option<f64>| Some(a? / b.filter(|b| *b > 0.0)?);
    let (what, value, bound, at_least) = match *check {
        Check::AtLeast(a, b, bound) => (format!("{a} / {b}"), ratio(row.value(a), row.value(b)), bound, true),
        Check::AtMostOf(a, b, bound) => {
            (format!("{a} / {b}"), ratio(row.value(a), row.value(b)), bound, false)
        }
        Check::TimesBestPeer(a, bound) => {
            let best = row.best_peer();
            let name = best.map_or("best library".to_owned(), |best| format!("best library ({})", best.name));
            (format!("{a} / {name}"), ratio(row.value(a), best.and_then(|best| best.value)), bound, true)
        }
        Check::BeyondAtMost(a, b, bound) => {
            let beyond = row.value(a).zip(row.value(b)).map(|(a, b)| a - b);
            (format!("{a} / without {b}"), beyond, bound, false)
        }
        Check::AtMost(a, bound) => (a.to_owned(), row.value(a), bound, false),
    };
    let passed = value.is_some_and(|value| if at_least { value >= bound } else { value <= bound });
    Checked { what, value, bound, at_least, passed }
}
