//! How much may be under way on one connection.

use postrider_core::{Bytes, Properties, Property, PropertyValue, Result, ValueType};
use std::num::NonZeroUsize;

pub(crate) const WINDOW: Property<NonZeroCount> = Property::new(
    "window",
    "Most messages under way on a connection where the server offers PIPELINING: the next one goes out before the \
     answers to those before it are in. 1: one at a time. If the connection breaks, so many may be unsure.",
)
.default("128");
pub(crate) const WINDOW_SIZE: Property<Bytes> = Property::new(
    "windowsize",
    "Most bytes of messages under way on a connection; a message that is larger goes alone.",
)
.default("4MiB");
pub(crate) const CHUNKING: Property<bool> = Property::new(
    "chunking",
    "Send messages by BDAT (RFC 3030) where the server offers CHUNKING: nothing has to be waited for before the body.",
)
.default("true");
pub(crate) const CHUNK_SIZE: Property<ChunkSize> = Property::new(
    "chunksize",
    "Longest piece of a message in one BDAT; so much is held in memory if the length is not known beforehand. -1, as \
     Jakarta Mail has it: no BDAT.",
)
.default("256KiB");

/// How much may be under way on one connection before its answers are in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// Most messages under way where the server offers PIPELINING (RFC 2920); from 1, which is one at a time.
    /// Default 128.
    pub messages: usize,
    /// Most bytes of messages under way; a larger message goes alone. Default 4 MiB.
    pub bytes: u64,
    /// Longest piece of a message in one BDAT (RFC 3030), in bytes; `None` never says BDAT. Default 256 KiB.
    pub chunk: Option<NonZeroUsize>,
}

impl Default for Window {
    fn default() -> Self {
        Self { messages: 128, bytes: 4 << 20, chunk: NonZeroUsize::new(256 << 10) }
    }
}

impl Window {
    pub(crate) fn read(properties: &Properties) -> Result<Self> {
        let chunk = properties.require(&CHUNK_SIZE)?.0;
        Ok(Self {
            messages: properties.require(&WINDOW)?.0,
            bytes: properties.require(&WINDOW_SIZE)?.0,
            chunk: if properties.require(&CHUNKING)? { chunk } else { None },
        })
    }
}

/// A number of messages.
pub(crate) struct NonZeroCount(usize);

impl PropertyValue for NonZeroCount {
    const TYPE: ValueType = ValueType::Number;

    fn parse(text: &str) -> Result<Self, String> {
        let expected = || "a whole number from 1 to 10000 is expected".to_owned();
        text.parse().ok().filter(|n| (1..=10_000).contains(n)).map(Self).ok_or_else(expected)
    }
}

/// The length of a chunk, or -1 for none.
pub(crate) struct ChunkSize(Option<NonZeroUsize>);

impl PropertyValue for ChunkSize {
    const TYPE: ValueType = ValueType::Size;

    fn parse(text: &str) -> Result<Self, String> {
        if text == "-1" {
            return Ok(Self(None));
        }
        let most = 64 << 20;
        let size = Bytes::parse(text)?.0;
        let size = usize::try_from(size).ok().filter(|n| *n <= most).and_then(NonZeroUsize::new);
        size.map(|size| Self(Some(size))).ok_or_else(|| "-1, or a size from 1 to 64MiB is expected".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_has_a_size_or_there_is_none() {
        for (text, size) in [("-1", None), ("1", Some(1)), ("64KiB", Some(65_536)), ("64MiB", Some(64 << 20))]
        {
            assert_eq!(ChunkSize::parse(text).ok().unwrap().0.map(NonZeroUsize::get), size, "{text}");
        }
        for text in ["0", "-2", "65MiB", "x", ""] {
            assert!(ChunkSize::parse(text).is_err(), "{text}");
        }
        assert!(NonZeroCount::parse("0").is_err() && NonZeroCount::parse("64").is_ok());
    }
}
