//! A mailbox whose keys change: by a new UIDVALIDITY, or because they never lasted.

use super::*;

/// A mailbox that can be rebuilt: every message then has another key, in another order.
#[derive(Default)]
struct Rebuilding {
    validity: u32,
    messages: Vec<(u32, Vec<u8>)>,
    next: u32,
    stable: bool,
    deleted: Vec<Vec<u8>>,
    /// Rebuilt after so many calls from now.
    rebuild_in: Option<u32>,
}

type Shared = Arc<Mutex<Rebuilding>>;

struct Transport(Shared, VirtualHost);

impl Rebuilding {
    fn deliver(&mut self, text: &str) {
        self.next += 1;
        self.messages.push((self.next, message(text)));
    }

    fn rebuild(&mut self) {
        self.validity += 1;
        self.messages.reverse();
        for (at, (uid, _)) in self.messages.iter_mut().enumerate() {
            *uid = at as u32 + 1;
        }
        self.next = self.messages.len() as u32;
    }

    fn call(&mut self) {
        self.rebuild_in = self.rebuild_in.and_then(|calls| calls.checked_sub(1));
        if self.rebuild_in == Some(0) {
            self.rebuild_in = None;
            self.rebuild();
        }
    }

    fn id(&self, uid: u32) -> MessageId {
        MessageId::new("imap", ["me@h", "INBOX", &self.validity.to_string(), &uid.to_string()])
    }

    fn place(&self, id: &MessageId) -> Result<usize> {
        let [_, _, validity, uid] = id.parts::<4>("imap")?;
        let at = self.messages.iter().position(|(other, _)| other.to_string() == uid);
        match at.filter(|_| validity == self.validity.to_string()) {
            Some(at) => Ok(at),
            None => Err(Error::new(ErrorKind::NotFound, Phase::Fetch, "gone, or rebuilt")),
        }
    }
}

#[async_trait]
impl IncomingTransport for Transport {
    async fn list(&mut self, query: &Query) -> Result<Listing> {
        let mut mailbox = self.0.lock().unwrap();
        mailbox.call();
        let mut after = 0;
        if let Some(id) = &query.after {
            let [_, _, validity, uid] = id.parts::<4>("imap")?;
            if validity != mailbox.validity.to_string() {
                return Err(Error::new(ErrorKind::NotFound, Phase::List, "rebuilt"));
            }
            after = uid.parse().unwrap();
        }
        let messages = mailbox.messages.iter().filter(|(uid, _)| *uid > after).map(|(uid, _)| {
            let mut info = MessageInfo::new(mailbox.id(*uid));
            info.stable = mailbox.stable;
            info
        });
        Ok(Listing::new(messages.collect(), false))
    }

    async fn fetch(&mut self, id: &MessageId) -> Result<Body<'_>> {
        let mut mailbox = self.0.lock().unwrap();
        mailbox.call();
        let at = mailbox.place(id)?;
        Ok(Body::from_bytes(mailbox.messages[at].1.clone()))
    }

    async fn settle(&mut self, ids: &[MessageId], how: &Settle) -> Result<()> {
        let mut mailbox = self.0.lock().unwrap();
        mailbox.call();
        assert_eq!(*how, Settle::Delete);
        let mut missing = None;
        for id in ids {
            match mailbox.place(id) {
                Ok(at) => {
                    let (_, message) = mailbox.messages.remove(at);
                    mailbox.deleted.push(message);
                }
                Err(error) => missing = Some(error),
            }
        }
        missing.map_or(Ok(()), Err)
    }

    async fn wait(&mut self, limit: Duration) -> Result<Wake> {
        self.1.sleep(limit).await;
        Ok(Wake::Elapsed)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn watch(world: &World, mailbox: &Shared, handler: impl Handler + 'static) -> Watch {
    let (host, mailbox) = (Arc::new(world.host.clone()), Arc::clone(mailbox));
    let lent = world.host.clone();
    let make = move || Ok(Inbox::new(Box::new(Transport(mailbox.clone(), lent.clone()))));
    Watch::over(NAME, host, make, world.config.clone(), Arc::new(world.ledger.clone()), handler).unwrap()
}

fn run_until(world: &World, watch: Watch, done: impl Fn(&Status) -> bool) -> Status {
    let handle = watch.handle();
    let outcome = postrider_testkit::run(&world.host, async {
        let stop = async {
            handle.when(done).await;
            handle.stop();
        };
        futures_util::future::join(watch.run(), stop).await.0
    });
    outcome.unwrap().unwrap();
    handle.status()
}

#[test]
fn a_rebuilt_mailbox_is_not_handed_over_again_and_new_mail_in_it_is() {
    let world = World::new();
    let mailbox = Shared::default();
    mailbox.lock().unwrap().stable = true;
    for text in ["a", "b", "same", "same"] {
        mailbox.lock().unwrap().deliver(text);
    }
    let notes = Notes::default();
    run_until(&world, watch(&world, &mailbox, notes.handler()), idle);
    for round in 0..3 {
        mailbox.lock().unwrap().rebuild();
        mailbox.lock().unwrap().deliver(&format!("new {round}"));
        run_until(&world, watch(&world, &mailbox, notes.handler()), idle);
    }
    let mut subjects = notes.subjects();
    subjects.sort();
    assert_eq!(subjects, ["a", "b", "new 0", "new 1", "new 2", "same", "same"]);
}

#[test]
fn a_mailbox_rebuilt_at_any_call_loses_nothing_repeats_nothing_and_deletes_nothing_unhandled() {
    for calls in 1..30 {
        let world = World::new().configured(|c| (c.settle, c.ahead) = (Settle::Delete, 4));
        let mailbox = Shared::default();
        {
            let mut mailbox = mailbox.lock().unwrap();
            mailbox.stable = true;
            (0..8).for_each(|n| mailbox.deliver(&n.to_string()));
            mailbox.rebuild_in = Some(calls);
        }
        let notes = Notes::default();
        let (seen, deleted) = (notes.clone(), Arc::clone(&mailbox));
        run_until(&world, watch(&world, &mailbox, notes.handler()), move |_| {
            let gone = deleted.lock().unwrap().deleted.clone();
            let handled = seen.subjects();
            let early = gone.iter().find(|m| !handled.iter().any(|text| message(text) == **m));
            assert!(early.is_none(), "a message was deleted that nobody had handled");
            gone.len() == 8
        });
        let mut subjects = notes.subjects();
        subjects.sort();
        assert_eq!(subjects, ["0", "1", "2", "3", "4", "5", "6", "7"], "rebuilt at call {calls}");
    }
}

#[test]
fn without_lasting_keys_retained_mail_is_told_by_its_content() {
    let world = World::new();
    let mailbox = Shared::default();
    for text in ["a", "b", "c"] {
        mailbox.lock().unwrap().deliver(text);
    }
    let notes = Notes::default();
    for _ in 0..3 {
        run_until(&world, watch(&world, &mailbox, notes.handler()), idle);
        // Each session has its own keys.
        mailbox.lock().unwrap().rebuild();
    }
    mailbox.lock().unwrap().deliver("d");
    run_until(&world, watch(&world, &mailbox, notes.handler()), idle);
    let mut subjects = notes.subjects();
    subjects.sort();
    assert_eq!(subjects, ["a", "b", "c", "d"]);
}
