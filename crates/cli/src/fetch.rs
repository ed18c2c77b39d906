//! `postrider fetch`.

use crate::deposit::{Deposit, Deposited, each_chunk};
use crate::exit::{Code, Failure};
use crate::fetch_args::FetchArgs;
use crate::headline::{Head, Headline};
use crate::interrupt::unless_interrupted;
use crate::output::{self, Output, clean, count, size};
use crate::progress::Progress;
use crate::settings;
use postrider::{Direction, Flags, Inbox, MessageId, MessageInfo, Query, Settle, Wake};
use serde_json::json;
use std::collections::VecDeque;
use std::path::Path;
use tokio::runtime::Runtime;

/// Messages asked for at a time.
const PAGE: u64 = 500;
/// Messages settled at a time: a crash in between costs fetching these again, and no message.
const SETTLED_AT_ONCE: usize = 50;

/// Lists or fetches messages.
pub(crate) fn run(runtime: &Runtime, args: &FetchArgs, out: &mut Output) -> Result<Code, Failure> {
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if to_stdout && out.is_json() {
        return Err(Failure::usage(
            "--output - writes the message itself to stdout, where --json has no place",
        ));
    }
    if to_stdout && (args.limit.is_some_and(|n| n > 1) || args.key.len() > 1) {
        return Err(Failure::usage("--output - writes one message; give --output DIR for several"));
    }
    let keys = args.key.iter().map(|key| MessageId::parse(key)).collect::<postrider::Result<Vec<_>>>()?;
    let session = settings::session(&args.settings, Direction::Incoming)?;
    let inbox = session.inbox()?;
    let deposit = match &args.output {
        Some(directory) if !to_stdout => Some(Deposit::open(directory)?),
        _ => None,
    };
    let limit = if to_stdout { Some(1) } else { args.limit };
    let source = if keys.is_empty() { Source::listing(args.unseen, limit) } else { Source::keys(keys) };
    let progress = Progress::new("connecting");
    let mut fetch = Fetch { inbox, source, progress, settle: &args.settle, ready: Vec::new(), done: 0 };
    runtime.block_on(unless_interrupted(async {
        if let Some(limit) = args.wait {
            fetch.wait(limit).await?;
        }
        let outcome = match (&deposit, to_stdout) {
            (Some(deposit), _) => fetch.file(deposit, out).await,
            (None, true) => fetch.print(out).await,
            (None, false) => fetch.list(out).await,
        };
        // Over POP3 this is what deletes, and messages that are settled before an error stay so.
        let closed = fetch.inbox.close().await;
        let code = outcome?;
        closed?;
        Ok(code)
    }))
}

struct Fetch<'a> {
    inbox: Inbox,
    source: Source,
    progress: Progress,
    settle: &'a Settle,
    /// Written, not yet settled.
    ready: Vec<MessageId>,
    done: usize,
}

impl Fetch<'_> {
    async fn wait(&mut self, limit: std::time::Duration) -> Result<(), Failure> {
        self.progress.doing("waiting for news");
        if self.inbox.wait(limit).await? == Wake::Elapsed {
            self.progress.done();
            output::note(format!("Nothing new within {} s; looking anyway.", limit.as_secs()));
        }
        Ok(())
    }

    async fn list(&mut self, out: &mut Output) -> Result<Code, Failure> {
        self.progress.doing("listing");
        let mut rows = Vec::new();
        while let Some(info) = self.source.next(&mut self.inbox).await? {
            if out.is_json() {
                out.value(&info)?;
            } else {
                let bytes = info.size.map_or_else(|| "-".to_owned(), |n| n.to_string());
                rows.push(vec![clean(info.id.as_str()), bytes, flags(&info.flags)]);
            }
            self.done += 1;
            if out.is_gone() {
                break;
            }
        }
        self.progress.done();
        if !out.is_json() && !rows.is_empty() {
            out.table(&["KEY", "BYTES", "FLAGS"], rows)?;
        }
        output::note(count(self.done, "message"));
        Ok(Code::Done)
    }

    async fn file(&mut self, deposit: &Deposit, out: &mut Output) -> Result<Code, Failure> {
        self.progress.doing("listing");
        while let Some(info) = self.source.next(&mut self.inbox).await? {
            let mut incoming = deposit.begin()?;
            let mut head = Head::default();
            self.progress.doing(format!("message {}", self.done + 1));
            self.progress.bytes(info.size);
            let progress = &self.progress;
            let body = self.inbox.fetch(&info.id).await?;
            each_chunk(body, |chunk| {
                progress.add(chunk.len());
                head.add(chunk);
                incoming.add(chunk)
            })
            .await?;
            let deposited = incoming.finish(&info.id)?;
            self.done += 1;
            self.progress.hidden(|| tell(out, &info.id, &deposited, &head.headline()))?;
            self.ready.push(info.id);
            if self.ready.len() >= SETTLED_AT_ONCE {
                deposit.sync()?;
                self.settle_ready().await?;
            }
        }
        deposit.sync()?;
        self.settle_ready().await?;
        self.progress.done();
        let what = match self.settle {
            Settle::Seen => ", marked as seen on the server",
            Settle::Delete => ", deleted on the server",
            Settle::Move(_) => ", moved on the server",
            _ => "",
        };
        let what = if self.done == 0 { "" } else { what };
        output::note(format!("{}{what}", count(self.done, "message")));
        Ok(Code::Done)
    }

    async fn print(&mut self, out: &mut Output) -> Result<Code, Failure> {
        self.progress.doing("listing");
        let Some(info) = self.source.next(&mut self.inbox).await? else {
            self.progress.done();
            output::note("postrider: there is no message");
            return Ok(Code::Nothing);
        };
        self.progress.doing("fetching");
        // Whole first: half a message never comes out.
        let whole = self.inbox.receive(&info.id).await?;
        self.progress.done();
        each_chunk(whole.body(), |chunk| out.bytes(chunk)).await?;
        out.flush()?;
        self.ready.push(info.id);
        self.settle_ready().await?;
        Ok(Code::Done)
    }

    async fn settle_ready(&mut self) -> Result<(), Failure> {
        if *self.settle != Settle::Keep && !self.ready.is_empty() {
            self.progress.doing("settling");
            self.inbox.settle(&self.ready, self.settle).await?;
        }
        self.ready.clear();
        Ok(())
    }
}

fn tell(out: &mut Output, id: &MessageId, at: &Deposited, headline: &Headline) -> Result<(), Failure> {
    if out.is_json() {
        return out.value(&json!({
            "id": id,
            "file": at.path,
            "bytes": at.length,
            "new": at.new,
            "from": headline.from,
            "subject": headline.subject,
            "date": headline.date,
        }));
    }
    let from = headline.from.as_deref().unwrap_or("(no sender)");
    let subject = headline.subject.as_deref().unwrap_or("(no subject)");
    let known = if at.new { "" } else { " (there already)" };
    out.line(format_args!("{}{known}", clean(&at.path.display().to_string())))?;
    out.line(format_args!("    {from}: {subject}, {}", size(at.length)))
}

fn flags(flags: &Flags) -> String {
    let known = [
        (flags.seen, "seen"),
        (flags.answered, "answered"),
        (flags.flagged, "flagged"),
        (flags.deleted, "deleted"),
        (flags.draft, "draft"),
    ];
    let mut words: Vec<String> =
        known.iter().filter(|(on, _)| *on).map(|(_, word)| (*word).to_owned()).collect();
    words.extend(flags.keywords.iter().map(|word| clean(word)));
    if words.is_empty() { "-".to_owned() } else { words.join(" ") }
}

/// Which messages come next.
struct Source {
    page: VecDeque<MessageInfo>,
    /// The next page, if there is one.
    query: Option<Query>,
    left: Option<u64>,
}

impl Source {
    fn listing(unseen: bool, limit: Option<u64>) -> Self {
        let query = if unseen { Query::unseen() } else { Query::all() };
        Self { page: VecDeque::new(), query: Some(query), left: limit }
    }

    fn keys(keys: Vec<MessageId>) -> Self {
        Self { page: keys.into_iter().map(MessageInfo::new).collect(), query: None, left: None }
    }

    async fn next(&mut self, inbox: &mut Inbox) -> Result<Option<MessageInfo>, Failure> {
        if self.left == Some(0) {
            return Ok(None);
        }
        // A page may be empty and others follow all the same.
        while self.page.is_empty() {
            let Some(query) = self.query.take() else { return Ok(None) };
            let most = usize::try_from(self.left.unwrap_or(PAGE).min(PAGE)).unwrap_or(1);
            let query = query.limit(most);
            let listing = inbox.list(&query).await?;
            if let (true, Some(last)) = (listing.more, listing.messages.last()) {
                self.query = Some(query.after(last.id.clone()));
            }
            self.page = listing.messages.into();
        }
        self.left = self.left.map(|n| n - 1);
        Ok(self.page.pop_front())
    }
}
