//! Our own transports, loaded: over sockets and TLS that the host lends, against the embedded server.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod build;

use postrider_core::{
    Body, Direction, Envelope, ErrorKind, Layer, LayerKind, Messages, Properties, Query, Registry, Settle,
    Wake,
};
use postrider_loader::{LoadExt, Policy};
use postrider_net::TokioHost;
use postrider_server::Server;
use std::sync::Arc;
use std::time::Duration;

struct World {
    server: Server,
    registry: Registry,
    host: Arc<TokioHost>,
    _folder: tempfile::TempDir,
    ca: String,
}

impl World {
    async fn new() -> Self {
        let server = Server::builder().user("alice", "secret").start().await.unwrap();
        let folder = build::folder();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, server.ca_pem()).unwrap();
        let mut registry = Registry::empty();
        let loaded = registry.load(build::real(), &Policy::new()).unwrap();
        assert_eq!((loaded.plugin.version.as_str(), loaded.plugin.factories.len()), ("1.2.3", 5));
        let ca = ca.to_str().unwrap().to_owned();
        Self { server, registry, host: Arc::new(TokioHost::new()), _folder: folder, ca }
    }

    fn properties(&self, name: &str, port: u16, password: &str) -> Properties {
        let layer = Layer::new(LayerKind::Account, "test")
            .with(format!("mail.{name}.host"), "localhost")
            .with(format!("mail.{name}.port"), port.to_string())
            .with(format!("mail.{name}.tls"), "starttls")
            .with(format!("mail.{name}.ssl.cafile"), &*self.ca)
            .with(format!("mail.{name}.user"), "alice")
            .with(format!("mail.{name}.password"), password);
        Properties::new([layer])
    }
}

#[tokio::test]
async fn smtp_sends_and_imap_and_pop3_receive_through_a_loaded_library() {
    let world = World::new().await;
    let host = || Arc::clone(&world.host) as _;
    let properties = world.properties("smtp", world.server.smtp_port(), "secret");
    let mut smtp = world.registry.outgoing("smtp", &properties, host()).unwrap();
    smtp.connect().await.unwrap();
    let envelope = Envelope::parse(Some("me@example.test"), ["alice@example.test"]).unwrap();
    let large = format!("Subject: large\r\n\r\n{}", "0123456789\r\n".repeat(200_000));
    let mut batch = Messages::new(vec![
        (envelope.clone(), Body::from("Subject: one\r\n\r\nhello\r\n")),
        (envelope.clone(), Body::from_bytes(large.clone())),
    ]);
    smtp.send_all(&mut batch).await;
    for outcome in batch.outcomes() {
        assert!(outcome.unwrap().is_complete());
    }
    smtp.close().await.unwrap();
    world.server.wait_for_messages("alice", "INBOX", 2).await;

    let properties = world.properties("imap", world.server.imap_port(), "secret");
    let mut imap = world.registry.incoming("imap", &properties, host()).unwrap();
    let page = imap.list(&Query::unseen()).await.unwrap();
    let ids: Vec<_> = page.messages.iter().map(|info| info.id.clone()).collect();
    assert_eq!(ids.len(), 2);
    let body = imap.fetch(&ids[1]).await.unwrap().read_all(1 << 30).await.unwrap();
    assert_eq!(body, large);
    imap.settle(&ids[1..], &Settle::Delete).await.unwrap();
    imap.settle(&ids[..1], &Settle::Seen).await.unwrap();
    assert_eq!(imap.list(&Query::unseen()).await.unwrap().messages.len(), 0);
    assert_eq!(imap.wait(Duration::from_millis(50)).await.unwrap(), Wake::Elapsed);
    imap.close().await.unwrap();

    let properties = world.properties("pop3", world.server.pop3_port(), "secret");
    let mut pop3 = world.registry.incoming("pop3", &properties, host()).unwrap();
    let page = pop3.list(&Query::all()).await.unwrap();
    assert_eq!(page.messages.len(), 1);
    pop3.settle(&[page.messages[0].id.clone()], &Settle::Delete).await.unwrap();
    pop3.close().await.unwrap();
    assert_eq!(world.server.messages("alice", "INBOX").len(), 0);
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_server_are_the_same_errors_as_when_linked() {
    let world = World::new().await;
    let host = || Arc::clone(&world.host) as _;
    let mut linked = Registry::empty();
    linked.add(&postrider_smtp::FACTORY, "linked").unwrap();
    for (port, password, kind) in
        [(world.server.smtp_port(), "wrong", ErrorKind::Authentication), (1, "secret", ErrorKind::Connect)]
    {
        let properties = world.properties("smtp", port, password);
        let mut said = Vec::new();
        for registry in [&world.registry, &linked] {
            let mut smtp = registry.outgoing("smtp", &properties, host()).unwrap();
            let error = smtp.connect().await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error:?}");
            said.push(format!("{error} {:?}", error.repeat()));
        }
        assert_eq!(said[0], said[1]);
        assert!(!said[0].contains("wrong"));
    }
}

#[tokio::test]
async fn the_table_of_properties_is_the_same_and_what_was_read_is_known() {
    let world = World::new().await;
    let loaded = world.registry.factory(Direction::Outgoing, "smtp").unwrap();
    assert_eq!(loaded.capabilities, postrider_smtp::FACTORY.capabilities);
    let loaded: Vec<_> = loaded.specs().copied().collect();
    let linked: Vec<_> = postrider_smtp::FACTORY.specs().copied().collect();
    assert_eq!(loaded, linked);
    let properties = world.properties("smtp", 25, "secret");
    let scope = world.registry.scope(Direction::Outgoing, "smtp", &properties).unwrap();
    world.registry.outgoing("smtp", &properties, Arc::clone(&world.host) as _).unwrap();
    let unread: Vec<_> =
        scope.explain().into_iter().filter(|line| !line.read && line.key.ends_with("password")).collect();
    assert!(unread.is_empty(), "{}", unread.len());
}
