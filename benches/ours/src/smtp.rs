//! Sending.

use crate::{Done, Result, settings};
use bench_common::{Arguments, message, peak_kib};
use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use postrider::smtp::{FACTORY, Smtp, SmtpConfig};
use postrider::{
    Batch, Body, Envelope, Host, Mailer, Messages, OutgoingTransport, Receipt, Session, TokioHost,
};
use std::sync::Arc;
use std::task::{Context, Poll};

pub async fn run(given: &Arguments) -> Result<Done> {
    let messages = given.number("messages", 1000u64);
    let body = Bytes::from(message(given.number("size", 4096usize)));
    let envelope =
        Envelope::parse(Some("sender@example.test"), [given.text("to", "u001@example.test").as_str()])?;
    let connections = given.number("connections", 1u64).max(1);
    let same = Same { left: messages, envelope, body, accepted: 0, failed: None };
    let idle_kib = peak_kib();
    let bytes = messages * same.body.len() as u64;
    let accepted = match given.text("via", "type").as_str() {
        "type" => by_type(given, &same, connections).await?,
        "messages" => by_messages(given, &same).await?,
        "mailer" => by_mailer(&mailer(given, connections)?, &same, given).await?,
        "tasks" => by_tasks(&mailer(given, connections)?, &same, given.number("tasks", 64)).await?,
        other => return Err(format!("--via type|messages|mailer|tasks, not {other}").into()),
    };
    if accepted != messages {
        return Err(format!("{accepted} of {messages} messages were accepted").into());
    }
    Ok(Done { messages, bytes, idle_kib })
}

/// Opens and closes connections and sends nothing.
pub async fn connect(given: &Arguments) -> Result<Done> {
    let host: Arc<dyn Host> = Arc::new(TokioHost::new());
    let config = config(given)?;
    let count = given.number("count", 10u64);
    for _ in 0..count {
        let mut smtp = Box::new(Smtp::new(config.clone(), Arc::clone(&host)));
        smtp.connect().await?;
        if !given.flag("no-quit") {
            smtp.close().await?;
        }
    }
    Ok(Done { messages: count, ..Done::default() })
}

fn config(given: &Arguments) -> Result<SmtpConfig> {
    Ok(SmtpConfig::read(&settings::scoped(&settings::lines(given, "smtp")?, "smtp", &FACTORY)?)?)
}

async fn by_type(given: &Arguments, same: &Same, connections: u64) -> Result<u64> {
    let host: Arc<dyn Host> = Arc::new(TokioHost::new());
    let config = config(given)?;
    let share = |i| same.left / connections + u64::from(i < same.left % connections);
    let sends = (0..connections).map(|i| {
        let (mut batch, mut smtp) =
            (same.of(share(i)), Box::new(Smtp::new(config.clone(), Arc::clone(&host))));
        async move {
            smtp.send_all(&mut batch).await;
            smtp.close().await?;
            batch.result()
        }
    });
    Ok(try_join_all(sends).await?.into_iter().sum())
}

/// As [`by_mailer`], but by the plugin's own type: what the two differ in is the Mailer.
async fn by_messages(given: &Arguments, same: &Same) -> Result<u64> {
    let mut smtp = Box::new(Smtp::new(config(given)?, Arc::new(TokioHost::new())));
    let (chunk, mut left, mut accepted) = (given.number("chunk", 20_000u64), same.left, 0);
    while left > 0 {
        let n = left.min(chunk);
        let mut batch = Messages::new(same.vec(n));
        smtp.send_all(&mut batch).await;
        for outcome in batch.outcomes() {
            outcome?;
            accepted += 1;
        }
        left -= n;
    }
    smtp.close().await?;
    Ok(accepted)
}

fn mailer(given: &Arguments, connections: u64) -> Result<Mailer> {
    let lines = settings::lines(given, "smtp")?
        + &format!("\nmail.send.allowreserved=true\nmail.mailer.connections={connections}\n");
    Ok(Session::builder().overrides(&lines)?.build()?.mailer()?)
}

async fn by_mailer(mailer: &Mailer, same: &Same, given: &Arguments) -> Result<u64> {
    // No more at a time than fits in memory anyway.
    let (chunk, mut left, mut accepted) = (given.number("chunk", 20_000u64), same.left, 0);
    while left > 0 {
        let n = left.min(chunk);
        for outcome in mailer.send_all(same.vec(n)).await? {
            outcome?;
            accepted += 1;
        }
        left -= n;
    }
    mailer.close().await;
    Ok(accepted)
}

async fn by_tasks(mailer: &Mailer, same: &Same, tasks: usize) -> Result<u64> {
    let send = || async { mailer.send(&same.envelope, Body::from_bytes(same.body.clone())).await };
    let mut under_way: FuturesUnordered<_> = FuturesUnordered::new();
    let (mut left, mut accepted) = (same.left, 0);
    loop {
        while left > 0 && under_way.len() < tasks {
            under_way.push(send());
            left -= 1;
        }
        let Some(outcome) = under_way.next().await else { break };
        outcome?;
        accepted += 1;
    }
    mailer.close().await;
    Ok(accepted)
}

/// One message so many times over.
struct Same {
    left: u64,
    envelope: Envelope,
    body: Bytes,
    accepted: u64,
    failed: Option<postrider::Error>,
}

impl Same {
    fn of(&self, left: u64) -> Self {
        Self { left, envelope: self.envelope.clone(), body: self.body.clone(), accepted: 0, failed: None }
    }

    fn vec(&self, messages: u64) -> Vec<(Envelope, Body<'static>)> {
        (0..messages).map(|_| (self.envelope.clone(), Body::from_bytes(self.body.clone()))).collect()
    }

    fn result(self) -> Result<u64> {
        self.failed.map_or(Ok(self.accepted), |error| Err(error.into()))
    }
}

impl<'a> Batch<'a> for Same {
    fn poll_message(&mut self, _: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'a>)>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some((self.envelope.clone(), Body::from_bytes(self.body.clone()))))
    }

    fn report(&mut self, _: usize, outcome: postrider::Result<Receipt>) {
        match outcome {
            Ok(_) => self.accepted += 1,
            Err(error) => {
                self.failed.get_or_insert(error);
            }
        }
    }
}
