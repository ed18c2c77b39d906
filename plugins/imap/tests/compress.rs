//! COMPRESS=DEFLATE (RFC 4978): the same mail, in fewer bytes; and streams that lie.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::bulk::{Bulk, Ways};
use common::*;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use postrider_core::*;
use postrider_imap::{Imap, ImapConfig};
use postrider_testkit::{Delivery, Ending, Script, VirtualHost, run, run_polls};

/// What the server does once compression is agreed on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Serve,
    /// It says no.
    Refuse,
    /// It speaks compressed in the same breath.
    Hurry,
    /// These bytes are no stream.
    Garbage,
    /// The stream ends, and the connection stays.
    End,
    /// A line that goes on for ever, a thousandfold compressed.
    Line,
    /// A message that is announced longer than it may be.
    Long,
}

/// A server that compresses what another one says.
struct Squeezed {
    inner: Box<dyn Script>,
    then: Then,
    streams: Option<(Compress, Decompress)>,
    line: Vec<u8>,
}

impl Squeezed {
    fn pack(&mut self, bytes: &[u8], flush: FlushCompress) -> Vec<u8> {
        let (pack, _) = self.streams.as_mut().unwrap();
        let mut out = Vec::with_capacity(bytes.len() + 1024);
        pack.compress_vec(bytes, &mut out, flush).unwrap();
        out
    }

    fn unpack(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let (_, unpack) = self.streams.as_mut().unwrap();
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let (before, mut out) = (unpack.total_in(), Vec::with_capacity(65_536));
            unpack.decompress_vec(bytes, &mut out, FlushDecompress::Sync).unwrap();
            bytes = &bytes[(unpack.total_in() - before) as usize..];
            all.extend(out);
        }
        all
    }
}

impl Script for Squeezed {
    fn greet(&mut self) -> Vec<u8> {
        let greeting = String::from_utf8(self.inner.greet()).unwrap();
        greeting.replace("IDLE]", "IDLE COMPRESS=DEFLATE]").into_bytes()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.streams.is_some() {
            let heard = self.unpack(bytes);
            let said = self.inner.receive(&heard);
            return if said.is_empty() { said } else { self.pack(&said, FlushCompress::Sync) };
        }
        self.line.extend_from_slice(bytes);
        if !self.line.ends_with(b"\r\n") {
            return Vec::new();
        }
        let line = String::from_utf8(std::mem::take(&mut self.line)).unwrap();
        let Some(tag) = line.strip_suffix(" COMPRESS DEFLATE\r\n") else {
            return self.inner.receive(line.as_bytes());
        };
        if self.then == Then::Refuse {
            return format!("{tag} NO [COMPRESSIONACTIVE] already\r\n").into_bytes();
        }
        self.streams = Some((Compress::new(Compression::best(), false), Decompress::new(false)));
        let more = match self.then {
            Then::Serve | Then::Refuse => Vec::new(),
            Then::Hurry => self.pack(b"* OK at once\r\n", FlushCompress::Sync),
            Then::Garbage => vec![0xff; 100],
            Then::End => self.pack(b"* OK that was all\r\n", FlushCompress::Finish),
            Then::Line => self.pack(&[b"* OK ".to_vec(), vec![b'y'; 64 << 20]].concat(), FlushCompress::Sync),
            Then::Long => self.pack(
                &[b"* 1 FETCH (X {900000000}\r\n".to_vec(), vec![b'y'; 64 << 20]].concat(),
                FlushCompress::Sync,
            ),
        };
        [format!("{tag} OK deflate\r\n").into_bytes(), more].concat()
    }

    fn ending(&self) -> Ending {
        self.inner.ending()
    }
}

fn host(bulk: &Bulk, then: Then) -> VirtualHost {
    let bulk = bulk.clone();
    VirtualHost::serve(move || {
        Box::new(Squeezed { inner: bulk.session(), then, streams: None, line: Vec::new() })
    })
}

fn compressed() -> ImapConfig {
    let mut config = pipelined(TlsMode::Implicit);
    (config.compress, config.window) = (true, 8);
    config
}

async fn all(imap: &mut Imap) -> Vec<Result<String>> {
    let ids: Vec<MessageId> = (1..=12).map(key).collect();
    imap.prefetch(&ids);
    let mut seen = Vec::new();
    for id in &ids {
        seen.push(read(imap, id).await);
    }
    seen
}

fn texts(bulk: &Bulk) -> Vec<String> {
    (1..=12).map(|uid| bulk.text(uid)).collect()
}

#[test]
fn the_same_mail_comes_in_fewer_bytes_however_they_are_cut() {
    let bulk = Bulk::new(Ways { padding: 2_000, ..Ways::default() });
    for then in [Then::Serve, Then::Hurry, Then::Refuse] {
        for delivery in [Delivery::Whole, Delivery::OneByOne, Delivery::Random(1), Delivery::Random(2)] {
            let host = host(&bulk, then).delivery(delivery);
            let mut imap = imap(compressed(), &host);
            let seen: Vec<String> =
                run(&host, all(&mut imap)).expect("hangs").into_iter().map(Result::unwrap).collect();
            assert_eq!(seen, texts(&bulk), "{then:?} {delivery:?}");
            assert_eq!(host.received() < 5_000, then != Then::Refuse, "{then:?}: {} bytes", host.received());
            assert_eq!(host.dials(), 1);
        }
    }
    let plain = bulk.host();
    let mut never = imap(compressed(), &plain);
    run(&plain, all(&mut never)).expect("hangs").into_iter().for_each(|text| drop(text.unwrap()));
    assert!(!plain.sent_text().contains("COMPRESS"), "it is not offered");
}

#[test]
fn wherever_the_stream_is_cut_messages_are_whole_or_errors_and_the_next_connection_works() {
    let bulk = Bulk::new(Ways::default());
    let whole = host(&bulk, Then::Serve);
    run(&whole, all(&mut imap(compressed(), &whole))).expect("hangs");
    for n in 0..whole.received() {
        for stall in [false, true] {
            let host = host(&bulk, Then::Serve);
            let host = if stall { host.stall_after(n) } else { host.cut_after(n) };
            let mut imap = imap(compressed(), &host);
            for (seen, want) in run(&host, all(&mut imap)).expect("hangs").iter().zip(texts(&bulk)) {
                match seen {
                    Ok(text) => assert_eq!(*text, want, "{n}"),
                    Err(error) => {
                        assert!(
                            matches!(error.kind(), ErrorKind::Closed | ErrorKind::Timeout),
                            "{n}: {error:?}"
                        );
                    }
                }
            }
            host.heal();
            for (seen, want) in run(&host, all(&mut imap)).expect("hangs").into_iter().zip(texts(&bulk)) {
                assert_eq!(seen.unwrap(), want, "{n}");
            }
        }
    }
}

#[test]
fn a_stream_that_lies_is_a_typed_error_and_a_bomb_grows_nothing() {
    for (then, kind) in [
        (Then::Garbage, ErrorKind::Protocol),
        (Then::End, ErrorKind::Closed),
        (Then::Line, ErrorKind::Limit),
        (Then::Long, ErrorKind::Limit),
    ] {
        let host = host(&Bulk::new(Ways::default()), then);
        let mut imap = imap(compressed(), &host);
        let error = run(&host, read(&mut imap, &key(1))).expect("hangs").unwrap_err();
        assert_eq!(error.kind(), kind, "{then:?}: {error}");
        assert!(!format!("{error:?}").contains("yyy"), "{error:?}");
    }
}

#[test]
fn a_fetch_dropped_at_any_await_leaves_nothing_unsaid() {
    let bulk = Bulk::new(Ways::default());
    for polls in 0.. {
        let host = host(&bulk, Then::Serve).delivery(Delivery::OneByOne);
        let mut imap = imap(compressed(), &host);
        // One command: nothing that follows it takes along what was left.
        imap.prefetch(&[key(1), key(2)]);
        let done = run_polls(read(&mut imap, &key(1)), polls);
        for uid in 1..=2 {
            let seen = run(&host, read(&mut imap, &key(uid))).expect("hangs").unwrap();
            assert_eq!(seen, bulk.text(uid), "dropped after {polls} polls");
        }
        if done.is_some() {
            assert!(polls > 100, "the sweep saw only {polls} polls");
            break;
        }
    }
}
