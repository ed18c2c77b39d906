//! The driver of a body, from its source to the line.

use crate::intake::Feed;
use crate::session_flow::Drive;
use bytes::Buf;
use postrider_core::{Error, ErrorKind, Phase, Repeat, Result};
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::{Context, Poll, ready};

/// A body that a dot ends is put out in pieces of at most this size.
const PIECE: usize = 64 * 1024;
/// What is copied at once.
const BLOCK: usize = 3 * 1024;

impl Drive<'_, '_, '_> {
    /// Puts out the next piece of the body, or its end; false if none is there yet.
    pub(crate) fn feed(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(mut feed) = self.feed.take() else { return false };
        let fed = self.feed_from(&mut feed, cx);
        self.feed = Some(feed);
        match fed {
            Poll::Pending => false,
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                let mut out = std::mem::take(self.session.channel.output());
                self.flow.fail(error, &mut out, self.session.channel.redactor());
                *self.session.channel.output() = out;
                true
            }
        }
    }

    fn feed_from(&mut self, feed: &mut Feed<'_>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if feed.rest.is_empty() && !feed.ended {
            match self.read(feed, cx) {
                Poll::Ready(Ok(())) => {}
                other => return other,
            }
        }
        let chunk = self.config.window.chunk.filter(|_| self.flow.is_chunked());
        Poll::Ready(match chunk {
            Some(size) => self.put_chunk(feed, size),
            None => self.put_piece(feed),
        })
    }

    /// Reads the next chunk of the body, or its end.
    fn read(&mut self, feed: &mut Feed<'_>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let read = ready!(pin!(feed.body.chunk()).poll(cx));
        feed.begun = true;
        self.flow.keep(None);
        Poll::Ready(match read {
            Err(error) => Err(unreadable(error)),
            Ok(None) => {
                feed.ended = true;
                Ok(())
            }
            Ok(Some(chunk)) => {
                feed.length = feed.length.saturating_add(chunk.len() as u64);
                feed.rest = chunk;
                self.check_size(Some(feed.length))
            }
        })
    }

    /// The next piece of a body that a dot ends.
    fn put_piece(&mut self, feed: &mut Feed<'_>) -> Result<()> {
        let out = self.session.channel.output();
        let before = out.len();
        let piece = feed.rest.split_to(feed.rest.len().min(PIECE));
        self.encoder.encode(&piece, out)?;
        if !self.session.caps.eight_bit_mime && self.encoder.is_eight_bit() {
            return Err(eight_bit());
        }
        let whole = feed.ended && feed.rest.is_empty();
        if whole {
            self.encoder.finish(out)?;
        }
        let length = out.len() - before;
        self.flow.count(length);
        if whole {
            self.flow.end_of_data(self.session.channel.output());
            self.note(feed);
        }
        Ok(())
    }

    /// The next piece of a body by BDAT. Its length stands before it, so it is known only once its line ends
    /// are right: nearly always they are, and the piece goes as it is.
    fn put_chunk(&mut self, feed: &mut Feed<'_>, size: NonZeroUsize) -> Result<()> {
        let piece = feed.rest.split_to(feed.rest.len().min(size.get()));
        let whole = feed.ended && feed.rest.is_empty();
        // Only a body that is all there is known to end with this piece.
        let direct = self.scratch.is_empty() && feed.ended && !piece.is_empty();
        if direct && self.encoder.passes(&piece) {
            self.check_bits()?;
            let tail: &[u8] = if whole && !self.encoder.is_at_line_start() { b"\r\n" } else { b"" };
            if piece.len() + tail.len() > size.get() && piece.len() > 1 {
                self.put(&piece, b"", false);
                self.put(b"", tail, true);
            } else {
                self.put(&piece, tail, whole);
            }
        } else {
            let mut scratch = std::mem::take(&mut self.scratch);
            self.encoder.encode(&piece, &mut scratch)?;
            self.check_bits()?;
            if whole {
                self.encoder.finish(&mut scratch)?;
            }
            // The last one is not split off: an empty one would have to follow.
            while let (Some(chunk), true) = (scratch.get(..size.get()), scratch.len() > size.get()) {
                self.put(chunk, b"", false);
                scratch.advance(size.get());
            }
            if whole {
                self.put(&scratch, b"", true);
                scratch.clear();
            }
            self.scratch = scratch;
        }
        if whole {
            self.note(feed);
        }
        Ok(())
    }

    fn put(&mut self, piece: &[u8], tail: &[u8], last: bool) {
        let out = self.session.channel.output();
        out.reserve(piece.len() + 64);
        self.flow.chunk(out, piece.len() + tail.len(), last);
        // In small pieces: the usual way to copy many bytes is one instruction for each.
        for piece in piece.chunks(BLOCK) {
            out.extend_from_slice(piece);
        }
        out.extend_from_slice(tail);
    }

    fn check_bits(&self) -> Result<()> {
        if self.encoder.is_eight_bit() && !self.session.caps.eight_bit_mime {
            return Err(eight_bit());
        }
        Ok(())
    }

    fn note(&self, feed: &Feed<'_>) {
        if self.config.debug {
            self.session.channel.note(&format!("a body of {} bytes", feed.length));
        }
    }

    /// Refuses what is larger than the server takes (RFC 1870 §6.1). Dots that stuffing adds don't count.
    pub(crate) fn check_size(&self, size: Option<u64>) -> Result<()> {
        match (size, self.session.caps.max_size) {
            (Some(size), Some(limit)) if size > limit => Err(Error::new(
                ErrorKind::Limit,
                Phase::Sender,
                format!("the message has {size} bytes or more, the server takes at most {limit}"),
            )
            .with_advice("make the message smaller, or ask for a larger limit")),
            _ => Ok(()),
        }
    }
}

/// The error of a body that failed. Its own kind, phase and reply are of wherever it came from: a mailbox that
/// refuses to give a message out is no server that refuses to take it.
fn unreadable(error: Error) -> Error {
    if error.kind() == ErrorKind::Body {
        return error;
    }
    let repeat = if error.repeat() == Repeat::Safe { Repeat::Safe } else { Repeat::Never };
    let what = format!("the message could not be read to its end ({}: {})", error.phase(), error.message());
    let failed = Error::new(ErrorKind::Body, Phase::Data, what).with_repeat(repeat);
    match error.advice() {
        Some(advice) => failed.with_advice(advice.to_owned()),
        None => failed,
    }
    .with_source(error)
}

fn eight_bit() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        Phase::Data,
        "the message has bytes above 127 and the server does not offer 8BITMIME",
    )
    .with_advice("encode its parts as quoted-printable or base64")
}
