//! The far end of a transport of which nobody knows what it speaks.

use super::bench::{Bench, Condition};
use super::blind::Blind;
use crate::{Ending, Script, VirtualHost};
use postrider_core::Host;
use std::sync::{Arc, Mutex, PoisonError};

/// Nobody knows what it speaks: it is silent, but for the conditions it was given.
pub(super) struct Stranger {
    pub(super) blind: Blind,
    pub(super) line: VirtualHost,
    condition: Arc<Mutex<Option<Condition>>>,
}

impl Stranger {
    pub(super) fn new(blind: Blind) -> Self {
        let condition: Arc<Mutex<Option<Condition>>> = Arc::default();
        let shared = Arc::clone(&condition);
        let line = VirtualHost::serve(move || {
            let condition = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Box::new(Talker { condition, said: 0 })
        });
        Self { blind, line, condition }
    }
}

/// How much an endless talker says at most. A client has to give up long before.
const ENDLESS: usize = 64 << 20;

struct Talker {
    condition: Option<Condition>,
    said: usize,
}

impl Script for Talker {
    fn greet(&mut self) -> Vec<u8> {
        match self.condition {
            Some(Condition::Garbage) => b"SSH-2.0-\x00\x1b[31m\xff\r\n".to_vec(),
            _ => Vec::new(),
        }
    }

    fn receive(&mut self, _: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    fn more(&mut self) -> Vec<u8> {
        let text = match self.condition {
            Some(Condition::EndlessLine) => "x",
            Some(Condition::EndlessReply) => "another line\r\n",
            _ => return Vec::new(),
        };
        if self.said > ENDLESS {
            return Vec::new();
        }
        let said = text.repeat(4_096);
        self.said += said.len();
        said.into_bytes()
    }

    fn ending(&self) -> Ending {
        Ending::Open
    }
}

impl Bench for Stranger {
    fn properties(&self, _: &str) -> String {
        self.blind.properties.clone()
    }

    fn host(&self) -> Arc<dyn Host> {
        Arc::new(self.line.clone())
    }

    fn secrets(&self) -> Vec<String> {
        self.blind.secrets.clone()
    }

    fn line(&self) -> Option<VirtualHost> {
        Some(self.line.clone())
    }

    fn arrange(&mut self, condition: &Condition) -> bool {
        let known =
            matches!(condition, Condition::EndlessLine | Condition::EndlessReply | Condition::Garbage);
        if known {
            *self.condition.lock().unwrap_or_else(PoisonError::into_inner) = Some(condition.clone());
        }
        known
    }
}
