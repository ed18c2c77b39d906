//! docs/settings.md says nothing that can't be read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use postrider::java_properties::JavaEncoding;
use postrider::settings::{Environment, Form, PropertiesFile, ProtocolForm, SecureForm};
use postrider::*;

const DOCUMENT: &str = include_str!("../../../docs/settings.md");

/// The examples in a language.
fn examples(language: &str) -> Vec<&'static str> {
    let parts = DOCUMENT.split("```").skip(1).step_by(2);
    let found: Vec<_> = parts.filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n')).collect();
    assert!(!found.is_empty(), "{language}");
    found
}

#[test]
fn every_file_in_the_document_is_read_without_a_note() {
    for text in examples("toml") {
        let file = AccountFile::parse("accounts.toml", text).unwrap();
        let layers = file.layers_of(Some("shop"), Some("orders")).unwrap();
        assert_eq!(layers.len(), 3);
        assert!(layers[0].is_locked("mail.smtp.host"));
        file.layers(None).unwrap();
    }
    for text in examples("properties") {
        let file = PropertiesFile::parse("mail.properties", text.as_bytes(), JavaEncoding::Detect).unwrap();
        assert_eq!(file.layer(LayerKind::System).unwrap().notes(), []);
    }
}

#[test]
fn every_form_in_the_document_is_read() {
    let json = examples("json");
    let forms: [Form; 2] = [
        serde_json::from_str::<SecureForm>(json[0]).unwrap().into(),
        serde_json::from_str::<ProtocolForm>(json[1]).unwrap().into(),
    ];
    for form in forms {
        let layers = form.layers(LayerKind::System, &[], &Registry::empty()).unwrap();
        let all = Properties::new(layers).explain();
        assert!(all.iter().any(|e| e.key == "mail.smtp.host" && e.value == "smtp.example.org"));
    }
}

#[test]
fn every_variable_in_the_document_sets_the_key_beside_it() {
    let rows = DOCUMENT.lines().filter_map(|line| {
        let (name, key) = line.strip_prefix("| `")?.strip_suffix("` |")?.split_once("` | `")?;
        (name.starts_with("POSTRIDER_") || name.starts_with("LIFERAY_")).then_some((name, key))
    });
    let mut count = 0;
    for (name, key) in rows {
        let environment = Environment::new([(name.into(), "1".into())]);
        let mut layers = environment.portal_layers().unwrap();
        layers.push(environment.layer().unwrap());
        assert!(layers.iter().any(|layer| layer.position(key) == Some(name)), "{name}");
        count += 1;
    }
    assert_eq!(count, 6);
}

#[test]
fn the_layers_in_the_document_stand_in_the_order_they_have() {
    let names: Vec<&str> = DOCUMENT
        .lines()
        .skip_while(|line| !line.starts_with("| layer |"))
        .skip(3)
        .map_while(|line| line.strip_prefix("| ")?.split(" |").next())
        .collect();
    let kinds = [
        LayerKind::Preset,
        LayerKind::System,
        LayerKind::Instance,
        LayerKind::Account,
        LayerKind::Environment,
        LayerKind::Host,
        LayerKind::Message,
        LayerKind::Overrides,
    ];
    assert!(kinds.is_sorted());
    assert_eq!(names, kinds.map(|kind| kind.to_string()));
}
