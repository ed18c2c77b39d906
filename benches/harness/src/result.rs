//! What came out, as it is kept.

use crate::contender::{Plan, Who};
use crate::pace::Pace;
use crate::programs::Programs;
use crate::{Result, process};
use serde::{Deserialize, Serialize};
use std::path::Path;

#[derive(Serialize, Deserialize, Default)]
pub struct Results {
    pub when: String,
    pub commit: String,
    pub machine: String,
    pub rounds: u32,
    pub seconds: f64,
    /// Minutes of the whole run, without building.
    #[serde(default)]
    pub minutes: f64,
    pub quick: bool,
    /// Versions, and what could not be had.
    pub notes: Vec<String>,
    pub rows: Vec<Row>,
}

#[derive(Serialize, Deserialize, Default)]
pub struct Row {
    pub id: String,
    pub title: String,
    /// In the words.
    pub target: String,
    /// What was measured before there was a line of this, for comparison.
    pub facts: String,
    pub unit: String,
    pub outcomes: Vec<Outcome>,
    pub checks: Vec<Checked>,
    pub notes: Vec<String>,
    /// Seconds that measuring it took in all.
    #[serde(default)]
    pub took: f64,
}

#[derive(Serialize, Deserialize, Clone)]
pub struct Outcome {
    pub name: String,
    pub who: Who,
    /// The median; not there if it failed. Of instructions, as callgrind has it by default.
    pub value: Option<f64>,
    /// Instructions with copies made by vectors.
    #[serde(default)]
    pub by_vectors: Option<f64>,
    pub samples: Vec<f64>,
    /// Messages in a run.
    pub count: u64,
    pub peak_kib: u64,
    pub idle_kib: u64,
    /// The cipher suite that it and the sink chose.
    #[serde(default)]
    pub suite: Option<String>,
    pub failure: Option<String>,
    /// Where the instructions went, most first, as callgrind has it by default.
    #[serde(default)]
    pub profile: Vec<Spent>,
    /// Instructions a message that the profile is of.
    #[serde(default)]
    pub profiled: f64,
}

#[derive(Serialize, Deserialize, Clone)]
pub struct Spent {
    pub function: String,
    pub percent: f64,
}

#[derive(Serialize, Deserialize)]
pub struct Checked {
    pub what: String,
    pub value: Option<f64>,
    /// The same with copies made by vectors; nothing hangs on it.
    #[serde(default)]
    pub by_vectors: Option<f64>,
    pub bound: f64,
    pub at_least: bool,
    pub passed: bool,
}

impl Results {
    pub fn of_this_machine(programs: &Programs, pace: &Pace) -> Self {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .unwrap_or("")
            .trim_start_matches(['\t', ':', ' ']);
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let kernel = process::output("uname", &["-sr"]).unwrap_or_default();
        Self {
            when: process::output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]).unwrap_or_default(),
            commit: programs.commit.clone(),
            machine: format!("{cores} cores of {model}, {kernel}, loopback"),
            rounds: pace.rounds,
            seconds: pace.seconds,
            quick: pace.quick,
            ..Self::default()
        }
    }

    pub fn load(path: &Path) -> Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }

    pub fn save(&self, path: &Path) -> Result<()> {
        std::fs::write(path, serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }

    pub fn row(&self, id: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }
}

impl Checked {
    /// Whether it asks something of this contender.
    pub fn of(&self, name: &str) -> bool {
        self.what == name || self.what.starts_with(&format!("{name} / "))
    }
}

impl Row {
    pub fn of(plan: &Plan) -> Self {
        Self {
            id: plan.id.to_owned(),
            title: plan.title.to_owned(),
            target: plan.target.to_owned(),
            facts: plan.facts.to_owned(),
            unit: plan.unit.to_owned(),
            ..Self::default()
        }
    }

    pub fn failed(plan: &Plan, why: &str) -> Self {
        Self { notes: vec![format!("could not be measured: {why}")], ..Self::of(plan) }
    }

    pub fn outcome(&self, name: &str) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.name == name)
    }

    pub fn best_peer(&self) -> Option<&Outcome> {
        let peers =
            self.outcomes.iter().filter(|outcome| outcome.who == Who::Peer && outcome.value.is_some());
        peers.max_by(|a, b| a.value.partial_cmp(&b.value).unwrap_or(std::cmp::Ordering::Equal))
    }
}
