//! A bench of the suite's with settings of the command line on top.

use postrider::{Host, Properties, TransportFactory};
use postrider_testkit::conformance::{
    Bench, Condition, Delivered, IncomingBench, OutgoingBench, Remaining, Work,
};
use postrider_testkit::{Hang, VirtualHost};
use std::sync::Arc;

/// A bench, and what is set besides.
pub(crate) struct Over<B> {
    bench: B,
    factory: &'static TransportFactory,
    more: String,
}

impl<B: Bench> Over<B> {
    /// `more` is text of a property file.
    pub(crate) fn new(bench: B, factory: &'static TransportFactory, more: String) -> Self {
        Self { bench, factory, more }
    }

    /// True if the transport has this setting at all; one that calls it by another name gets it by `more`.
    fn declares(&self, line: &str) -> bool {
        let prefix = format!("mail.{}.", self.factory.name);
        let key = line.split('=').next().and_then(|key| key.trim().strip_prefix(prefix.as_str()));
        key.is_none_or(|key| self.factory.specs().any(|spec| spec.name == key))
    }
}

impl<B: Bench> Bench for Over<B> {
    fn properties(&self, name: &str) -> String {
        let own = self.bench.properties(name);
        let set = |line: &&str| {
            let key = line.split('=').next().unwrap_or_default();
            !self.more.lines().any(|more| more.split('=').next() == Some(key))
        };
        let lines: Vec<&str> = own.lines().filter(|line| self.declares(line)).filter(set).collect();
        format!("{}\n{}", lines.join("\n"), self.more)
    }

    fn host(&self) -> Arc<dyn Host> {
        self.bench.host()
    }

    fn secrets(&self) -> Vec<String> {
        self.bench.secrets()
    }

    fn line(&self) -> Option<VirtualHost> {
        self.bench.line()
    }

    fn arrange(&mut self, condition: &Condition) -> bool {
        self.bench.arrange(condition)
    }

    fn debug(&self, properties: &Properties) -> Option<String> {
        self.bench.debug(properties)
    }

    fn drive(&self, work: Work<'_>) -> Result<(), Hang> {
        self.bench.drive(work)
    }
}

impl<B: OutgoingBench> OutgoingBench for Over<B> {
    fn delivered(&self) -> Vec<Delivered> {
        self.bench.delivered()
    }

    fn taken(&self) -> Option<u64> {
        self.bench.taken()
    }
}

impl<B: IncomingBench> IncomingBench for Over<B> {
    fn deliver(&self, message: &[u8]) {
        self.bench.deliver(message);
    }

    fn remaining(&self) -> Vec<Remaining> {
        self.bench.remaining()
    }

    fn other(&self) -> &str {
        self.bench.other()
    }

    fn moved(&self, mailbox: &str) -> Option<Vec<Vec<u8>>> {
        self.bench.moved(mailbox)
    }

    fn remove(&self, at: usize) -> bool {
        self.bench.remove(at)
    }

    fn deliver_large(&self, size: u64) -> bool {
        self.bench.deliver_large(size)
    }

    fn given(&self) -> Option<u64> {
        self.bench.given()
    }
}
