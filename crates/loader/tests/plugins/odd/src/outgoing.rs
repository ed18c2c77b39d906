use crate::{Dropped, HOST, LEVEL, PASSWORD, Settings, full, settings};
use postrider_core::{
    Batch, Body, Credential, Envelope, Error, ErrorKind, Fact, Host, OutgoingTransport, Phase, Properties,
    Receipt, RecipientOutcome, Reply, Result, Secret, SecretRef, Target, TlsMode, TokenGrant, Verdict,
    async_trait, within,
};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

pub(crate) fn make(properties: &Properties, host: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(Odd(settings(properties, host)?)))
}

struct Odd(Settings);

impl Drop for Odd {
    fn drop(&mut self) {
        if self.0.mode == "panic-end" {
            panic!("in the transport's drop");
        }
    }
}

impl Odd {
    fn said(&self, envelope: &Envelope, text: &str) -> Result<Receipt> {
        let reply = || Reply::new("250", Some("2.0.0".into()), "fine");
        let outcomes = envelope.to.iter().enumerate().map(|(index, recipient)| {
            let verdict = match index % 6 {
                0 => Verdict::Accepted(reply()),
                1 => Verdict::Refused(reply()),
                2 => Verdict::Deferred(reply()),
                3 => Verdict::NotSent,
                4 => Verdict::Unsure,
                _ => Verdict::Suppressed("a rule".into()),
            };
            RecipientOutcome::new(recipient.address.clone(), verdict)
        });
        let outcomes: Vec<_> = outcomes.collect();
        let copies = outcomes.iter().take(1).cloned().collect();
        Ok(Receipt::new(Reply::new("250", None, text), outcomes).with_copies(copies))
    }
}

async fn count(mut body: Body<'_>) -> Result<u64> {
    let mut bytes = 0;
    while let Some(chunk) = body.chunk().await? {
        bytes += chunk.len() as u64;
    }
    Ok(bytes)
}

impl Odd {
    /// Takes what there is, waits for the host's clock, and tells what became of all of it, the last first.
    async fn window(&self, batch: &mut dyn Batch<'_>) {
        let (mut open, mut taken, mut ended) = (Vec::new(), 0, false);
        while !ended || !open.is_empty() {
            let next = poll_fn(|cx| match batch.poll_message(cx) {
                Poll::Pending if !open.is_empty() => Poll::Ready(None),
                Poll::Ready(None) => {
                    ended = true;
                    Poll::Ready(None)
                }
                other => other,
            });
            if let Some((envelope, body)) = next.await {
                let outcome = count(body).await.and_then(|bytes| self.said(&envelope, &bytes.to_string()));
                open.push((taken, outcome));
                taken += 1;
                continue;
            }
            self.0.host.sleep(Duration::from_millis(1)).await;
            while let Some((index, outcome)) = open.pop() {
                batch.report(index, outcome);
            }
        }
    }
}

#[async_trait]
impl OutgoingTransport for Odd {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let (host, size) = (&self.0.host, body.size());
        let text = match self.0.mode.as_str() {
            "error" => return Err(full()),
            "panic-send" => panic!("in send"),
            "panic-late" => {
                count(body).await?;
                panic!("after the end");
            }
            "unsure" => {
                count(body).await?;
                return Err(Error::new(ErrorKind::Unsure, Phase::EndOfData, "no reply"));
            }
            "sleep" | "panic-cancel" => {
                let _dropped = Dropped(self.0.mode == "panic-cancel");
                tracing::info!("asleep");
                host.sleep(Duration::from_secs(3_600)).await;
                "awake".to_owned()
            }
            "connect" => {
                let target = Target::new("mail.example", 25, TlsMode::None)?;
                host.connect(&target).await?;
                String::new()
            }
            "within" => {
                let forever = std::future::pending::<Result<()>>();
                within(&**host, Duration::from_secs(90), Phase::Data, forever).await?;
                String::new()
            }
            "clock" => {
                let before = host.now();
                host.sleep(Duration::from_millis(1_500)).await;
                format!("{:?}", host.now() - before)
            }
            "secret" => {
                let found = host.secret(&SecretRef::Environment("ODD".into())).await?;
                let grant = TokenGrant::new("https://h.example/t", "me", SecretRef::File("/r".into()))?;
                let token = host.access_token(&grant, Some(&Secret::new("old"))).await?;
                host.learned(Fact::Mechanisms(vec!["PLAIN".into(), "X".into()]));
                format!("{} {}", found.expose().len(), token.expose().len())
            }
            "properties" => {
                let level = self.0.properties.require(&LEVEL)?;
                let password = match self.0.properties.read(&PASSWORD)? {
                    Some(Credential::Value(secret)) => secret.expose().len(),
                    _ => 0,
                };
                let origin = self.0.properties.origin(&PASSWORD).map(|origin| origin.to_string());
                let name = self.0.properties.read(&HOST)?;
                let keys: usize = self.0.properties.layers().iter().map(|layer| layer.keys().count()).sum();
                format!("{level} {password} {origin:?} {name:?} {keys}")
            }
            "envelope" => format!("{envelope:?} {size:?}"),
            _ => format!("{} bytes of {size:?}", count(body).await?),
        };
        self.said(envelope, &text)
    }

    async fn send_all(&mut self, batch: &mut dyn Batch<'_>) {
        match self.0.mode.as_str() {
            "batch-window" => self.window(batch).await,
            "batch-early" => {}
            mode => {
                let mut index = 0;
                while let Some((envelope, body)) = poll_fn(|cx| batch.poll_message(cx)).await {
                    match (mode, index) {
                        ("batch", 1) => batch.report(1, Err(full())),
                        ("batch-panic" | "batch-silent", 0) => batch.report(0, self.said(&envelope, "first")),
                        ("batch-panic" | "batch-silent", 1) => drop(count(body).await),
                        ("batch-panic", 2) => panic!("at the third"),
                        ("batch-silent", 2) => return,
                        ("batch-index", 1) => batch.report(7, self.said(&envelope, "not mine")),
                        ("batch-twice", 1) => {
                            batch.report(0, Err(full()));
                            batch.report(1, self.said(&envelope, "late"));
                        }
                        _ => {
                            let outcome = count(body).await;
                            let said = |bytes| self.said(&envelope, &format!("{index}: {bytes}"));
                            batch.report(index, outcome.and_then(said));
                        }
                    }
                    index += 1;
                }
                // The end stays the end.
                let again = poll_fn(|cx| batch.poll_message(cx)).await;
                assert!(again.is_none(), "a message after the end");
            }
        }
    }

    async fn connect(&mut self) -> Result<()> {
        match self.0.mode.as_str() {
            "block-poll" => crate::block(),
            "exit-poll" => std::process::exit(0),
            _ => Err(Error::new(ErrorKind::Unsupported, Phase::Configure, "only by sending")),
        }
    }

    async fn close(self: Box<Self>) -> Result<()> {
        if self.0.mode == "error" { Err(full()) } else { Ok(()) }
    }
}
