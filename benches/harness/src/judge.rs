//! Whether a row reached what was asked of it.

use crate::contender::{Check, Who};
use crate::result::{Checked, Outcome, Row};

pub fn judge(row: &Row, check: &Check) -> Checked {
    let best = row.best_peer();
    let (a, b, bound, at_least) = match *check {
        Check::AtLeast(a, b, bound) => (a, Some(row.outcome(b)), bound, true),
        Check::AtMostOf(a, b, bound) => (a, Some(row.outcome(b)), bound, false),
        Check::TimesBestPeer(a, bound) => (a, Some(best), bound, true),
        Check::AtMost(a, bound) => (a, None, bound, false),
    };
    let what = match (check, b) {
        (_, None) => a.to_owned(),
        (Check::TimesBestPeer(..), Some(best)) => format!("{a} / {}", best_name(best)),
        (Check::AtLeast(_, b, _) | Check::AtMostOf(_, b, _), _) => format!("{a} / {b}"),
        (Check::AtMost(..), _) => a.to_owned(),
    };
    let figure = |of: fn(&Outcome) -> Option<f64>| {
        let a = of(row.outcome(a)?)?;
        match b {
            None => Some(a),
            Some(b) => Some(a / of(b?).filter(|b| *b > 0.0)?),
        }
    };
    let value = figure(|outcome| outcome.value);
    let passed = value.is_some_and(|value| if at_least { value >= bound } else { value <= bound });
    Checked { what, value, by_vectors: figure(|outcome| outcome.by_vectors), bound, at_least, passed }
}

fn best_name(best: Option<&Outcome>) -> String {
    best.map_or("best library".to_owned(), |best| format!("best library ({})", best.name))
}

/// Where ours is held against the best library: what the limit client comes to, which bounds what can be asked for.
pub fn bound_of_libraries(row: &Row, checks: &[Check]) -> Option<String> {
    let asked = checks.iter().find_map(|check| match check {
        Check::TimesBestPeer(_, bound) => Some(*bound),
        _ => None,
    })?;
    let peer = row.best_peer()?;
    let limits = row.outcomes.iter().filter(|outcome| outcome.who == Who::Limit);
    let limit = limits.max_by(|a, b| a.value.unwrap_or(0.0).total_cmp(&b.value.unwrap_or(0.0)))?;
    let ratio = limit.value? / peer.value.filter(|value| *value > 0.0)?;
    let verdict = if ratio < asked {
        format!(
            "less than the {asked} that are asked for: a client on a bare socket that does nothing else does not reach them here either"
        )
    } else {
        format!("of {asked} that are asked for")
    };
    Some(format!(
        "The fastest limit client ({}) over the best library ({}) in this run: {ratio:.2}, {verdict}.",
        limit.name, peer.name
    ))
}
