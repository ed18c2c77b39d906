//! The promises that are tried without a server: kept by transports that keep them all, and found where they are not.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use postrider_core::*;
use postrider_testkit::conformance::{Blind, Report, Verdict, check_blind};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SECRET: &str = "a secret that is found again";

fn blind(name: &str, sends: bool) -> Blind {
    let line = |key: &str, value: &str| format!("mail.{name}.{key}={value}\n");
    let properties = [
        line("host", "mail.example.org"),
        line("tls", "implicit"),
        line("user", "me"),
        line("password", SECRET),
    ];
    Blind { properties: properties.concat(), secrets: vec![SECRET.to_owned()], sends }
}

const TRIED: [&str; 10] = [
    "properties",
    "bad-values",
    "make-without-io",
    "cuts",
    "cancellation",
    "deadlines",
    "limits",
    "unreachable",
    "close",
    "secrets",
];

#[test]
fn transports_of_three_protocols_keep_what_can_be_tried_and_the_rest_is_named() {
    for (factory, sends) in [
        (&postrider_smtp::FACTORY, false),
        (&postrider_smtp::FACTORY, true),
        (&postrider_pop3::FACTORY, false),
        (&postrider_imap::FACTORY, false),
    ] {
        let begun = RefCell::new(Vec::new());
        let report = check_blind(factory, &blind(factory.name, sends), |name| {
            begun.borrow_mut().push(name.to_owned())
        });
        for promise in &report.promises {
            let tried = TRIED.contains(&&*promise.name) || promise.name == "errors";
            let fits = if tried {
                Verdict::Kept
            } else {
                Verdict::NotTried("it takes a server that answers".into())
            };
            assert_eq!(promise.verdict, fits, "{} {}", factory.name, promise.name);
        }
        assert!(report.promises.len() > 20);
        assert_eq!(*begun.borrow(), report.promises.iter().map(|p| p.name.clone()).collect::<Vec<_>>());
    }
}

/// Writes a word to its server and believes whatever comes back, with a flaw.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    NoDeadline,
    BelievesAnything,
    StaysBusy,
    Leaks,
    ReadsOn,
    Unsure,
    DialsToClose,
    NoConnect,
}

struct Flawed(Flaw, Arc<dyn Host>, Target, bool);

static SENT: AtomicUsize = AtomicUsize::new(0);

#[async_trait]
impl OutgoingTransport for Flawed {
    async fn send(&mut self, _: &Envelope, _: Body<'_>) -> Result<Receipt> {
        SENT.fetch_add(1, Ordering::Relaxed);
        self.word().await?;
        Ok(Receipt::new(Reply::new("250", None, ""), Vec::new()))
    }

    async fn connect(&mut self) -> Result<()> {
        if self.0 == Flaw::NoConnect {
            return Err(Error::new(ErrorKind::Unsupported, Phase::Configure, "only by sending"));
        }
        self.word().await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        if self.0 == Flaw::DialsToClose {
            self.1.connect(&self.2).await?;
        }
        Ok(())
    }
}

impl Flawed {
    async fn word(&mut self) -> Result<()> {
        let closed = |e: std::io::Error| Error::from_io(e, Phase::Greeting);
        if self.0 == Flaw::StaysBusy && std::mem::replace(&mut self.3, true) {
            return Err(Error::new(ErrorKind::Protocol, Phase::Greeting, "still busy"));
        }
        let mut line = self.1.connect(&self.2).await?;
        line.write_all(b"hello").await.map_err(closed)?;
        line.flush().await.map_err(closed)?;
        let mut heard = [0; 64];
        let read = async {
            match line.read(&mut heard).await {
                Ok(0) if self.0 == Flaw::Unsure => {
                    Err(Error::new(ErrorKind::Unsure, Phase::Greeting, "gone"))
                }
                Ok(0) => Err(Error::new(ErrorKind::Closed, Phase::Greeting, "the server went away")),
                Ok(_) if self.0 == Flaw::ReadsOn => {
                    while line.read(&mut heard).await.is_ok_and(|read| read > 0) {}
                    Err(Error::new(ErrorKind::Closed, Phase::Greeting, "the server went away"))
                }
                Ok(_) if self.0 == Flaw::BelievesAnything => Ok(()),
                Ok(_) if self.0 == Flaw::Leaks => {
                    Err(Error::new(ErrorKind::Protocol, Phase::Greeting, format!("no {SECRET} here")))
                }
                Ok(_) => Err(Error::new(ErrorKind::Protocol, Phase::Greeting, "what is that?")),
                Err(error) => Err(closed(error)),
            }
        };
        if self.0 == Flaw::NoDeadline {
            return read.await;
        }
        let out = within(&*self.1, std::time::Duration::from_secs(30), Phase::Greeting, read).await;
        self.3 = false;
        out
    }
}

fn report(flaw: Flaw, sends: bool) -> Report {
    let make = move |_: &Properties, host: Arc<dyn Host>| -> Result<Box<dyn OutgoingTransport>> {
        Ok(Box::new(Flawed(flaw, host, Target::new("mail.example.org", 1, TlsMode::None)?, false)))
    };
    let factory = TransportFactory::outgoing("flawed", Box::leak(Box::new(make))).about("with a flaw");
    check_blind(
        Box::leak(Box::new(factory)),
        &Blind { properties: String::new(), ..blind("flawed", sends) },
        |_| {},
    )
}

#[test]
fn flaws_that_show_without_a_server_are_found() {
    for (flaw, promises) in [
        (Flaw::NoDeadline, &["deadlines"][..]),
        (Flaw::BelievesAnything, &["limits"]),
        (Flaw::StaysBusy, &["cancellation"]),
        (Flaw::Leaks, &["secrets"]),
        (Flaw::ReadsOn, &["limits"]),
        (Flaw::Unsure, &["cuts"]),
        (Flaw::DialsToClose, &["close"]),
    ] {
        let report = report(flaw, false);
        for promise in promises {
            assert!(matches!(report.verdict(promise), Some(Verdict::Broken(_))), "{promise}: {report}");
        }
    }
}

#[test]
fn nothing_is_sent_unless_it_may_be() {
    let before = SENT.load(Ordering::Relaxed);
    let quiet = report(Flaw::NoConnect, false);
    assert!(
        matches!(quiet.verdict("deadlines"), Some(Verdict::NotTried(why)) if why.contains("nothing is sent here"))
    );
    assert_eq!(SENT.load(Ordering::Relaxed), before);
    assert_eq!(report(Flaw::NoConnect, true).verdict("deadlines"), Some(&Verdict::Kept));
    assert!(SENT.load(Ordering::Relaxed) > before);
}
