//! A socket, with TLS or without, and its input.

use bench_common::Arguments;
use memchr::memchr;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub enum Socket {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Socket {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let n = match self {
            Self::Plain(stream) => stream.read(into)?,
            Self::Tls(stream) => stream.read(into)?,
        };
        if n == 0 { Err("the server closed the connection".into()) } else { Ok(n) }
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes)?,
            Self::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()?;
            }
        }
        Ok(())
    }
}

/// A connection with a buffer of input in front.
pub struct Wire {
    pub socket: Socket,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Wire {
    pub fn connect(given: &Arguments) -> Result<Self> {
        let server = given.text("server", "127.0.0.1:25");
        let stream = TcpStream::connect(&server)?;
        stream.set_nodelay(true)?;
        let socket = match given.given("ca") {
            None => Socket::Plain(stream),
            Some(ca) => Socket::Tls(Box::new(StreamOwned::new(session(ca)?, stream))),
        };
        Ok(Self { socket, buffer: vec![0; 256 << 10], start: 0, end: 0 })
    }

    /// What is in the buffer.
    pub fn input(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub fn used(&mut self, n: usize) {
        self.start += n;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads more behind what is there.
    pub fn more(&mut self) -> Result<()> {
        if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.end += self.socket.read(&mut self.buffer[self.end..])?;
        Ok(())
    }

    /// Takes so many lines.
    pub fn lines(&mut self, mut count: usize) -> Result<()> {
        while count > 0 {
            match memchr(b'\n', self.input()) {
                Some(end) => {
                    self.used(end + 1);
                    count -= 1;
                }
                None => self.more()?,
            }
        }
        Ok(())
    }

    /// Takes the lines that are there, at most so many, but waits for one at least.
    pub fn lines_there(&mut self, most: usize) -> Result<usize> {
        self.lines(1)?;
        let mut taken = 1;
        while taken < most
            && let Some(end) = memchr(b'\n', self.input())
        {
            self.used(end + 1);
            taken += 1;
        }
        Ok(taken)
    }

    /// Takes lines up to one that begins so, and gives whether it goes on with this.
    pub fn line_that_begins(&mut self, start: &[u8], good: &[u8]) -> Result<()> {
        loop {
            let Some(end) = memchr(b'\n', self.input()) else {
                self.more()?;
                continue;
            };
            let line = &self.input()[..end];
            let found = line.strip_prefix(start).map(|rest| rest.starts_with(good));
            let shown = String::from_utf8_lossy(line).into_owned();
            self.used(end + 1);
            match found {
                Some(true) => return Ok(()),
                Some(false) => return Err(shown.into()),
                None => {}
            }
        }
    }
}

fn session(ca: &str) -> Result<ClientConnection> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?)
}
