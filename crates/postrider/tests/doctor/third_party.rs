//! Transports of others, and hosts that tell nothing.

use crate::clinic::{Answer, PASSWORD, Town, examine, examine_by, expect, listener};
use postrider::doctor::{Doctor, Status, StepName};
use postrider::*;
use postrider_testkit::{Dialogue, VirtualHost};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// An outgoing transport of somebody else, who has heard of `connect` and of `learned`.
struct Pigeon {
    host: Arc<dyn Host>,
    target: Target,
}

impl Pigeon {
    async fn fly(&mut self) -> Result<()> {
        let mut connection = self.host.connect(&self.target).await?;
        self.host.learned(Fact::Capabilities(vec!["CRUMBS".into()]));
        self.host.learned(Fact::SigningIn("RING".into()));
        let fault = |e: std::io::Error| Error::from_io(e, Phase::Authenticate);
        connection.write_all(b"RING hunter2\n").await.map_err(fault)?;
        let mut answer = [0; 64];
        let n = connection.read(&mut answer).await.map_err(fault)?;
        match &answer[..n] {
            b"coo\n" => Ok(()),
            other => {
                let said = String::from_utf8_lossy(other).into_owned();
                let what = format!("the loft said {said:?}");
                Err(Error::new(ErrorKind::Authentication, Phase::Authenticate, what)
                    .with_advice("look at the ring"))
            }
        }
    }
}

#[async_trait]
impl OutgoingTransport for Pigeon {
    async fn send(&mut self, _: &Envelope, _: Body<'_>) -> Result<Receipt> {
        Err(Error::new(ErrorKind::Unsupported, Phase::Data, "not in this test"))
    }

    async fn connect(&mut self) -> Result<()> {
        self.fly().await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// One who has not.
struct Snail;

#[async_trait]
impl OutgoingTransport for Snail {
    async fn send(&mut self, _: &Envelope, _: Body<'_>) -> Result<Receipt> {
        Err(Error::new(ErrorKind::Unsupported, Phase::Data, "not in this test"))
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// One who looks his secret up and repeats it after signing in, as a server may.
struct Parrot(Arc<dyn Host>);

impl Parrot {
    async fn squawk(&self) -> Error {
        let secret = self.0.secret(&SecretRef::Environment("RING".into())).await.unwrap();
        Error::new(ErrorKind::Rejected, Phase::Sender, format!("no: {}", secret.expose()))
    }
}

#[async_trait]
impl OutgoingTransport for Parrot {
    async fn send(&mut self, _: &Envelope, _: Body<'_>) -> Result<Receipt> {
        Err(self.squawk().await)
    }

    async fn connect(&mut self) -> Result<()> {
        self.squawk().await;
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl IncomingTransport for Parrot {
    async fn list(&mut self, _: &Query) -> Result<Listing> {
        Err(self.squawk().await.in_phase(Phase::List))
    }

    async fn fetch(&mut self, _: &MessageId) -> Result<Body<'_>> {
        Err(self.squawk().await)
    }

    async fn settle(&mut self, _: &[MessageId], _: &Settle) -> Result<()> {
        Err(self.squawk().await)
    }

    async fn wait(&mut self, _: std::time::Duration) -> Result<Wake> {
        Err(self.squawk().await)
    }

    async fn connect(&mut self) -> Result<()> {
        self.squawk().await;
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

const PARROT: TransportFactory = TransportFactory::outgoing("parrot", &parrot).about("By parrot");
const PARROT_IN: TransportFactory = TransportFactory::incoming("parrot", &parrot_in).about("By parrot");

fn parrot(_: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(Parrot(host)))
}

fn parrot_in(_: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn IncomingTransport>> {
    Ok(Box::new(Parrot(host)))
}

const RING: Property<Secret> = Property::new("ring", "What it wears.");
const PIGEON: TransportFactory = TransportFactory::outgoing("pigeon", &pigeon)
    .about("By bird")
    .properties(&[Target::PROPERTIES, &[RING.spec()]]);
const SNAIL: TransportFactory = TransportFactory::outgoing("snail", &snail).about("By snail");

fn pigeon(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    properties.read(&RING)?;
    let target = Target::read(properties, Ports::new(1, 2, 3))?;
    Ok(Box::new(Pigeon { host, target }))
}

fn snail(_: &Properties, _: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(Snail))
}

fn session(host: impl Host + 'static, settings: &str) -> Session {
    let mut registry = Registry::linked().unwrap();
    registry.add(&PIGEON, "this test").unwrap();
    registry.add(&SNAIL, "this test").unwrap();
    registry.add(&PARROT, "this test").unwrap();
    registry.add(&PARROT_IN, "this test").unwrap();
    Session::builder().registry(registry).overrides(settings).unwrap().host(Arc::new(host)).build().unwrap()
}

#[tokio::test]
async fn a_transport_of_somebody_else_is_examined_through_its_connections() {
    let server = postrider_server::Server::builder().start().await.unwrap();
    let settings = "mail.transport.protocol=pigeon\nmail.pigeon.host=loft.example\nmail.pigeon.port=7\nmail.pigeon.tls=none\n\
                    mail.pigeon.ring=hunter2\nmail.from=me@example.test\n";
    for (name, answer) in [("pigeon_lands", &b"coo\n"[..]), ("pigeon_is_refused", b"no: RING hunter2\n")] {
        let loft = listener(b"", answer, false).await;
        let town = Town::trusting(server.ca_pem()).with("loft.example", "192.0.2.7", &[(7, loft)]);
        expect(name, &examine(&session(town, settings), Direction::Outgoing).await);
    }
    let town = Town::trusting(server.ca_pem()).with("loft.example", "192.0.2.7", &[(7, Answer::Silence)]);
    expect("pigeon_gets_no_answer", &examine(&session(town, settings), Direction::Outgoing).await);
}

#[tokio::test]
async fn a_transport_that_can_not_be_tried_says_so_and_nothing_is_made_up() {
    let server = postrider_server::Server::builder().start().await.unwrap();
    let settings = "mail.transport.protocol=snail\nmail.from=me@example.test\n";
    expect("snail", &examine(&session(Town::trusting(server.ca_pem()), settings), Direction::Outgoing).await);
}

#[tokio::test]
async fn a_host_that_tells_nothing_of_its_connections() {
    let dialogue = Dialogue::parse(
        "S: +OK ready\nC: CAPA\nS: +OK\nS: SASL PLAIN\nS: USER\nS: UIDL\nS: .\nC: USER alice\nS: +OK\n\
         C: PASS hunter2\nS: -ERR [AUTH] wrong: PASS hunter2\n",
    );
    let Ok(dialogue) = dialogue else { panic!("the dialogue can't be read") };
    let host = VirtualHost::play(&dialogue).loopback(true);
    let settings = "mail.store.protocol=pop3\nmail.pop3.host=localhost\nmail.pop3.tls=none\nmail.pop3.user=alice\n\
                    mail.pop3.password=hunter2\nmail.pop3.auth.mechanisms=LOGIN\n";
    expect("host_that_tells_nothing", &examine(&session(host, settings), Direction::Incoming).await);
}

#[tokio::test]
async fn what_was_looked_up_is_masked_in_the_last_steps_too() {
    let server = postrider_server::Server::builder().start().await.unwrap();
    let settings = "mail.transport.protocol=parrot\nmail.store.protocol=parrot\nmail.from=me@real.de\n";
    let session = session(Town::trusting(server.ca_pem()), settings);
    for (direction, name) in
        [(Direction::Outgoing, StepName::TestMessage), (Direction::Incoming, StepName::Mailbox)]
    {
        let doctor = Doctor::new(&session).send_to(Address::new("you@real.de").unwrap());
        let report = examine_by(doctor, direction).await;
        let step = report.step(name).unwrap();
        assert_eq!(step.status, Status::Failed, "{report}");
        assert!(step.saw.contains("no: ***") && !report.to_string().contains(PASSWORD), "{report}");
    }
}

#[tokio::test]
async fn a_login_written_into_the_name_of_a_proxy_is_not_shown() {
    let server = postrider_server::Server::builder().start().await.unwrap();
    let settings = "mail.transport.protocol=pigeon\nmail.pigeon.host=loft.example\nmail.from=me@real.de\n\
                    mail.pigeon.proxy.host=http://me:hunter2@proxy:3128\n";
    let report = examine(&session(Town::trusting(server.ca_pem()), settings), Direction::Outgoing).await;
    assert!(report.to_string().contains("proxy.host http://***@proxy:3128"), "{report}");
}
