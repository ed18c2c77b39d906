//! The reports side by side, as Markdown.

use postrider_testkit::conformance::{Report, Verdict};

const HEAD: &str = "\
# What each transport keeps of the contract

Written by `tests/tests/conformance` from what the suite in `postrider_testkit::conformance` found; do not edit it. To
write it anew: `UPDATE=1 cargo test -p postrider-tests --test conformance`.

*kept*: tried and found true. *not offered*: the transport says so itself, by a typed `Unsupported`. *not tried*: the
promise makes no sense for this transport, or there is no way to try it against this backend; why is said below. Where
a column says *sockets* the transport speaks over real sockets and TLS with the embedded `postrider-server`; otherwise
one that speaks a protocol does so with a small server in the test, whose connection is cut, silenced and divided at
every byte, and one that does not with what it is for: a directory, a program, memory.
";

/// The whole document.
pub(crate) fn of(outgoing: &[(&str, &Report)], incoming: &[(&str, &Report)]) -> String {
    format!("{HEAD}{}{}", section("Outgoing", outgoing), section("Incoming", incoming))
}

fn section(title: &str, reports: &[(&str, &Report)]) -> String {
    let names: Vec<&str> = reports.iter().map(|(name, _)| *name).collect();
    let mut out = format!("\n## {title}\n\n| promise | {} |\n|---|", names.join(" | "));
    out.push_str(&"---|".repeat(names.len()));
    out.push('\n');
    for promise in &reports[0].1.promises {
        let cells: Vec<&str> =
            reports.iter().map(|(_, report)| word(report.verdict(&promise.name))).collect();
        out.push_str(&format!("| {} | {} |\n", promise.text, cells.join(" | ")));
    }
    out.push('\n');
    for (name, report) in reports {
        let notes: Vec<String> = report
            .promises
            .iter()
            .filter(|promise| promise.verdict != Verdict::Kept)
            .map(|promise| format!("  - *{}*: {}\n", promise.name, promise.verdict))
            .collect();
        if !notes.is_empty() {
            out.push_str(&format!("- **{name}**\n{}", notes.concat()));
        }
    }
    out
}

fn word(verdict: Option<&Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Kept) => "kept",
        Some(Verdict::NotOffered(_)) => "not offered",
        Some(Verdict::Broken(_)) => "**BROKEN**",
        _ => "not tried",
    }
}
