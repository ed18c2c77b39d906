//! async-imap: one FETCH for all, or one for each.

use crate::{Result, server};
use async_imap::types::Fetch;
use bench_common::Arguments;
use futures_util::{Stream, TryStreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub async fn run(given: &Arguments) -> Result<(u64, u64)> {
    let mut sum = (0, 0);
    let folders: Vec<String> = match given.given("folders") {
        Some(count) => (0..count.parse::<u32>()?).map(|i| format!("b{i:02}")).collect(),
        None => vec![given.text("folder", "INBOX")],
    };
    let (host, port) = server(given)?;
    let tcp = TcpStream::connect((host.as_str(), port)).await?;
    tcp.set_nodelay(true)?;
    let part = match given.given("ca") {
        None => fetch(tcp, given, &folders).await?,
        Some(ca) => {
            fetch(connector(ca)?.connect(ServerName::try_from(host)?, tcp).await?, given, &folders).await?
        }
    };
    sum.0 += part.0;
    sum.1 += part.1;
    Ok(sum)
}

async fn fetch<S>(stream: S, given: &Arguments, folders: &[String]) -> Result<(u64, u64)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + Debug,
{
    let mut client = async_imap::Client::new(stream);
    client.read_response().await?.ok_or("no greeting")?;
    let login = client.login(given.text("user", "u001"), given.text("password", "")).await;
    let mut session = login.map_err(|(error, _)| error)?;
    let messages = given.number("messages", 1000u64);
    let mut sum = (0, 0);
    for folder in folders {
        session.examine(folder).await?;
        let sets: Vec<String> = match given.text("mode", "all").as_str() {
            "all" => vec![format!("1:{messages}")],
            "one" => (1..=messages).map(|n| n.to_string()).collect(),
            other => return Err(format!("--mode all|one, not {other}").into()),
        };
        for set in sets {
            let part = count(session.uid_fetch(set, "(UID BODY.PEEK[])").await?).await?;
            sum.0 += part.0;
            sum.1 += part.1;
        }
    }
    session.logout().await?;
    Ok(sum)
}

async fn count(fetched: impl Stream<Item = async_imap::error::Result<Fetch>>) -> Result<(u64, u64)> {
    let mut fetched = pin!(fetched);
    let mut sum = (0, 0);
    while let Some(message) = fetched.try_next().await? {
        sum.0 += 1;
        sum.1 += message.body().ok_or("no body")?.len() as u64;
    }
    Ok(sum)
}

fn connector(ca: &str) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca)? {
        roots.add(certificate?)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
