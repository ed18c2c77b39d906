//! CAPABILITY, ID, STARTTLS, LOGIN, AUTHENTICATE, ENABLE.

use super::parse::{self, Args};
use super::{Outcome, Refusal, Session, no};
use crate::error::{Ended, Result};
use crate::sasl::{self, Mechanism};

const EXTENSIONS: [&str; 17] = [
    "ID",
    "ENABLE",
    "NAMESPACE",
    "SASL-IR",
    "IDLE",
    "UNSELECT",
    "UIDPLUS",
    "MOVE",
    "ESEARCH",
    "SEARCHRES",
    "SPECIAL-USE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "STATUS=SIZE",
    "BINARY",
    "CHILDREN",
    "UTF8=ACCEPT",
];

/// What IMAP4rev2 includes (RFC 9051, appendix E): without one of them there is no rev2.
const REV2_PARTS: [&str; 13] = [
    "ENABLE",
    "NAMESPACE",
    "SASL-IR",
    "IDLE",
    "UNSELECT",
    "UIDPLUS",
    "MOVE",
    "ESEARCH",
    "SEARCHRES",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "STATUS=SIZE",
    "BINARY",
];

impl Session<'_> {
    pub(super) fn capabilities(&self) -> String {
        let options = self.options();
        let mut words = vec!["IMAP4rev1".to_owned()];
        if self.offers_rev2() {
            words.push("IMAP4rev2".into());
        }
        words.extend(EXTENSIONS.into_iter().filter(|name| options.offers(name)).map(Into::into));
        // RFC 7888 §5: one or the other.
        words.extend(["LITERAL+", "LITERAL-"].into_iter().find(|name| options.offers(name)).map(Into::into));
        words.push(format!("APPENDLIMIT={}", options.message_limit));
        if self.user.is_none() {
            if self.conn.tls().is_none() && options.offers("STARTTLS") {
                words.push("STARTTLS".into());
            }
            if !self.may_log_in() {
                words.push("LOGINDISABLED".into());
            }
            let mechanisms = Mechanism::offered(options, self.conn);
            words.extend(mechanisms.into_iter().map(|mechanism| format!("AUTH={}", mechanism.name())));
        }
        words.join(" ")
    }

    pub(super) fn id(&mut self, mut args: Args<'_>) -> Outcome {
        if args.peek() == Some(b'(') {
            let nil = |args: &mut Args<'_>| {
                if args.peek() == Some(b'N') { args.word().map(drop) } else { args.string().map(drop) }
            };
            args.list(nil)?;
        } else {
            args.word()?;
        }
        args.end()?;
        self.conn.put("* ID (\"name\" \"Postrider test server\")\r\n");
        Ok("Pleased".into())
    }

    /// The commands of the not-authenticated state.
    pub(super) async fn before_login(&mut self, verb: &str, args: Args<'_>) -> Result<Outcome> {
        match verb {
            "STARTTLS" if self.options().offers("STARTTLS") => self.start_tls(&args),
            "LOGIN" => Ok(self.login(args)),
            "AUTHENTICATE" => self.authenticate(args).await,
            _ => Ok(Err(parse::bad("log in first, or never heard of"))),
        }
    }

    /// The handshake, when the OK has been queued.
    pub(super) async fn go_tls(&mut self) -> Result<()> {
        let acceptor = self.shared.acceptor.clone();
        self.conn.start_tls(&acceptor).await
    }

    pub(super) fn enable(&mut self, mut args: Args<'_>) -> Outcome {
        let mut enabled = Vec::new();
        loop {
            match args.word()?.as_str() {
                "IMAP4REV2" if self.offers_rev2() => {
                    (self.rev2, self.utf8) = (true, true);
                    enabled.push("IMAP4rev2");
                }
                // `=` is an atom's character, so this is one word.
                "UTF8=ACCEPT" if self.options().offers("UTF8=ACCEPT") => {
                    self.utf8 = true;
                    enabled.push("UTF8=ACCEPT");
                }
                _ => {}
            }
            if args.is_empty() {
                break;
            }
            args.space()?;
        }
        let list: String = enabled.iter().map(|name| format!(" {name}")).collect();
        self.conn.put(format!("* ENABLED{list}\r\n"));
        Ok("Done".into())
    }

    fn start_tls(&mut self, args: &Args<'_>) -> Result<Outcome> {
        if self.conn.tls().is_some() {
            return Ok(Err(parse::bad("this is TLS already")));
        }
        if self.conn.has_input() {
            self.conn.put("* BYE Nothing may follow STARTTLS\r\n");
            return Err(Ended::Gone);
        }
        if let Err(refusal) = args.end() {
            return Ok(Err(refusal));
        }
        Ok(Ok("Go ahead".into()))
    }

    fn login(&mut self, mut args: Args<'_>) -> Outcome {
        let name = args.text()?;
        args.space()?;
        let password = args.astring()?;
        args.end()?;
        if !self.may_log_in() {
            return no("[PRIVACYREQUIRED] Encryption first");
        }
        match self.shared.store.find(&name) {
            Some(user) if sasl::password_is(&self.shared.store, &user, &password) => self.welcome(user),
            _ => no("[AUTHENTICATIONFAILED] Those credentials are wrong"),
        }
    }

    async fn authenticate(&mut self, mut args: Args<'_>) -> Result<Outcome> {
        let mechanism = match args.word() {
            Ok(name) => Mechanism::named(&name, self.options(), self.conn),
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(mechanism) = mechanism else { return Ok(no("That mechanism is not on offer")) };
        let initial = args.eat(b' ').then(|| args.take_while(|b| b.is_ascii_graphic()));
        if !args.is_empty() || (initial.is_some() && !self.options().offers("SASL-IR")) {
            return Ok(Err(parse::bad("SASL-IR is not on offer")));
        }
        let shared = self.shared.clone();
        let outcome =
            sasl::converse(self.conn, &shared.store, &shared.options, mechanism, initial, "+ ").await?;
        Ok(match outcome {
            sasl::Outcome::Authenticated(user) => self.welcome(user),
            sasl::Outcome::Failed => {
                self.mistake()?;
                no("[AUTHENTICATIONFAILED] Those credentials are wrong")
            }
            sasl::Outcome::Cancelled => Err(Refusal::Bad("cancelled".into())),
            sasl::Outcome::Undecodable => Err(parse::bad("that is not base64")),
        })
    }

    fn welcome(&mut self, user: String) -> Outcome {
        self.user = Some(user);
        Ok(format!("[CAPABILITY {}] Welcome", self.capabilities()))
    }

    fn may_log_in(&self) -> bool {
        self.conn.tls().is_some() || !self.options().require_tls
    }

    fn offers_rev2(&self) -> bool {
        let options = self.options();
        options.offers("IMAP4rev2") && REV2_PARTS.iter().all(|name| options.offers(name))
    }
}
