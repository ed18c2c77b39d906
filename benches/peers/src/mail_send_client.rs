//! mail-send: one client for each connection.

use crate::{Result, server, shares};
use bench_common::{Arguments, message};
use futures_util::future::try_join_all;
use mail_send::smtp::message::Message;
use mail_send::{SmtpClient, SmtpClientBuilder};
use tokio::io::{AsyncRead, AsyncWrite};

pub async fn run(given: &Arguments) -> Result<(u64, u64)> {
    let (host, port) = server(given)?;
    let body = message(given.number("size", 4096usize));
    let to = given.text("to", "u001@example.test");
    let sends = shares(given).into_iter().map(|share| {
        let (host, body, to) = (&host, &body, &to);
        async move {
            // It has no way to name an authority of one's own.
            let builder =
                SmtpClientBuilder::new(host.clone(), port)?.implicit_tls(true).allow_invalid_certs();
            match given.flag("ca") {
                true => send(builder.connect().await?, share, body, to).await,
                false => send(builder.connect_plain().await?, share, body, to).await,
            }
        }
    });
    let messages = try_join_all(sends).await?.into_iter().sum();
    Ok((messages, messages * body.len() as u64))
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(
    mut client: SmtpClient<S>,
    messages: u64,
    body: &[u8],
    to: &str,
) -> Result<u64> {
    for _ in 0..messages {
        client.send(Message::new("sender@example.test", [to], body)).await?;
    }
    client.quit().await?;
    Ok(messages)
}
