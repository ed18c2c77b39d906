//! What leaves in one write when many messages do, and that neither side waits for the other to read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::oracle::{Mode, Oracle, Server, batch, config, good, judge};
use common::smtp;
use postrider_core::*;
use postrider_smtp::Smtp;
use postrider_testkit::{Quirk, Quirky, Script, VirtualHost, run};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tokio::io::ReadBuf;

/// Counts writes, and, if `tight`, takes one only while all answers are read.
struct Counted {
    tight: bool,
    begun: bool,
    /// Something may be there to read.
    owed: bool,
    writer: Option<Waker>,
    writes: Arc<Mutex<Vec<usize>>>,
}

impl Quirk for Counted {
    fn poll_read(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let read = Pin::new(line).poll_read(cx, out);
        if read.is_pending() {
            self.owed = false;
            if let Some(writer) = self.writer.take() {
                writer.wake();
            }
        }
        read
    }

    fn poll_write(
        &mut self,
        line: &mut dyn Connection,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        // Setting up asks and listens in turn.
        self.begun |= bytes.starts_with(b"MAIL");
        let tight = self.tight && self.begun;
        if tight && self.owed {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        // A tight server takes little at a time, and then wants its answers read.
        let most = if tight { bytes.len().min(7) } else { bytes.len() };
        self.owed = true;
        self.writes.lock().unwrap().push(most);
        Pin::new(line).poll_write(cx, &bytes[..most])
    }
}

/// How many writes a batch takes behind EHLO.
fn writes(mode: Mode, window: usize, tight: bool) -> usize {
    let oracle = Oracle::default();
    let inner = Server::host(&oracle, mode, good);
    let writes = Arc::<Mutex<Vec<usize>>>::default();
    let shared = Arc::clone(&writes);
    let host = Quirky::new(inner.clone(), move || Counted {
        tight,
        begun: false,
        owed: false,
        writer: None,
        writes: Arc::clone(&shared),
    });
    let mut smtp = Smtp::new(config(mode, window), Arc::new(host));
    let mut messages = batch(30);
    assert!(run(&inner, smtp.send_all(&mut messages)).is_ok(), "{mode:?}: hangs");
    let outcomes = messages.outcomes();
    judge(&oracle, &outcomes, false, "writes");
    assert!(outcomes.iter().all(Result::is_ok), "{mode:?}: {outcomes:?}");
    writes.lock().unwrap().len() - 1
}

#[test]
fn the_first_message_goes_alone_and_the_others_as_the_window_holds_them() {
    // BDAT: one write for the first, one for all the others; a window of 2 or 1 waits for answers.
    assert_eq!(writes(Mode::Chunking, 64, false), 2);
    assert_eq!(writes(Mode::Chunking, 10, false), 1 + 3);
    assert_eq!(writes(Mode::Chunking, 1, false), 30);
    // DATA: the end of each with the envelope of the next, but for the first, whose pipelining is still to be proven.
    assert_eq!(writes(Mode::Pipelining, 64, false), 1 + 1 + 29 + 1);
    assert_eq!(writes(Mode::Pipelining, 1, false), 60);
    assert_eq!(writes(Mode::ChunkingAlone, 64, false), 90);
    assert_eq!(writes(Mode::LockStep, 64, false), 120);
}

#[test]
fn a_server_that_reads_on_only_when_its_answers_are_read_is_not_waited_for() {
    for mode in common::oracle::MODES {
        for window in [1, 2, 8, 64] {
            writes(mode, window, true);
        }
    }
}

/// Says 250 once more than it was asked, at the end of the first message.
struct Extra(Box<dyn Script>, bool);

impl Script for Extra {
    fn greet(&mut self) -> Vec<u8> {
        self.0.greet()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut answer = self.0.receive(bytes);
        if bytes.starts_with(b"m0") && !std::mem::replace(&mut self.1, true) {
            answer.extend_from_slice(b"250 extra\r\n");
        }
        answer
    }
}

#[test]
fn an_answer_before_its_command_is_fatal_also_between_two_messages() {
    let oracle = Oracle::default();
    let host = VirtualHost::serve({
        let oracle = oracle.clone();
        move || Box::new(Extra(Server::script(&oracle, Mode::Pipelining, good), false))
    });
    let mut smtp = smtp(config(Mode::Pipelining, 8), &host);
    let mut messages = batch(3);
    run(&host, smtp.send_all(&mut messages)).unwrap();
    let outcomes = messages.outcomes();
    judge(&oracle, &outcomes, false, "extra");
    assert!(outcomes[0].is_ok());
    let error = outcomes[1].as_ref().unwrap_err();
    assert_eq!((error.kind(), error.repeat()), (ErrorKind::Protocol, Repeat::Safe), "{error}");
}
