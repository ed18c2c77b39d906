//! A host without a network: connections to scripts, time that jumps, faults where they are wanted.

mod line;

use crate::player::{Played, Player};
use crate::{Dialogue, Script};
use line::Line;
use postrider_core::{
    ChannelBinding, Connection, Error, ErrorKind, Host, Phase, Result, Target, TlsMode, TlsSession,
    async_trait,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// In what pieces bytes travel, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// All that is there at once.
    Whole,
    /// One byte at a time, with a pause before each: every byte is an await point.
    OneByOne,
    /// Pieces of 1 to 16 bytes with pauses here and there, from this seed.
    Random(u64),
}

/// A [`Host`] that is all inside the test. Clones are the same host.
#[derive(Clone)]
pub struct VirtualHost(Arc<Mutex<State>>);

type Make = Box<dyn FnMut() -> Box<dyn Script> + Send>;

struct State {
    make: Make,
    player: Option<Arc<Mutex<Player>>>,
    delivery: Delivery,
    random: u64,
    cut_after: Option<usize>,
    stall_after: Option<usize>,
    cut_client_after: Option<usize>,
    loopback: bool,
    now: Duration,
    timers: BTreeMap<u64, (Duration, Option<Waker>)>,
    next_timer: u64,
    sent: Vec<u8>,
    clear: Vec<u8>,
    received: usize,
    dials: usize,
}

impl VirtualHost {
    /// A host whose server plays a dialogue.
    pub fn play(dialogue: &Dialogue) -> Self {
        let player = Arc::new(Mutex::new(Player::new(dialogue)));
        let shared = Arc::clone(&player);
        let host = Self::serve(move || Box::new(Played(Arc::clone(&shared))));
        host.state().player = Some(player);
        host
    }

    /// A host whose server is made anew for each dial.
    pub fn serve(make: impl FnMut() -> Box<dyn Script> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(State {
            make: Box::new(make),
            player: None,
            delivery: Delivery::Whole,
            random: 1,
            cut_after: None,
            stall_after: None,
            cut_client_after: None,
            loopback: false,
            now: Duration::ZERO,
            timers: BTreeMap::new(),
            next_timer: 0,
            sent: Vec::new(),
            clear: Vec::new(),
            received: 0,
            dials: 0,
        })))
    }

    /// In what pieces bytes travel.
    pub fn delivery(self, delivery: Delivery) -> Self {
        if let Delivery::Random(seed) = delivery {
            self.state().random = seed;
        }
        self.state().delivery = delivery;
        self
    }

    /// The connection ends when this many bytes of the server have been read, over all dials.
    pub fn cut_after(self, bytes: usize) -> Self {
        self.state().cut_after = Some(bytes);
        self
    }

    /// The server falls silent when this many of its bytes have been read, over all dials.
    pub fn stall_after(self, bytes: usize) -> Self {
        self.state().stall_after = Some(bytes);
        self
    }

    /// Writing fails when this many bytes of the client have reached the server, over all dials.
    pub fn cut_client_after(self, bytes: usize) -> Self {
        self.state().cut_client_after = Some(bytes);
        self
    }

    /// Takes away the faults: what is dialed from now on works.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.cut_after, state.stall_after, state.cut_client_after) = (None, None, None);
    }

    /// Whether the server counts as being on this machine.
    pub fn loopback(self, loopback: bool) -> Self {
        self.state().loopback = loopback;
        self
    }

    /// All bytes the client sent that reached the server.
    pub fn sent(&self) -> Vec<u8> {
        self.state().sent.clone()
    }

    /// How many bytes of the client have reached the server.
    pub fn sent_count(&self) -> usize {
        self.state().sent.len()
    }

    /// The same as text.
    pub fn sent_text(&self) -> String {
        String::from_utf8_lossy(&self.state().sent).into_owned()
    }

    /// Those sent outside TLS.
    pub fn sent_in_clear(&self) -> Vec<u8> {
        self.state().clear.clone()
    }

    /// How many bytes of the server have been read.
    pub fn received(&self) -> usize {
        self.state().received
    }

    /// How many connections were made.
    pub fn dials(&self) -> usize {
        self.state().dials
    }

    /// Where the client left the dialogue.
    pub fn mismatches(&self) -> Vec<String> {
        let player = self.state().player.clone();
        player.map_or_else(Vec::new, |p| p.lock().unwrap_or_else(PoisonError::into_inner).mismatches.clone())
    }

    /// Asserts that the client followed the dialogue to its end.
    ///
    /// # Panics
    /// If it did not.
    pub fn assert_followed(&self) {
        let mismatches = self.mismatches();
        assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
        let player = self.state().player.clone();
        if let Some(player) = player {
            let player = player.lock().unwrap_or_else(PoisonError::into_inner);
            assert!(player.is_finished(), "{}", player.unfinished());
        }
    }

    pub(crate) fn advance_to_next_timer(&self) -> bool {
        let mut state = self.state();
        // One that is over already was told so: that nobody asks it again must not stop the clock.
        let before = state.now;
        let due = state.timers.values().map(|(due, _)| *due).filter(|due| *due > before).min();
        let Some(now) = due else { return false };
        state.now = now;
        for (_, waker) in state.timers.values_mut().filter(|(due, _)| *due <= now) {
            if let Some(waker) = waker.take() {
                waker.wake();
            }
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A number from 1 to `most`, and whether to pause first.
    fn piece(&mut self, most: usize, paused: &mut bool) -> Option<usize> {
        let pause = match self.delivery {
            Delivery::Whole => return Some(most),
            Delivery::OneByOne => !*paused,
            Delivery::Random(_) => !*paused && self.next_random().is_multiple_of(4),
        };
        if pause {
            *paused = true;
            return None;
        }
        *paused = false;
        let piece =
            if self.delivery == Delivery::OneByOne { 1 } else { self.next_random() as usize % 16 + 1 };
        Some(piece.min(most))
    }

    /// splitmix64.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[async_trait]
impl Host for VirtualHost {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        let mut state = self.state();
        state.dials += 1;
        let first = state.dials == 1;
        let accepted = state
            .player
            .as_ref()
            .is_none_or(|p| p.lock().unwrap_or_else(PoisonError::into_inner).dial(first));
        if !accepted {
            return Err(Error::new(ErrorKind::Connect, Phase::Connect, "the script refuses this dial"));
        }
        let mut script = (state.make)();
        let pending = script.greet();
        let loopback = state.loopback;
        let tls = (target.tls == TlsMode::Implicit).then(tls_session);
        let host = self.clone();
        Ok(Box::new(Line::new(host, script, pending, tls, loopback)))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut state = self.state();
        let id = state.next_timer;
        state.next_timer += 1;
        let due = state.now.saturating_add(duration);
        state.timers.insert(id, (due, None));
        Box::pin(Timer { host: self.clone(), id, due })
    }

    fn now(&self) -> Duration {
        self.state().now
    }
}

fn tls_session() -> TlsSession {
    let binding = ChannelBinding::new("tls-exporter", b"virtual channel binding 32 bytes".to_vec());
    TlsSession::new("TLSv1.3", "TLS13_AES_256_GCM_SHA384").with_channel_binding(binding)
}

struct Timer {
    host: VirtualHost,
    id: u64,
    due: Duration,
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.host.state();
        if state.now >= self.due {
            return Poll::Ready(());
        }
        state.timers.insert(self.id, (self.due, Some(cx.waker().clone())));
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.host.state().timers.remove(&self.id);
    }
}
