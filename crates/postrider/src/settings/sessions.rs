//! Sessions that a program lends by name.

use crate::Session;
use postrider_core::{Error, ErrorKind, Layer, Note, NoteKind, Phase, Properties, Result, session_property};
use std::collections::BTreeMap;

/// Sessions that the program, or what it runs in, has made already, by name. Where `mail.session.name` is set, a
/// [`SessionBuilder`](crate::SessionBuilder) that was given them takes the one of that name, as it is, instead of
/// making one.
///
/// ```
/// # fn example(made: postrider::Session) -> postrider::Result<()> {
/// use postrider::{Session, settings::Sessions};
///
/// let mut sessions = Sessions::new();
/// sessions.add("mail/MailSession", made)?;
/// let session = Session::builder().sessions(sessions).property("mail.session.name", "mail/MailSession").build()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    by_name: BTreeMap<String, Session>,
}

impl Sessions {
    /// No sessions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a session.
    ///
    /// # Errors
    /// `Configuration` if the name is taken or empty.
    pub fn add(&mut self, name: impl Into<String>, session: Session) -> Result<()> {
        let name = name.into();
        if name.trim().is_empty() || self.by_name.contains_key(&name) {
            let message =
                format!("no session can be lent as \"{}\": the name is empty or taken", name.escape_debug());
            return Err(Error::new(ErrorKind::Configuration, Phase::Configure, message)
                .with_advice("give every session a name of its own"));
        }
        self.by_name.insert(name, session);
        Ok(())
    }

    /// The session of this name.
    ///
    /// # Errors
    /// `Configuration` that lists the names there are.
    pub fn find(&self, name: &str) -> Result<&Session> {
        self.by_name.get(name).ok_or_else(|| {
            let there = match self.by_name.len() {
                0 => "the program lends none".to_owned(),
                _ => format!("there are: {}", self.names().collect::<Vec<_>>().join(", ")),
            };
            let message = format!("there is no session \"{}\" to use; {there}", name.escape_debug());
            Error::new(ErrorKind::Configuration, Phase::Configure, message)
                .with_advice("write one of these names, or remove mail.session.name and set servers instead")
        })
    }

    /// The session that the properties name, with a note for each of them that is without effect because of it.
    pub(crate) fn lend(&self, name: &str, properties: &Properties) -> Result<Session> {
        let key = format!("mail.{}", session_property::SESSION_NAME.name());
        let origin = properties.origin(&session_property::SESSION_NAME);
        let session = self.find(name).map_err(|e| e.with_property(&key, origin))?;
        let mut notes: Vec<Note> = properties.layers().iter().flat_map(Layer::notes).cloned().collect();
        for layer in properties.layers() {
            for other in layer.keys().filter(|other| *other != key) {
                let position = layer.position(other).unwrap_or_default();
                let message = format!(
                    "it is without effect: {key} takes the session \"{}\" as it is",
                    name.escape_debug()
                );
                notes.push(Note::new(NoteKind::NotUsed, other, position, message));
            }
        }
        Ok(session.noted(notes))
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}
