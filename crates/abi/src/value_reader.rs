//! Reading a value's bytes, with a check at every step.

use crate::value::{Malformed, Read, Value};
use postrider_core::{Address, Recipient};
use std::cell::Cell;

/// Bytes that are left to be read.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    /// Recipients that this side named and the other side may name again, from the next one on.
    known: Option<&'a Cell<&'a [Recipient]>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, known: None }
    }

    /// Of an answer about these recipients.
    pub(crate) fn about(bytes: &'a [u8], known: &'a Cell<&'a [Recipient]>) -> Self {
        Self { bytes, known: Some(known) }
    }

    /// True if nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn get<T: Value>(&mut self) -> Read<T> {
        T::read(self)
    }

    #[inline]
    pub(crate) fn bytes(&mut self) -> Read<&'a [u8]> {
        let length: u32 = self.get()?;
        let (bytes, rest) = self.bytes.split_at_checked(length as usize).ok_or("a value stops short")?;
        self.bytes = rest;
        Ok(bytes)
    }

    #[inline]
    pub(crate) fn text(&mut self) -> Read<&'a str> {
        Ok(std::str::from_utf8(self.bytes()?).map_err(|_| "a text is not UTF-8")?)
    }

    /// An address: the next known one if it is the same, else one that passes its constructor.
    pub(crate) fn address(&mut self) -> Read<Address> {
        let bytes = self.bytes()?;
        if let Some(known) = self.known
            && let Some((next, rest)) = known.get().split_first()
            && next.address.as_str().as_bytes() == bytes
        {
            known.set(rest);
            return Ok(next.address.clone());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "a text is not UTF-8")?;
        Address::new(text).map_err(|error| Malformed(error.message().to_owned()))
    }

    #[inline]
    pub(crate) fn record(&mut self) -> Read<Reader<'a>> {
        let known = self.known;
        self.bytes().map(|bytes| Reader { bytes, known })
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (bytes, rest) = self.bytes.split_first_chunk::<N>().ok_or("a value stops short")?;
        self.bytes = rest;
        Ok(*bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buf::Buf;
    use crate::value::{decode_about, encode_by};

    fn answer(addresses: &[&str]) -> Buf {
        encode_by(|w| {
            w.put(&u32::try_from(addresses.len()).unwrap());
            addresses.iter().for_each(|address| {
                w.text(address);
            });
        })
    }

    #[test]
    fn addresses_that_are_not_the_known_ones_are_still_checked() {
        let known: Vec<Recipient> =
            ["a@x.example", "b@x.example"].map(|text| Recipient::new(Address::new(text).unwrap())).into();
        for good in [&["a@x.example", "b@x.example", "a@x.example"][..], &["b@x.example", "c@x.example"]] {
            let read = decode_about::<Vec<Address>>(&answer(good), &known).unwrap();
            assert_eq!(read.iter().map(Address::as_str).collect::<Vec<_>>(), good);
        }
        for bad in ["a@x.example\r\nRSET", "a@x.exampl\u{202e}", "a@x.example>", "", "a"] {
            for place in [&[bad][..], &["a@x.example", bad], &["a@x.example", "b@x.example", bad]] {
                assert!(decode_about::<Vec<Address>>(&answer(place), &known).is_err(), "{bad:?}");
            }
        }
    }
}
