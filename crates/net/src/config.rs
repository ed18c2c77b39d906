//! TLS configurations, one per set of files and choices, kept so that sessions can be resumed.

use crate::config_choice::Choice;
use crate::pem::PemFile;
use crate::roots::{self, Roots};
use postrider_core::{Error, ErrorKind, Phase, Result, Target, TlsOptions};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// A host with more sets of files and choices than this starts over.
const MOST: usize = 256;

/// The configurations of a host.
pub(crate) struct Configs {
    shared: Arc<Shared>,
}

struct Shared {
    provider: Arc<CryptoProvider>,
    roots: Roots,
    made: Mutex<HashMap<Key, (Stamps, Arc<ClientConfig>)>>,
}

impl Configs {
    pub(crate) fn new(roots: Roots) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        Self { shared: Arc::new(Shared { provider, roots, made: Mutex::default() }) }
    }

    /// The configuration for this target: the one made before, unless one of its files changed since.
    pub(crate) async fn config(&self, target: &Target) -> Result<Arc<ClientConfig>> {
        let key = Key { files: Files::of(&target.tls_options)?, choice: Choice::of(target) };
        if key.files == Files::default()
            && let Some(config) = self.shared.find(&key, Stamps::default())
        {
            return Ok(config);
        }
        let shared = self.shared.clone();
        let choice = key.choice.clone();
        let work = tokio::task::spawn_blocking(move || shared.find_or_make(key));
        let made = work.await;
        let (config, new) =
            made.unwrap_or_else(|error| Err(fault("reading certificates failed").with_source(error)))?;
        if new {
            choice.warn(&target.host);
        }
        Ok(config)
    }
}

impl Shared {
    /// True beside it if it was made now.
    fn find_or_make(&self, key: Key) -> Result<(Arc<ClientConfig>, bool)> {
        // Before the files are read: a change in between is seen the next time.
        let stamps = key.files.stamps()?;
        if let Some(config) = self.find(&key, stamps) {
            return Ok((config, false));
        }
        let config = Arc::new(self.make(&key)?);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // Of two that were made at once the first stays: it may hold sessions already.
        if let Some((old, config)) = made.get(&key)
            && *old == stamps
        {
            return Ok((config.clone(), false));
        }
        if made.len() >= MOST {
            made.clear();
        }
        made.insert(key, (stamps, config.clone()));
        Ok((config, true))
    }

    fn find(&self, key: &Key, stamps: Stamps) -> Option<Arc<ClientConfig>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.get(key).filter(|(old, _)| *old == stamps).map(|(_, config)| config.clone())
    }

    fn make(&self, key: &Key) -> Result<ClientConfig> {
        let Key { files, choice } = key;
        let builder = ClientConfig::builder_with_provider(choice.provider(&self.provider)?)
            .with_protocol_versions(&choice.versions())
            .map_err(|error| fault("TLS can't be set up").with_source(error))?;
        let roots = || match &files.ca {
            Some(path) => authorities(path),
            None => self.roots.store(),
        };
        let builder = match choice.verifier(roots, &self.provider)? {
            None => builder.with_root_certificates(roots()?),
            Some(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)),
        };
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

/// All that a configuration depends on. What differs in any of it shares no session.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    files: Files,
    choice: Choice,
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

pub(crate) fn fault(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, Phase::Configure, message)
}
