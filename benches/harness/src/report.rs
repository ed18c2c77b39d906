//! What came out, for people.

use crate::contender::Who;
use crate::result::{Checked, Outcome, Results, Row};
use std::fmt::Write as _;

/// docs/benchmarks.md.
pub fn markdown(results: &Results) -> String {
    let mut out = format!(
        "# Benchmarks\n\nMade by `benches/run` on {} of commit {}, on {}; medians of {} rounds in rotation, {} s a run and more where setting up weighs much, {:.0} minutes in all. Do \
         not edit: run it again. The figures are in [benches/results.json](../benches/results.json), how they come about in \
         [benches/README.md](../benches/README.md).\n\n",
        results.when, results.commit, results.machine, results.rounds, results.seconds, results.minutes
    );
    if results.quick {
        out += "**This was a quick run: few messages and rounds, and other work on the machine. `benches/run` makes the real one.**\n\n";
    }
    out += HOW_TO_READ;
    out += "\n## Speeds to reach\n\n| work | to reach | ours | limit | best library | best program | measured | |\n|---|---|---|---|---|---|---|---|\n";
    for row in results.rows.iter().filter(|row| !row.target.is_empty()) {
        summary(&mut out, row);
    }
    out += "\n![Messages a second and instructions a message](benchmarks.svg)\n\n## Row by row\n";
    for row in &results.rows {
        details(&mut out, row);
    }
    out += "\n## Measured with\n\n";
    for note in &results.notes {
        let _ = writeln!(out, "- {note}");
    }
    out
}

const HOW_TO_READ: &str = "\
A rate is messages over the time from before the connection until after QUIT or LOGOUT, as the client itself takes it; of \
programs from packages, the time of the whole process. A run is made so long that what is done once is a tenth of it at most, \
or at least four times as long as usual; those that are held against one another do as many messages. Only ratios within a row hold on other \
machines. *limit* is a client on a bare socket that does no more than the work needs and allocates nothing for a message; the \
one that a row is held against has as many in flight as ours by default, 128 messages or 4 MiB over SMTP and 1,000 over POP3, \
and takes everything by one FETCH over IMAP. Round trips are made and counted by a relay that holds each direction's bytes for half of one and does \
not limit the rate; a round trip is what a client says that it could not have said without hearing an answer first. Rows over \
SMTP at 0 ms, and those from the fast source, run on one core, client and server. Instructions are callgrind's, of the client alone, and the difference of two \
runs of different numbers of messages, so that what is done once falls out. callgrind takes every byte of a `rep movsb`, by which \
glibc makes large copies on this processor, for an instruction, which no processor does: every count stands there twice, as \
callgrind has it by default, by which a row is judged, and with copies made by vectors (by GLIBC_TUNABLES). What stands under *elsewhere* was measured \
earlier and apart, and is for comparison only.
";

fn summary(out: &mut String, row: &Row) {
    let best = |who: Who| {
        let figures = row.outcomes.iter().filter(|outcome| outcome.who == who && outcome.value.is_some());
        // Of costs the least, of rates the most.
        let best = figures.reduce(|a, b| if (a.value < b.value) == is_rate(row) { b } else { a });
        best.map_or(String::new(), |outcome| {
            format!("{} ({})", both(outcome.value, outcome.by_vectors), outcome.name)
        })
    };
    let ours: Vec<String> = row
        .outcomes
        .iter()
        .filter(|outcome| outcome.who == Who::Ours && row.checks.iter().any(|check| check.of(&outcome.name)))
        .map(|outcome| both(outcome.value, outcome.by_vectors))
        .collect();
    let checks: Vec<String> = row.checks.iter().map(measured).collect();
    let verdict = match row.checks.iter().all(|check| check.passed) && !row.checks.is_empty() {
        true => "reached",
        false => "**not reached**",
    };
    let _ = writeln!(
        out,
        "| [{}](#{}) | {} | {} {} | {} | {} | {} | {} | {verdict} |",
        row.title,
        row.id,
        row.target,
        ours.join("; "),
        row.unit,
        best(Who::Limit),
        best(Who::Peer),
        best(Who::Tool),
        checks.join("<br>"),
    );
}

/// Whether the row is of instructions.
fn counts(row: &Row) -> bool {
    row.unit.starts_with("instructions")
}

/// By default, and with copies by vectors if that was counted.
fn both(value: Option<f64>, by_vectors: Option<f64>) -> String {
    match by_vectors {
        Some(_) => format!("{} [{}]", figure(value), figure(by_vectors)),
        None => figure(value),
    }
}

fn is_rate(row: &Row) -> bool {
    row.unit.ends_with("/s")
}

fn measured(check: &Checked) -> String {
    let word = if check.at_least { "at least" } else { "at most" };
    let mark = if check.passed { "" } else { " ✗" };
    let beside = check
        .by_vectors
        .map_or(String::new(), |value| format!("; with copies by vectors {}", figure(Some(value))));
    format!("{}: {} ({word} {}){mark}{beside}", check.what, figure(check.value), figure(Some(check.bound)))
}

fn details(out: &mut String, row: &Row) {
    let _ = writeln!(out, "\n### {}\n\n{}.", row.id, row.title);
    if !row.target.is_empty() {
        let _ = writeln!(out, "To reach: {}.", row.target);
    }
    if !row.facts.is_empty() {
        let _ = writeln!(out, "Elsewhere: {}.", row.facts);
    }
    let _ = writeln!(
        out,
        "\n| | {}{} | messages a run | peak memory, MiB |\n|---|---|---|---|---|",
        row.unit,
        if counts(row) { " as callgrind has it | with copies by vectors" } else { " | least to most" }
    );
    for outcome in &row.outcomes {
        line(out, outcome, counts(row));
    }
    for note in
        suites(row).into_iter().chain(row.notes.iter().cloned()).chain(row.checks.iter().map(measured))
    {
        let _ = writeln!(out, "\n{note}");
    }
    if row.checks.iter().all(|check| check.passed) {
        return;
    }
    // Why: where the instructions went.
    let timed = row.outcomes.iter().any(|outcome| !outcome.profile.is_empty()) && !counts(row);
    if timed {
        let _ = writeln!(
            out,
            "\nWhat follows is no time: the same work counted by callgrind, without what the kernel does and without waiting."
        );
    }
    for outcome in
        row.outcomes.iter().filter(|outcome| outcome.who == Who::Ours && !outcome.profile.is_empty())
    {
        let _ = writeln!(
            out,
            "\nWhere the instructions of *{}* go, {} a message:\n",
            outcome.name,
            figure(Some(outcome.profiled))
        );
        for spent in &outcome.profile {
            let _ = writeln!(
                out,
                "- {:.1} % `{}`",
                spent.percent,
                spent.function.chars().take(120).collect::<String>()
            );
        }
    }
}

/// By which cipher suites it was measured, if by any.
fn suites(row: &Row) -> Option<String> {
    let mut by_suite: Vec<(&str, Vec<&str>)> = Vec::new();
    for outcome in &row.outcomes {
        let Some(suite) = &outcome.suite else { continue };
        match by_suite.iter_mut().find(|(name, _)| name == suite) {
            Some((_, names)) => names.push(&outcome.name),
            None => by_suite.push((suite, vec![&outcome.name])),
        }
    }
    match by_suite.as_slice() {
        [] => None,
        [(suite, _)] => Some(format!("All by {suite}.")),
        many => {
            let each: Vec<_> =
                many.iter().map(|(suite, names)| format!("{suite}: {}", names.join(", "))).collect();
            Some(format!("By {}.", each.join("; by ")))
        }
    }
}

fn line(out: &mut String, outcome: &Outcome, counts: bool) {
    let value = match (&outcome.failure, outcome.who) {
        (Some(failure), _) => format!("failed: {}", failure.replace(['\n', '|'], " ")),
        (None, Who::Ours) => format!("**{}**", figure(outcome.value)),
        (None, _) => figure(outcome.value),
    };
    let spread = match outcome.samples.as_slice() {
        _ if counts => figure(outcome.by_vectors),
        [] | [_] => String::new(),
        many => {
            let least = many.iter().copied().fold(f64::INFINITY, f64::min);
            let most = many.iter().copied().fold(0.0, f64::max);
            format!("{} to {}", figure(Some(least)), figure(Some(most)))
        }
    };
    let memory = match outcome.peak_kib {
        0 => String::new(),
        kib => format!("{:.1}", kib as f64 / 1024.0),
    };
    let _ = writeln!(out, "| {} | {value} | {spread} | {} | {memory} |", outcome.name, whole(outcome.count));
}

/// One row on the terminal.
pub fn brief(row: &Row) {
    for outcome in &row.outcomes {
        let value = outcome.failure.clone().unwrap_or_else(|| both(outcome.value, outcome.by_vectors));
        let memory = outcome.peak_kib as f64 / 1024.0;
        eprintln!("   {:28} {value:>14}  ({} messages, {memory:.1} MiB)", outcome.name, outcome.count);
    }
    eprintln!("   {:.0} s in all", row.took);
    for text in row.checks.iter().map(measured).chain(suites(row)).chain(row.notes.iter().cloned()) {
        eprintln!("   -> {text}");
    }
}

fn figure(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value.abs() >= 100.0 => whole(value.round() as u64),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) if value == value.round() => format!("{value}"),
        Some(value) => format!("{value:.3}"),
    }
}

/// With commas between the thousands.
fn whole(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
