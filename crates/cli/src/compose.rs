//! What `postrider send` sends: an envelope and a message.

use crate::exit::{Code, Failure};
use crate::output;
use crate::send_args::SendArgs;
use postrider::message::{Attachment, Mailbox, Message, MultiPart, SinglePart, header::ContentType};
use postrider::{Address, Body, Envelope};
use std::io::{self, IsTerminal, Read};
use std::path::Path;

/// Puts envelope and message together; `default_from` stands in where no sender is given.
pub(crate) fn compose(
    args: &SendArgs,
    default_from: Option<&Address>,
) -> Result<(Envelope, Body<'static>), Failure> {
    let Some(from) = args.from.clone().or_else(|| default_from.map(Address::to_string)) else {
        return Err(Failure::usage("there is no sender: add --from ADDRESS, or set the property mail.from"));
    };
    let (envelope, body) = match &args.raw {
        Some(path) => ready_made(args, path, &from)?,
        None => built(args, &from)?,
    };
    Ok((with_wishes(args, envelope)?, body))
}

/// A message that is there already, streamed. Only its envelope is ours.
fn ready_made(args: &SendArgs, path: &Path, from: &str) -> Result<(Envelope, Body<'static>), Failure> {
    let from = if from == "<>" || from.is_empty() { None } else { Some(address(from)?) };
    let to = args.to.iter().map(|text| address(text)).collect::<Result<Vec<_>, _>>()?;
    let envelope = Envelope::new(from, to)?;
    if path == Path::new("-") {
        hint();
        return Ok((envelope, Body::from_reader(tokio::io::stdin())));
    }
    let shown = path.display();
    let file = std::fs::File::open(path).map_err(|e| Failure::unreadable(&shown, &e))?;
    let about = file.metadata().map_err(|e| Failure::unreadable(&shown, &e))?;
    if about.is_dir() {
        return Err(Failure::new(
            Code::NoInput,
            format!("{shown} is a directory; --raw takes a message in a file"),
        ));
    }
    let body = Body::from_reader(tokio::fs::File::from_std(file));
    // A pipe has no length yet.
    Ok((envelope, if about.is_file() { body.with_size(about.len()) } else { body }))
}

/// A message of our own making, held in memory.
fn built(args: &SendArgs, from: &str) -> Result<(Envelope, Body<'static>), Failure> {
    let from = mailbox(from)?;
    let mut builder = Message::builder().message_id(Some(message_id(&from)?));
    if !args.subject.is_empty() {
        builder = builder.subject(&args.subject);
    }
    let mut recipients = Vec::new();
    for text in &args.to {
        let mailbox = mailbox(text)?;
        recipients.push(address(mailbox.email.as_ref())?);
        builder = builder.to(mailbox);
    }
    for text in &args.cc {
        let mailbox = mailbox(text)?;
        recipients.push(address(mailbox.email.as_ref())?);
        builder = builder.cc(mailbox);
    }
    for text in &args.bcc {
        let mailbox = mailbox(text)?;
        recipients.push(address(mailbox.email.as_ref())?);
        // The builder needs to know one recipient; it leaves the header out.
        builder = builder.bcc(mailbox);
    }
    let envelope = Envelope::new(Some(address(from.email.as_ref())?), recipients)?;
    builder = builder.from(from);
    let attachments = args.attach.iter().map(|path| attachment(path)).collect::<Result<Vec<_>, _>>()?;
    let text = SinglePart::plain(text(&args.body_file)?);
    let message = if attachments.is_empty() {
        builder.singlepart(text)
    } else {
        let mixed = attachments.into_iter().fold(MultiPart::mixed().singlepart(text), MultiPart::singlepart);
        builder.multipart(mixed)
    };
    let message =
        message.map_err(|e| Failure::new(Code::Data, format!("the message can't be built: {e}")))?;
    Ok((envelope, Body::from_bytes(message.formatted())))
}

fn with_wishes(args: &SendArgs, mut envelope: Envelope) -> Result<Envelope, Failure> {
    if let Some(notify) = args.notify {
        envelope = envelope.with_notify(notify);
    }
    if let Some(ret) = args.ret {
        envelope = envelope.with_returned(ret);
    }
    if let Some(id) = &args.envid {
        envelope = envelope.with_id(id.as_str())?;
    }
    Ok(envelope)
}

fn address(text: &str) -> Result<Address, Failure> {
    Ok(Address::new(text)?)
}

fn mailbox(text: &str) -> Result<Mailbox, Failure> {
    // Ours says more precisely what is wrong with a bare address, and refuses what could break a command.
    if !text.contains('<') {
        address(text)?;
    }
    let clean = !text.chars().any(char::is_control);
    text.parse::<Mailbox>().ok().filter(|_| clean).ok_or_else(|| {
        let shown = text.escape_debug();
        Failure::new(
            Code::Data,
            format!("\"{shown}\" is not a mailbox: write me@example.org or \"Me <me@example.org>\""),
        )
    })
}

/// Unique, and under the sender's own domain (RFC 5322 §3.6.4).
fn message_id(from: &Mailbox) -> Result<String, Failure> {
    let domain = from.email.domain();
    Ok(format!("<{}@{domain}>", random_word()?))
}

/// 128 random bits as text.
pub(crate) fn random_word() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|e| Failure::new(Code::Software, format!("no random numbers: {e}")))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

fn text(path: &Path) -> Result<String, Failure> {
    let (shown, bytes) = if path == Path::new("-") {
        hint();
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes);
        ("stdin".to_owned(), read)
    } else {
        (path.display().to_string(), std::fs::read(path))
    };
    let bytes = bytes.map_err(|e| Failure::unreadable(&shown, &e))?;
    String::from_utf8(bytes).map_err(|_| {
        Failure::new(
            Code::Data,
            format!("{shown} is not UTF-8 text; attach it (--attach), or send a ready-made message (--raw)"),
        )
    })
}

fn attachment(path: &Path) -> Result<SinglePart, Failure> {
    let bytes = std::fs::read(path).map_err(|e| Failure::unreadable(path.display(), &e))?;
    let name = path.file_name().map_or_else(|| "attachment".into(), |n| n.to_string_lossy().into_owned());
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let kind = ContentType::parse(media_type(&extension))
        .map_err(|e| Failure::new(Code::Software, format!("{e}")))?;
    Ok(Attachment::new(name).body(bytes, kind))
}

/// The types that a reader's mail program shows by itself; anything else is just bytes.
fn media_type(extension: &str) -> &'static str {
    match extension {
        "txt" | "log" | "md" => "text/plain; charset=utf-8",
        "html" | "htm" => "text/html; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "ics" => "text/calendar; charset=utf-8",
        "json" => "application/json",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

fn hint() {
    if io::stdin().is_terminal() {
        output::note("Type the message; Ctrl-D on a line of its own sends it, Ctrl-C drops it.");
    }
}
