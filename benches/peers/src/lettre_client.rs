//! lettre's asynchronous SMTP transport with its pool.

use crate::{Result, server, shares};
use bench_common::{Arguments, message};
use futures_util::future::try_join_all;
use lettre::address::Envelope;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

pub async fn run(given: &Arguments) -> Result<(u64, u64)> {
    let (host, port) = server(given)?;
    let connections = given.number("connections", 1u32).max(1);
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host)
        .port(port)
        .pool_config(PoolConfig::new().max_size(connections));
    if let Some(ca) = given.given("ca") {
        let certificate = Certificate::from_pem(&std::fs::read(ca)?)?;
        let parameters = TlsParameters::builder(host.clone()).add_root_certificate(certificate).build()?;
        builder = builder.tls(Tls::Wrapper(parameters));
    }
    let transport = builder.build();
    let body = message(given.number("size", 4096usize));
    let to = given.text("to", "u001@example.test").parse()?;
    let envelope = Envelope::new(Some("sender@example.test".parse()?), vec![to])?;
    let sends = shares(given).into_iter().map(|share| {
        let (transport, body, envelope) = (&transport, &body, &envelope);
        async move {
            for _ in 0..share {
                transport.send_raw(envelope, body).await?;
            }
            Result::<u64>::Ok(share)
        }
    });
    let messages = try_join_all(sends).await?.into_iter().sum();
    transport.shutdown().await;
    Ok((messages, messages * body.len() as u64))
}
