//! SCRAM-SHA-256 (RFC 5802, RFC 7677) and its channel binding to TLS 1.3 (RFC 9266).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

const ITERATIONS: u32 = 4096;

/// The server's side of one exchange.
pub(crate) struct Scram {
    /// Set for `-PLUS` only.
    binding: Option<[u8; 32]>,
    plus_offered: bool,
    salt: [u8; 16],
    nonce: String,
    started: Option<Started>,
    pub(crate) user: Option<String>,
}

struct Started {
    gs2_header: String,
    nonce: String,
    /// client-first-message-bare "," server-first-message
    messages: String,
}

impl Scram {
    pub(crate) fn new(binding: Option<[u8; 32]>, plus_offered: bool) -> Self {
        Self {
            binding,
            plus_offered,
            salt: random(),
            nonce: STANDARD.encode(random::<18>()),
            started: None,
            user: None,
        }
    }

    pub(crate) fn is_started(&self) -> bool {
        self.started.is_some()
    }

    /// Takes client-first-message; returns the user's name and server-first-message.
    pub(crate) fn first(&mut self, message: &[u8]) -> Option<(String, Vec<u8>)> {
        let message = std::str::from_utf8(message).ok()?;
        let (flag, rest) = message.split_once(',')?;
        let (authzid, bare) = rest.split_once(',')?;
        let bound = match flag {
            "n" => false,
            // "I could bind, but you can't": a lie was told on the way if we offered to.
            "y" if !self.plus_offered => false,
            "p=tls-exporter" => true,
            _ => return None,
        };
        if bound != self.binding.is_some() {
            return None;
        }
        let (name, client_nonce) = bare.split_once(',')?;
        let name = unescape(name.strip_prefix("n=")?)?;
        // An extension after the nonce would be optional; `m=` before the name is mandatory and unknown.
        let client_nonce = client_nonce.split(',').next()?.strip_prefix("r=")?;
        let other = authzid.strip_prefix("a=").map(unescape);
        if client_nonce.is_empty() || !(authzid.is_empty() || other == Some(Some(name.clone()))) {
            return None;
        }
        let nonce = format!("{client_nonce}{}", self.nonce);
        let reply = format!("r={nonce},s={},i={ITERATIONS}", STANDARD.encode(self.salt));
        let messages = format!("{bare},{reply}");
        self.started = Some(Started { gs2_header: format!("{flag},{authzid},"), nonce, messages });
        Some((name, reply.into_bytes()))
    }

    /// Takes client-final-message; returns server-final-message if the client knows the password.
    pub(crate) fn last(&self, message: &[u8], password: &str) -> Option<Vec<u8>> {
        let started = self.started.as_ref()?;
        let message = std::str::from_utf8(message).ok()?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let proof = STANDARD.decode(proof).ok()?;
        let mut fields = without_proof.split(',');
        let channel = STANDARD.decode(fields.next()?.strip_prefix("c=")?).ok()?;
        let mut expected = started.gs2_header.clone().into_bytes();
        expected.extend(self.binding.iter().flatten());
        if channel != expected || fields.next()?.strip_prefix("r=")? != started.nonce {
            return None;
        }
        let auth_message = format!("{},{without_proof}", started.messages);
        let keys = Keys::of(password, &self.salt, ITERATIONS)?;
        let signature = hmac(&keys.stored, auth_message.as_bytes())?;
        let client_key: Vec<u8> = proof.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        if proof.len() != 32 || Sha256::digest(client_key).as_slice() != keys.stored {
            return None;
        }
        let signature = hmac(&keys.server, auth_message.as_bytes())?;
        Some(format!("v={}", STANDARD.encode(signature)).into_bytes())
    }
}

struct Keys {
    stored: [u8; 32],
    server: [u8; 32],
}

impl Keys {
    fn of(password: &str, salt: &[u8], iterations: u32) -> Option<Self> {
        let prepared = stringprep::saslprep(password).unwrap_or(password.into());
        let salted: [u8; 32] = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(prepared.as_bytes(), salt, iterations);
        let client = hmac(&salted, b"Client Key")?;
        Some(Self { stored: Sha256::digest(client).into(), server: hmac(&salted, b"Server Key")? })
    }
}

fn hmac(key: &[u8], data: &[u8]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(data);
    Some(mac.finalize().into_bytes().into())
}

fn unescape(name: &str) -> Option<String> {
    let plain = name.replace("=2C", "").replace("=3D", "");
    (!plain.contains('=')).then(|| name.replace("=2C", ",").replace("=3D", "="))
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without randomness a replay would succeed once in a test server: no reason to fail.
    let _ = getrandom::fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3, with the salt and nonce of its example.
    #[test]
    fn the_example_of_the_rfc() {
        let mut scram = Scram::new(None, false);
        scram.nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".into();
        scram.salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap().try_into().unwrap();
        let (name, challenge) = scram.first(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        assert_eq!(name, "user");
        assert_eq!(
            challenge,
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(scram.last(last, "pencil").unwrap(), b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert_eq!(scram.last(last, "pencils"), None);
    }

    #[test]
    fn binding_is_neither_skipped_nor_faked() {
        assert!(Scram::new(None, true).first(b"y,,n=u,r=x").is_none(), "a downgrade");
        assert!(Scram::new(None, false).first(b"y,,n=u,r=x").is_some());
        assert!(Scram::new(None, false).first(b"p=tls-exporter,,n=u,r=x").is_none());
        assert!(Scram::new(Some([1; 32]), true).first(b"n,,n=u,r=x").is_none());
        assert!(Scram::new(Some([1; 32]), true).first(b"p=tls-unique,,n=u,r=x").is_none());
        assert!(Scram::new(Some([1; 32]), true).first(b"p=tls-exporter,,n=u,r=x").is_some());
        assert!(Scram::new(None, false).first(b"n,a=other,n=u,r=x").is_none());
    }
}
