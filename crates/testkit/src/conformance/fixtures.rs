//! Messages and envelopes of the suite, and how they are compared.

use bytes::Bytes;
use postrider_core::{Address, Body, Envelope};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Who sends.
pub(super) const FROM: &str = "me@example.org";
/// Who receives.
pub(super) const ONE: &str = "one@example.org";
/// Who else receives.
pub(super) const TWO: &str = "two@example.org";
/// The most that a transport may hold of a message it only passes on.
pub(super) const HELD: u64 = 1 << 20;
/// A message that is far larger.
pub(super) const LARGE: u64 = 8 << 20;

/// The n-th message: no other is like it, and every kind of dot is in it.
pub(super) fn message(n: usize) -> String {
    format!(
        "From: {FROM}\r\nTo: {ONE}\r\nSubject: conformance {n}\r\n\r\n.a dot\r\n..two\r\n.\r\n) OK {{3}}\r\n\r\n\
         end of {n}.\r\n"
    )
}

pub(super) fn address(text: &str) -> Option<Address> {
    Address::new(text).ok()
}

pub(super) fn envelope(to: &[&str]) -> postrider_core::Result<Envelope> {
    Envelope::parse(Some(FROM), to.iter().copied())
}

/// The message in three pieces, and whether its end has been taken.
pub(super) fn tracked(text: String) -> (Body<'static>, Arc<AtomicBool>) {
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    let text = Bytes::from(text);
    let third = text.len() / 3;
    let body = Body::generate(0usize, move |piece| {
        let (text, flag) = (text.clone(), Arc::clone(&flag));
        async move {
            let chunk = match piece {
                0 => text.slice(..third),
                1 => text.slice(third..2 * third),
                2 => {
                    flag.store(true, Ordering::Relaxed);
                    text.slice(2 * third..)
                }
                _ => return Ok(None),
            };
            Ok(Some((chunk, piece + 1)))
        }
    });
    (body, ended)
}

/// True if both are the same text, whatever ends their lines.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    lines(a) == lines(b)
}

/// True if the backend has the whole message and nothing behind it. It may have put fields in front.
pub(super) fn holds(has: &[u8], message: &[u8]) -> bool {
    lines(has).ends_with(&lines(message))
}

fn lines(text: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(text).replace("\r\n", "\n").into_bytes()
}
