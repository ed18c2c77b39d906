//! Values that cross: bytes, read with a check at every step.
//!
//! Numbers are little-endian, texts and lists have their length in front as a `u32`. What may grow is a record: its
//! length in bytes stands in front, a reader leaves alone what it does not know at the end, and an empty rest reads as
//! the default of what was added later. An enum is a number, looked up when it is read.

use crate::buf::Buf;
use crate::guard::malformed;
pub(crate) use crate::value_reader::Reader;
use postrider_core::{Error, Recipient};
use std::cell::Cell;
use std::time::Duration;

/// Why bytes are not a value.
pub(crate) struct Malformed(pub(crate) String);

impl From<&str> for Malformed {
    fn from(what: &str) -> Self {
        Self(what.to_owned())
    }
}

pub(crate) type Read<T> = Result<T, Malformed>;

/// What can cross.
pub(crate) trait Value: Sized {
    fn write(&self, w: &mut Writer);
    fn read(r: &mut Reader<'_>) -> Read<Self>;
}

/// The bytes of a value.
pub(crate) fn encode(value: &impl Value) -> Buf {
    Buf::of_vec(written(value))
}

/// The bytes of what `write` writes.
pub(crate) fn encode_by(write: impl FnOnce(&mut Writer)) -> Buf {
    let mut w = Writer(Vec::with_capacity(ROOM));
    write(&mut w);
    Buf::of_vec(w.0)
}

/// Most values fit, so that growing costs nothing and leaves no copies of secrets behind.
const ROOM: usize = 512;

/// The same, overwritten when they are freed: for values with secrets.
pub(crate) fn encode_secret(value: &impl Value) -> Buf {
    Buf::of_sensitive(written(value))
}

fn written(value: &impl Value) -> Vec<u8> {
    let mut w = Writer(Vec::with_capacity(ROOM));
    value.write(&mut w);
    w.0
}

/// The value of these bytes.
pub(crate) fn decode<T: Value>(bytes: &Buf) -> Result<T, Error> {
    T::read(&mut Reader::new(bytes.bytes())).map_err(|Malformed(what)| malformed(&what))
}

/// The same, of an answer about `known` recipients: their addresses, as long as they come in this order, are those
/// that this side has checked before, and are copied and not checked again.
pub(crate) fn decode_about<T: Value>(bytes: &Buf, known: &[Recipient]) -> Result<T, Error> {
    T::read(&mut Reader::about(bytes.bytes(), &Cell::new(known))).map_err(|Malformed(what)| malformed(&what))
}

/// Bytes that grow.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn put(&mut self, value: &impl Value) -> &mut Self {
        value.write(self);
        self
    }

    pub(crate) fn tag(&mut self, tag: u8) -> &mut Self {
        self.0.push(tag);
        self
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.length(bytes.len());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn list<T: Value>(&mut self, items: &[T]) -> &mut Self {
        self.length(items.len());
        for item in items {
            item.write(self);
        }
        self
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) -> &mut Self {
        self.tag(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
        self
    }

    /// What `write` writes, as a record that may grow.
    pub(crate) fn record(&mut self, write: impl FnOnce(&mut Self)) {
        let at = self.0.len();
        self.length(0);
        write(self);
        let length = u32::try_from(self.0.len() - at - 4).unwrap_or(u32::MAX);
        if let Some(place) = self.0.get_mut(at..at + 4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }

    fn length(&mut self, length: usize) {
        // A longer one is never read whole: the reader finds bytes missing.
        self.0.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Value for $number {
            #[inline]
            fn write(&self, w: &mut Writer) {
                w.0.extend_from_slice(&self.to_le_bytes());
            }

            #[inline]
            fn read(r: &mut Reader<'_>) -> Read<Self> {
                r.array().map(Self::from_le_bytes)
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64);

impl Value for bool {
    fn write(&self, w: &mut Writer) {
        w.tag(u8::from(*self));
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        match r.get::<u8>()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Malformed(format!("{other} is neither true nor false"))),
        }
    }
}

impl Value for String {
    fn write(&self, w: &mut Writer) {
        w.text(self);
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        r.text().map(str::to_owned)
    }
}

impl<T: Value> Value for Option<T> {
    fn write(&self, w: &mut Writer) {
        w.option(self.as_ref(), |w, value| value.write(w));
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(if r.get::<bool>()? { Some(r.get()?) } else { None })
    }
}

impl<T: Value> Value for Vec<T> {
    fn write(&self, w: &mut Writer) {
        w.list(self);
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        // No room is made beforehand: the length is only the other side's word.
        let length: u32 = r.get()?;
        (0..length).map(|_| r.get()).collect()
    }
}

impl<A: Value, B: Value> Value for (A, B) {
    fn write(&self, w: &mut Writer) {
        w.put(&self.0).put(&self.1);
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok((r.get()?, r.get()?))
    }
}

impl<T: Value, E: Value> Value for Result<T, E> {
    fn write(&self, w: &mut Writer) {
        match self {
            Ok(value) => w.tag(0).put(value),
            Err(error) => w.tag(1).put(error),
        };
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(if r.get::<bool>()? { Err(r.get()?) } else { Ok(r.get()?) })
    }
}

impl Value for Duration {
    fn write(&self, w: &mut Writer) {
        w.put(&self.as_secs()).put(&self.subsec_nanos());
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let (seconds, nanos): (u64, u32) = r.get()?;
        // More than a second of nanoseconds could overflow.
        Ok(Self::new(seconds, nanos.min(999_999_999)))
    }
}

/// Enums without data as numbers; one that is not listed is 0, which nobody can read.
macro_rules! tags {
    ($type:ty: $($variant:ident = $number:literal),+ $(,)?) => {
        impl $crate::value::Value for $type {
            fn write(&self, w: &mut $crate::value::Writer) {
                // The type may grow, in its crate.
                #[allow(unreachable_patterns)]
                w.tag(match self {
                    $(Self::$variant => $number,)+
                    _ => 0,
                });
            }

            fn read(r: &mut $crate::value::Reader<'_>) -> $crate::value::Read<Self> {
                match r.get::<u8>()? {
                    $($number => Ok(Self::$variant),)+
                    other => Err($crate::value::Malformed(
                        format!("{other} stands for no {}", stringify!($type)),
                    )),
                }
            }
        }
    };
}
pub(crate) use tags;
