//! A server that counts: each message it takes responsibility for, by Message-ID, at the moment at which it does.

use crate::random;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The server. It is in another process than those that are killed.
#[derive(Clone, Default)]
pub(crate) struct Sink {
    counts: Arc<Mutex<BTreeMap<String, u32>>>,
    at_once: Arc<AtomicBool>,
}

impl Sink {
    /// Listens on a free port.
    pub(crate) async fn start() -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sink = Self::default();
        let server = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                // A host that is killed takes its connection with it.
                tokio::spawn(async move { drop(server.serve(stream).await) });
            }
        });
        (sink, port)
    }

    /// How often each message was taken.
    pub(crate) fn counts(&self) -> BTreeMap<String, u32> {
        self.counts.lock().unwrap().clone()
    }

    /// From here on its answers take no time.
    pub(crate) fn answers_at_once(&self) {
        self.at_once.store(true, Ordering::Relaxed);
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 sink ESMTP\r\n").await?;
        let mut line = Vec::new();
        loop {
            line.clear();
            if stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            let verb = String::from_utf8_lossy(&line).to_ascii_uppercase();
            let reply: &[u8] = match verb.get(..4).unwrap_or_default() {
                "EHLO" => b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    self.take(&mut stream).await?;
                    b"250 2.0.0 taken\r\n"
                }
                "QUIT" => {
                    stream.write_all(b"221 2.0.0 bye\r\n").await?;
                    return Ok(());
                }
                _ => b"250 2.0.0 fine\r\n",
            };
            stream.write_all(reply).await?;
        }
    }

    /// Takes a message; its count is up before the answer goes out, and the answer takes its time.
    async fn take(&self, stream: &mut BufReader<TcpStream>) -> std::io::Result<()> {
        let (mut line, mut id) = (Vec::new(), None);
        loop {
            line.clear();
            if stream.read_until(b'\n', &mut line).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if line == b".\r\n" {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            if let Some(value) = text.strip_prefix("Message-ID: ").filter(|_| id.is_none()) {
                id = Some(value.trim_end().to_owned());
            }
        }
        *self.counts.lock().unwrap().entry(id.expect("a Message-ID")).or_default() += 1;
        if !self.at_once.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(random(12))).await;
        }
        Ok(())
    }
}
