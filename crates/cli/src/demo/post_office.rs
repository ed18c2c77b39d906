//! The mail server of the demo, and sessions with it.

use super::narrator::Narrator;
use crate::compose::random_word;
use crate::exit::{Code, Failure};
use postrider::{Layer, LayerKind, Session, TokioHost};
use postrider_server::{Server, Service};
use serde_json::json;
use std::sync::Arc;

pub(crate) const ALICE: &str = "alice@example.test";
pub(crate) const BOB: &str = "bob@example.test";
pub(crate) const NOBODY: &str = "nobody@example.test";

/// A server with two people, and what is needed to reach it.
pub(crate) struct PostOffice {
    server: Server,
    host: Arc<TokioHost>,
    passwords: [(&'static str, String); 2],
}

impl PostOffice {
    /// Starts it on free ports of this machine, with passwords nobody knows.
    pub(crate) async fn open() -> Result<Self, Failure> {
        let passwords = [(ALICE, random_word()?), (BOB, random_word()?)];
        let mut builder = Server::builder().require_auth().require_tls();
        for (address, password) in &passwords {
            builder = builder.user(*address, password);
        }
        let server = start(builder).await?;
        server.refuse(NOBODY, 550, "5.1.1 nobody of that name lives here");
        let host = Arc::new(TokioHost::builder().roots_pem(server.ca_pem()).build()?);
        Ok(Self { server, host, passwords })
    }

    /// Says what it is.
    pub(crate) fn introduce(&self, say: &mut Narrator<'_>) -> Result<(), Failure> {
        say.say(
            "It lives in this process, is reachable from this machine only, and is gone when the demo ends.",
        )?;
        let [smtp, pop3, imap] =
            [Service::Smtps, Service::Pop3s, Service::Imaps].map(|s| self.server.port(s));
        let host = self.server.host();
        say.say(format!("It speaks SMTP on {host}:{smtp}, POP3 on {host}:{pop3} and IMAP on {host}:{imap}, each inside TLS."))?;
        say.say(
            "Its certificate was made a moment ago, and the demo trusts just the authority that signed it.",
        )?;
        say.say(format!("Two people have an account here: {ALICE} and {BOB}. They sign in with passwords."))?;
        say.data("smtp", json!({ "host": host, "port": smtp, "tls": "implicit" }));
        say.data("pop3", json!({ "host": host, "port": pop3, "tls": "implicit" }));
        say.data("imap", json!({ "host": host, "port": imap, "tls": "implicit" }));
        Ok(())
    }

    /// A session of one of the two, made of properties as any host app's; `incoming` is how mail comes in.
    pub(crate) fn session(
        &self,
        user: &str,
        incoming: &str,
        more: &[(&str, &str)],
    ) -> Result<Session, Failure> {
        let password =
            self.passwords.iter().find(|(address, _)| *address == user).map(|(_, word)| word.as_str());
        let mut layer = Layer::new(LayerKind::Host, "the demo")
            .with("mail.user", user)
            .with("mail.host", self.server.host())
            .with("mail.transport.protocol", "smtp")
            // Its people live at example.test, where otherwise nothing is sent.
            .with("mail.send.allowreserved", "true")
            .with("mail.store.protocol", incoming);
        let doors = [("smtp", Service::Smtps), ("pop3", Service::Pop3s), ("imap", Service::Imaps)];
        for (protocol, service) in doors {
            layer.set(format!("mail.{protocol}.port"), self.server.port(service).to_string());
            layer.set(format!("mail.{protocol}.tls"), "implicit");
            layer.set(format!("mail.{protocol}.password"), password.unwrap_or_default());
        }
        for (key, value) in more {
            layer.set(*key, *value);
        }
        Ok(Session::builder().layer(layer).host(self.host.clone()).build()?)
    }

    /// What the server itself says of the last message it took: who had signed in, if it came through TLS.
    pub(crate) fn last_sender(&self) -> Option<String> {
        self.server.accepted().pop().filter(|accepted| accepted.tls).and_then(|accepted| accepted.user)
    }

    /// Says goodbye to everybody.
    pub(crate) async fn close(self) {
        self.server.shutdown().await;
    }
}

/// Starts a server, and says so in our words if that fails.
pub(crate) async fn start(builder: postrider_server::Builder) -> Result<Server, Failure> {
    builder
        .start()
        .await
        .map_err(|e| Failure::new(Code::Software, format!("the demo's mail server can't start: {e}")))
}
