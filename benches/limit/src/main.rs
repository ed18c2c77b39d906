//! How fast it can be: clients on bare sockets that do only what the work needs. Nothing is allocated for a message, and
//! of an answer no more is looked at than is needed to go on.
//!
//! ```text
//! limit smtp --mode seq|pipe|cross|bdat --messages N --size BYTES [--window N] [--window-bytes B] [--connections N]
//! limit pop3 --user U --password P --messages N [--window N]
//! limit imap --user U --password P --messages N [--folder F] [--mode all|windows] [--window N]
//!       all: --server HOST:PORT [--ca FILE] (TLS from the first byte, by the name localhost)
//! ```
//!
//! | mode | |
//! |---|---|
//! | `seq` | one command at a time |
//! | `pipe` | MAIL, RCPT and DATA in one segment, the body in another |
//! | `cross` | the body, and the next message's MAIL, RCPT and DATA, in one segment |
//! | `bdat` | MAIL, RCPT, BDAT and body; as many messages in flight as the window holds, 128 or 4 MiB |

mod imap;
mod pop3;
mod smtp;
mod wire;

use bench_common::{Arguments, peak_kib, report};
use std::error::Error;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let given = Arguments::from_env();
    let start = Instant::now();
    let (messages, bytes) = match given.word(0) {
        "smtp" => smtp::run(&given)?,
        "pop3" => pop3::run(&given)?,
        "imap" => imap::run(&given)?,
        other => return Err(format!("limit smtp|pop3|imap, not \"{other}\"").into()),
    };
    report(&[
        ("messages", messages as f64),
        ("bytes", bytes as f64),
        ("seconds", start.elapsed().as_secs_f64()),
        ("peak_kib", peak_kib() as f64),
    ]);
    Ok(())
}
