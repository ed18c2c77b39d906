//! Reading what is in the maildrop: LIST, UIDL, and TOP where there is no UIDL.

use crate::Pop3Config;
use crate::engine::maildrop::Maildrop;
use crate::engine::reply::Line;
use crate::session::Session;
use postrider_core::{Error, ErrorKind, Phase, Result};
use postrider_wire::dot::Decoder;
use sha2::{Digest, Sha256};

/// Most TOPs sent before their answers have been read.
const TOPS: usize = 64;

impl Session {
    /// Reads the maildrop, once per session: it is frozen until QUIT.
    pub(crate) async fn read_maildrop(&mut self, config: &Pop3Config) -> Result<()> {
        if self.maildrop.is_some() {
            return Ok(());
        }
        let phase = Phase::List;
        self.begin(phase)?;
        let mut drop = Maildrop::new(postrider_wire::random_text(12)?);
        let pipelined = self.pipelines(config);
        let capabilities = std::mem::take(&mut self.asks_again);
        if capabilities {
            self.queue("CAPA");
        }
        self.queue("LIST");
        if pipelined {
            self.queue("UIDL");
        }
        self.channel.flush(phase).await?;
        if capabilities {
            self.take_capabilities().await?;
        }
        let listed = self.reply_to(capabilities, phase).await?;
        if listed.is_ok() {
            self.lines(phase, |line| drop.add_listed(line)).await?;
            drop.end_listed()?;
        }
        let empty = listed.is_ok() && drop.entries().is_empty();
        if !pipelined && !empty {
            self.begin(phase)?;
            self.queue("UIDL");
            self.channel.flush(phase).await?;
        }
        let mut named = if pipelined || !empty { Some(self.reply_to(pipelined, phase).await?) } else { None };
        if pipelined && !empty && self.has("UIDL") && named.as_ref().is_some_and(|reply| !reply.is_ok()) {
            // What it says it has, it refuses: alone perhaps not.
            let alone = self.ask("UIDL", phase).await?;
            self.lock_step |= alone.is_ok();
            named = Some(alone);
        }
        if named.as_ref().is_some_and(Line::is_ok) {
            self.lines(phase, |line| drop.add_uidl(line)).await?;
            drop.end_uidl()?;
        }
        self.finish();
        if let Some(error) = named.filter(|_| !empty).and_then(|reply| self.uidl_error(&listed, &reply)) {
            return Err(error);
        }
        self.maildrop = Some(drop);
        Ok(())
    }

    /// Names messages by their content, oldest first, until `enough` says so or all have names. Does
    /// nothing where the server has UIDL.
    pub(crate) async fn name_messages(
        &mut self,
        config: &Pop3Config,
        enough: impl Fn(&Maildrop) -> bool + Send,
    ) -> Result<()> {
        // A few more than are needed get their names, and that's no harm.
        let window = if self.pipelines(config) { config.window.clamp(1, TOPS) } else { 1 };
        loop {
            let Some(drop) = &mut self.maildrop else { return Ok(()) };
            if drop.unnamed().is_empty() || enough(drop) {
                return Ok(());
            }
            if config.disable_top {
                return drop.name_by_number();
            }
            let next: Vec<(u32, Option<u64>)> =
                drop.unnamed().iter().take(window).map(|entry| (entry.number, entry.size)).collect();
            self.name_by_headers(config, &next).await?;
        }
    }

    /// TOP without lines (RFC 1939 §7) for the messages of these numbers and sizes, which are the next to be named.
    /// Where the server has no TOP, all that are left are named by number.
    async fn name_by_headers(&mut self, config: &Pop3Config, next: &[(u32, Option<u64>)]) -> Result<()> {
        let phase = Phase::List;
        self.begin(phase)?;
        for (number, _) in next {
            self.queue(&format!("TOP {number} 0"));
        }
        let mut outcome = Ok(());
        let mut numbered = false;
        for (n, (_, size)) in next.iter().enumerate() {
            // After a refusal the others are read in vain, but read.
            let named = match self.refusal_to(n > 0, phase).await? {
                None => Some(self.hash_headers(config, *size).await?),
                Some(reply) if reply.is_temporary() => {
                    // Other names for the same messages would make them new: not because of a passing problem.
                    let what = "the server can't show a message's headers";
                    outcome = outcome.and(Err(self.refused(&reply, ErrorKind::Deferred, phase, what)));
                    continue;
                }
                Some(_) => None,
            };
            let Some(drop) = self.maildrop.as_mut().filter(|_| outcome.is_ok() && !numbered) else {
                continue;
            };
            match named {
                Some(name) => drop.name_next(&name)?,
                None => {
                    drop.name_by_number()?;
                    numbered = true;
                }
            }
        }
        self.finish();
        outcome
    }

    /// The name that headers make with the message's size. They are read as they come.
    async fn hash_headers(&mut self, config: &Pop3Config, size: Option<u64>) -> Result<String> {
        let mut hash = Sha256::new();
        let (mut decoder, mut read) = (Decoder::new(), 0u64);
        let wait = self.channel.timing().command();
        self.channel.expect_body();
        loop {
            while let Some(piece) = decoder.decode(self.channel.input()) {
                hash.update(&piece);
                read = read.saturating_add(piece.len() as u64);
                if read > config.max_size {
                    return Err(endless_headers(config.max_size));
                }
            }
            if decoder.is_ended() {
                break;
            }
            self.channel.fill_body(wait, Phase::List).await?;
        }
        hash.update(size.unwrap_or_default().to_be_bytes());
        Ok(Maildrop::content_name(&hash.finalize()))
    }

    /// Whether a refusal of UIDL, or of LIST, is an error: keys must not change because of a passing
    /// problem, so only a server that does not claim to have UIDL may do without.
    fn uidl_error(&self, listed: &Line, named: &Line) -> Option<Error> {
        let phase = Phase::List;
        if !named.is_ok() && (named.is_temporary() || self.has("UIDL")) {
            return Some(self.refused(
                named,
                ErrorKind::Rejected,
                phase,
                "the server refuses to identify the messages",
            ));
        }
        if !listed.is_ok() && (!named.is_ok() || listed.is_temporary()) {
            return Some(self.refused(
                listed,
                ErrorKind::Rejected,
                phase,
                "the server refuses to list the messages",
            ));
        }
        None
    }
}

fn endless_headers(limit: u64) -> Error {
    let what = format!("the server shows over {limit} bytes as the headers of a message");
    Error::new(ErrorKind::Limit, Phase::List, what)
        .with_advice("set disabletop=true: messages go by number then, for one session")
}
