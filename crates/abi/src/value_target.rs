//! Servers, TLS and credentials as values.

use crate::value::{Malformed, Read, Reader, Value, Writer, tags};
use postrider_core::{
    ChannelBinding, CipherSuite, Credential, Error, Fingerprint, LocalAddress, Proxy, ProxyKind, Secret,
    SecretRef, Target, TlsMode, TlsOptions, TlsSession, TlsVersion, TokenGrant, Trust,
};
use std::net::SocketAddr;
use std::path::PathBuf;

tags!(TlsMode: Implicit = 1, StartTls = 2, StartTlsIfOffered = 3, None = 4);
tags!(TlsVersion: Tls12 = 1, Tls13 = 2);
tags!(ProxyKind: Http = 1, Socks5 = 2);

fn refused(error: Error) -> Malformed {
    Malformed(error.message().to_owned())
}

impl Value for Target {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.text(&self.host).put(&self.port).put(&self.tls).put(&self.tls_options);
            w.put(&self.connect_timeout).put(&self.proxy).put(&self.local_address);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let mut target = Self::new(r.get::<String>()?, r.get()?, r.get()?).map_err(refused)?;
        (target.tls_options, target.connect_timeout) = (r.get()?, r.get()?);
        (target.proxy, target.local_address) = (r.get()?, r.get()?);
        Ok(target)
    }
}

impl Value for TlsOptions {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&self.ca_file).put(&self.certificate_file).put(&self.key_file);
            w.put(&self.check_server_identity).put(&self.trust).list(&self.fingerprints);
            w.list(&self.protocols).list(&self.cipher_suites).put(&self.handshake_timeout);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let mut options = Self::default();
        (options.ca_file, options.certificate_file, options.key_file) = (r.get()?, r.get()?, r.get()?);
        (options.check_server_identity, options.trust) = (r.get()?, r.get()?);
        (options.fingerprints, options.protocols) = (r.get()?, r.get()?);
        (options.cipher_suites, options.handshake_timeout) = (r.get()?, r.get()?);
        Ok(options)
    }
}

impl Value for Trust {
    fn write(&self, w: &mut Writer) {
        match self {
            Self::Authorities => w.tag(1),
            Self::Hosts(hosts) => w.tag(2).list(hosts),
            Self::Any => w.tag(3),
            _ => w.tag(0),
        };
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(match r.get::<u8>()? {
            1 => Self::Authorities,
            2 => Self::Hosts(r.get()?),
            3 => Self::Any,
            other => return Err(Malformed(format!("{other} stands for no kind of trust"))),
        })
    }
}

impl Value for Fingerprint {
    fn write(&self, w: &mut Writer) {
        w.bytes(self.bytes());
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let hash = r.bytes()?.try_into().map_err(|_| "a fingerprint has not 32 bytes")?;
        Ok(Self::new(hash))
    }
}

impl Value for CipherSuite {
    fn write(&self, w: &mut Writer) {
        w.text(self.name());
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(Self::named(&r.get::<String>()?).ok_or("a cipher suite is unknown")?)
    }
}

impl Value for PathBuf {
    fn write(&self, w: &mut Writer) {
        w.bytes(self.as_os_str().as_encoded_bytes());
    }

    #[cfg(unix)]
    fn read(r: &mut Reader<'_>) -> Read<Self> {
        use std::os::unix::ffi::OsStringExt;
        Ok(std::ffi::OsString::from_vec(r.bytes()?.to_vec()).into())
    }

    #[cfg(not(unix))]
    fn read(r: &mut Reader<'_>) -> Read<Self> {
        r.get::<String>().map(Self::from)
    }
}

impl Value for LocalAddress {
    fn write(&self, w: &mut Writer) {
        w.text(&self.host).put(&self.port);
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(Self::new(r.get::<String>()?, r.get()?))
    }
}

impl Value for Proxy {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&self.kind).text(&self.host).put(&self.port).put(&self.user).put(&self.password);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let mut proxy = Self::new(r.get()?, r.get::<String>()?, r.get()?).map_err(refused)?;
        (proxy.user, proxy.password) = (r.get()?, r.get()?);
        Ok(proxy)
    }
}

impl Value for Secret {
    fn write(&self, w: &mut Writer) {
        w.text(self.expose());
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        r.get::<String>().map(Self::new)
    }
}

impl Value for Credential {
    fn write(&self, w: &mut Writer) {
        match self {
            Self::Value(secret) => w.tag(1).put(secret),
            Self::Reference(reference) => w.tag(2).put(reference),
            _ => w.tag(0),
        };
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(match r.get::<u8>()? {
            1 => Self::Value(r.get()?),
            2 => Self::Reference(r.get()?),
            other => return Err(Malformed(format!("{other} stands for no kind of credential"))),
        })
    }
}

impl Value for SecretRef {
    fn write(&self, w: &mut Writer) {
        match self {
            Self::File(path) => w.tag(1).put(path),
            Self::Command { program, arguments } => w.tag(2).text(program).list(arguments),
            Self::Environment(name) => w.tag(3).text(name),
            Self::Keyring { service, user } => w.tag(4).text(service).text(user),
            _ => w.tag(0),
        };
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(match r.get::<u8>()? {
            1 => Self::File(r.get()?),
            2 => Self::Command { program: r.get()?, arguments: r.get()? },
            3 => Self::Environment(r.get()?),
            4 => Self::Keyring { service: r.get()?, user: r.get()? },
            other => return Err(Malformed(format!("{other} stands for no place of a secret"))),
        })
    }
}

impl Value for TokenGrant {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&self.endpoint).text(&self.path).text(&self.client_id).put(&self.client_secret);
            w.put(&self.refresh_token).put(&self.scope);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let (endpoint, path, client_id): (Target, String, String) = (r.get()?, r.get()?, r.get()?);
        let (secret, token) = (r.get()?, r.get::<Credential>()?);
        // Made by a URL that is always right, then filled with what was given.
        let mut grant = Self::new("https://localhost/", client_id, token).map_err(refused)?;
        (grant.endpoint, grant.path, grant.client_secret, grant.scope) = (endpoint, path, secret, r.get()?);
        Ok(grant)
    }
}

impl Value for TlsSession {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.text(&self.version).text(&self.cipher_suite);
            w.option(self.channel_binding.as_ref(), |w, binding| {
                w.text(binding.kind).bytes(&binding.data);
            });
            w.put(&(self.certificates.len() as u32));
            for certificate in &self.certificates {
                w.bytes(certificate);
            }
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        let mut session = Self::new(r.get::<String>()?, r.get::<String>()?);
        if r.get::<bool>()? {
            let (kind, data) = (r.get::<String>()?, r.bytes()?);
            // One of another type can't be used, and nothing else can be said of it.
            let kind = ["tls-exporter", "tls-server-end-point"].into_iter().find(|known| **known == kind);
            session.channel_binding = kind.map(|kind| ChannelBinding::new(kind, data.to_vec()));
        }
        let certificates: u32 = r.get()?;
        session.certificates =
            (0..certificates).map(|_| r.bytes().map(<[u8]>::to_vec)).collect::<Read<_>>()?;
        Ok(session)
    }
}

impl Value for SocketAddr {
    fn write(&self, w: &mut Writer) {
        w.text(&self.to_string());
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(r.get::<String>()?.parse().map_err(|_| "an address is none")?)
    }
}
