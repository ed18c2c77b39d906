//! TLS configurations, one per set of files, kept so that sessions can be resumed.

use crate::pem::PemFile;
use crate::roots::{self, Roots};
use postrider_core::{Error, ErrorKind, Phase, Result, TlsOptions};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// A host with more sets of files than this starts over.
const MOST: usize = 256;

/// The configurations of a host.
pub(crate) struct Configs {
    shared: Arc<Shared>,
}

struct Shared {
    provider: Arc<CryptoProvider>,
    roots: Roots,
    made: Mutex<HashMap<Files, (Stamps, Arc<ClientConfig>)>>,
}

impl Configs {
    pub(crate) fn new(roots: Roots) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        Self { shared: Arc::new(Shared { provider, roots, made: Mutex::default() }) }
    }

    /// The configuration for these options: the one made before, unless one of its files changed since.
    pub(crate) async fn config(&self, options: &TlsOptions) -> Result<Arc<ClientConfig>> {
        let files = Files::of(options)?;
        if files == Files::default()
            && let Some(config) = self.shared.find(&files, Stamps::default())
        {
            return Ok(config);
        }
        let shared = self.shared.clone();
        let work = tokio::task::spawn_blocking(move || shared.find_or_make(files));
        work.await.unwrap_or_else(|error| Err(fault("reading certificates failed").with_source(error)))
    }
}

impl Shared {
    fn find_or_make(&self, files: Files) -> Result<Arc<ClientConfig>> {
        // Before the files are read: a change in between is seen the next time.
        let stamps = files.stamps()?;
        if let Some(config) = self.find(&files, stamps) {
            return Ok(config);
        }
        let config = Arc::new(self.make(&files)?);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // Of two that were made at once the first stays: it may hold sessions already.
        if let Some((old, config)) = made.get(&files)
            && *old == stamps
        {
            return Ok(config.clone());
        }
        if made.len() >= MOST {
            made.clear();
        }
        made.insert(files, (stamps, config.clone()));
        Ok(config)
    }

    fn find(&self, files: &Files, stamps: Stamps) -> Option<Arc<ClientConfig>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.get(files).filter(|(old, _)| *old == stamps).map(|(_, config)| config.clone())
    }

    fn make(&self, files: &Files) -> Result<ClientConfig> {
        let roots = match &files.ca {
            Some(path) => authorities(path)?,
            None => self.roots.store()?,
        };
        let builder = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| fault("TLS can't be set up").with_source(error))?
            .with_root_certificates(roots);
        let Some((certificate, key)) = &files.client else { return Ok(builder.with_no_client_auth()) };
        let chain = certificate_file(certificate).certificates()?;
        let key_file = key_file(certificate, key);
        builder.with_client_auth_cert(chain, key_file.private_key()?).map_err(|error| {
            key_file
                .fault(format!("it does not go with ssl.certfile \"{}\": {error}", certificate.display()))
                .with_advice("the key must belong to the first certificate of ssl.certfile")
                .with_source(error)
        })
    }
}

fn authorities(path: &Path) -> Result<Arc<RootCertStore>> {
    let file = PemFile { key: "ssl.cafile", path };
    roots::store(file.certificates()?).map(Arc::new).map_err(|why| file.fault(why))
}

fn certificate_file(path: &Path) -> PemFile<'_> {
    PemFile { key: "ssl.certfile", path }
}

fn key_file<'a>(certificate: &Path, key: &'a Path) -> PemFile<'a> {
    // An error names the property that was set.
    PemFile { key: if key == certificate { "ssl.certfile" } else { "ssl.keyfile" }, path: key }
}

/// The files a configuration is made from.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Files {
    ca: Option<PathBuf>,
    client: Option<(PathBuf, PathBuf)>,
}

/// Modification time and size of each file: when they are the same, so are the files.
#[derive(Clone, Copy, Default, PartialEq)]
struct Stamps([Option<(SystemTime, u64)>; 3]);

impl Files {
    fn of(options: &TlsOptions) -> Result<Self> {
        let client = match (&options.certificate_file, &options.key_file) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            // Many tools write both into one file.
            (Some(both), None) => Some((both.clone(), both.clone())),
            (None, Some(key)) => {
                return Err(fault(format!("ssl.keyfile is \"{}\" without a certificate", key.display()))
                    .with_property("ssl.certfile", None)
                    .with_advice("name the certificate's PEM file in ssl.certfile, or drop ssl.keyfile"));
            }
        };
        Ok(Self { ca: options.ca_file.clone(), client })
    }

    fn stamps(&self) -> Result<Stamps> {
        let stamp = |key: &'static str, path: Option<&PathBuf>| {
            path.map(|path| stamp(PemFile { key, path })).transpose()
        };
        let (certificate, key) = self.client.as_ref().map(|(c, k)| (c, k)).unzip();
        let ca = self.ca.as_ref();
        Ok(Stamps([
            stamp("ssl.cafile", ca)?,
            stamp("ssl.certfile", certificate)?,
            stamp("ssl.keyfile", key)?,
        ]))
    }
}

fn stamp(file: PemFile<'_>) -> Result<(SystemTime, u64)> {
    let about = std::fs::metadata(file.path).and_then(|about| Ok((about.modified()?, about)));
    match about {
        Ok((modified, about)) if about.is_file() => Ok((modified, about.len())),
        // A pipe would be waited for.
        Ok(_) => Err(file.fault("it is not a file")),
        Err(error) => Err(file
            .fault(format!("it can't be read: {error}"))
            .with_advice("check the path and that this program may read the file")
            .with_source(error)),
    }
}

fn fault(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, Phase::Configure, message)
}
