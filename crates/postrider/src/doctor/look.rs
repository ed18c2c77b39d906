//! Looks at a server before a transport does: addresses, TCP to each, TLS, first words. Nothing is said to it.

use crate::doctor::observer::Observer;
use crate::doctor::seen::{Attempt, shown};
use crate::doctor::spoken::Spoken;
use futures_util::future::join_all;
use postrider_core::{
    Connection, Error, ErrorKind, Phase, Result, Target, TlsMode, TlsSession, Trust, within,
};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// More addresses than this are not tried.
const ADDRESSES: usize = 8;
/// The longest line that is waited for.
const LINE: usize = 1_000;
/// Longest time for a second look, at what a server does that is not what was expected.
const SECOND: Duration = Duration::from_secs(5);
/// Longest time for the first words of a server of which nobody knows whether it speaks first.
const UNKNOWN: Duration = Duration::from_secs(2);

/// Looks, and writes down what there is. An error says that the transport need not try.
pub(crate) async fn at(observer: &Observer, target: &Target) -> Result<()> {
    let (host, limit) = (observer.host.as_ref(), observer.patience);
    let addresses = match within(host, limit, Phase::Resolve, host.resolve(target)).await {
        Ok(addresses) => addresses,
        // This host lends connections and tells nothing of how it makes them.
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(()),
        Err(error) => return Err(error),
    };
    observer.notes.write(|seen| seen.addresses = Some(addresses.clone()));
    let Some((address, connection)) = tcp(observer, target, &addresses).await? else { return Ok(()) };
    let look = Look { observer, target, address };
    look.look(connection).await
}

/// Tries every address; the first that answers is looked at further.
async fn tcp(
    observer: &Observer,
    target: &Target,
    addresses: &[SocketAddr],
) -> Result<Option<(SocketAddr, Box<dyn Connection>)>> {
    let host = observer.host.as_ref();
    let tries = addresses.iter().take(ADDRESSES).map(|address| async move {
        let work = host.connect_to(target, *address);
        (*address, within(host, observer.patience, Phase::Connect, work).await)
    });
    let mut open = None;
    let mut attempts = Vec::new();
    for (address, outcome) in join_all(tries).await {
        match outcome {
            Ok(connection) => {
                attempts.push((address, Attempt::Open));
                open.get_or_insert((address, connection));
            }
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(None),
            Err(error) => attempts.push((address, Attempt::of(&error))),
        }
    }
    observer.notes.write(|seen| seen.attempts = attempts);
    if open.is_none() {
        return Err(Error::new(ErrorKind::Connect, Phase::Connect, "no address could be connected to"));
    }
    Ok(open)
}

struct Look<'a> {
    observer: &'a Observer,
    target: &'a Target,
    address: SocketAddr,
}

/// What a server says of itself.
enum Words {
    /// Its first line, or what it said of one.
    Line(String),
    /// The beginning of one that has no end.
    Piece(String),
    /// Nothing within the time.
    None,
    /// It hung up.
    End,
}

impl Look<'_> {
    async fn look(&self, connection: Box<dyn Connection>) -> Result<()> {
        if self.target.tls == TlsMode::Implicit {
            self.inside_tls(connection).await
        } else {
            self.in_clear(connection).await
        }
    }

    async fn inside_tls(&self, connection: Box<dyn Connection>) -> Result<()> {
        match self.handshake(connection).await {
            Ok(mut connection) => {
                let session = connection.tls().cloned();
                self.observer.notes.write(|seen| seen.tls = session);
                let words = self.first_words(&mut connection, self.patience()).await;
                self.judge(words)
            }
            Err(error) => {
                self.instead(&error).await;
                Err(error)
            }
        }
    }

    /// What is there, if it is not the TLS that was expected.
    async fn instead(&self, error: &Error) {
        if let Some(quoted) = quoted(error) {
            self.observer.notes.write(|seen| seen.clear_instead = Some(quoted));
        } else if let Some(session) = self.unverified().await {
            self.observer.notes.write(|seen| seen.shown = session.certificates);
        } else if let Some(mut again) = self.again().await
            && let Words::Line(line) = self.first_words(&mut again, self.second()).await
        {
            self.observer.notes.write(|seen| seen.clear_instead = Some(line));
        }
    }

    /// A handshake with whoever is there, to see whether TLS is spoken and by whom. Nothing is said on the
    /// connection, which ends here.
    async fn unverified(&self) -> Option<TlsSession> {
        let mut anybody = self.target.clone();
        let options = &mut anybody.tls_options;
        (options.trust, options.check_server_identity) = (Trust::Any, false);
        (options.ca_file, options.certificate_file, options.key_file) = (None, None, None);
        options.fingerprints.clear();
        let work = self.again().await?.start_tls(&anybody);
        let limit = self.second();
        let connection = within(self.observer.host.as_ref(), limit, Phase::Tls, work).await.ok()?;
        connection.tls().cloned()
    }

    async fn in_clear(&self, mut connection: Box<dyn Connection>) -> Result<()> {
        let words = self.first_words(&mut connection, self.patience()).await;
        drop(connection);
        if matches!(words, Words::None | Words::End)
            && self.observer.expected.is_some()
            && let Some(again) = self.again().await
        {
            match self.handshake(again).await {
                Ok(_) => self.observer.notes.write(|seen| seen.tls_instead = true),
                Err(error) => match quoted(&error) {
                    // It says nothing before it is asked, and our first bytes of TLS were a question.
                    Some(quoted) => return self.judge(Words::Line(quoted)),
                    None => {
                        let spoken = self.unverified().await.is_some();
                        self.observer.notes.write(|seen| seen.tls_instead = spoken);
                    }
                },
            }
        }
        self.judge(words)
    }

    /// Whether the transport may go on to this server.
    fn judge(&self, words: Words) -> Result<()> {
        let Some(expected) = self.observer.expected else {
            if let Words::Line(line) = words {
                self.observer.notes.write(|seen| seen.greeting = Some(line));
            }
            return Ok(());
        };
        let fault = |kind, message: String| Err(Error::new(kind, Phase::Greeting, message));
        match words {
            Words::Line(line) | Words::Piece(line) if Spoken::of(&line).is_some_and(|s| s != expected) => {
                self.observer.notes.write(|seen| seen.greeting = Some(line.clone()));
                fault(ErrorKind::Protocol, format!("\"{line}\" is no {expected} greeting"))
            }
            Words::Line(line) => {
                self.observer.notes.write(|seen| seen.greeting = Some(line));
                Ok(())
            }
            // What to make of it is the transport's business.
            Words::Piece(_) => Ok(()),
            Words::None => {
                let limit = self.patience().as_secs_f64();
                fault(ErrorKind::Timeout, format!("the server said nothing within {limit} s"))
            }
            Words::End => fault(ErrorKind::Closed, "the server hung up without a word".into()),
        }
    }

    async fn handshake(&self, connection: Box<dyn Connection>) -> Result<Box<dyn Connection>> {
        let work = connection.start_tls(self.target);
        within(self.observer.host.as_ref(), self.observer.patience, Phase::Tls, work).await
    }

    async fn again(&self) -> Option<Box<dyn Connection>> {
        let host = self.observer.host.as_ref();
        let work = host.connect_to(self.target, self.address);
        within(host, self.second(), Phase::Connect, work).await.ok()
    }

    async fn first_words(&self, connection: &mut Box<dyn Connection>, limit: Duration) -> Words {
        let mut bytes = Vec::with_capacity(LINE);
        let read = async {
            while bytes.len() < LINE && !bytes.contains(&b'\n') {
                let room = (LINE - bytes.len()) as u64;
                if (&mut *connection).take(room).read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let outcome = within(self.observer.host.as_ref(), limit, Phase::Greeting, read).await;
        self.observer.notes.write(|_| {});
        match (bytes.is_empty(), outcome) {
            (false, _) if bytes.contains(&b'\n') => Words::Line(shown(&bytes)),
            (false, _) => Words::Piece(shown(&bytes)),
            (true, Ok(_)) => Words::End,
            (true, Err(_)) => Words::None,
        }
    }

    fn patience(&self) -> Duration {
        if self.observer.expected.is_some() {
            self.observer.patience
        } else {
            UNKNOWN.min(self.observer.patience)
        }
    }

    fn second(&self) -> Duration {
        SECOND.min(self.observer.patience)
    }
}

/// What a handshake that met clear text quotes of it.
fn quoted(error: &Error) -> Option<String> {
    let (_, rest) = error.message().split_once('"')?;
    let words = rest.rsplit_once('"').map_or(rest, |(words, _)| words);
    Spoken::of(words).map(|_| words.to_owned())
}
