//! What every key is, where it came from and what it covered.

use crate::properties::Found;
use crate::shown::without_login;
use crate::{Origin, Properties, PropertySpec, session_property};
use serde::Serialize;
use std::collections::BTreeSet;

/// One key of a session as it stands. Safe to show: secrets are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explained {
    /// The full key: the one whose value counts, or, for a default, the one to set.
    pub key: String,
    /// Its effective text, `***` for a secret, and for a login in front of a host.
    pub value: String,
    /// Where it came from; `None` for a default.
    pub origin: Option<Origin>,
    /// True if no layer above its own can change it.
    pub locked: bool,
    /// The values that it beat, highest first: of the same key, or of another name for it.
    pub covered: Vec<Covered>,
    /// True if a transport has read it.
    pub read: bool,
    /// What is declared of it; `None` for a key that the transport of this view has no use for.
    pub property: Option<PropertySpec>,
}

/// A value that another one beat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Covered {
    /// Its full key.
    pub key: String,
    /// Where it stands.
    pub origin: Origin,
    /// Its text, `***` for a secret.
    pub value: String,
}

impl Explained {
    /// True if nobody set it, or somebody unset it by an empty text.
    pub fn is_default(&self) -> bool {
        self.origin.is_none()
    }

    /// True if this is the key, or one that was beaten here.
    pub fn is_about(&self, key: &str) -> bool {
        self.key == key || self.covered.iter().any(|covered| covered.key == key)
    }
}

impl Properties {
    /// Every key that is set in some layer, and every property with a default of the session and of the transport
    /// this view is for, sorted by key.
    ///
    /// A property that can be set under several keys (`mail.smtps.host`, `mail.smtp.host`, `mail.host`) is one
    /// entry under the key that counts.
    pub fn explain(&self) -> Vec<Explained> {
        let mut out = Vec::new();
        let mut done = BTreeSet::new();
        for (view, spec) in self.explained_specs() {
            let keys = view.candidates(&spec);
            out.extend(view.explain_spec(&spec, &keys));
            done.extend(keys);
        }
        let set: BTreeSet<&str> = self.layers().iter().flat_map(|l| l.keys()).collect();
        for key in set.into_iter().filter(|key| !done.contains(*key)) {
            let keys = [key.to_owned()];
            if let Some(found) = self.winner(&keys) {
                out.push(self.explain_found(&found, &keys, None));
            }
        }
        out.sort_by(|a, b| a.key.cmp(&b.key));
        out
    }

    /// Every declaration that matters in this view, with the view it is read by.
    fn explained_specs(&self) -> Vec<(Self, PropertySpec)> {
        let whole = self.scoped(&[], &[]);
        let mut out: Vec<(Self, PropertySpec)> = Vec::new();
        for spec in self.specs() {
            // Two tables of one transport may declare the same.
            if !out.iter().any(|(_, known)| known.name == spec.name) {
                out.push((self.clone(), *spec));
            }
        }
        for spec in session_property::PROPERTIES {
            if !out.iter().any(|(_, known)| known.name == spec.name) {
                let view = if spec.shared { self } else { &whole };
                out.push((view.clone(), *spec));
            }
        }
        out
    }

    fn explain_spec(&self, spec: &PropertySpec, keys: &[String]) -> Option<Explained> {
        let found = self.find(spec);
        if let Some(found) = &found
            && (!is_empty(spec, found) || spec.default.is_none())
        {
            return Some(self.explain_found(found, keys, Some(*spec)));
        }
        let default = spec.default?;
        // What belongs to the session is set for all, although it can be set for one transport.
        let is_own = self.specs().iter().any(|own| own.name == spec.name);
        let key = if is_own { self.key(spec) } else { format!("mail.{}", spec.name) };
        // An empty text unsets what is under it.
        let covered = if found.is_some() { self.beaten(None, keys, Some(spec)) } else { Vec::new() };
        let read = match &found {
            Some(found) => self.was_read(&found.key),
            None => self.was_read(&key) || self.was_read(&self.key(spec)),
        };
        let (value, property) = (default.to_owned(), Some(*spec));
        Some(Explained { key, value, origin: None, locked: false, covered, read, property })
    }

    fn explain_found(&self, found: &Found<'_>, keys: &[String], property: Option<PropertySpec>) -> Explained {
        let origin = found.layer.origin(found.entry);
        Explained {
            key: found.key.clone(),
            value: self.shown(&found.key, found.entry.value.expose(), property.as_ref()),
            origin: Some(origin),
            locked: found.entry.locked,
            covered: self.beaten(Some(found), keys, property.as_ref()),
            read: self.was_read(&found.key),
            property,
        }
    }

    /// All values of these keys but the winner's, highest first.
    fn beaten(
        &self,
        winner: Option<&Found<'_>>,
        keys: &[String],
        spec: Option<&PropertySpec>,
    ) -> Vec<Covered> {
        let mut out = Vec::new();
        for (rank, layer) in self.layers().iter().enumerate().rev() {
            for key in keys {
                let Some(entry) = layer.entry(key) else { continue };
                if winner.is_none_or(|w| w.rank != rank || w.key != *key) {
                    let value = self.shown(key, entry.value.expose(), spec);
                    out.push(Covered { key: key.clone(), origin: layer.origin(entry), value });
                }
            }
        }
        out
    }

    /// A value fit to be seen. That one is empty is no secret.
    fn shown(&self, key: &str, text: &str, spec: Option<&PropertySpec>) -> String {
        let declared = || self.specs().iter().any(|s| s.is_secret() && key.ends_with(s.name));
        let secret = spec.is_some_and(PropertySpec::is_secret) || is_secret(key) || declared();
        if secret && !text.is_empty() { "***".to_owned() } else { without_login(text).into_owned() }
    }
}

fn is_empty(spec: &PropertySpec, found: &Found<'_>) -> bool {
    let text = found.entry.value.expose();
    if spec.is_secret() { text.is_empty() } else { text.trim().is_empty() }
}

/// A key nobody declared may still hold a secret: its name tells.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["pass", "pwd", "secret", "token", "credential"].iter().any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layer, LayerKind, Property};

    #[test]
    fn explain_tells_value_layer_covered_and_whether_it_was_read_without_secrets() {
        let low = Layer::new(LayerKind::System, "system.toml")
            .with("mail.x.host", "a")
            .with("mail.x.password", "hunter2")
            .with("mail.other.token", "hunter3")
            .with("mail.x.pass", "hunter4")
            .with("mail.x.pwd", "hunter5")
            .with("mail.x.proxy.host", "http://me:hunter6@proxy:80");
        let high = Layer::new(LayerKind::Overrides, "box").with("mail.x.host", "b");
        let p = Properties::new([low, high]).scoped(&["x"], &[]);
        const HOST: Property<String> = Property::new("host", "");
        p.read(&HOST).unwrap();
        let all = p.explain();
        let host = all.iter().find(|e| e.key == "mail.x.host").unwrap();
        assert_eq!((host.value.as_str(), host.read, host.covered.len()), ("b", true, 1));
        assert!(!serde_json::to_string(&all).unwrap().contains("hunter"));
    }

    #[test]
    fn a_default_stands_under_its_full_key_exactly_while_nothing_is_set() {
        const WRITE: Property<String> = Property::new("writetimeout", "").default("180s");
        let specs = [WRITE.spec()];
        for (key, shown) in [
            ("mail.y.writetimeout", true),
            ("mail.x.mywritetimeout", true),
            ("mail.x.writetimeout", false),
            ("mail.xs.writetimeout", false),
        ] {
            let layer = Layer::new(LayerKind::System, "file").with(key, "1s");
            let all = Properties::new([layer]).scoped(&["x", "xs"], &specs).explain();
            let default = all.iter().find(|e| e.key == "mail.x.writetimeout" && e.origin.is_none());
            assert_eq!(default.map(|e| e.value.as_str()), shown.then_some("180s"), "{key}");
            assert!(all.is_sorted_by_key(|e| &e.key));
        }
    }
}
