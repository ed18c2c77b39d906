//! IMAP: RFC 3501 and RFC 9051, with the extensions that CAPABILITY names.

mod append;
mod change;
mod envelope;
mod fetch;
mod fetch_items;
mod idle;
mod list;
mod login;
mod mailboxes;
mod parse;
mod read;
mod search;
mod search_keys;
mod select;
mod set;
mod structure;
mod utf7;
mod view;
mod write;

use std::sync::Arc;

use crate::conn::Conn;
use crate::error::{Ended, Result};
use crate::listener::Shared;
use crate::options::Options;
use crate::store::{Account, State};
use parse::Args;
use view::View;

const MISTAKE_LIMIT: usize = 20;

/// Serves one client until it leaves.
pub(crate) async fn run(conn: &mut Conn, shared: &Arc<Shared>) -> Result<()> {
    let mut session = Session {
        conn,
        shared: Arc::clone(shared),
        user: None,
        view: None,
        utf8: false,
        rev2: false,
        mistakes: 0,
    };
    session.serve().await
}

struct Session<'a> {
    conn: &'a mut Conn,
    shared: Arc<Shared>,
    user: Option<String>,
    /// The selected mailbox as this session knows it.
    view: Option<View>,
    /// UTF8=ACCEPT or IMAP4rev2 was enabled: mailbox names are UTF-8.
    utf8: bool,
    rev2: bool,
    mistakes: usize,
}

/// A command that didn't work.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    No(String),
    Bad(String),
}

/// The text behind a tagged OK, or a refusal.
type Outcome = std::result::Result<String, Refusal>;

fn no<T>(text: &str) -> std::result::Result<T, Refusal> {
    Err(Refusal::No(text.to_owned()))
}

impl Session<'_> {
    async fn serve(&mut self) -> Result<()> {
        let capabilities = self.capabilities();
        self.conn.put(format!("* OK [CAPABILITY {capabilities}] Postrider test server\r\n"));
        loop {
            let Some(command) = self.read().await? else {
                self.mistake()?;
                continue;
            };
            let mut words = command.splitn(2, |&b| b == b' ');
            let tag = words.next().map(|tag| String::from_utf8_lossy(tag).into_owned()).unwrap_or_default();
            let mut args = Args::new(words.next().unwrap_or_default(), self.utf8);
            let tag_is_fine =
                !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_graphic() && !b"(){%*\"\\+".contains(&b));
            let (true, Ok(verb)) = (tag_is_fine, args.word()) else {
                self.conn.put("* BAD tag command, please\r\n");
                self.mistake()?;
                continue;
            };
            let verb = if verb == "UID" && args.eat(b' ') {
                format!("UID {}", args.word().unwrap_or_default())
            } else {
                verb
            };
            if !args.is_empty() && !args.eat(b' ') {
                self.conn.put(format!("{tag} BAD a blank belongs behind the command\r\n"));
                self.mistake()?;
                continue;
            }
            if verb == "LOGOUT" {
                self.conn.put(format!("* BYE See you\r\n{tag} OK Goodbye\r\n"));
                return Ok(());
            }
            let outcome = self.command(&tag, &verb, args).await?;
            // RFC 3501 §7.4.1: numbers may not shift under these three.
            self.announce(!matches!(verb.as_str(), "FETCH" | "STORE" | "SEARCH"))?;
            let go_tls = verb == "STARTTLS" && outcome.is_ok();
            match outcome {
                Ok(text) => self.conn.put(format!("{tag} OK {text}\r\n")),
                Err(Refusal::No(text)) => self.conn.put(format!("{tag} NO {text}\r\n")),
                Err(Refusal::Bad(text)) => {
                    self.conn.put(format!("{tag} BAD {text}\r\n"));
                    self.mistake()?;
                }
            }
            if go_tls {
                self.go_tls().await?;
            }
        }
    }

    async fn command(&mut self, tag: &str, verb: &str, args: Args<'_>) -> Result<Outcome> {
        Ok(match verb {
            "CAPABILITY" => {
                let capabilities = self.capabilities();
                self.conn.put(format!("* CAPABILITY {capabilities}\r\n"));
                Ok("That is all".into())
            }
            "NOOP" | "CHECK" => Ok("Done nothing".into()),
            "ID" if self.options().offers("ID") => self.id(args),
            _ if self.user.is_none() => return self.before_login(verb, args).await,
            "ENABLE" if self.options().offers("ENABLE") => self.enable(args),
            "NAMESPACE" if self.options().offers("NAMESPACE") => {
                self.conn.put("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
                Ok("Just the one".into())
            }
            "SELECT" | "EXAMINE" => self.select(args, verb == "EXAMINE"),
            "CREATE" => self.create(args),
            "DELETE" => self.delete(args),
            "RENAME" => self.rename(args),
            "SUBSCRIBE" => self.subscribe(args, true),
            "UNSUBSCRIBE" => self.subscribe(args, false),
            "LIST" => self.list(args),
            "LSUB" => self.lsub(args),
            "STATUS" => self.status(args),
            "APPEND" => self.append(args),
            "IDLE" if self.options().offers("IDLE") => return self.idle(args).await,
            _ if self.view.is_none() => Err(parse::bad("not now, or never heard of")),
            "CLOSE" => self.close(args),
            "UNSELECT" if self.options().offers("UNSELECT") => self.unselect(args),
            "EXPUNGE" => args.end().and_then(|()| self.expunge(None)),
            "UID EXPUNGE" if self.options().offers("UIDPLUS") => self.uid_expunge(args),
            "SEARCH" | "UID SEARCH" => self.search(tag, args, verb == "UID SEARCH"),
            "FETCH" | "UID FETCH" => return self.fetch(args, verb == "UID FETCH").await,
            "STORE" | "UID STORE" => self.store(args, verb == "UID STORE"),
            "COPY" | "UID COPY" => self.copy(args, verb == "UID COPY"),
            "MOVE" | "UID MOVE" if self.options().offers("MOVE") => self.move_(args, verb == "UID MOVE"),
            _ => Err(parse::bad("not now, or never heard of")),
        })
    }

    fn options(&self) -> &Options {
        &self.shared.options
    }

    fn mistake(&mut self) -> Result<()> {
        self.mistakes += 1;
        if self.mistakes > MISTAKE_LIMIT {
            self.conn.put("* BYE Too many mistakes\r\n");
            return Err(Ended::Gone);
        }
        Ok(())
    }

    /// Runs `work` on this user's account, under the lock.
    fn with_account<T>(
        &self,
        work: impl FnOnce(&mut Account) -> std::result::Result<T, Refusal>,
    ) -> std::result::Result<T, Refusal> {
        self.with_state(|state, user| state.account(user).map_or_else(|| no("That account is gone"), work))
    }

    /// Runs `work` on all there is, under the lock.
    fn with_state<T>(&self, work: impl FnOnce(&mut State, &str) -> T) -> T {
        work(&mut self.shared.store.lock(), self.user.as_deref().unwrap_or_default())
    }

    /// A mailbox name as it goes over the wire, quoted.
    fn mailbox_name(&self, name: &str) -> String {
        let name = if self.utf8 { name.to_owned() } else { utf7::encode(name) };
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
