//! The conformance suite over both transports.
#![allow(missing_docs, clippy::unwrap_used)]

use postrider_core::{Error, ErrorKind, Flags, Host, Phase, Properties, Reply, Verdict};
use postrider_memory::{Call, INCOMING, Memory, MemoryConfig, OUTGOING, SendFault};
use postrider_testkit::conformance::{
    self, Bench, Condition, Delivered, IncomingBench, OutgoingBench, Remaining, Work,
};
use postrider_testkit::{Dialogue, Hang, VirtualHost, run};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

struct Backend {
    memory: Memory,
    host: VirtualHost,
}

impl Backend {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("conformance-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let host = VirtualHost::play(&Dialogue::parse("S: nobody is dialled\n").unwrap());
        let memory = Memory::named(&name);
        memory.create("Archive");
        Self { memory, host }
    }
}

impl Bench for Backend {
    fn properties(&self, name: &str) -> String {
        format!("mail.{name}.name={}", self.memory.name())
    }

    fn host(&self) -> Arc<dyn Host> {
        Arc::new(self.host.clone())
    }

    fn arrange(&mut self, condition: &Condition) -> bool {
        let reply = |status| Reply::new(status, None, "not by me");
        match condition {
            Condition::RefuseRecipient(who) => self.memory.judge(who.clone(), Verdict::Refused(reply("550"))),
            Condition::DeferRecipient(who) => self.memory.judge(who.clone(), Verdict::Deferred(reply("450"))),
            Condition::RefuseMessage => self.memory.next_send(SendFault::Rejected(reply("554"))),
            Condition::DeferMessage => self.memory.next_send(SendFault::Deferred(reply("451"))),
            Condition::LoseReply => self.memory.next_send(SendFault::Unsure { accepted: true }),
            // As often as it is asked.
            Condition::RefuseSettle => (0..10).for_each(|_| {
                let error = Error::new(ErrorKind::Rejected, Phase::Settle, "the test refuses")
                    .with_advice("ask the test")
                    .with_reply(reply("NO"));
                self.memory.next_error(Call::Settle, error);
            }),
            _ => return false,
        }
        true
    }

    fn debug(&self, properties: &Properties) -> Option<String> {
        MemoryConfig::read_outgoing(properties).ok().map(|config| format!("{config:?}"))
    }

    fn drive(&self, work: Work<'_>) -> Result<(), Hang> {
        run(&self.host, work)
    }
}

impl OutgoingBench for Backend {
    fn delivered(&self) -> Vec<Delivered> {
        let sent = self.memory.sent().into_iter();
        sent.map(|sent| Delivered {
            recipients: sent.accepted.iter().map(|a| a.as_str().to_owned()).collect(),
            bytes: sent.message.to_vec(),
        })
        .collect()
    }
}

impl IncomingBench for Backend {
    fn deliver(&self, message: &[u8]) {
        self.memory.deliver_to("INBOX", message.to_vec(), Flags::default());
    }

    fn remaining(&self) -> Vec<Remaining> {
        let messages = self.memory.mailbox("INBOX").into_iter();
        messages.map(|(_, m)| Remaining { bytes: m.message.to_vec(), seen: m.flags.seen }).collect()
    }

    fn moved(&self, mailbox: &str) -> Option<Vec<Vec<u8>>> {
        Some(self.memory.mailbox(mailbox).into_iter().map(|(_, m)| m.message.to_vec()).collect())
    }

    fn remove(&self, at: usize) -> bool {
        self.memory.mailbox("INBOX").get(at).is_some_and(|(id, _)| self.memory.remove(id))
    }
}

conformance::outgoing!(outgoing: OUTGOING, Backend::new);
conformance::incoming!(incoming: INCOMING, Backend::new);
