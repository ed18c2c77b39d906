//! The driver of listings and of one message.

use crate::codec::{Maildrop, Status, pair, uid};
use crate::session::Session;
use bytes::Bytes;
use postrider_core::{Body, Error, ErrorKind, MessageId, Phase, Result};
use postrider_wire::dot::Decoder;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

const MOST: usize = 1_000_000;

impl Session {
    /// The messages of this session, read once.
    pub(crate) async fn maildrop(&mut self) -> Result<&mut Maildrop> {
        if self.maildrop.is_none() {
            self.channel.begin(Phase::List)?;
            let sizes = self.sizes().await?;
            let found = match self.uids().await? {
                Some(uids) => {
                    uids.into_iter().map(|(n, uid, good)| (n, sizes.get(&n).copied(), uid, good)).collect()
                }
                None => self.substitutes(&sizes).await?,
            };
            self.channel.finish();
            self.used = true;
            self.maildrop = Some(Maildrop::new(&self.account, found));
        }
        self.maildrop
            .as_mut()
            .ok_or_else(|| Error::new(ErrorKind::Plugin, Phase::List, "the maildrop is gone"))
    }

    async fn sizes(&mut self) -> Result<HashMap<u32, u64>> {
        let mut sizes = HashMap::new();
        let status = self.command("LIST\r\n", Phase::List).await?;
        status.ok(Phase::List, "the server does not list its messages", self.channel.redactor())?;
        self.lines(Phase::List, MOST, |line| {
            let (number, size) = pair(line).ok_or_else(|| malformed("LIST", line))?;
            sizes.insert(number, size);
            Ok(())
        })
        .await?;
        Ok(sizes)
    }

    /// `None` if the server has no UIDL. It may have it without saying so in CAPA: only asking tells.
    async fn uids(&mut self) -> Result<Option<Vec<(u32, String, bool)>>> {
        let mut uids = Vec::new();
        let Status::Ok { .. } = self.command("UIDL\r\n", Phase::List).await? else { return Ok(None) };
        self.lines(Phase::List, MOST, |line| {
            uids.push(uid(line).ok_or_else(|| malformed("UIDL", line))?);
            Ok(())
        })
        .await?;
        Ok(Some(uids))
    }

    /// Without UIDL the headers have to tell messages apart, and without TOP only the number does, for as
    /// long as the session lasts.
    async fn substitutes(
        &mut self,
        sizes: &HashMap<u32, u64>,
    ) -> Result<Vec<(u32, Option<u64>, String, bool)>> {
        let mut numbers: Vec<u32> = sizes.keys().copied().collect();
        numbers.sort_unstable();
        let session = postrider_wire::random_text(8)?;
        let mut top = !self.disable_top;
        let mut found = Vec::with_capacity(numbers.len());
        for number in numbers {
            let size = sizes.get(&number).copied();
            let mut name = format!("session-{session}-{number}");
            if top {
                if let Status::Ok { .. } = self.command(&format!("TOP {number} 0\r\n"), Phase::List).await? {
                    let mut hash = Sha256::new();
                    hash.update(size.unwrap_or_default().to_be_bytes());
                    self.lines(Phase::List, 100_000, |line| {
                        hash.update(line);
                        hash.update(b"\n");
                        Ok(())
                    })
                    .await?;
                    let hex: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
                    name = format!("top-{hex}");
                } else {
                    top = false;
                }
            }
            found.push((number, size, name, false));
        }
        Ok(found)
    }

    /// RETR, up to its status line: the body is due then.
    pub(crate) async fn ask_for(&mut self, id: &MessageId) -> Result<()> {
        let entry = self.maildrop().await?.find(id).filter(|e| !e.deleted).map(|e| e.number);
        let number = entry.ok_or_else(|| gone(id))?;
        self.channel.begin(Phase::Fetch)?;
        let status = self.command(&format!("RETR {number}\r\n"), Phase::Fetch).await?;
        let given =
            status.ok(Phase::Fetch, "the server does not give out the message", self.channel.redactor());
        if given.is_err() {
            self.channel.finish();
        }
        given.map(drop)
    }

    /// The body that is due, as a stream.
    pub(crate) fn body(&mut self, max_size: u64) -> Body<'_> {
        self.channel.expect_body();
        let state = Retrieval { session: self, decoder: Decoder::new(), read: 0, max_size };
        Body::generate(state, |mut state| async move {
            let chunk = state.next().await?;
            Ok(chunk.map(|chunk| (chunk, state)))
        })
    }

    /// DELE: marks, for QUIT to delete.
    pub(crate) async fn delete(&mut self, id: &MessageId) -> Result<()> {
        let Some(number) = self.maildrop().await?.find(id).filter(|e| !e.deleted).map(|e| e.number) else {
            return Ok(());
        };
        self.channel.begin(Phase::Settle)?;
        let status = self.command(&format!("DELE {number}\r\n"), Phase::Settle).await?;
        self.channel.finish();
        status.ok(Phase::Settle, "the server does not delete the message", self.channel.redactor())?;
        if let Some(entry) = self.maildrop().await?.find(id) {
            entry.deleted = true;
        }
        Ok(())
    }
}

struct Retrieval<'a> {
    session: &'a mut Session,
    decoder: Decoder,
    read: u64,
    max_size: u64,
}

impl Retrieval<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let channel = &mut self.session.channel;
            if let Some(chunk) = self.decoder.decode(channel.input()) {
                self.read += chunk.len() as u64;
                if self.read > self.max_size {
                    return Err(Error::new(
                        ErrorKind::Limit,
                        Phase::Fetch,
                        format!("the message is larger than the {} bytes allowed", self.max_size),
                    )
                    .with_advice("raise the property maxsize"));
                }
                return Ok(Some(chunk));
            }
            if self.decoder.is_ended() {
                channel.finish();
                return Ok(None);
            }
            let wait = channel.timing().command();
            channel.fill_body(wait, Phase::Fetch).await?;
        }
    }
}

fn gone(id: &MessageId) -> Error {
    Error::new(ErrorKind::NotFound, Phase::Fetch, format!("there is no message {id} in the maildrop"))
        .with_advice("list again: it may have been deleted meanwhile")
}

fn malformed(what: &str, line: &str) -> Error {
    let shown: String = line.chars().take(100).collect();
    Error::new(
        ErrorKind::Protocol,
        Phase::List,
        format!("not a line of a {what} answer: \"{}\"", shown.escape_debug()),
    )
}
