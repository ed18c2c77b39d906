//! The `postrider` command: a mail session from the command line.
//!
//! | file | what is in it |
//! |---|---|
//! | `args.rs` | the command line |
//! | `settings.rs`, `secret.rs` | from account file, `--property` and password sources to a session |
//! | `check.rs`, `check_args.rs` | `postrider check` |
//! | `send.rs`, `send_args.rs`, `compose.rs` | `postrider send`: the command, and the message it builds |
//! | `fetch.rs`, `fetch_args.rs`, `deposit.rs`, `headline.rs` | `postrider fetch`: the command, files that appear whole, subject and sender |
//! | `watch/` | `postrider watch`: the command; programs, a maildir and lines of JSON as handlers; how it goes |
//! | `outbox/` | `postrider outbox` |
//! | `explain.rs`, `config.rs` | `postrider explain`, `postrider config check` |
//! | `plugins.rs` | `postrider plugins` |
//! | `plugin_args.rs` | `--load`, and the command lines of `postrider plugins` and `plugin` |
//! | `plugin_check.rs`, `plugin_promises.rs`, `plugin_outcome.rs`, `plugin_bench.rs` | `postrider plugin check`: a library's description and refusals; its promises, with a server of ours or without any |
//! | `plugin_watch.rs` | the process of its own in which that happens |
//! | `plugin_new.rs` | `postrider plugin new`, from `templates/` |
//! | `demo/` | `postrider demo` |
//! | `output.rs`, `report.rs` | stdout: tables and JSON; outcomes in both |
//! | `progress.rs`, `transcript.rs` | stderr: progress, and the dialogue with the server |
//! | `exit.rs`, `interrupt.rs` | how it ends |

mod args;
mod check;
mod check_args;
mod compose;
mod config;
mod demo;
mod deposit;
mod exit;
mod explain;
mod fetch;
mod fetch_args;
mod headline;
mod interrupt;
mod outbox;
mod output;
mod plugin_args;
mod plugin_bench;
mod plugin_check;
mod plugin_new;
mod plugin_outcome;
mod plugin_promises;
mod plugin_watch;
mod plugins;
mod progress;
mod report;
mod secret;
mod send;
mod send_args;
mod settings;
mod transcript;
mod watch;

use args::{Args, Command, ConfigCommand};
use clap::Parser;
use exit::{Code, Failure};
use output::Output;
use plugin_args::PluginCommand;

fn main() {
    let code = match Args::try_parse() {
        Ok(args) => finish(&args.command),
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() { Code::Usage } else { Code::Done }
        }
    };
    // Not a return: a thread may still be waiting for stdin.
    std::process::exit(code.number());
}

/// Runs the command and, where it fails, says why: in words on stderr, and to a machine on stdout too.
fn finish(command: &Command) -> Code {
    let mut out = Output::new(command.is_json());
    run(command, &mut out).unwrap_or_else(|failure| {
        if out.is_json() {
            // If stdout is what failed, stderr has to do.
            let _ = out.value(&report::failure(&failure));
        }
        output::note(format!("postrider: {failure}"));
        failure.code
    })
}

fn run(command: &Command, out: &mut Output) -> Result<Code, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Code::Software, format!("no runtime: {e}")))?;
    let outcome = match command {
        Command::Demo(args) => demo::run(&runtime, args, out),
        Command::Check(args) => check::run(&runtime, args, out),
        Command::Send(args) => send::run(&runtime, args, out),
        Command::Fetch(args) => fetch::run(&runtime, args, out),
        Command::Watch(args) => watch::run(&runtime, args, out),
        Command::Outbox(command) => outbox::run(&runtime, command, out),
        Command::Explain(args) => explain::run(args, out),
        Command::Config(ConfigCommand::Check(args)) => config::check(args, out),
        Command::Plugins(args) => plugins::run(args, out),
        Command::Plugin(PluginCommand::Check(args)) => plugin_check::run(args, out),
        Command::Plugin(PluginCommand::New(args)) => plugin_new::run(args, out),
    };
    // Nor a drop: that would wait for a read of stdin to end.
    runtime.shutdown_background();
    outcome
}
