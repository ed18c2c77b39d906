//! Which keys mean something here, and what was meant by those that don't.

use crate::jakarta::{self, Family, Rule};
use crate::suggest::nearest;
use crate::{DiagnosisKind, PropertySpec, Registry, Secret, TransportFactory, session_property};

/// For more unknown keys than this nobody looks for what was meant: that takes long, and a text with so many is not
/// made of slips.
const SEARCHED: usize = 100;

/// What is wrong with a key, or with its value for what Jakarta Mail fixes.
pub(crate) struct KeyFault {
    pub(crate) kind: DiagnosisKind,
    pub(crate) what: String,
    pub(crate) advice: String,
}

impl KeyFault {
    fn unknown(key: &str, why: &str, advice: impl Into<String>) -> Self {
        let what = format!("\"{}\" is not a property: {why}", key.escape_debug());
        Self { kind: DiagnosisKind::UnknownKey, what, advice: advice.into() }
    }
}

impl Registry {
    /// What is wrong with this key; `elsewhere` names transports whose keys are let pass if they are not here,
    /// `before` is how many keys something was wrong with already.
    pub(crate) fn key_fault(
        &self,
        key: &str,
        value: &Secret,
        elsewhere: &[&str],
        before: usize,
    ) -> Option<KeyFault> {
        if self.declares(key) {
            return None;
        }
        let prefix = prefix_and_name(key).map_or("", |(prefix, _)| prefix);
        let absent = elsewhere.contains(&prefix) && !self.owns(prefix);
        match jakarta::find(key).map(|known| known.rule) {
            Some(Rule::Refused { why, advice }) => return Some(refused(key, why, advice)),
            Some(Rule::Fixed { values, why, advice }) => return fixed(key, value, values, why, advice),
            // Known, although no transport here has a use for it.
            Some(Rule::Honoured) if prefix.is_empty() => return None,
            _ if absent => return None,
            Some(Rule::Honoured) if self.owns(prefix) => {
                let why = "the transport that is linked under this name does not know it";
                return Some(refused(key, why, "remove it"));
            }
            _ => {}
        }
        if before >= SEARCHED {
            let advice = "remove it, or correct the others first: then it is told what may have been meant";
            return Some(KeyFault::unknown(key, "there is none of that name", advice));
        }
        Some(self.misspelt(key))
    }

    /// Nothing is called this. What was meant?
    fn misspelt(&self, key: &str) -> KeyFault {
        if let Some(rest) = key.strip_prefix("mail.session.") {
            let meant = if rest.starts_with("mail.") { rest.to_owned() } else { format!("mail.{rest}") };
            let advice = format!("drop the prefix: write {meant}");
            return KeyFault::unknown(key, "it begins with mail.session.", advice);
        }
        if let Some(meant) = self.like(key) {
            if let Some(Rule::Refused { why, advice }) = jakarta::find(&meant).map(|known| known.rule) {
                return refused(key, why, advice);
            }
            let (why, advice) = if meant.eq_ignore_ascii_case(key) {
                ("upper and lower case make a difference", format!("write {meant}"))
            } else {
                ("a key has no blanks, no quotes, and dots between its words", format!("write {meant}"))
            };
            return KeyFault::unknown(key, why, advice);
        }
        if let Some(at) = key.match_indices(".mail.").map(|(at, _)| at + 1).find(|at| self.means(key, *at)) {
            let (prefix, meant) = key.split_at(at);
            let why = format!("it begins with {}", prefix.escape_debug());
            return KeyFault::unknown(key, &why, format!("drop the prefix: write {meant}"));
        }
        match prefix_and_name(key) {
            Some((prefix, name)) if self.owns(prefix) => self.unknown_of(key, prefix, name),
            Some(_) => self.unknown_general(key),
            None => {
                let full = format!("mail.{key}");
                let meant = self.nearest_key(&full).unwrap_or(full);
                KeyFault::unknown(key, "it does not begin with mail.", format!("did you mean {meant}?"))
            }
        }
    }

    /// `mail.<transport>.<name>` where the transport has no such name.
    fn unknown_of(&self, key: &str, prefix: &str, name: &str) -> KeyFault {
        let owners = || self.factories().filter(|f| f.owns(prefix));
        if let Some((_, text)) = owners().flat_map(|f| f.preset).find(|(preset, _)| *preset == key) {
            let why = format!("{prefix} sets it itself, to {text}, and that can't be changed");
            let plain = "remove it, or choose a transport that is not made for one provider";
            return KeyFault::unknown(key, &why, plain);
        }
        let why = format!("the {prefix} transport has none of that name");
        let names: Vec<&str> = owners().flat_map(TransportFactory::specs).map(|s| s.name).collect();
        let others = self.others_with(prefix, name);
        let advice = if let Some(first) = others.first() {
            let advice = format!("{name} is a property of {}: write mail.{first}.{name}", others.join(", "));
            return KeyFault::unknown(key, &why, format!("{advice}, or remove it"));
        } else if let Some(near) = nearest(name, names.iter().copied()) {
            format!("did you mean mail.{prefix}.{near}?")
        } else if let Some(near) = self.nearest_key(key) {
            format!("did you mean {near}?")
        } else {
            format!("`postrider plugins --properties {prefix}` lists what {prefix} understands")
        };
        KeyFault::unknown(key, &why, advice)
    }

    /// `mail.<word>.…` where the word is no transport.
    fn unknown_general(&self, key: &str) -> KeyFault {
        let rest = key.strip_prefix("mail.").unwrap_or(key);
        let (prefix, name) = rest.split_once('.').unwrap_or(("", rest));
        let why = if prefix.is_empty() {
            "there is no general one of that name".to_owned()
        } else {
            format!("no transport \"{}\" is linked and it is no general one", prefix.escape_debug())
        };
        let own = self.others_with("", rest);
        let advice = if !own.is_empty() {
            let keys: Vec<String> =
                own.iter().take(3).map(|prefix| format!("mail.{prefix}.{rest}")).collect();
            return KeyFault::unknown(
                key,
                &why,
                format!("set it for a transport: write {}", keys.join(" or ")),
            );
        } else if let Some(near) = nearest(rest, self.general()) {
            format!("did you mean mail.{near}?")
        } else if let Some(near) = nearest(prefix, self.factories().flat_map(TransportFactory::names)) {
            format!("did you mean mail.{near}.{name}?")
        } else if let Some(near) = self.nearest_key(key) {
            format!("did you mean {near}?")
        } else {
            "remove it, or link the transport it belongs to".into()
        };
        KeyFault::unknown(key, &why, advice)
    }

    /// True if a transport of this registry or the session has the key.
    pub(crate) fn declares(&self, key: &str) -> bool {
        let Some(rest) = key.strip_prefix("mail.") else { return false };
        if self.general().any(|name| name == rest) {
            return true;
        }
        let Some((prefix, name)) = prefix_and_name(key) else { return false };
        let session = session_property::PROPERTIES.iter().filter(|s| s.shared);
        let mut owners = self.factories().filter(|f| f.owns(prefix)).peekable();
        owners.peek().is_some()
            && owners.flat_map(TransportFactory::specs).chain(session).any(|s| s.name == name)
    }

    /// What is declared of a full key, by the transport it belongs to or for the session.
    pub fn property(&self, key: &str) -> Option<PropertySpec> {
        let rest = key.strip_prefix("mail.")?;
        let (prefix, name) = prefix_and_name(key)?;
        let owners = self.factories().filter(|f| f.owns(prefix));
        let own = owners.flat_map(TransportFactory::specs).find(|s| s.name == name);
        let shared =
            || self.factories().flat_map(TransportFactory::specs).find(|s| s.shared && s.name == rest);
        let session =
            || session_property::PROPERTIES.iter().find(|s| s.name == rest || (s.shared && s.name == name));
        own.or_else(session).or_else(shared).copied()
    }

    /// Every name that is set as `mail.<name>`.
    fn general(&self) -> impl Iterator<Item = &'static str> + '_ {
        let shared = self.factories().flat_map(TransportFactory::specs).filter(|s| s.shared);
        session_property::PROPERTIES.iter().chain(shared).map(|s| s.name)
    }

    /// Every full key there is, Jakarta Mail's refused ones too: whoever writes one is told why it is refused.
    pub(crate) fn known_keys(&self) -> impl Iterator<Item = String> + '_ {
        let general = self.general().map(|name| format!("mail.{name}"));
        let own = self.factories().flat_map(|f| {
            f.names().flat_map(move |prefix| f.specs().map(move |s| format!("mail.{prefix}.{}", s.name)))
        });
        general.chain(own).chain(jakarta::keys().map(|known| known.key()))
    }

    fn nearest_key(&self, key: &str) -> Option<String> {
        let refused =
            |key: &str| matches!(jakarta::find(key), Some(k) if matches!(k.rule, Rule::Refused { .. }));
        let known: Vec<String> = self.known_keys().filter(|key| !refused(key)).collect();
        nearest(key, known.iter().map(String::as_str)).map(str::to_owned)
    }

    /// The key that this is but for letter case, blanks, quotes, underscores for dots.
    fn like(&self, key: &str) -> Option<String> {
        let plain = |text: &str| {
            let kept = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\''));
            kept.map(|c| if c == '_' { '.' } else { c.to_ascii_lowercase() }).collect::<String>()
        };
        let wanted = plain(key);
        self.known_keys().find(|known| plain(known) == wanted)
    }

    fn means(&self, key: &str, at: usize) -> bool {
        key.get(at..).is_some_and(|rest| self.declares(rest) || jakarta::find(rest).is_some())
    }

    /// Transports, by their own names, that have a property of this name; `prefix` is not one of them.
    fn others_with(&self, prefix: &str, name: &str) -> Vec<&'static str> {
        let has = |f: &&'static TransportFactory| !f.owns(prefix) && f.specs().any(|s| s.name == name);
        let mut names: Vec<&str> = self.factories().filter(has).map(|f| f.name).collect();
        if names.is_empty() {
            let listed = jakarta::keys().filter(|k| k.name == name && k.rule == Rule::Honoured);
            let families = listed.map(|k| k.family).filter(|f| !f.prefixes().contains(&prefix));
            names = families.filter_map(|f: Family| f.prefixes().first().copied()).collect();
        }
        // Plain protocols first: they are what the others are made of.
        names.sort_by_key(|name| {
            (Family::PROTOCOLS.iter().position(|f| f.prefixes().contains(name)).unwrap_or(9), *name)
        });
        names.dedup();
        names
    }

    pub(crate) fn factories(&self) -> impl Iterator<Item = &'static TransportFactory> + '_ {
        self.iter().map(|(factory, _)| factory)
    }

    fn owns(&self, prefix: &str) -> bool {
        self.factories().any(|f| f.owns(prefix))
    }
}

impl TransportFactory {
    pub(crate) fn owns(&self, prefix: &str) -> bool {
        self.names().any(|name| name == prefix)
    }
}

/// The two words of `mail.<prefix>.<name>`.
pub(crate) fn prefix_and_name(key: &str) -> Option<(&str, &str)> {
    let rest = key.strip_prefix("mail.")?;
    Some(rest.split_once('.').unwrap_or(("", rest)))
}

fn refused(key: &str, why: &str, advice: &str) -> KeyFault {
    let what = format!("{key} is refused: {why}");
    KeyFault { kind: DiagnosisKind::RefusedKey, what, advice: advice.into() }
}

fn fixed(key: &str, value: &Secret, values: &[&str], why: &str, advice: &str) -> Option<KeyFault> {
    let text = value.expose().trim().to_ascii_lowercase();
    if text.is_empty() || values.contains(&text.as_str()) {
        return None;
    }
    let what = format!("{key} can only be {}: {why}", values.join(" or "));
    Some(KeyFault { kind: DiagnosisKind::RefusedKey, what, advice: advice.into() })
}
