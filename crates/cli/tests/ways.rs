//! The ways that settings come in by, through the command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn postrider(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.args(arguments).env_remove("POSTRIDER_FILE").envs(variables.iter().copied()).output().unwrap()
}

/// What `explain KEY` tells in JSON: the value, and where it stands.
fn explained(file: &Path, key: &str, variables: &[(&str, &str)]) -> (String, String) {
    let output = postrider(&["explain", "--json", "--account-file", file.to_str().unwrap(), key], variables);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = find(&value, key).unwrap_or_else(|| panic!("{value}"));
    let position = found["origin"]["position"].as_str().unwrap();
    let position = Path::new(position).file_name().unwrap().to_str().unwrap();
    (found["value"].as_str().unwrap().to_owned(), position.to_owned())
}

fn find<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) if map.get("key").is_some_and(|k| k == key) && map.contains_key("origin") => {
            Some(value)
        }
        Value::Object(map) => map.values().find_map(|value| find(value, key)),
        Value::Array(values) => values.iter().find_map(|value| find(value, key)),
        _ => None,
    }
}

fn file(name: &str, text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn a_variable_beats_the_file_and_explain_names_it() {
    let (_folder, path) = file("a.toml", "mail.smtp.host = 'file'\nmail.smtp.port = 25\n");
    let variables = [("POSTRIDER_MAIL_SMTP_HOST", "variable")];
    let told = explained(&path, "mail.smtp.host", &variables);
    assert_eq!(told, ("variable".into(), "POSTRIDER_MAIL_SMTP_HOST".into()));
    assert_eq!(explained(&path, "mail.smtp.port", &variables), ("25".into(), "a.toml:2".into()));
}

#[test]
fn a_java_property_file_and_a_portals_are_account_files_too() {
    let (_folder, path) = file("mail.properties", "! Java\nmail.smtp.host : caf\\u00e9.example\n");
    assert_eq!(explained(&path, "mail.smtp.host", &[]), ("café.example".into(), "mail.properties:2".into()));
    let (_folder, path) = file("portal-ext.properties", "mail.session.mail.smtp.host=h\njdbc.x=1\n");
    assert_eq!(explained(&path, "mail.smtp.host", &[]), ("h".into(), "portal-ext.properties:1".into()));
    let name = "LIFERAY_MAIL_PERIOD_SESSION_PERIOD_MAIL_PERIOD_SMTP_PERIOD_HOST";
    assert_eq!(explained(&path, "mail.smtp.host", &[(name, "variable")]), ("variable".into(), name.into()));
}

#[test]
fn a_variable_that_makes_no_key_is_an_error_that_names_it() {
    let output = postrider(&["explain"], &[("POSTRIDER_MAIL_SMTP_HOST_", "x")]);
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("POSTRIDER_MAIL_SMTP_HOST_: an underscore"), "{text}");
}

#[test]
fn config_check_lists_every_line_that_can_not_be_read_and_what_else_is_wrong() {
    for (name, text, parts) in [
        (
            "mail.properties",
            "mail.smtp.host=C:\\users\n=x\nmail.smtp.hots=h\n",
            [":1", "four hexadecimal digits", ":2", "no key before the =", ":3", "mail.smtp.host"],
        ),
        (
            "a.toml",
            "mail.smtp.port = 1.5\nlocked = ['mail.x']\nmail.smtp.hots = 'h'\n",
            [":1", "a whole number", ":2", "not set beside it", ":3", "mail.smtp.host"],
        ),
    ] {
        let (_folder, path) = file(name, text);
        let output = postrider(&["config", "check", path.to_str().unwrap()], &[]);
        let told = String::from_utf8(output.stdout).unwrap();
        for part in parts {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(told.contains("3 errors"), "{told}");
    }
}
