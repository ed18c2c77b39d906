//! Both sides in one program: what can be said of the boundary without a library.

use crate::body::Loan;
use crate::buf::Buf;
use crate::value::{self, Value};
use crate::{host, incoming, outgoing, settings};
use bytes::Bytes;
use postrider_core::{
    Body, Connection, Credential, Envelope, Error, ErrorKind, Fact, Fingerprint, Host, IncomingTransport,
    Layer, LayerKind, Listing, LocalAddress, MessageId, Messages, OutgoingTransport, Phase, Properties,
    Property, Proxy, ProxyKind, Query, Receipt, RecipientOutcome, Reply, Result, Secret, SecretRef, Settle,
    Target, TlsMode, TlsVersion, TokenGrant, Trust, Verdict, Wake, async_trait,
};
use std::fmt::Debug;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Nothing here waits for anything outside.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..1_000 {
        if let Poll::Ready(out) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return out;
        }
    }
    panic!("it hangs")
}

fn crosses<T: Value + Debug>(given: &T) {
    let bytes = value::encode(given);
    assert_eq!(format!("{:?}", value::decode::<T>(&bytes).unwrap()), format!("{given:?}"));
    // Cut anywhere it is an error, and changed anywhere it is one or another value, and never a panic.
    for cut in 0..bytes.bytes().len() {
        assert!(
            value::decode::<T>(&Buf::of(bytes.bytes()[..cut].to_vec())).is_err(),
            "{given:?} cut at {cut}"
        );
        for byte in [0, 7, 0xff] {
            let mut changed = bytes.bytes().to_vec();
            changed[cut] = byte;
            drop(value::decode::<T>(&Buf::of(changed)));
        }
    }
}

#[test]
fn every_value_crosses_whole_and_its_ruins_are_errors() {
    let mut target = Target::new("mail.example", 587, TlsMode::StartTls).unwrap();
    target.tls_options.ca_file = Some("/a b".into());
    target.tls_options.trust = Trust::Hosts(vec!["x.example".into()]);
    target.tls_options.fingerprints = vec![Fingerprint::new([9; 32])];
    target.tls_options.protocols = vec![TlsVersion::Tls12, TlsVersion::Tls13];
    target.tls_options.cipher_suites =
        vec![postrider_core::CipherSuite::named("TLS_AES_256_GCM_SHA384").unwrap()];
    let proxy = Proxy::new(ProxyKind::Socks5, "proxy.example", 1_080).unwrap();
    target.proxy = Some(proxy.with_login("me", Credential::Value("pw".into())).unwrap());
    target.local_address = Some(LocalAddress::new("127.0.0.1", 9));
    crosses(&target);
    let command = SecretRef::Command { program: "pass".into(), arguments: vec!["x".into(), String::new()] };
    let mut grant = TokenGrant::new("https://h.example/t?x", "id", command).unwrap();
    grant.client_secret = Some(SecretRef::Keyring { service: "s".into(), user: "u".into() }.into());
    grant.scope = Some("mail".into());
    crosses(&grant);
    let mut envelope = Envelope::parse(None, ["a@x.example", "b@x.example"]).unwrap();
    envelope.to[0].original = Some("o@x.example".parse().unwrap());
    crosses(&envelope);
    crosses(&Query::unseen().after(MessageId::new("x", ["1"])));
    crosses(&Settle::Move("Archive".into()));
    crosses(&Fact::SigningIn("PLAIN".into()));
    crosses(&vec![Wake::News, Wake::Elapsed]);
    let reply = Reply::new("250", Some("2.0.0".into()), "fine");
    let outcome = |verdict| RecipientOutcome::new("a@x.example".parse().unwrap(), verdict);
    let all = [
        Verdict::Accepted(reply.clone()),
        Verdict::NotSent,
        Verdict::Unsure,
        Verdict::Suppressed("r".into()),
    ];
    let receipt = Receipt::new(reply.clone(), all.map(outcome).to_vec());
    crosses(&receipt);
    let error = Error::new(ErrorKind::Limit, Phase::Append, "too much").with_reply(reply).with_advice("less");
    let results: Vec<Result<Receipt>> = vec![Ok(receipt), Err(error)];
    crosses(&results);
}

#[test]
fn a_record_may_have_grown_at_its_end() {
    let mut bytes = value::encode(&Listing::new(Vec::new(), true)).bytes().to_vec();
    bytes[0] += 3;
    bytes.extend([1, 2, 3]);
    assert!(value::decode::<Listing>(&Buf::of(bytes)).unwrap().more);
}

#[test]
fn a_loan_is_taken_back_whatever_the_other_side_keeps() {
    let text = String::from("only here for a while");
    let borrowed = Body::from_reader(text.as_bytes());
    let (object, loan) = Loan::new(borrowed);
    assert!(!loan.is_spent());
    drop(loan);
    drop(text);
    let mut kept = crate::body::foreign(object, None, None).unwrap();
    assert_eq!(now(kept.chunk()).unwrap_err().message(), "the body was taken back");
}

/// A host whose line says back what it is told.
struct Echo;

#[async_trait]
impl Host for Echo {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        assert_ne!(target.port, 1, "the host's own mistake");
        postrider_testkit::VirtualHost::serve(|| Box::new(Script)).connect(target).await
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }

    fn now(&self) -> Duration {
        Duration::new(3, 5)
    }
}

struct Script;

impl postrider_testkit::Script for Script {
    fn greet(&mut self) -> Vec<u8> {
        b"hello\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }
}

#[test]
fn a_lent_host_connects_reads_writes_and_encrypts_and_its_panics_stay_errors() {
    let foreign = host::foreign(host::lend(Arc::new(Echo))).unwrap();
    assert_eq!(foreign.now(), Duration::new(3, 5));
    now(foreign.sleep(Duration::from_secs(1)));
    let target = Target::new("mail.example", 25, TlsMode::StartTls).unwrap();
    now(async {
        let mut line = foreign.connect(&target).await.unwrap();
        assert!(line.tls().is_none() && !line.is_loopback());
        let mut read = [0; 6];
        line.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"hello\n");
        line.write_all(b"STARTTLS").await.unwrap();
        line.flush().await.unwrap();
        let mut read = [0; 8];
        line.read_exact(&mut read).await.unwrap();
        let mut line = line.start_tls(&target).await.unwrap();
        assert!(line.tls().unwrap().version.starts_with("TLS"));
        line.shutdown().await.unwrap();
    });
    let bad = Target::new("mail.example", 1, TlsMode::None).unwrap();
    let error = now(foreign.connect(&bad)).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plugin);
    assert!(error.message().contains("the host's own mistake"), "{error}");
    let address = "[::1]:25".parse().unwrap();
    let untold =
        [now(foreign.resolve(&target)).map(drop), now(foreign.connect_to(&target, address)).map(drop)];
    assert_eq!(untold.map(|error| error.unwrap_err().kind()), [ErrorKind::Unsupported; 2]);
    // What it does not have it says as one that is linked would.
    let unsupported = now(foreign.secret(&SecretRef::Environment("X".into()))).unwrap_err();
    assert_eq!((unsupported.kind(), unsupported.phase()), (ErrorKind::Unsupported, Phase::Authenticate));
}

#[test]
fn secrets_are_not_in_the_settings_text_and_arrive_all_the_same() {
    const PASSWORD: Property<Secret> = Property::new("password", "A secret.");
    const NAME: Property<String> = Property::new("name", "A name.");
    let mut layer = Layer::new(LayerKind::Host, "test")
        .with("mail.x.password", "hunter2")
        .with("mail.x.undeclared", "hunter3")
        .with("mail.x.name", "me")
        .with("mail.y.password", "hunter4");
    layer.lock("mail.x.name");
    let specs = [PASSWORD.spec(), NAME.spec()];
    let properties = Properties::new([layer]).scoped(&["x"], &specs);
    let lent = settings::lend(&properties);
    let text = settings::text_of(&lent);
    let text = String::from_utf8_lossy(text.bytes());
    assert!(text.contains("mail.x.password") && text.contains("me") && !text.contains("hunter"), "{text}");
    let there = settings::foreign(&lent, &specs).unwrap();
    assert_eq!(there.require(&PASSWORD).unwrap().expose(), "hunter2");
    assert_eq!(there.layers()[0].value("mail.x.undeclared").unwrap().expose(), "hunter3");
    assert!(there.layers()[0].value("mail.y.password").is_none());
    assert!(there.layers()[0].is_locked("mail.x.name"));
}

/// Sends by reading; receives what borrows it.
struct Both(Vec<Bytes>);

#[async_trait]
impl OutgoingTransport for Both {
    async fn send(&mut self, envelope: &Envelope, mut body: Body<'_>) -> Result<Receipt> {
        while let Some(chunk) = body.chunk().await? {
            self.0.push(chunk);
        }
        assert_ne!(self.0.len(), 1, "one chunk");
        let accepted = Verdict::Accepted(Reply::new("250", None, ""));
        let to = envelope.to.iter().map(|r| RecipientOutcome::new(r.address.clone(), accepted.clone()));
        Ok(Receipt::new(Reply::new("250", None, &self.0.len().to_string()), to.collect()))
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl IncomingTransport for Both {
    async fn list(&mut self, _: &Query) -> Result<Listing> {
        Ok(Listing::new(Vec::new(), self.0.len() > 1))
    }

    async fn fetch(&mut self, _: &MessageId) -> Result<Body<'_>> {
        let chunks = &mut self.0;
        Ok(Body::generate(chunks, |chunks| async move { Ok(chunks.pop().map(|chunk| (chunk, chunks))) }))
    }

    async fn settle(&mut self, _: &[MessageId], _: &Settle) -> Result<()> {
        Ok(())
    }

    async fn wait(&mut self, _: Duration) -> Result<Wake> {
        std::future::pending().await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[test]
fn both_directions_work_in_one_program_and_end_clean() {
    let envelope = Envelope::parse(None, ["a@x.example"]).unwrap();
    let two = || Body::generate(0, |n| async move { Ok((n < 2).then(|| (Bytes::from(vec![n; 9]), n + 1))) });
    let mut there = outgoing::foreign(outgoing::lend(Box::new(Both(Vec::new())))).unwrap();
    assert_eq!(now(there.send(&envelope, two())).unwrap().reply.text(), "2");
    let mut all = Messages::new(vec![(envelope.clone(), two()), (envelope.clone(), two())]);
    now(there.send_all(&mut all));
    assert_eq!(
        all.outcomes().into_iter().map(|one| one.unwrap().reply.text().to_owned()).collect::<Vec<_>>(),
        ["4", "6"]
    );
    now(there.close()).unwrap();
    // Dropped without close, after a panic: the message may have been sent.
    let mut there = outgoing::foreign(outgoing::lend(Box::new(Both(Vec::new())))).unwrap();
    assert_eq!(now(there.send(&envelope, "x".into())).unwrap_err().kind(), ErrorKind::Unsure);
    assert_eq!(now(there.send(&envelope, "x".into())).unwrap_err().kind(), ErrorKind::Plugin);
    drop(there);

    let chunks = vec![Bytes::from("b"), Bytes::from("a")];
    let mut there = incoming::foreign(incoming::lend(Box::new(Both(chunks)))).unwrap();
    let id = MessageId::new("x", ["1"]);
    let mut body = now(there.fetch(&id)).unwrap();
    assert_eq!(now(body.chunk()).unwrap().unwrap(), "a");
    drop(body);
    let mut waiting = there.wait(Duration::from_secs(1));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(waiting);
    assert_eq!(now(now(there.fetch(&id)).unwrap().read_all(9)).unwrap(), "b");
    now(there.close()).unwrap();
}
