//! The transports: the contract of core on top of a directory.

use crate::directory::{self, Directory, fault};
use crate::draft::Draft;
use crate::{MaildirConfig, folder, name};
use bytes::{Bytes, BytesMut};
use postrider_core::line_ends::{ToCrlf, ToLf};
use postrider_core::{
    Body, Envelope, Error, ErrorKind, Host, IncomingTransport, Listing, MessageId, MessageInfo,
    OutgoingTransport, Phase, Query, Receipt, RecipientOutcome, Repeat, Reply, Result, Settle, Verdict, Wake,
    async_trait,
};
use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::Duration;

/// Pieces that files are read in.
const PIECE: usize = 64 * 1024;
/// Longest page, whatever is asked for.
const PAGE: usize = 10_000;
/// How often a file is looked for whose name others keep changing.
const TRIES: usize = 10;

/// Messages out of one folder of a maildir.
pub struct MaildirIncoming {
    config: MaildirConfig,
    directory: Directory,
    host: Arc<dyn Host>,
    // The names of the last page's files: where to look first.
    names: HashMap<String, String>,
    // When `cur` had changed before it was last listed.
    listed: Option<(i64, i64)>,
}

/// Messages into one folder of a maildir. A message stands there once, however many recipients it has.
#[derive(Debug)]
pub struct MaildirOutgoing {
    config: MaildirConfig,
    directory: Directory,
}

impl MaildirIncoming {
    /// A transport of this configuration. No I/O happens.
    ///
    /// # Errors
    /// `InvalidInput` if the folder's name can't be one.
    pub fn new(config: MaildirConfig, host: Arc<dyn Host>) -> Result<Self> {
        let directory = Directory::new(&config, &config.folder, Phase::Configure)?;
        Ok(Self { config, directory, host, names: HashMap::new(), listed: None })
    }

    fn id(&self, unique: &str) -> MessageId {
        MessageId::new("maildir", [folder::canonical(&self.config.folder), unique])
    }

    fn unique(&self, id: &MessageId) -> Result<String> {
        let [folder, unique] = id.parts::<2>("maildir")?;
        if folder != folder::canonical(&self.config.folder) || !name::is_unique(&unique) {
            let what = format!("\"{}\" is no key of the folder {}", id.as_str(), self.config.folder);
            return Err(Error::new(ErrorKind::InvalidInput, Phase::Configure, what)
                .with_advice("use the keys that list() of the same transport gave"));
        }
        Ok(unique)
    }

    fn page(&mut self, query: &Query, after: Option<String>) -> io::Result<Listing> {
        self.directory.take_new()?;
        let listed = self.directory.changed()?;
        let after = after.map(|unique| name::order(&unique));
        let limit = query.limit.clamp(1, PAGE);
        let (names, more) = self.directory.page(after.as_ref(), query.unseen, limit)?;
        self.names = names.iter().map(|n| (n.unique().to_owned(), n.as_str().to_owned())).collect();
        self.listed = Some(listed);
        let infos = names.iter().map(|name| {
            let mut info = MessageInfo::new(self.id(name.unique()));
            let path = self.directory.path("cur").join(name.as_str());
            info.size = fs::symlink_metadata(path).ok().map(|meta| meta.len());
            info.flags = name.flags();
            info
        });
        Ok(Listing::new(infos.collect(), more))
    }

    /// Does `how` with one message, wherever it is by now.
    fn settle_one(&self, unique: &str, how: &Settle, to: Option<&Directory>) -> io::Result<()> {
        let mut hint = self.names.get(unique).map(String::as_str);
        for _ in 0..TRIES {
            let Some((path, name)) = self.directory.find(unique, hint.take())? else { return Ok(()) };
            let done = match (how, to) {
                (Settle::Seen, _) => {
                    fs::rename(&path, self.directory.path("cur").join(name.with_flag('S').as_str()))
                }
                (Settle::Delete, _) => fs::remove_file(&path),
                (_, Some(to)) => directory::place(&path, &to.path("cur").join(name.in_cur().as_str())),
                _ => Ok(()),
            };
            match done {
                // Its name has changed since we looked.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                done => return done,
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "other programs keep changing the message's flags"))
    }

    fn settle_all(&self, uniques: &[String], how: &Settle, to: Option<&Directory>) -> io::Result<()> {
        let settled = uniques.iter().try_for_each(|unique| self.settle_one(unique, how, to));
        // Where it goes to first, so that no power cut loses it.
        if let Some(to) = to {
            to.sync("cur")?;
        }
        settled.and(self.directory.sync("cur"))
    }

    fn has_news(&self) -> io::Result<bool> {
        Ok(self.directory.has_new()?
            || self.listed.is_some_and(|then| self.directory.changed().is_ok_and(|now| now != then)))
    }

    fn fault(&self, phase: Phase) -> impl FnOnce(io::Error) -> Error {
        let path = self.directory.path("");
        move |error| fault(error, phase, &path)
    }
}

#[async_trait]
impl IncomingTransport for MaildirIncoming {
    /// At most 10,000 messages at a time. What is in `new` moves to `cur`.
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        let after = query.after.as_ref().map(|id| self.unique(id)).transpose()?;
        self.directory.open(self.config.create, Phase::List)?;
        self.page(query, after).map_err(self.fault(Phase::List))
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        let unique = self.unique(id)?;
        self.directory.open(self.config.create, Phase::Select)?;
        let mut hint = self.names.get(&unique).map(String::as_str);
        for _ in 0..TRIES {
            let found = self.directory.find(&unique, hint.take()).map_err(self.fault(Phase::Fetch))?;
            let Some((path, _)) = found else { break };
            let opened = directory::read(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
            let (size, file) = match opened {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(|e| fault(e, Phase::Fetch, &path))?,
            };
            if size > self.config.max_size {
                let what = format!("the message has {size} bytes, {} are allowed", self.config.max_size);
                return Err(Error::new(ErrorKind::Limit, Phase::Fetch, what).with_advice("raise maxsize"));
            }
            let lines = self.config.convert_line_ends.then(ToCrlf::default);
            let body = body(file, size, lines);
            // With line ends converted, its length is known at its end only.
            return Ok(if self.config.convert_line_ends { body } else { body.with_size(size) });
        }
        let what = "the message is gone";
        Err(Error::new(ErrorKind::NotFound, Phase::Fetch, what).with_advice("list again"))
    }

    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        let uniques: Vec<String> = ids.iter().map(|id| self.unique(id)).collect::<Result<_>>()?;
        let to = match how {
            Settle::Move(mailbox) => {
                let same = folder::canonical(mailbox) == folder::canonical(&self.config.folder);
                let to = Directory::new(&self.config, mailbox, Phase::Settle)?;
                if same {
                    return Ok(());
                }
                Some(to)
            }
            Settle::Seen | Settle::Delete => None,
            Settle::Keep => return Ok(()),
            _ => return Err(Error::new(ErrorKind::Unsupported, Phase::Settle, "maildir can't do this")),
        };
        if uniques.is_empty() {
            return Ok(());
        }
        self.directory.open(self.config.create, Phase::Settle)?;
        if let Some(to) = &to {
            to.open(self.config.create, Phase::Settle)?;
        }
        self.settle_all(&uniques, how, to.as_ref()).map_err(self.fault(Phase::Settle))
    }

    /// By a look at the directory every `pollinterval`. What other programs change ends it too.
    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        self.directory.open(self.config.create, Phase::Wait)?;
        let end = self.host.now().saturating_add(limit);
        loop {
            if self.has_news().map_err(self.fault(Phase::Wait))? {
                return Ok(Wake::News);
            }
            let left = end.saturating_sub(self.host.now());
            if left.is_zero() {
                return Ok(Wake::Elapsed);
            }
            self.host.sleep(left.min(self.config.poll_interval)).await;
        }
    }

    async fn connect(&mut self) -> Result<()> {
        self.directory.open(self.config.create, Phase::Connect)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// The file from where it stands: exactly `size` bytes, or an error.
fn body(file: fs::File, size: u64, lines: Option<ToCrlf>) -> Body<'static> {
    Body::generate((file, size, lines), |(mut file, left, mut lines)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = BytesMut::zeroed(PIECE.min(usize::try_from(left).unwrap_or(PIECE)));
        let read = file.read(&mut piece).map_err(|e| fault(e, Phase::Fetch, "the message".as_ref()))?;
        if read == 0 {
            return Err(Error::new(ErrorKind::Closed, Phase::Fetch, "the message's file was cut short"));
        }
        piece.truncate(read);
        let chunk: Bytes = lines.as_mut().map_or_else(|| piece.clone().freeze(), |l| l.convert(&piece));
        Ok(Some((chunk, (file, left - read as u64, lines))))
    })
}

impl MaildirOutgoing {
    /// A transport of this configuration. No I/O happens.
    ///
    /// # Errors
    /// `InvalidInput` if the folder's name can't be one.
    pub fn new(config: MaildirConfig) -> Result<Self> {
        let directory = Directory::new(&config, &config.folder, Phase::Configure)?;
        Ok(Self { config, directory })
    }

    /// What the envelope says, as headers (RFC 5321 §4.4). An address holds no line break.
    fn headers(envelope: &Envelope) -> String {
        let from = envelope.from.as_ref().map_or("", |a| a.as_str());
        let to = envelope.to.iter().map(|r| format!("Delivered-To: {}\n", r.address.as_str()));
        format!("Return-Path: <{from}>\n{}", to.collect::<String>())
    }
}

#[async_trait]
impl OutgoingTransport for MaildirOutgoing {
    /// The message is on the disk when this returns. A dropped call leaves nothing behind.
    async fn send(&mut self, envelope: &Envelope, mut body: Body<'_>) -> Result<Receipt> {
        self.directory.open(self.config.create, Phase::Connect)?;
        let mut draft = Draft::create(&self.directory)?;
        let mut lines = self.config.convert_line_ends.then(ToLf::default);
        if self.config.headers {
            let headers = Self::headers(envelope);
            let headers = if lines.is_some() { headers } else { headers.replace('\n', "\r\n") };
            draft.write(headers.as_bytes())?;
        }
        while let Some(chunk) = body.chunk().await.map_err(unreadable)? {
            let chunk = lines.as_mut().map_or_else(|| chunk.clone(), |lines| lines.convert(chunk.clone()));
            draft.write(&chunk)?;
        }
        draft.write(lines.map_or(b"", ToLf::finish))?;
        let unique = draft.install()?;
        let reply = Reply::new("OK", None, &format!("in the maildir as {unique}"));
        let recipients = envelope
            .to
            .iter()
            .map(|r| RecipientOutcome::new(r.address.clone(), Verdict::Accepted(reply.clone())));
        let recipients = recipients.collect();
        Ok(Receipt::new(reply, recipients))
    }

    async fn connect(&mut self) -> Result<()> {
        self.directory.open(self.config.create, Phase::Connect)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// The body comes from somewhere else, whose verdicts are none about this message.
fn unreadable(error: Error) -> Error {
    if error.kind() == ErrorKind::Body {
        return error;
    }
    let repeat = if error.repeat() == Repeat::Safe { Repeat::Safe } else { Repeat::Never };
    let what = format!("the message could not be read to its end ({}: {})", error.phase(), error.message());
    Error::new(ErrorKind::Body, Phase::Data, what).with_repeat(repeat).with_source(error)
}

impl std::fmt::Debug for MaildirIncoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MaildirIncoming").field("config", &self.config).finish_non_exhaustive()
    }
}
