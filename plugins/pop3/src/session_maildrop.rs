//! Reading what is in the maildrop: LIST, UIDL, and TOP where there is no UIDL.

use crate::Pop3Config;
use crate::engine::maildrop::Maildrop;
use crate::engine::reply::Line;
use crate::session::Session;
use postrider_core::{Error, ErrorKind, Phase, Result};
use postrider_wire::dot::Decoder;
use sha2::{Digest, Sha256};

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
        loop {
            let Some(drop) = &mut self.maildrop else { return Ok(()) };
            let Some(entry) = drop.next_unnamed().filter(|_| !enough(drop)) else { return Ok(()) };
            let (number, size) = (entry.number, entry.size);
            let hash =
                if config.disable_top { None } else { self.hash_headers(config, number, size).await? };
            let Some(drop) = &mut self.maildrop else { return Ok(()) };
            match hash {
                Some(hash) => drop.name_next(&hash)?,
                None => drop.name_by_number()?,
            }
        }
    }

    /// TOP without lines (RFC 1939 §7): the headers' hash, or `None` if the server has no TOP.
    async fn hash_headers(
        &mut self,
        config: &Pop3Config,
        number: u32,
        size: Option<u64>,
    ) -> Result<Option<String>> {
        let phase = Phase::List;
        let reply = self.ask(&format!("TOP {number} 0"), phase).await?;
        if !reply.is_ok() {
            self.finish();
            // Other names for the same messages would make them new: not because of a passing problem.
            let what = "the server can't show a message's headers";
            return if reply.is_temporary() {
                Err(self.refused(&reply, ErrorKind::Deferred, phase, what))
            } else {
                Ok(None)
            };
        }
        let mut hash = Sha256::new();
        let (mut decoder, mut read) = (Decoder::new(), 0u64);
        let wait = self.channel.timing().command();
        self.channel.expect_body();
        loop {
            while let Some(piece) = decoder.decode(self.channel.input()) {
                hash.update(&piece);
                read = read.saturating_add(piece.len() as u64);
                if read > config.max_size {
                    let what = format!(
                        "the server shows over {} bytes as the headers of a message",
                        config.max_size
                    );
                    return Err(Error::new(ErrorKind::Limit, phase, what)
                        .with_advice("set disabletop=true: messages go by number then, for one session"));
                }
            }
            if decoder.is_ended() {
                break;
            }
            self.channel.fill_body(wait, phase).await?;
        }
        self.finish();
        hash.update(size.unwrap_or_default().to_be_bytes());
        Ok(Some(Maildrop::content_name(&hash.finalize())))
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
