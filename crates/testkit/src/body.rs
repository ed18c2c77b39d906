//! Bodies that misbehave or are large.

use bytes::Bytes;
use postrider_core::{Body, Error, ErrorKind, Phase};

/// A message of about `size` bytes made as it is read: lines of 76 characters under a small header.
pub fn of_size(size: u64) -> Body<'static> {
    const LINE: &str = "The quick brown fox jumps over the lazy dog, again and again and once more..\r\n";
    let head = "Subject: large\r\n\r\n";
    let lines = LINE.repeat(840);
    Body::generate((size, true), move |(left, first)| {
        let chunk = if first { Bytes::from_static(head.as_bytes()) } else { Bytes::from(lines.clone()) };
        async move {
            let chunk = chunk.slice(..chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
            Ok((!chunk.is_empty()).then(|| (chunk.clone(), (left - chunk.len() as u64, false))))
        }
    })
}

/// A body that gives `text` and fails then.
pub fn failing_after(text: &'static str) -> Body<'static> {
    Body::generate(true, move |first| async move {
        if first {
            return Ok(Some((Bytes::from_static(text.as_bytes()), false)));
        }
        Err(Error::new(ErrorKind::Body, Phase::Data, "the body broke off"))
    })
}
