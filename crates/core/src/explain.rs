//! What every key is, where it came from and what it covered.

use crate::{Origin, Properties};
use serde::Serialize;
use std::collections::BTreeSet;

/// One key of a session as it stands. Safe to show: secrets are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explained {
    /// The full key.
    pub key: String,
    /// Its effective text, `***` for a secret.
    pub value: String,
    /// Where it came from; `None` for a default.
    pub origin: Option<Origin>,
    /// The values under it that it beat, highest first.
    pub covered: Vec<(Origin, String)>,
    /// True if a transport has read it.
    pub read: bool,
}

impl Properties {
    /// Every key that is set in some layer, and the defaults of the transport this view is for, sorted by
    /// key.
    pub fn explain(&self) -> Vec<Explained> {
        let keys: BTreeSet<&str> = self.layers().iter().flat_map(|l| l.keys()).collect();
        let mut out: Vec<Explained> = keys.into_iter().filter_map(|key| self.explain_key(key)).collect();
        for spec in self.specs() {
            if let Some(default) = spec.default
                && self.find(spec).is_none()
            {
                let (key, value) = (self.key(spec), default.to_owned());
                out.push(Explained { key, value, origin: None, covered: Vec::new(), read: false });
            }
        }
        out.sort_by(|a, b| a.key.cmp(&b.key));
        out
    }

    fn explain_key(&self, key: &str) -> Option<Explained> {
        let secret = is_secret(key) || self.specs().iter().any(|s| s.is_secret() && key.ends_with(s.name));
        let show = |text: &str| if secret { "***".to_owned() } else { text.to_owned() };
        let winner = self.winner(&[key.to_owned()])?;
        let mut covered: Vec<_> = Vec::new();
        for (rank, layer) in self.layers().iter().enumerate().rev() {
            if rank != winner.rank
                && let Some(entry) = layer.entry(key)
            {
                covered.push((layer.origin(entry), show(entry.value.expose())));
            }
        }
        Some(Explained {
            key: key.to_owned(),
            value: show(winner.entry.value.expose()),
            origin: Some(winner.layer.origin(winner.entry)),
            covered,
            read: self.was_read(key),
        })
    }
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
            .with("mail.x.pwd", "hunter5");
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
