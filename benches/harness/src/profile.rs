//! What callgrind counted.

use crate::Result;
use crate::process;
use crate::result::Spent;
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

/// Runs the command under callgrind and gives its instructions and what it printed.
pub fn instructions(command: &Command, out: &Path) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            valgrind.env(name, value);
        }
    }
    process::run(&mut valgrind)?;
    let text = std::fs::read_to_string(out)?;
    let total = text.lines().find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    Ok(total.ok_or("callgrind wrote no total")?.trim().parse()?)
}

/// The functions that spent most themselves, whatever was inlined into them.
pub fn top(out: &Path, most: usize) -> Result<Vec<Spent>> {
    let text = std::fs::read_to_string(out)?;
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut costs: HashMap<&str, u64> = HashMap::new();
    let (mut current, mut skip) = ("", false);
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("fn=") {
            current = named(&mut names, rest);
        } else if let Some(rest) = line.strip_prefix("cfn=") {
            named(&mut names, rest);
        } else if line.starts_with("calls=") {
            // The next line is what the call cost, which is counted where it arose.
            skip = true;
        } else if line.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '*')) {
            if !std::mem::take(&mut skip) {
                let cost = line.split_whitespace().nth(1).and_then(|cost| cost.parse::<u64>().ok());
                *costs.entry(current).or_default() += cost.unwrap_or(0);
            }
        }
    }
    let all: u64 = costs.values().sum();
    let mut sorted: Vec<(&str, u64)> = costs.into_iter().collect();
    sorted.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
    Ok(sorted
        .into_iter()
        .take(most)
        .map(|(id, cost)| Spent {
            function: names.get(id).copied().unwrap_or(id).to_owned(),
            percent: 100.0 * cost as f64 / all.max(1) as f64,
        })
        .collect())
}

/// The number in parentheses that stands for a name, which comes with it only once.
fn named<'a>(names: &mut HashMap<&'a str, &'a str>, text: &'a str) -> &'a str {
    let end = text.find(')').map_or(text.len(), |end| end + 1);
    let (id, name) = text.split_at(end);
    let name = name.trim_start();
    if !name.is_empty() {
        names.insert(id, name);
    }
    id
}
