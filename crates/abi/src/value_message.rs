//! Envelopes, keys and listings as values.

use crate::value::{Malformed, Read, Reader, Value, Writer, tags};
use postrider_core::{
    Envelope, Fact, Flags, Listing, MessageId, MessageInfo, Notify, Query, Recipient, ReturnContent, Settle,
    Wake,
};

tags!(ReturnContent: Full = 1, Headers = 2);
tags!(Wake: News = 1, Elapsed = 2);

impl Value for Envelope {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&self.from).list(&self.to).put(&self.id).put(&self.returned);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let (from, to) = (r.get()?, r.get::<Vec<Recipient>>()?);
        let mut envelope = Self::new(from, to).map_err(|error| Malformed(error.message().to_owned()))?;
        if let Some(id) = r.get::<Option<String>>()? {
            envelope = envelope.with_id(id).map_err(|error| Malformed(error.message().to_owned()))?;
        }
        envelope.returned = r.get()?;
        Ok(envelope)
    }
}

impl Value for Recipient {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&self.address).put(&self.notify).put(&self.original);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let mut recipient = Self::new(r.get()?);
        (recipient.notify, recipient.original) = (r.get()?, r.get()?);
        Ok(recipient)
    }
}

impl Value for Notify {
    fn write(&self, w: &mut Writer) {
        w.tag(match self {
            Self::Never => 0,
            Self::On { success, failure, delay } => {
                8 | u8::from(*success) | u8::from(*failure) << 1 | u8::from(*delay) << 2
            }
            _ => u8::MAX,
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        match r.get::<u8>()? {
            0 => Ok(Self::Never),
            on @ 8..=15 => Ok(Self::On { success: on & 1 > 0, failure: on & 2 > 0, delay: on & 4 > 0 }),
            other => Err(Malformed(format!("{other} stands for no notification"))),
        }
    }
}

impl Value for MessageId {
    fn write(&self, w: &mut Writer) {
        w.text(self.as_str());
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Self::parse(&r.get::<String>()?).map_err(|error| Malformed(error.message().to_owned()))
    }
}

impl Value for Flags {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&self.seen).put(&self.answered).put(&self.flagged).put(&self.deleted).put(&self.draft);
            w.list(&self.keywords);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let mut flags = Self::default();
        (flags.seen, flags.answered, flags.flagged) = (r.get()?, r.get()?, r.get()?);
        (flags.deleted, flags.draft, flags.keywords) = (r.get()?, r.get()?, r.get()?);
        Ok(flags)
    }
}

impl Value for MessageInfo {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&self.id).put(&self.size).put(&self.flags).put(&self.stable);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let mut info = Self::new(r.get()?);
        (info.size, info.flags, info.stable) = (r.get()?, r.get()?, r.get()?);
        Ok(info)
    }
}

impl Value for Listing {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.list(&self.messages).put(&self.more);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        Ok(Self::new(r.get()?, r.get()?))
    }
}

impl Value for Query {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&(self.limit as u64)).put(&self.after).put(&self.unseen);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let mut query = Self::all().limit(usize::try_from(r.get::<u64>()?).unwrap_or(usize::MAX));
        (query.after, query.unseen) = (r.get()?, r.get()?);
        Ok(query)
    }
}

impl Value for Settle {
    fn write(&self, w: &mut Writer) {
        match self {
            Self::Keep => w.tag(1),
            Self::Seen => w.tag(2),
            Self::Move(mailbox) => w.tag(3).text(mailbox),
            Self::Delete => w.tag(4),
            _ => w.tag(0),
        };
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(match r.get::<u8>()? {
            1 => Self::Keep,
            2 => Self::Seen,
            3 => Self::Move(r.get()?),
            4 => Self::Delete,
            other => return Err(Malformed(format!("{other} stands for no way to settle"))),
        })
    }
}

impl Value for Fact {
    fn write(&self, w: &mut Writer) {
        match self {
            Self::Capabilities(words) => w.tag(1).list(words),
            Self::Mechanisms(words) => w.tag(2).list(words),
            Self::SigningIn(how) => w.tag(3).text(how),
            _ => w.tag(0),
        };
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(match r.get::<u8>()? {
            1 => Self::Capabilities(r.get()?),
            2 => Self::Mechanisms(r.get()?),
            3 => Self::SigningIn(r.get()?),
            other => return Err(Malformed(format!("{other} stands for no fact"))),
        })
    }
}
