//! DATA and BDAT: the message itself.

use std::sync::Arc;

use super::dots::{self, Unstuffer};
use super::envelope::Transaction;
use super::{Accepted, Session};
use crate::dates;
use crate::error::{Ended, Result};

const READ_SIZE: usize = 16 << 10;

impl Session<'_> {
    pub(super) async fn data(&mut self, rest: &str) -> Result<()> {
        let refusal = match &self.transaction {
            _ if !rest.is_empty() => Some((501, "5.5.4", "DATA stands alone")),
            None => Some((503, "5.5.1", "MAIL comes first")),
            Some(transaction) if transaction.chunks.is_some() => {
                Some((503, "5.5.1", "BDAT and DATA don't mix"))
            }
            Some(transaction) if transaction.recipients.is_empty() => {
                Some((554, "5.5.1", "No valid recipients"))
            }
            Some(_) => None,
        };
        if let Some((code, enhanced, text)) = refusal {
            self.mistake(code, enhanced, text);
            return Ok(());
        }
        // RFC 2920 §3.1: DATA is the last of its group. A message sent before the go-ahead is a client's bug.
        if self.conn.has_input() {
            self.say(554, "5.5.0", "Nothing may follow DATA before the go-ahead");
            return Err(Ended::Gone);
        }
        self.conn.put("354 End with <CRLF>.<CRLF>\r\n");
        let message = self.read_dotted().await?;
        let Some(transaction) = self.transaction.take() else { return Ok(()) };
        match message {
            None => self.say(552, "5.3.4", "That is more than this server takes"),
            Some(message) => self.keep(transaction, message, false),
        }
        Ok(())
    }

    /// `BDAT size [LAST]`: the bytes come whatever the reply will be (RFC 3030 §2).
    pub(super) async fn bdat(&mut self, rest: &str) -> Result<()> {
        let mut words = rest.split_ascii_whitespace();
        let size = words.next().and_then(|word| word.parse::<u64>().ok());
        let last = words.next().map(|word| word.eq_ignore_ascii_case("LAST"));
        let (Some(size), true, None) = (size, last != Some(false), words.next()) else {
            // How much data follows is anyone's guess.
            self.say(501, "5.5.4", "BDAT size [LAST], please");
            return Err(Ended::Gone);
        };
        let limit = self.options().message_limit;
        let so_far = match &mut self.transaction {
            Some(transaction) if !transaction.recipients.is_empty() => {
                transaction.chunks.take().unwrap_or_default()
            }
            _ => {
                self.conn.discard(size).await?;
                self.mistake(503, "5.5.1", "MAIL and RCPT come first");
                return Ok(());
            }
        };
        let fits = usize::try_from(size).ok().filter(|&size| size.saturating_add(so_far.len()) <= limit);
        let Some(fitting) = fits else {
            self.transaction = None;
            self.conn.discard(size).await?;
            self.say(552, "5.3.4", "That is more than this server takes");
            return Ok(());
        };
        let mut message = so_far;
        self.conn.exactly(fitting, &mut message).await?;
        if last.is_some() {
            if let Some(transaction) = self.transaction.take() {
                self.keep(transaction, message, true);
            }
        } else {
            if let Some(transaction) = &mut self.transaction {
                transaction.chunks = Some(message);
            }
            self.say(250, "2.0.0", "More, please");
        }
        Ok(())
    }

    /// Reads to the final dot; `None` if there was more than the limit, which is not kept.
    async fn read_dotted(&mut self) -> Result<Option<Vec<u8>>> {
        let limit = self.options().message_limit;
        let (mut unstuffer, mut message, mut too_long) = (Unstuffer::default(), Vec::new(), false);
        while !unstuffer.has_ended() {
            let piece = self.conn.some(READ_SIZE).await?;
            let taken = unstuffer.feed(&piece, &mut message);
            self.conn.unread(piece.get(taken..).unwrap_or_default());
            if message.len() > limit {
                (message, too_long) = (Vec::new(), true);
            }
        }
        Ok((!too_long).then_some(message))
    }

    fn keep(&mut self, transaction: Transaction, message: Vec<u8>, chunked: bool) {
        if self.options().strict_newlines && dots::has_bare_newline(&message) {
            return self.say(550, "5.6.11", "A bare CR or LF is in that message");
        }
        let bytes: Arc<[u8]> = message.into();
        let mut users: Vec<&str> = transaction.recipients.iter().map(|r| r.user.as_str()).collect();
        users.sort_unstable();
        users.dedup();
        let users: Vec<String> = users.into_iter().map(Into::into).collect();
        let accepted = Accepted {
            user: self.user.clone(),
            from: transaction.from,
            mail_parameters: transaction.parameters,
            recipients: transaction.recipients.into_iter().map(|r| (r.address, r.parameters)).collect(),
            size: bytes.len(),
            chunked,
            tls: self.conn.tls().is_some(),
        };
        let note = || self.shared.journal.accept(accepted);
        match self.shared.store.deliver(&users, &bytes, dates::now(), note) {
            Ok(()) => self.say(250, "2.0.0", "Kept"),
            Err(_) => self.say(452, "4.3.1", "There is no room for that"),
        }
    }
}
