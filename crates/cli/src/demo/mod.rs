//! `postrider demo`: mail goes out and comes back, all on this machine.
//!
//! | file | what is in it |
//! |---|---|
//! | `narrator.rs` | tells what happens, to people or machines |
//! | `post_office.rs` | the mail server of the demo, and sessions with it |
//! | `outgoing.rs`, `incoming.rs` | the steps of the tour |
//! | `serve.rs` | `--serve` |

mod incoming;
mod narrator;
mod outgoing;
mod post_office;
mod serve;

use crate::args::DemoArgs;
use crate::exit::{Code, Failure};
use crate::interrupt::unless_interrupted;
use crate::output::Output;
use narrator::Narrator;
use post_office::PostOffice;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Far more than the tour takes: nothing hangs, not even a demo.
const LONGEST_TOUR: Duration = Duration::from_secs(120);

/// Shows the tour, or serves.
pub(crate) fn run(runtime: &Runtime, args: &DemoArgs, out: &mut Output) -> Result<Code, Failure> {
    let mut narrator = Narrator::new(out);
    if args.serve {
        return runtime.block_on(serve::serve(&mut narrator)).map(|()| Code::Done);
    }
    runtime.block_on(unless_interrupted(async {
        let tour = tokio::time::timeout(LONGEST_TOUR, tour(&mut narrator));
        tour.await.unwrap_or_else(|_| {
            Err(Failure::new(
                Code::Connection,
                format!("the demo took longer than {} s", LONGEST_TOUR.as_secs()),
            ))
        })
    }))?;
    Ok(Code::Done)
}

async fn tour(say: &mut Narrator<'_>) -> Result<(), Failure> {
    say.line("Postrider demo: real mail over real protocols, all inside this process.")?;

    say.step("server", "A mail server starts")?;
    let office = PostOffice::open().await?;
    office.introduce(say)?;

    say.step("smtp", "Alice writes to Bob: out over SMTP")?;
    let sent = outgoing::write_to_bob(&office, say).await?;

    say.step("pop3", "Bob collects it: in over POP3, and deleted")?;
    incoming::collect(&office, say, &sent).await?;

    say.step("imap", "Bob listens, Alice writes again: in over IMAP, woken by IDLE")?;
    incoming::listen(&office, say).await?;

    say.step("refused", "Alice writes to Bob and to nobody: one recipient is refused")?;
    outgoing::write_to_nobody(&office, say).await?;
    say.end()?;

    office.close().await;
    say.line("")?;
    say.line("That was all: three messages sent, two of them fetched, every byte through TLS. Next:")?;
    let us = this_command();
    for (what, why) in [
        ("demo --serve", "keeps such a server up, for `send`, `fetch` and any mail program"),
        ("check --help", "looks for the cause when your own mail does not go out or come in"),
        ("send --help", "sends through your own server"),
        ("plugins", "lists the transports and what can be set on each"),
    ] {
        say.line(&format!("  {us} {what:<12}   {why}"))?;
    }
    Ok(())
}

/// How to call this program again from the same folder: `cargo run` puts it where no shell looks for it.
fn this_command() -> String {
    let called = std::env::args().next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    // A long one would break the lines; whoever calls it so knows where it is.
    let fits = (1..=32).contains(&called.len()) && called.chars().all(plain);
    if fits { called } else { "postrider".to_owned() }
}
