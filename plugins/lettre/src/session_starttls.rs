//! STARTTLS (RFC 3207) by hand: TLS is the host's, and lettre's client would bring its own.

use lettre::transport::smtp::extension::ClientId;
use postrider_core::{Error, ErrorKind, Phase, Result};
use postrider_wire::Channel;

/// Longest reply line, as lettre has it.
const LINE: usize = 1_000;
/// Most lines of one reply.
const LINES: usize = 200;

/// Hears the greeting and encrypts. `required`: it is an error if the server does not offer it.
pub(crate) async fn encrypt(channel: &mut Channel, hello: &ClientId, required: bool) -> Result<()> {
    let greeting = reply(channel, Phase::Greeting).await?;
    expect(channel, &greeting, 220, Phase::Greeting, "the server does not want to talk")?;
    let offer = command(channel, &format!("EHLO {hello}\r\n"), Phase::Capability).await?;
    expect(channel, &offer, 250, Phase::Capability, "the server refused EHLO")?;
    if !offer.1.iter().skip(1).any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
        channel.finish();
        if !required {
            return Ok(());
        }
        return Err(Error::new(ErrorKind::Tls, Phase::StartTls, "the server does not offer STARTTLS")
            .with_advice("use port 465 with tls=implicit if the server has it"));
    }
    let go = command(channel, "STARTTLS\r\n", Phase::StartTls).await?;
    expect(channel, &go, 220, Phase::StartTls, "the server offered STARTTLS and refused it")?;
    channel.finish();
    channel.start_tls().await
}

async fn command(channel: &mut Channel, line: &str, phase: Phase) -> Result<(u16, Vec<String>)> {
    channel.begin(phase)?;
    channel.queue(line.as_bytes());
    channel.flush(phase).await?;
    reply(channel, phase).await
}

async fn reply(channel: &mut Channel, phase: Phase) -> Result<(u16, Vec<String>)> {
    let wait = channel.timing().command();
    let mut texts = Vec::new();
    for _ in 0..LINES {
        let line = channel.line(LINE, wait, phase).await?;
        let line = String::from_utf8_lossy(&line);
        let code = line.get(..3).and_then(|code| code.parse().ok()).filter(|code| (200..600).contains(code));
        let Some(code) = code else {
            return Err(Error::new(ErrorKind::Protocol, phase, "not an SMTP reply")
                .with_advice("check host and port: an outgoing server usually listens on 465 or 587"));
        };
        texts.push(line.get(4..).unwrap_or_default().to_owned());
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok((code, texts));
        }
    }
    Err(Error::new(ErrorKind::Limit, phase, "the server's reply has too many lines"))
}

fn expect(channel: &Channel, reply: &(u16, Vec<String>), code: u16, phase: Phase, what: &str) -> Result<()> {
    if reply.0 == code {
        return Ok(());
    }
    let kind = match reply.0 {
        400..=499 => ErrorKind::Deferred,
        500..=599 if phase == Phase::StartTls => ErrorKind::Tls,
        500..=599 => ErrorKind::Rejected,
        _ => ErrorKind::Protocol,
    };
    let words = channel.redactor().reply(&reply.0.to_string(), None, &reply.1.join("\n"));
    Err(Error::new(kind, phase, what).with_reply(words))
}
