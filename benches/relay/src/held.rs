//! Bytes on their way, each with the moment when they arrive.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::Instant;

/// More than any window here is on its way at a time.
const MOST: usize = 512 << 20;

pub struct Chunk {
    pub due: Instant,
    /// The round they belong to.
    pub depth: u64,
    /// Empty at the end.
    pub bytes: Vec<u8>,
}

#[derive(Default)]
pub struct Held {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    given_up: bool,
}

impl Held {
    pub fn put(&self, due: Instant, depth: u64, bytes: &[u8]) {
        let Ok(mut queue) = self.queue.lock() else { return };
        while queue.bytes > MOST && !queue.given_up {
            let Ok(woken) = self.changed.wait(queue) else { return };
            queue = woken;
        }
        if queue.given_up {
            return;
        }
        queue.bytes += bytes.len();
        queue.chunks.push_back(Chunk { due, depth, bytes: bytes.to_vec() });
        self.changed.notify_all();
    }

    pub fn end(&self, due: Instant) {
        if let Ok(mut queue) = self.queue.lock() {
            queue.chunks.push_back(Chunk { due, depth: 0, bytes: Vec::new() });
            self.changed.notify_all();
        }
    }

    /// Nobody takes any more of it.
    pub fn give_up(&self) {
        if let Ok(mut queue) = self.queue.lock() {
            queue.given_up = true;
            queue.chunks.clear();
            self.changed.notify_all();
        }
    }

    pub fn next(&self) -> Option<Chunk> {
        let mut queue = self.queue.lock().ok()?;
        loop {
            if let Some(chunk) = queue.chunks.pop_front() {
                queue.bytes -= chunk.bytes.len();
                self.changed.notify_all();
                return Some(chunk);
            }
            if queue.given_up {
                return None;
            }
            queue = self.changed.wait(queue).ok()?;
        }
    }
}
