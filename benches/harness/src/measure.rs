//! Running the contenders of a row in rotation.

use crate::contender::{Contender, Count, Metric, Plan, Program, Server};
use crate::pace::{self, Length, Pace};
use crate::process::{self, Ran};
use crate::profile::Copies;
use crate::programs::Programs;
use crate::result::{Outcome, Row, Spent};
use crate::servers::{Place, Servers};
use crate::{Result, judge, profile};
use serde_json::Value;

pub fn row(plan: &Plan, programs: &Programs, servers: &mut Servers, pace: &Pace) -> Result<Row> {
    let mut row = Row::of(plan);
    let (mut ready, mut lengths) = (Vec::new(), Vec::new());
    for contender in &plan.contenders {
        let mut outcome = Outcome::of(contender);
        match prepare(contender, programs, servers, pace, plan.metric) {
            Ok((place, length)) => {
                ready.push((contender, place, row.outcomes.len()));
                lengths.push((contender.name, length));
            }
            Err(error) => outcome.failure = Some(error.to_string()),
        }
        row.outcomes.push(outcome);
    }
    pace::level(&plan.checks, pace, &mut lengths);
    for ((_, _, index), (_, length)) in ready.iter().zip(&lengths) {
        row.outcomes[*index].count = length.count;
    }
    let rounds = match plan.metric {
        // These repeat to the digit, or nearly.
        Metric::Rounds | Metric::AllRounds(_) | Metric::Instructions | Metric::InstructionsByte => 1,
        _ => pace.rounds,
    };
    for _ in 0..rounds {
        for (contender, place, index) in &ready {
            let outcome = &mut row.outcomes[*index];
            if outcome.failure.is_some() {
                continue;
            }
            match sample(contender, place, programs, servers, plan.metric, outcome) {
                Ok(value) => outcome.samples.push(value),
                Err(error) => outcome.failure = Some(error.to_string()),
            }
        }
    }
    for outcome in &mut row.outcomes {
        outcome.value = if outcome.failure.is_none() { median(&outcome.samples) } else { None };
    }
    row.checks = plan.checks.iter().map(|check| judge::judge(&row, check)).collect();
    row.notes.extend(judge::bound_of_libraries(&row, &plan.checks));
    for (contender, place, index) in &ready {
        let missed = row.checks.iter().any(|check| !check.passed && check.of(contender.name));
        let outcome = &mut row.outcomes[*index];
        if missed && outcome.profile.is_empty() && plan.metric.is_rate() {
            // A row of times says nothing of why; callgrind says it of what happens outside the kernel.
            let two = if contender.size >= 1 << 20 { (4, 24) } else { (200, 1_200) };
            match counted(contender, place, programs, servers, two, Copies::AsTheyAre) {
                Ok((each, profile)) => (outcome.profiled, outcome.profile) = (each, profile),
                Err(error) => row.notes.push(format!("{}: no profile: {error}", contender.name)),
            }
        }
    }
    Ok(row)
}

impl Outcome {
    fn of(contender: &Contender) -> Self {
        Self {
            name: contender.name.to_owned(),
            who: contender.who,
            value: None,
            by_vectors: None,
            samples: Vec::new(),
            count: 0,
            peak_kib: 0,
            idle_kib: 0,
            suite: None,
            failure: None,
            profile: Vec::new(),
            profiled: 0.0,
        }
    }
}

/// Where its server is, and how many messages it will do.
fn prepare(
    contender: &Contender,
    programs: &Programs,
    servers: &mut Servers,
    pace: &Pace,
    metric: Metric,
) -> Result<(Place, Length)> {
    let place = servers.place(contender.server, contender.pinned, contender.rtt)?;
    let length = pace::fit(contender.count, contender.connections, pace, |count| {
        Ok(once(contender, &place, programs, servers, count)?.work_seconds())
    })?;
    // Once for nothing: the server's caches and indexes are warm for everybody then.
    if let (Count::Exactly(count), true) = (contender.count, metric.is_rate()) {
        once(contender, &place, programs, servers, count)?;
    }
    Ok((place, length))
}

fn sample(
    contender: &Contender,
    place: &Place,
    programs: &Programs,
    servers: &mut Servers,
    metric: Metric,
    outcome: &mut Outcome,
) -> Result<f64> {
    let size = contender.size as f64;
    match (metric, contender.count) {
        (Metric::Instructions | Metric::InstructionsByte, Count::Two(few, many)) => {
            let per = if metric == Metric::InstructionsByte { size } else { 1.0 };
            let two = (few, many);
            outcome.by_vectors =
                Some(counted(contender, place, programs, servers, two, Copies::ByVectors)?.0 / per);
            let (each, profile) = counted(contender, place, programs, servers, two, Copies::AsTheyAre)?;
            (outcome.profiled, outcome.profile) = (each, profile);
            Ok(each / per)
        }
        (Metric::Rounds, Count::Two(few, many)) => {
            let mut counted = |count| rounds(contender, place, programs, servers, count);
            Ok((counted(many)?.0 - counted(few)?.0) / (many - few) as f64)
        }
        (Metric::AllRounds(over), _) => {
            let (rounds, connections) = rounds(contender, place, programs, servers, outcome.count)?;
            Ok((rounds + connections) / over)
        }
        (Metric::Instructions | Metric::InstructionsByte | Metric::Rounds, _) => {
            Err("needs two numbers".into())
        }
        (Metric::Memory, _) => {
            let ran = once(contender, place, programs, servers, outcome.count)?;
            note(outcome, &ran);
            let idle = ran.number("idle_kib").unwrap_or(0.0);
            Ok(ran.peak() as f64 - idle)
        }
        (Metric::Rate | Metric::Megabytes, _) => {
            let ran = once(contender, place, programs, servers, outcome.count)?;
            note(outcome, &ran);
            let rate = outcome.count as f64 / ran.work_seconds();
            Ok(if metric == Metric::Megabytes { rate * size / 1e6 } else { rate })
        }
    }
}

fn note(outcome: &mut Outcome, ran: &Ran) {
    outcome.peak_kib = outcome.peak_kib.max(ran.peak());
    outcome.idle_kib = ran.number("idle_kib").unwrap_or(0.0) as u64;
    outcome.suite.clone_from(&ran.suite);
}

/// One run, with a look at whether it did what it should.
fn once(
    contender: &Contender,
    place: &Place,
    programs: &Programs,
    servers: &mut Servers,
    count: u64,
) -> Result<Ran> {
    let mut ran = process::run(&mut programs.work(contender, place, count)?)?;
    ran.suite = took_place(contender, servers, count)?;
    if let Some(messages) = ran.number("messages")
        && messages as u64 != count
    {
        return Err(format!("{messages} messages instead of {count}").into());
    }
    if let Some(relay) = servers.relay_at(&place.address) {
        relay.told(|lines| !lines.is_empty());
    }
    Ok(ran)
}

/// Whether as many messages arrived; and by which cipher suite, if by any.
fn took_place(contender: &Contender, servers: &Servers, count: u64) -> Result<Option<String>> {
    if contender.server == Server::Postfix {
        return servers.drain_postfix().map(|()| None);
    }
    if contender.program == Program::Ours("connect") {
        return Ok(None);
    }
    let Some(sink) = servers.counting(contender.server, contender.pinned) else { return Ok(None) };
    let sum = |lines: &[Value]| total(lines, "messages") as u64;
    let lines = sink.told(|lines| sum(lines) >= count);
    match sum(&lines) {
        taken if taken == count => {
            Ok(lines.iter().find_map(|line| Some(line.get("suite")?.as_str()?.to_owned())))
        }
        taken => Err(format!("the sink got {taken} messages of {count}").into()),
    }
}

fn total(lines: &[Value], name: &str) -> f64 {
    lines.iter().filter_map(|line| line.get(name)?.as_f64()).sum()
}

/// Instructions a message by the difference of two runs, and where they went.
fn counted(
    contender: &Contender,
    place: &Place,
    programs: &Programs,
    servers: &mut Servers,
    two: (u64, u64),
    copies: Copies,
) -> Result<(f64, Vec<Spent>)> {
    // callgrind looks at the program that it starts: nothing may start it.
    let work = Contender { pinned: false, arguments: contender.arguments.clone(), ..*contender };
    let run = |name, count| {
        let out = programs.dir.join(name);
        let counted = profile::instructions(&programs.work(&work, place, count)?, copies, &out)?;
        took_place(contender, servers, count)?;
        if let Some(relay) = servers.relay_at(&place.address) {
            relay.told(|lines| !lines.is_empty());
        }
        Result::Ok((counted as f64, out))
    };
    let (few, many) = (run("callgrind.few", two.0)?, run("callgrind.many", two.1)?);
    Ok(((many.0 - few.0) / (two.1 - two.0) as f64, profile::difference(&few.1, &many.1, 15)?))
}

/// Round trips of a run, and its connections.
fn rounds(
    contender: &Contender,
    place: &Place,
    programs: &Programs,
    servers: &mut Servers,
    count: u64,
) -> Result<(f64, f64)> {
    process::run(&mut programs.work(contender, place, count)?)?;
    took_place(contender, servers, count)?;
    let relay = servers.relay_at(&place.address).ok_or("no relay")?;
    // Several connections may end; the last has once nothing comes for a while.
    let mut lines = relay.told(|lines| !lines.is_empty());
    std::thread::sleep(std::time::Duration::from_millis(300));
    lines.extend(relay.told(|_| true));
    Ok((total(&lines, "rounds"), lines.len() as f64))
}

fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let high = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { high } else { (high + sorted[middle - 1]) / 2.0 })
}
