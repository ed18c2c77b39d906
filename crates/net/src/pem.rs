//! Certificates and keys out of PEM files. Blocking: called on tokio's blocking threads only.

use postrider_core::{Error, ErrorKind, Phase, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use zeroize::Zeroizing;

/// The largest collection of authorities in use is a quarter of a megabyte.
const LARGEST: u64 = 16 << 20;

/// A file and the property that named it.
#[derive(Clone, Copy)]
pub(crate) struct PemFile<'a> {
    pub(crate) key: &'static str,
    pub(crate) path: &'a Path,
}

impl PemFile<'_> {
    /// All certificates of the file, at least one.
    pub(crate) fn certificates(self) -> Result<Vec<CertificateDer<'static>>> {
        certificates(&self.read()?)
            .map_err(|why| self.fault(why).with_advice("give a file with -----BEGIN CERTIFICATE----- in it; DER is converted by `openssl x509 -in FILE -outform pem`"))
    }

    /// The first private key of the file.
    pub(crate) fn private_key(self) -> Result<PrivateKeyDer<'static>> {
        let text = self.read()?;
        if text.windows(9).any(|word| word == b"ENCRYPTED") {
            return Err(self.fault("the private key is encrypted").with_advice(
                "decrypt it with `openssl pkey -in FILE -out NEW` into a file that only this program may read",
            ));
        }
        // The parser's words could hold a line of the key.
        PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
            self.fault("it holds no private key in PEM")
                .with_advice("give a file with -----BEGIN PRIVATE KEY----- in it in ssl.keyfile")
        })
    }

    fn read(self) -> Result<Zeroizing<Vec<u8>>> {
        let fault = |error: std::io::Error| {
            self.fault(format!("it can't be read: {error}"))
                .with_advice("check the path and that this program may read the file")
                .with_source(error)
        };
        let file = File::open(self.path).map_err(fault)?;
        let size = file.metadata().map_err(fault)?.len();
        if size > LARGEST {
            return Err(self.fault(format!("it is longer than {LARGEST} bytes")));
        }
        // Room for all of it at once: a buffer that grows leaves copies behind.
        let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1));
        file.take(LARGEST).read_to_end(&mut text).map_err(fault)?;
        Ok(text)
    }

    /// An error about this file.
    pub(crate) fn fault(self, why: impl fmt::Display) -> Error {
        let message = format!("{} is \"{}\": {why}", self.key, self.path.display());
        Error::new(ErrorKind::Configuration, Phase::Configure, message)
    }
}

/// All certificates of a PEM text, at least one; otherwise what is wrong with it.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err("it holds no certificate in PEM".into()),
        Ok(all) => Ok(all),
        Err(error) => Err(format!("it is not well-formed PEM: {error}")),
    }
}
