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
every byte, and one that does not with what it is for: a directory, a program, memory. *loaded*: the transport is not
linked but comes out of a shared library, through `postrider-loader`, to the same bench.
";

/// Begins the part that is found where Dovecot and Postfix are.
const REAL: &str = "
# Against Dovecot and Postfix

Written by `tests/tests/real/conformance.rs`, over implicit TLS, wherever these servers are installed. To write it anew:
`UPDATE=1 cargo test -p postrider-tests --test real conformance`.

The one promise that is broken is broken by the server: Dovecot marks as seen what POP3 retrieves, unless it is told
not to (`pop3_no_flag_updates`); in POP3 itself nothing shows of it, and the protocol has no other way to fetch.
";

/// A document in two parts: what is found anywhere, and what is found where the real servers are.
pub(crate) fn parts(text: &str) -> (&str, &str) {
    text.split_at(text.find(REAL).unwrap_or(text.len()))
}

/// The part about real servers.
pub(crate) fn real(outgoing: &[(&str, &Report)], incoming: &[(&str, &Report)]) -> String {
    let (out, inc) = (section("Outgoing, real", outgoing), section("Incoming, real", incoming));
    format!("{REAL}{out}{inc}")
}

/// The part that is found anywhere.
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
