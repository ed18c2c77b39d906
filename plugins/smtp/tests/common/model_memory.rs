//! What a model server remembers over all its connections, and chance that can be repeated.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// splitmix64.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    pub(crate) fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }
}

/// The recipients and the body of a message that was taken.
pub(crate) type Taken = (Vec<String>, Vec<u8>);

#[derive(Default)]
pub(crate) struct Seen {
    /// Recipients and body of each message it has taken, by the number in its sender.
    pub(crate) taken: BTreeMap<usize, Vec<Taken>>,
    /// Refusals of each message.
    pub(crate) refusals: BTreeMap<usize, Vec<u16>>,
    /// The end of this message has been met.
    pub(crate) ended: Vec<usize>,
    /// Connections that ended by a fault.
    pub(crate) faults: Vec<String>,
    /// What no client may do.
    pub(crate) misdeeds: Vec<String>,
    pub(crate) healed: bool,
}

impl Seen {
    /// How many messages were taken.
    pub(crate) fn copies(&self) -> usize {
        self.taken.values().map(Vec::len).sum()
    }
}

/// What all connections share.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Seen>>);

impl Memory {
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }
}
