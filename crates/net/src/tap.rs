//! A socket that remembers the first bytes it read, so that a failed handshake can say what came instead.

use crate::through::{Through, Watch};
use tokio::net::TcpStream;

const ENOUGH: usize = 80;

pub(crate) type Tap = Through<TcpStream, Seen>;

#[derive(Default)]
pub(crate) struct Seen(Vec<u8>);

impl Tap {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self { stream: tcp, watch: Seen::default() }
    }

    /// The first bytes the other side sent, at most 80.
    pub(crate) fn seen(&self) -> &[u8] {
        &self.watch.0
    }
}

impl Watch for Seen {
    fn heard(&mut self, bytes: &[u8]) {
        let room = ENOUGH - self.0.len().min(ENOUGH);
        if room > 0 {
            self.0.extend(bytes.iter().take(room));
        }
    }
}
