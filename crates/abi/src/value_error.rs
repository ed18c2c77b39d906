//! Errors and what became of recipients, as values.

use crate::value::{Malformed, Read, Reader, Value, Writer, tags};
use postrider_core::{
    Address, Error, ErrorKind, LayerKind, Origin, Phase, Receipt, RecipientOutcome, Repeat, Reply, Verdict,
};
use std::error::Error as _;

tags!(ErrorKind: Configuration = 1, InvalidInput = 2, Unsupported = 3, Resolve = 4, Connect = 5, Tls = 6,
    Timeout = 7, Closed = 8, Authentication = 9, Rejected = 10, Deferred = 11, Unsure = 12, NotFound = 13,
    Protocol = 14, Limit = 15, Body = 16, Plugin = 17);
tags!(Phase: Configure = 1, Resolve = 2, Connect = 3, Tls = 4, Greeting = 5, Capability = 6, StartTls = 7,
    Authenticate = 8, Select = 9, List = 10, Fetch = 11, Settle = 12, Append = 13, Wait = 14, Sender = 15,
    Recipient = 16, Data = 17, EndOfData = 18, Reset = 19, Close = 20);
tags!(Repeat: Never = 1, Safe = 2, MayDuplicate = 3);
tags!(LayerKind: Preset = 1, System = 2, Instance = 3, Account = 4, Environment = 5, Host = 6, Message = 7,
    Overrides = 8);

impl Value for Error {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&self.kind()).put(&self.phase()).put(&self.repeat()).text(self.message());
            w.option(self.advice(), |w, advice| {
                w.text(advice);
            });
            w.option(self.property(), |w, (key, origin)| {
                w.text(key).option(origin, |w, origin| origin.write(w));
            });
            w.option(self.reply(), |w, reply| reply.write(w)).list(self.recipients());
            w.put(&causes(self));
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let (kind, phase, repeat) = (r.get()?, r.get()?, r.get()?);
        let mut error = Error::new(kind, phase, r.get::<String>()?).with_repeat(repeat);
        if let Some(advice) = r.get::<Option<String>>()? {
            error = error.with_advice(advice);
        }
        if let Some((key, origin)) = r.get::<Option<(String, Option<Origin>)>>()? {
            error = error.with_property(key, origin);
        }
        if let Some(reply) = r.get()? {
            error = error.with_reply(reply);
        }
        error = error.with_recipients(r.get()?);
        Ok(match r.get::<Option<String>>()? {
            Some(causes) => error.with_source(causes),
            None => error,
        })
    }
}

/// The errors underneath, as text: their types are not known on the other side.
fn causes(error: &Error) -> Option<String> {
    let mut cause = error.source()?;
    let mut text = cause.to_string();
    while let Some(next) = cause.source() {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next;
    }
    Some(text)
}

impl Value for Origin {
    fn write(&self, w: &mut Writer) {
        w.put(&self.kind).text(&self.position);
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(Self::new(r.get()?, r.get::<String>()?))
    }
}

impl Value for Reply {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.text(self.status()).put(&self.code().map(str::to_owned)).text(self.text());
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let (status, code, text) = (r.text()?, r.get()?, r.text()?);
        Ok(Self::new(status, code, text))
    }
}

impl Value for Address {
    fn write(&self, w: &mut Writer) {
        w.text(self.as_str());
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        r.address()
    }
}

impl Value for Verdict {
    fn write(&self, w: &mut Writer) {
        match self {
            Self::Accepted(reply) => w.tag(1).put(reply),
            Self::Refused(reply) => w.tag(2).put(reply),
            Self::Deferred(reply) => w.tag(3).put(reply),
            Self::NotSent => w.tag(4),
            Self::Unsure => w.tag(5),
            Self::Suppressed(rule) => w.tag(6).text(rule),
            _ => w.tag(0),
        };
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(match r.get::<u8>()? {
            1 => Self::Accepted(r.get()?),
            2 => Self::Refused(r.get()?),
            3 => Self::Deferred(r.get()?),
            4 => Self::NotSent,
            5 => Self::Unsure,
            6 => Self::Suppressed(r.get()?),
            other => return Err(Malformed(format!("{other} stands for no verdict"))),
        })
    }
}

impl Value for RecipientOutcome {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&self.address).put(&self.verdict).put(&self.instead);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let outcome = Self::new(r.get()?, r.get()?);
        Ok(match r.get()? {
            Some(other) => outcome.with_instead(other),
            None => outcome,
        })
    }
}

impl Value for Receipt {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&self.reply).list(&self.recipients).list(&self.copies);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        Ok(Self::new(r.get()?, r.get()?).with_copies(r.get()?))
    }
}
