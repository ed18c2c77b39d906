//! POP3: RFC 1939 and the extensions of CAPA.

mod login;
mod maildrop;
mod transaction;

use std::sync::Arc;

use crate::conn::{Conn, Line};
use crate::dates;
use crate::error::{Ended, Result};
use crate::listener::Shared;
use crate::options::Options;
use crate::sasl::Mechanism;
use maildrop::Maildrop;

/// RFC 2449 §4 says 255; AUTH with an initial response may be longer.
const LINE_LIMIT: usize = 12_288;
const MISTAKE_LIMIT: usize = 20;

/// Serves one client until it leaves.
pub(crate) async fn run(conn: &mut Conn, shared: &Arc<Shared>) -> Result<()> {
    let mut session = Session {
        timestamp: timestamp(&shared.options.domain),
        conn,
        shared: Arc::clone(shared),
        name: None,
        maildrop: None,
        mistakes: 0,
    };
    session.serve().await
}

struct Session<'a> {
    conn: &'a mut Conn,
    shared: Arc<Shared>,
    /// What the greeting said, for APOP.
    timestamp: String,
    /// What USER said.
    name: Option<String>,
    /// Open in the TRANSACTION state.
    maildrop: Option<Maildrop>,
    mistakes: usize,
}

impl Session<'_> {
    async fn serve(&mut self) -> Result<()> {
        let timestamp = if self.options().offers("APOP") { self.timestamp.as_str() } else { "" };
        self.conn.put(format!("+OK Postrider test server {timestamp}\r\n"));
        loop {
            let line = match self.conn.line(LINE_LIMIT).await? {
                Line::Whole(line) => line,
                Line::Malformed => {
                    self.mistake("A line ends in CRLF, and holds no other CR, nor NUL");
                    continue;
                }
                Line::TooLong => {
                    self.mistake("That line is too long");
                    continue;
                }
            };
            if self.mistakes > MISTAKE_LIMIT {
                self.err("Too many mistakes");
                return Ok(());
            }
            if !self.options().offers("PIPELINING") && self.conn.has_input() {
                self.err("PIPELINING is not on offer");
                return Err(Ended::Gone);
            }
            let Ok(text) = String::from_utf8(line) else {
                self.mistake("That is not UTF-8");
                continue;
            };
            let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
            let verb = verb.to_ascii_uppercase();
            if verb == "QUIT" {
                self.quit();
                return Ok(());
            }
            self.command(&verb, rest).await?;
        }
    }

    async fn command(&mut self, verb: &str, rest: &str) -> Result<()> {
        match verb {
            "CAPA" if self.options().offers("CAPA") => self.capabilities(),
            "NOOP" if self.maildrop.is_some() => self.ok("Done nothing"),
            _ if self.maildrop.is_some() => self.transaction(verb, rest).await?,
            "USER" => self.user(rest),
            "PASS" => self.pass(rest),
            "APOP" if self.options().offers("APOP") => self.apop(rest),
            "AUTH" if self.options().offers("AUTH") => self.auth(rest).await?,
            "STLS" if self.options().offers("STLS") => self.start_tls().await?,
            "UTF8" if self.options().offers("UTF8") => self.ok("UTF-8 it is"),
            _ => self.mistake("Not now, or never heard of"),
        }
        Ok(())
    }

    fn capabilities(&mut self) {
        let options = self.options();
        let clear_login = self.conn.tls().is_some() || !options.require_tls;
        let mechanisms: Vec<&str> =
            Mechanism::offered(options, self.conn).into_iter().map(Mechanism::name).collect();
        let mut lines: Vec<String> = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "UTF8"]
            .into_iter()
            .filter(|name| options.offers(name))
            .map(Into::into)
            .collect();
        if options.offers("STLS") && self.conn.tls().is_none() && self.maildrop.is_none() {
            lines.push("STLS".into());
        }
        if options.offers("USER") && clear_login {
            lines.push("USER".into());
        }
        if !mechanisms.is_empty() {
            lines.push(format!("SASL {}", mechanisms.join(" ")));
        }
        lines.push("EXPIRE NEVER".into());
        lines.push("IMPLEMENTATION Postrider-test-server".into());
        self.ok("What there is");
        for line in lines {
            self.conn.put(format!("{line}\r\n"));
        }
        self.conn.put(".\r\n");
    }

    async fn start_tls(&mut self) -> Result<()> {
        if self.conn.tls().is_some() {
            self.mistake("This is TLS already");
            return Ok(());
        }
        if self.conn.has_input() {
            self.err("Nothing may follow STLS");
            return Err(Ended::Gone);
        }
        self.ok("Go ahead");
        let acceptor = self.shared.acceptor.clone();
        self.name = None;
        self.conn.start_tls(&acceptor).await
    }

    /// Commits the deletions; the only way to do so (RFC 1939 §6).
    fn quit(&mut self) {
        if let Some(maildrop) = self.maildrop.take() {
            maildrop.commit(&self.shared.store);
        }
        self.ok("Goodbye");
    }

    fn options(&self) -> &Options {
        &self.shared.options
    }

    fn ok(&mut self, text: &str) {
        self.conn.put(format!("+OK {text}\r\n"));
    }

    fn err(&mut self, text: &str) {
        self.conn.put(format!("-ERR {text}\r\n"));
    }

    /// An error with a response code, if those are on offer: `IN-USE` with RESP-CODES, `AUTH` with AUTH-RESP-CODE.
    fn err_coded(&mut self, code: &str, text: &str) {
        let extension = if code == "AUTH" { "AUTH-RESP-CODE" } else { "RESP-CODES" };
        if self.options().offers(extension) { self.err(&format!("[{code}] {text}")) } else { self.err(text) }
    }

    fn mistake(&mut self, text: &str) {
        self.mistakes += 1;
        self.err(text);
    }
}

/// Unique in time, as APOP wants it: `<random.seconds@domain>`.
fn timestamp(domain: &str) -> String {
    let mut random = [0; 8];
    let _ = getrandom::fill(&mut random);
    format!("<{:x}.{}@{domain}>", u64::from_be_bytes(random), dates::now())
}
