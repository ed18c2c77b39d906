//! What the tests have in common: a post office that is all inside the test.

use postrider::outbox::{Event, Letter, LetterId, Outbox, OutboxConfig, SqliteOutbox, State, Storage, Way};
use postrider::{
    Body, Envelope, Error, ErrorKind, Host, Mailer, MailerConfig, OutgoingTransport, Phase, Receipt,
    RecipientOutcome, Reply, Result, Verdict, async_trait,
};
use postrider_testkit::{VirtualHost, run};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// How a transport answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Accepted for all.
    Yes,
    /// An error before the message is asked for.
    Before(ErrorKind, Phase),
    /// An error after it was read.
    After(ErrorKind, Phase),
    /// A receipt with these verdicts.
    Each(Vec<Verdict>),
    /// An error after it was read, with these verdicts.
    Failed(ErrorKind, Phase, Vec<Verdict>),
    /// Reads it and takes so long to accept it.
    Slow(Duration),
}

/// A message that a transport was given: by which account, to whom, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) account: String,
    pub(crate) to: Vec<String>,
    pub(crate) at: Duration,
    pub(crate) accepted: bool,
}

type Script = Box<dyn Fn(&str, &Envelope, usize) -> Answer + Send>;

pub(crate) struct Office {
    pub(crate) host: VirtualHost,
    pub(crate) storage: Arc<SqliteOutbox>,
    pub(crate) log: Arc<Mutex<Vec<Given>>>,
    script: Arc<Mutex<Script>>,
    pub(crate) told: Arc<Mutex<Vec<Event>>>,
}

impl Office {
    /// Accounts answer as the script says: by account, envelope and how many there have been before.
    pub(crate) fn new(script: impl Fn(&str, &Envelope, usize) -> Answer + Send + 'static) -> Self {
        let host = VirtualHost::serve(|| unreachable!("nobody dials"));
        let clock = host.clone();
        // Long after 1970, so that nothing is at zero.
        let now = move || UNIX_EPOCH + Duration::from_secs(1_000_000_000) + clock.now();
        let storage = Arc::new(SqliteOutbox::in_memory(Arc::new(now)).unwrap());
        let (log, told) = (Arc::default(), Arc::default());
        Self { host, storage, log, script: Arc::new(Mutex::new(Box::new(script))), told }
    }

    pub(crate) fn way(&self, account: &str) -> Way {
        let (name, host) = (account.to_owned(), self.host.clone());
        let (log, script) = (Arc::clone(&self.log), Arc::clone(&self.script));
        let mut config = MailerConfig::default();
        config.rules.allow_reserved = true;
        let make = move || {
            let (log, script) = (Arc::clone(&log), Arc::clone(&script));
            let line = Line { account: name.clone(), host: host.clone(), log, script };
            Ok(Box::new(line) as Box<dyn OutgoingTransport>)
        };
        Way::new(account, Mailer::new(account, &config, Arc::new(self.host.clone()), make).unwrap())
    }

    pub(crate) fn outbox(&self, config: &OutboxConfig, ways: Vec<Way>) -> Outbox {
        self.outbox_on(self.storage.clone(), config, ways)
    }

    pub(crate) fn outbox_on(
        &self,
        storage: Arc<dyn Storage>,
        config: &OutboxConfig,
        ways: Vec<Way>,
    ) -> Outbox {
        let told = Arc::clone(&self.told);
        let outbox = Outbox::new(storage, config, Arc::new(self.host.clone()), ways).unwrap();
        outbox.on_event(move |event| told.lock().unwrap().push(event.clone()))
    }

    /// Runs a worker for so long.
    pub(crate) fn work(&self, outbox: &Outbox, time: Duration) {
        run(&self.host, outbox.run(self.host.sleep(time))).unwrap().unwrap();
    }

    pub(crate) fn put(&self, to: &[&str]) -> LetterId {
        run(&self.host, self.storage.enqueue(&letter(to))).unwrap().unwrap()
    }

    pub(crate) fn states(&self, id: LetterId) -> Vec<State> {
        let entry = run(&self.host, self.storage.entry(id)).unwrap().unwrap().unwrap();
        entry.recipients.iter().map(|r| r.state).collect()
    }

    pub(crate) fn given(&self) -> Vec<Given> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn told(&self) -> Vec<State> {
        self.told.lock().unwrap().iter().map(|e| e.state).collect()
    }
}

pub(crate) fn letter(to: &[&str]) -> Letter {
    Letter::new(
        Envelope::parse(Some("me@here.example"), to.iter().copied()).unwrap(),
        "Subject: x\r\n\r\nx\r\n",
    )
    .unwrap()
}

/// Defaults, but for what the test is about.
pub(crate) fn config(change: impl FnOnce(&mut OutboxConfig)) -> OutboxConfig {
    let mut config = OutboxConfig::default();
    change(&mut config);
    config
}

pub(crate) fn reply(status: &str) -> Reply {
    Reply::new(status, None, "words")
}

struct Line {
    account: String,
    host: VirtualHost,
    log: Arc<Mutex<Vec<Given>>>,
    script: Arc<Mutex<Script>>,
}

#[async_trait]
impl OutgoingTransport for Line {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let n = self.log.lock().unwrap().len();
        let answer = (self.script.lock().unwrap())(&self.account, envelope, n);
        let to: Vec<String> = envelope.to.iter().map(|r| r.address.to_string()).collect();
        let accepted = matches!(answer, Answer::Yes | Answer::Slow(_) | Answer::Each(_));
        let given = Given { account: self.account.clone(), to, at: self.host.now(), accepted };
        if let Answer::Before(kind, phase) = answer {
            self.log.lock().unwrap().push(given);
            return Err(Error::new(kind, phase, "the test says no"));
        }
        let message = body.read_all(1 << 20).await?;
        assert!(message.ends_with(b"Subject: x\r\n\r\nx\r\n"));
        self.log.lock().unwrap().push(given);
        let outcomes = |verdicts: Vec<Verdict>| -> Vec<RecipientOutcome> {
            let pairs = envelope.to.iter().zip(verdicts);
            pairs.map(|(to, verdict)| RecipientOutcome::new(to.address.clone(), verdict)).collect()
        };
        let all = vec![Verdict::Accepted(reply("250")); envelope.to.len()];
        match answer {
            Answer::Yes => Ok(Receipt::new(reply("250"), outcomes(all))),
            Answer::Slow(time) => {
                self.host.sleep(time).await;
                Ok(Receipt::new(reply("250"), outcomes(all)))
            }
            Answer::Each(verdicts) => Ok(Receipt::new(reply("250"), outcomes(verdicts))),
            Answer::After(kind, phase) | Answer::Before(kind, phase) => {
                Err(Error::new(kind, phase, "the test says no").with_reply(reply("451")))
            }
            Answer::Failed(kind, phase, verdicts) => {
                Err(Error::new(kind, phase, "the test says no").with_recipients(outcomes(verdicts)))
            }
        }
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
