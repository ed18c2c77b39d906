//! The figures as bars on logarithmic scales, in SVG.

use crate::contender::Who;
use crate::result::{Outcome, Results, Row};
use std::fmt::Write as _;

const PANELS: [&str; 8] = [
    "smtp-chunking-10ms",
    "smtp-chunking-50ms",
    "smtp-tls",
    "smtp-instructions",
    "pop3-10ms",
    "imap-10ms",
    "imap-instructions",
    "smtp-1mib-50ms",
];
const WIDTH: f64 = 860.0;
const LABEL: f64 = 190.0;
const BAR: f64 = 16.0;

pub fn svg(results: &Results) -> String {
    let mut body = String::new();
    let mut y = 10.0;
    for row in PANELS.iter().filter_map(|id| results.row(id)) {
        y = panel(&mut body, row, y);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" viewBox=\"0 0 {WIDTH} {y}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{y}\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

fn panel(out: &mut String, row: &Row, top: f64) -> f64 {
    let bars: Vec<(&Outcome, f64)> =
        row.outcomes.iter().filter_map(|o| Some((o, o.value.filter(|v| *v > 0.0)?))).collect();
    let (Some(least), Some(most)) = (
        bars.iter().map(|(_, v)| *v).reduce(f64::min).map(|v| 10f64.powf(v.log10().floor())),
        bars.iter().map(|(_, v)| *v).reduce(f64::max).map(|v| 10f64.powf(v.log10().ceil())),
    ) else {
        return top;
    };
    let decades = (most / least).log10().max(1.0);
    let room = WIDTH - LABEL - 90.0;
    let x = |value: f64| LABEL + room * (value / least).log10() / decades;
    let mut y = top + 16.0;
    let _ = writeln!(
        out,
        "<text x=\"10\" y=\"{y}\" font-weight=\"bold\">{} ({})</text>",
        escaped(&row.title),
        row.unit
    );
    let (bars_top, bars_end) = (y + 6.0, y + 6.0 + BAR * bars.len() as f64);
    for decade in 0..=(decades.round() as i32) {
        let at = x(least * 10f64.powi(decade));
        let _ = writeln!(out, "<path d=\"M{at:.1} {bars_top}V{bars_end}\" stroke=\"#dddddd\"/>");
    }
    for (outcome, value) in bars {
        y += BAR;
        let colour = match outcome.who {
            Who::Ours => "#1f6feb",
            Who::Limit => "#9aa4b2",
            Who::Peer => "#d9822b",
            Who::Tool => "#c2a878",
        };
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{y}\" text-anchor=\"end\">{}</text><rect x=\"{LABEL}\" y=\"{:.1}\" width=\"{:.1}\" \
             height=\"{:.1}\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{y}\">{}</text>",
            LABEL - 6.0,
            escaped(&outcome.name),
            y - 10.0,
            (x(value) - LABEL).max(1.0),
            BAR - 4.0,
            x(value) + 4.0,
            if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") },
        );
    }
    y + 22.0
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
