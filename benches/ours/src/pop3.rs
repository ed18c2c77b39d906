//! Receiving over POP3.

use crate::{Done, Result, receive, settings};
use bench_common::Arguments;
use postrider::pop3::{FACTORY, Pop3, Pop3Config};
use postrider::{IncomingTransport, TokioHost};
use std::sync::Arc;

pub async fn run(given: &Arguments) -> Result<Done> {
    let lines = settings::lines(given, "pop3")?;
    let config = Pop3Config::read(&settings::scoped(&lines, "pop3", &FACTORY)?)?;
    let mut pop3 = Box::new(Pop3::new(config, Arc::new(TokioHost::new())));
    let ids = receive::keys(pop3.as_mut(), given.number("messages", 1000)).await?;
    let done = receive::bodies(pop3.as_mut(), &ids).await?;
    pop3.close().await?;
    Ok(done)
}
