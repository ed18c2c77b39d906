//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use postrider_core::{ChannelBinding, Error, ErrorKind, Phase, Result, Secret};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Iteration counts outside are refused: below, the password is badly protected (RFC 7677 §4); above, the
/// server could keep us computing for minutes.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4_096..=1_000_000;

pub(super) enum Header {
    /// Bound to the TLS session.
    Bound(ChannelBinding),
    /// The client could bind, the server does not offer it.
    NotOffered,
    /// The client does not bind.
    Unbound,
}

pub(super) struct Scram {
    password: Secret,
    gs2: String,
    binding: Vec<u8>,
    nonce: String,
    first_bare: String,
    step: Step,
}

enum Step {
    First,
    Challenged,
    Proved { server_signature: [u8; 32] },
    Verified,
    Failed(String),
}

impl Scram {
    pub(super) fn new(user: &str, password: &Secret, authzid: &str, header: Header) -> Result<Self> {
        Self::with_nonce(user, password, authzid, header, crate::random_text(24)?)
    }

    fn with_nonce(
        user: &str,
        password: &Secret,
        authzid: &str,
        header: Header,
        nonce: String,
    ) -> Result<Self> {
        let user = prepare(user, "user name")?;
        let password = Secret::new(prepare(password.expose(), "password")?);
        let (flag, binding) = match header {
            Header::Bound(binding) => (format!("p={}", binding.kind), binding.data),
            Header::NotOffered => ("y".to_owned(), Vec::new()),
            Header::Unbound => ("n".to_owned(), Vec::new()),
        };
        let authzid = if authzid.is_empty() { String::new() } else { format!("a={}", escape(authzid)) };
        let gs2 = format!("{flag},{authzid},");
        let first_bare = format!("n={},r={nonce}", escape(&user));
        Ok(Self { password, gs2, binding, nonce, first_bare, step: Step::First })
    }

    pub(super) fn initial(&self) -> Secret {
        Secret::new(format!("{}{}", self.gs2, self.first_bare))
    }

    pub(super) fn answer(&mut self, challenge: &[u8]) -> Result<Secret> {
        let text = std::str::from_utf8(challenge).map_err(|_| broken("its challenge is not text"))?;
        match &self.step {
            Step::First if text.is_empty() => {
                self.step = Step::Challenged;
                Ok(self.initial())
            }
            Step::First | Step::Challenged => self.prove(text),
            Step::Proved { server_signature } => {
                let signature = *server_signature;
                self.verify(text, &signature)
            }
            Step::Verified | Step::Failed(_) => Err(broken("it goes on after its last message")),
        }
    }

    pub(super) fn is_verified(&self) -> bool {
        matches!(self.step, Step::Verified)
    }

    pub(super) fn failure(&self) -> Option<String> {
        match &self.step {
            Step::Failed(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// server-first to client-final.
    fn prove(&mut self, server_first: &str) -> Result<Secret> {
        let [nonce, salt, iterations] = attributes(server_first, ["r=", "s=", "i="])?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(broken("its nonce does not continue ours"));
        }
        let salt = STANDARD.decode(salt).map_err(|_| broken("its salt is not base64"))?;
        let iterations: u32 = iterations.parse().map_err(|_| broken("its iteration count is no number"))?;
        if !ITERATIONS.contains(&iterations) || salt.is_empty() {
            return Err(Error::new(
                ErrorKind::Authentication,
                Phase::Authenticate,
                format!(
                    "SCRAM: the server asks for {iterations} iterations; 4,096 to 1,000,000 are acceptable"
                ),
            )
            .with_advice(
                "choose another mechanism by auth.mechanisms, or have the server's setting changed",
            ));
        }
        let mut salted = Zeroizing::new([0u8; 32]);
        pbkdf2::pbkdf2_hmac::<Sha256>(self.password.expose().as_bytes(), &salt, iterations, salted.as_mut());
        let client_key = Zeroizing::new(hmac(salted.as_ref(), b"Client Key"));
        let stored_key = Sha256::digest(client_key.as_ref());
        let mut bound = self.gs2.clone().into_bytes();
        bound.extend_from_slice(&self.binding);
        let without_proof = format!("c={},r={nonce}", STANDARD.encode(bound));
        let auth_message = format!("{},{server_first},{without_proof}", self.first_bare);
        let client_signature = hmac(&stored_key, auth_message.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(client_signature).map(|(k, s)| k ^ s).collect();
        let server_key = Zeroizing::new(hmac(salted.as_ref(), b"Server Key"));
        self.step = Step::Proved { server_signature: hmac(server_key.as_ref(), auth_message.as_bytes()) };
        Ok(Secret::new(format!("{without_proof},p={}", STANDARD.encode(proof))))
    }

    /// server-final; the answer to it is empty.
    fn verify(&mut self, server_final: &str, signature: &[u8; 32]) -> Result<Secret> {
        if let Some(why) = server_final.strip_prefix("e=") {
            // Masked before it is shortened: half a secret would not be known as one.
            let mut redactor = crate::Redactor::default();
            redactor.add(&self.password);
            self.step = Step::Failed(redactor.clean(why).chars().take(200).collect());
            return Ok(Secret::new(""));
        }
        let [verifier] = attributes(server_final, ["v="])?;
        let given = STANDARD.decode(verifier).map_err(|_| broken("its signature is not base64"))?;
        let differing = given.iter().zip(signature).fold(0u8, |acc, (a, b)| acc | (a ^ b));
        if given.len() != signature.len() || differing != 0 {
            return Err(Error::new(
                ErrorKind::Authentication,
                Phase::Authenticate,
                "SCRAM: the server's signature is wrong: it does not know the password",
            )
            .with_advice("this may not be the server you think it is; check host and certificate"));
        }
        self.step = Step::Verified;
        Ok(Secret::new(""))
    }
}

fn attributes<'a, const N: usize>(message: &'a str, names: [&str; N]) -> Result<[&'a str; N]> {
    // "m=" announces an extension that must be understood: nobody does (RFC 5802 §5.1).
    let mut parts = message.split(',');
    let mut out = [""; N];
    for (slot, name) in out.iter_mut().zip(names) {
        *slot = parts
            .next()
            .and_then(|p| p.strip_prefix(name))
            .ok_or_else(|| broken(&format!("its message has no {name} in its place")))?;
    }
    Ok(out)
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length; the fallback can't be reached and would fail the proof, not leak.
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(message);
            mac.finalize().into_bytes().into()
        }
        Err(_) => [0; 32],
    }
}

fn prepare(text: &str, what: &str) -> Result<String> {
    if text.is_ascii() {
        return Ok(text.to_owned());
    }
    stringprep::saslprep(text).map(std::borrow::Cow::into_owned).map_err(|_| {
        Error::new(
            ErrorKind::InvalidInput,
            Phase::Authenticate,
            format!("the {what} holds a character that SASLprep (RFC 4013) does not allow"),
        )
    })
}

pub(super) fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn broken(what: &str) -> Error {
    Error::new(
        ErrorKind::Protocol,
        Phase::Authenticate,
        format!("SCRAM: the server broke the protocol: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677 §3.
    fn rfc7677() -> Scram {
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        Scram::with_nonce("user", &Secret::new("pencil"), "", Header::Unbound, nonce).unwrap()
    }

    const FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    #[test]
    fn the_example_of_rfc_7677_comes_out_to_the_letter() {
        let mut scram = rfc7677();
        assert_eq!(scram.initial().expose(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        assert_eq!(
            scram.answer(FIRST.as_bytes()).unwrap().expose(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(!scram.is_verified());
        let last = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        assert_eq!(scram.answer(last).unwrap().expose(), "");
        assert!(scram.is_verified());
        assert!(scram.answer(b"").is_err());
    }

    #[test]
    fn a_server_that_cheats_is_found_out() {
        for bad in [
            "",
            "e=other-error",
            "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2147483647",
            "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1",
            "m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096",
            "r=rOprNGfwEbeRWgbNEkqOx,i=4096,s=W22ZaJ0SNY7soEsUEjb6gQ==",
        ] {
            let mut scram = rfc7677();
            scram.step = Step::Challenged;
            assert!(scram.answer(bad.as_bytes()).is_err(), "{bad}");
        }
        let mut scram = rfc7677();
        scram.answer(FIRST.as_bytes()).unwrap();
        assert_eq!(scram.answer(b"v=AAAA").unwrap_err().kind(), ErrorKind::Authentication);
        assert!(!scram.is_verified());
    }

    #[test]
    fn names_are_escaped_and_prepared() {
        let scram =
            Scram::with_nonce("a,b=c", &Secret::new("x"), "z,", Header::NotOffered, "N".into()).unwrap();
        assert_eq!(scram.initial().expose(), "y,a=z=2C,n=a=2Cb=3Dc,r=N");
        assert!(Scram::with_nonce("\u{e000}", &Secret::new("x"), "", Header::Unbound, "N".into()).is_err());
    }
}
