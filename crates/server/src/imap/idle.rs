//! IDLE: RFC 2177.

use super::parse::{self, Args};
use super::{Outcome, Session};
use crate::conn::Line;
use crate::error::{Ended, Result};

const LINE_LIMIT: usize = 1_024;

impl Session<'_> {
    /// Tells of every change at once, until the client says DONE.
    pub(super) async fn idle(&mut self, args: Args<'_>) -> Result<Outcome> {
        if let Err(refusal) = args.end() {
            return Ok(Err(refusal));
        }
        // The bell comes first: what rings between the look and the wait is heard.
        let mut bell = self.shared.store.bell();
        self.conn.put("+ Idling\r\n");
        self.announce(true)?;
        loop {
            self.conn.flush().await?;
            tokio::select! {
                line = self.conn.line(LINE_LIMIT) => {
                    let done = matches!(line?, Line::Whole(line) if line.eq_ignore_ascii_case(b"DONE"));
                    return Ok(if done { Ok("That was it".into()) } else { Err(parse::bad("DONE expected")) });
                }
                changed = bell.changed() => {
                    changed.map_err(|_| Ended::Gone)?;
                    self.announce(true)?;
                }
            }
        }
    }
}
