//! Runs everything in rotation and writes down what came out.
//!
//! ```text
//! bench [--quick] [--rounds N] [--seconds S] [--out FILE] [ROW…]     measures
//! bench list                                                         names the rows
//! bench serve                                                        starts the servers until it is ended
//! bench report FILE --markdown FILE --plot FILE                      makes the document of what came out
//! ```
//! `--bin DIR` is where the programs are, `--root DIR` the project, `--commit NAME` what was built.

mod contender;
mod foreign;
mod judge;
mod mailboxes;
mod measure;
mod pace;
mod plot;
mod process;
mod profile;
mod programs;
mod report;
mod result;
mod rows;
mod rows_receive;
mod rows_smtp;
mod rows_smtp_cost;
mod servers;

use bench_common::Arguments;
use result::{Results, Row};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let given = Arguments::from_env();
    match given.word(0) {
        "list" => {
            for row in rows::all() {
                println!("{:28} {}", row.id, row.title);
            }
            Ok(())
        }
        "serve" => servers::serve(&programs::Programs::find(&given)?),
        "report" => {
            let results = Results::load(Path::new(given.word(1)))?;
            std::fs::write(given.text("markdown", "benchmarks.md"), report::markdown(&results))?;
            std::fs::write(given.text("plot", "benchmarks.svg"), plot::svg(&results))?;
            Ok(())
        }
        _ => measure_rows(&given),
    }
}

fn measure_rows(given: &Arguments) -> Result<()> {
    let programs = programs::Programs::find(given)?;
    let quick = given.flag("quick");
    let pace = pace::Pace {
        rounds: given.number("rounds", if quick { 2 } else { 5 }),
        seconds: given.number("seconds", if quick { 0.6 } else { 1.0 }),
        quick,
    };
    let plans = wanted(given.words())?;
    let mut servers = servers::Servers::new(&programs, quick);
    let out = given.text("out", "results.json");
    let mut results = Results::of_this_machine(&programs, &pace);
    let start = Instant::now();
    for plan in plans {
        eprintln!("== {}: {}", plan.id, plan.title);
        let before = start.elapsed();
        let mut row = match measure::row(&plan, &programs, &mut servers, &pace) {
            Ok(row) => row,
            // What can't be measured stands there as that.
            Err(error) => Row::failed(&plan, &error.to_string()),
        };
        row.took = (start.elapsed() - before).as_secs_f64();
        report::brief(&row);
        results.rows.push(row);
        results.minutes = start.elapsed().as_secs_f64() / 60.0;
        results.save(Path::new(&out))?;
    }
    results.notes = programs.notes();
    results.save(Path::new(&out))
}

/// The rows of these names, or those whose names begin so; all if there is none.
fn wanted(names: &[String]) -> Result<Vec<contender::Plan>> {
    let mut plans = rows::all();
    for name in names {
        if !plans.iter().any(|plan| plan.id.starts_with(name.as_str())) {
            return Err(format!("there is no row {name}; bench list names them").into());
        }
    }
    let exact = |id: &str| names.iter().any(|name| name == id);
    let begins =
        |id: &str| names.iter().any(|n| id.starts_with(n.as_str()) && !rows::all().iter().any(|p| p.id == n));
    plans.retain(|plan| names.is_empty() || exact(plan.id) || begins(plan.id));
    Ok(plans)
}
