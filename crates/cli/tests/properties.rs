//! docs/properties.md is written from the tables, and no key of Jakarta Mail is missing from them.
//!
//! `UPDATE=1 cargo test -p postrider-cli --test properties` writes the file anew.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod properties_doc;

// Naming them links them.
use postrider_async_imap as _;
use postrider_lettre as _;
use postrider_maildir as _;
use postrider_memory as _;
use postrider_sendmail as _;

use postrider::jakarta::{self, Family, JakartaKey, Rule};
use postrider::{Layer, LayerKind, Properties, Registry};
use properties_doc::Counts;
use std::collections::BTreeSet;
use std::path::Path;

/// Keys that are to be honoured and are not yet, as in jakarta-keys.txt. It only ever gets shorter.
const PENDING: &str = "";

/// The full keys of a list: on each line whose it is and its name; `all` are the three protocols.
fn keys(list: &str) -> Vec<String> {
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let each = lines.flat_map(|line| {
        let (family, name) = line.split_once(' ').unwrap();
        let protocols = match family {
            "session" => vec![""],
            "all" => vec!["smtp.", "imap.", "pop3."],
            "smtp" => vec!["smtp."],
            "imap" => vec!["imap."],
            _ => vec!["pop3."],
        };
        protocols.into_iter().map(move |prefix| format!("mail.{prefix}{name}"))
    });
    each.collect()
}

/// True if a linked transport, or the session, declares the key.
fn is_declared(registry: &Registry, key: &JakartaKey) -> bool {
    registry.property(&key.key()).is_some()
}

fn counts(registry: &Registry) -> Counts {
    let mut counts = Counts::default();
    for key in jakarta::keys() {
        match key.rule {
            _ if is_declared(registry, &key) => counts.honoured += 1,
            Rule::Honoured => counts.pending += 1,
            Rule::Fixed { .. } => counts.fixed += 1,
            _ => counts.refused += 1,
        }
    }
    counts
}

#[test]
fn every_key_of_jakarta_mail_is_honoured_or_refused_by_name() {
    let registry = Registry::linked().unwrap();
    let counts = counts(&registry);
    println!("{counts}");
    let neither: BTreeSet<String> = jakarta::keys()
        .filter(|key| key.rule == Rule::Honoured && !is_declared(&registry, key))
        .map(|key| key.key())
        .collect();
    let pending: BTreeSet<String> = keys(PENDING).into_iter().collect();
    let lost: Vec<_> = neither.difference(&pending).collect();
    assert!(lost.is_empty(), "neither honoured by a linked transport nor refused by name: {lost:?}");
    let landed: Vec<_> = pending.difference(&neither).collect();
    assert!(landed.is_empty(), "these are honoured now: take them off the list PENDING: {landed:?}");
}

#[test]
fn the_list_holds_every_key_that_the_documentation_names() {
    let listed: BTreeSet<String> = jakarta::keys().map(|key| key.key()).collect();
    let documented = keys(include_str!("jakarta-keys.txt"));
    for key in &documented {
        assert!(listed.contains(key), "{key} is accounted for nowhere");
    }
    let documented = documented.len();
    assert_eq!(documented, listed.len(), "the table has keys that no documentation names");
}

#[test]
fn a_refused_key_is_an_error_with_its_reason_in_every_layer_and_a_fixed_one_has_its_value() {
    let registry = Registry::linked().unwrap();
    let kinds = [
        LayerKind::System,
        LayerKind::Account,
        LayerKind::Environment,
        LayerKind::Host,
        LayerKind::Overrides,
    ];
    let errors = |kind, key: &str, value: &str| {
        let layer = Layer::new(kind, "here").with(key, value);
        registry.unknown_keys(&Properties::new([layer]), &[])
    };
    for key in jakarta::keys().filter(|key| !is_declared(&registry, key)) {
        let prefixes = key.family.prefixes();
        let names = prefixes.iter().map(|p| format!("mail.{p}.{}", key.name));
        let names: Vec<String> = if prefixes.is_empty() { vec![key.key()] } else { names.collect() };
        for (kind, name) in kinds.iter().flat_map(|kind| names.iter().map(move |name| (*kind, name))) {
            let (why, advice) = match key.rule {
                Rule::Refused { why, advice } => (why, advice),
                Rule::Fixed { values, why, advice } => {
                    assert!(values.iter().all(|value| errors(kind, name, value).is_empty()), "{name}");
                    (why, advice)
                }
                _ => continue,
            };
            let found = errors(kind, name, "nothing of the kind");
            assert_eq!(found.len(), 1, "{name}");
            assert!(
                found[0].message().contains(why) && found[0].message().contains(name.as_str()),
                "{}",
                found[0]
            );
            assert_eq!(found[0].advice(), Some(advice));
        }
    }
}

#[test]
fn the_documentation_is_what_the_tables_say() {
    let registry = Registry::linked().unwrap();
    let text = properties_doc::text(&registry, counts(&registry), |key| is_declared(&registry, key));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/properties.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/properties.md is not up to date: run this test with UPDATE=1");
    assert!(
        Family::PROTOCOLS.iter().all(|family| text.contains(&format!("mail.{}.host", family.prefixes()[0])))
    );
}
