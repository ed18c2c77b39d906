//! Tells what happens: in plain words as it happens, or as one line of JSON per step.

use crate::exit::Failure;
use crate::output::{Output, clean};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Tells a story step by step.
pub(crate) struct Narrator<'a> {
    out: &'a mut Output,
    steps: usize,
    now: Option<Step>,
}

struct Step {
    name: &'static str,
    title: &'static str,
    says: Vec<String>,
    data: Map<String, Value>,
}

impl<'a> Narrator<'a> {
    pub(crate) fn new(out: &'a mut Output) -> Self {
        Self { out, steps: 0, now: None }
    }

    /// A line outside any step; people only.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        if self.out.is_json() { Ok(()) } else { self.out.line(text) }
    }

    /// Ends the step before and begins the next.
    pub(crate) fn step(&mut self, name: &'static str, title: &'static str) -> Result<(), Failure> {
        self.end()?;
        self.steps += 1;
        let number = self.steps;
        self.line("")?;
        self.line(&format!("{number}. {title}"))?;
        self.now = Some(Step { name, title, says: Vec::new(), data: Map::new() });
        Ok(())
    }

    /// One thing that happened in this step.
    pub(crate) fn say(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        let text = clean(text.as_ref());
        self.line(&format!("   {text}"))?;
        if let Some(step) = &mut self.now {
            step.says.push(text);
        }
        Ok(())
    }

    /// A table of this step; machines get it by [`data`](Self::data).
    pub(crate) fn table(&mut self, headings: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
        for line in crate::output::table(headings, rows, None).lines() {
            self.line(&format!("     {line}"))?;
        }
        Ok(())
    }

    /// A fact of this step for machines.
    pub(crate) fn data(&mut self, key: &str, value: impl Serialize) {
        if let Some(step) = &mut self.now {
            step.data.insert(key.to_owned(), json!(value));
        }
    }

    /// Ends the last step.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        let Some(step) = self.now.take() else { return Ok(()) };
        if !self.out.is_json() {
            return Ok(());
        }
        self.out.value(&json!({
            "number": self.steps,
            "step": step.name,
            "title": step.title,
            "says": step.says,
            "data": step.data,
        }))
    }
}
