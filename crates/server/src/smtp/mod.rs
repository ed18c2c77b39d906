//! SMTP: RFC 5321 and the extensions that a submission client may want to use.

mod auth;
mod data;
mod dots;
mod envelope;
mod journal;
mod path;

use std::sync::Arc;

use crate::conn::{Conn, Line};
use crate::error::{Ended, Result};
use crate::listener::Shared;
use crate::options::Options;
use crate::sasl::Mechanism;

pub use journal::Accepted;
pub(crate) use journal::Journal;

/// RFC 5321 says 512, and every extension adds to it; RFC 4954 makes AUTH the longest.
const LINE_LIMIT: usize = 12_288;
/// More mistakes than this, and the client is told to go.
const MISTAKE_LIMIT: usize = 20;

/// Serves one client until it leaves.
pub(crate) async fn run(conn: &mut Conn, shared: &Arc<Shared>) -> Result<()> {
    let mut session = Session {
        conn,
        shared: Arc::clone(shared),
        greeted: false,
        extended: false,
        user: None,
        transaction: None,
        mistakes: 0,
    };
    session.serve().await
}

struct Session<'a> {
    conn: &'a mut Conn,
    shared: Arc<Shared>,
    greeted: bool,
    extended: bool,
    user: Option<String>,
    transaction: Option<envelope::Transaction>,
    mistakes: usize,
}

impl Session<'_> {
    async fn serve(&mut self) -> Result<()> {
        let domain = self.options().domain.clone();
        self.conn.put(format!("220 {domain} ESMTP Postrider test server\r\n"));
        loop {
            let line = match self.conn.line(LINE_LIMIT).await? {
                Line::Whole(line) => line,
                Line::Malformed => {
                    self.mistake(500, "5.5.2", "A line ends in CRLF, and holds no other CR, nor NUL");
                    continue;
                }
                Line::TooLong => {
                    self.mistake(500, "5.5.6", "That line is too long");
                    continue;
                }
            };
            if self.mistakes > MISTAKE_LIMIT {
                self.say(421, "4.7.0", "Too many mistakes");
                return Ok(());
            }
            if !self.options().offers("PIPELINING") && self.conn.has_input() {
                self.say(554, "5.5.0", "PIPELINING is not on offer");
                return Err(Ended::Gone);
            }
            let text = String::from_utf8_lossy(&line);
            let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
            if verb.eq_ignore_ascii_case("QUIT") {
                self.say(221, "2.0.0", "Goodbye");
                return Ok(());
            }
            self.command(&verb.to_ascii_uppercase(), rest.trim_end(), std::str::from_utf8(&line).is_ok())
                .await?;
        }
    }

    async fn command(&mut self, verb: &str, rest: &str, utf8: bool) -> Result<()> {
        match verb {
            _ if !utf8 => self.mistake(500, "5.5.2", "That is not UTF-8"),
            "EHLO" | "HELO" => self.hello(verb == "EHLO", rest),
            "MAIL" => self.mail(rest),
            "RCPT" => self.rcpt(rest),
            "DATA" => self.data(rest).await?,
            "BDAT" if self.options().offers("CHUNKING") => self.bdat(rest).await?,
            "AUTH" if self.options().offers("AUTH") => self.auth(rest).await?,
            "STARTTLS" if self.options().offers("STARTTLS") => self.start_tls(rest).await?,
            "RSET" => {
                self.transaction = None;
                self.say(250, "2.0.0", "Forgotten");
            }
            "NOOP" => self.say(250, "2.0.0", "Done nothing"),
            "VRFY" => self.say(252, "2.1.5", "Send some mail and see"),
            "HELP" => self.say(214, "2.0.0", "RFC 5321"),
            _ => self.mistake(500, "5.5.1", "Unknown command"),
        }
        Ok(())
    }

    fn hello(&mut self, extended: bool, name: &str) {
        if name.is_empty() || name.contains(' ') {
            return self.mistake(501, "5.5.4", "Say who you are, in one word");
        }
        (self.greeted, self.extended, self.transaction) = (true, extended, None);
        let domain = self.options().domain.clone();
        if !extended {
            return self.conn.put(format!("250 {domain}\r\n"));
        }
        let extensions = self.extensions();
        let mut lines = std::iter::once(domain).chain(extensions).peekable();
        while let Some(line) = lines.next() {
            let dash = if lines.peek().is_some() { '-' } else { ' ' };
            self.conn.put(format!("250{dash}{line}\r\n"));
        }
    }

    fn extensions(&self) -> Vec<String> {
        let options = self.options();
        let mut all: Vec<String> =
            ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "CHUNKING", "STARTTLS"]
                .into_iter()
                .filter(|name| options.offers(name) && (*name != "STARTTLS" || self.conn.tls().is_none()))
                .map(Into::into)
                .collect();
        if options.offers("SIZE") {
            all.push(format!("SIZE {}", options.message_limit));
        }
        let mechanisms: Vec<&str> =
            Mechanism::offered(options, self.conn).into_iter().map(Mechanism::name).collect();
        if !mechanisms.is_empty() {
            all.push(format!("AUTH {}", mechanisms.join(" ")));
        }
        all
    }

    async fn start_tls(&mut self, rest: &str) -> Result<()> {
        if self.conn.tls().is_some() {
            self.mistake(503, "5.5.1", "This is TLS already");
            return Ok(());
        }
        if !rest.is_empty() {
            self.mistake(501, "5.5.4", "STARTTLS stands alone");
            return Ok(());
        }
        if self.conn.has_input() {
            self.say(554, "5.5.1", "Nothing may follow STARTTLS");
            return Err(Ended::Gone);
        }
        self.say(220, "2.0.0", "Go ahead");
        let acceptor = self.shared.acceptor.clone();
        self.conn.start_tls(&acceptor).await?;
        // RFC 3207 §4.2: all that was said in clear is forgotten.
        (self.greeted, self.extended, self.user, self.transaction) = (false, false, None, None);
        Ok(())
    }

    fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Replies, with the enhanced code if those are on offer.
    fn say(&mut self, code: u16, enhanced: &str, text: &str) {
        let reply = if self.options().offers("ENHANCEDSTATUSCODES") && self.extended {
            format!("{code} {enhanced} {text}\r\n")
        } else {
            format!("{code} {text}\r\n")
        };
        self.conn.put(reply);
    }

    fn mistake(&mut self, code: u16, enhanced: &str, text: &str) {
        self.mistakes += 1;
        self.say(code, enhanced, text);
    }
}
