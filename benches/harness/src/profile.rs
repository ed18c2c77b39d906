//! What callgrind counted.

use crate::Result;
use crate::process;
use crate::result::Spent;
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

const VECTORS: &str =
    "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold=1073741824";

/// What callgrind takes a copy for.
#[derive(Clone, Copy, PartialEq)]
pub enum Copies {
    /// What glibc does on this processor. From some size on that is `rep movsb`, every byte of which callgrind counts as
    /// an instruction, which no processor does.
    AsTheyAre,
    /// Vectors, of any size.
    ByVectors,
}

/// Runs the command under callgrind and gives its instructions.
pub fn instructions(command: &Command, copies: Copies, out: &Path) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(command.get_program()).args(command.get_args());
    match copies {
        Copies::AsTheyAre => valgrind.env_remove("GLIBC_TUNABLES"),
        Copies::ByVectors => valgrind.env("GLIBC_TUNABLES", VECTORS),
    };
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            valgrind.env(name, value);
        }
    }
    process::run(&mut valgrind)?;
    let text = std::fs::read_to_string(out)?;
    let total =
        text.lines().find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    Ok(total.ok_or("callgrind wrote no total")?.trim().parse()?)
}

/// The functions in which the second run spent more than the first, most first: whatever was inlined into them is theirs.
pub fn difference(few: &Path, many: &Path, most: usize) -> Result<Vec<Spent>> {
    let (few, many) = (std::fs::read_to_string(few)?, std::fs::read_to_string(many)?);
    let mut costs = costs(&many);
    for (name, cost) in self::costs(&few) {
        *costs.entry(name).or_default() -= cost;
    }
    let all: i64 = costs.values().sum();
    let mut sorted: Vec<(&str, i64)> = costs.into_iter().collect();
    sorted.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
    let share = |cost: i64| 100.0 * cost as f64 / all.max(1) as f64;
    let spent = |(name, cost): (&str, i64)| Spent { function: name.to_owned(), percent: share(cost) };
    Ok(sorted.into_iter().take(most).map(spent).collect())
}

/// What each function spent itself.
fn costs(profile: &str) -> HashMap<&str, i64> {
    let mut names: HashMap<&str, &str> = HashMap::new();
    let mut costs: HashMap<&str, i64> = HashMap::new();
    let (mut current, mut skip) = ("", false);
    for line in profile.lines() {
        if let Some(rest) = line.strip_prefix("fn=") {
            current = named(&mut names, rest);
        } else if let Some(rest) = line.strip_prefix("cfn=") {
            named(&mut names, rest);
        } else if line.starts_with("calls=") {
            // The next line is what the call cost, which is counted where it arose.
            skip = true;
        } else if line.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '*'))
            && !std::mem::take(&mut skip)
        {
            let cost = line.split_whitespace().nth(1).and_then(|cost| cost.parse::<i64>().ok());
            *costs.entry(current).or_default() += cost.unwrap_or(0);
        }
    }
    costs
}

/// What is named by a number in parentheses, with which the name comes only once.
fn named<'a>(names: &mut HashMap<&'a str, &'a str>, text: &'a str) -> &'a str {
    let end = text.find(')').map_or(text.len(), |end| end + 1);
    let (id, name) = text.split_at(end);
    let name = name.trim_start();
    if !name.is_empty() {
        names.insert(id, name);
    }
    names.get(id).copied().unwrap_or(id)
}
