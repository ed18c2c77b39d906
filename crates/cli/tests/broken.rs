//! Settings as people get them wrong, and what `postrider config check` says, word for word.
//!
//! `broken/NN-name.toml` or `.properties` is the file, `broken/NN-name.expected` all that is printed.
//! `UPDATE=1 cargo test -p postrider-cli --test broken` writes what is printed anew.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken")
}

/// What the check prints of a copy that only we can read (a checkout is readable to all), and how it ends.
fn checked(name: &str, mode: u32, more: &[&str]) -> (String, i32) {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join(name);
    std::fs::copy(folder().join(name), &copy).unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(mode)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.args(["config", "check", name]).args(more).current_dir(directory.path());
    if name.contains("portal") {
        command.args(["--as", "portal"]);
    }
    let done = command.output().unwrap();
    assert!(done.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    (String::from_utf8(done.stdout).unwrap(), done.status.code().unwrap())
}

fn files() -> Vec<String> {
    let names = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.ends_with(".expected")).collect();
    names.sort();
    names
}

#[test]
fn every_broken_file_is_answered_word_for_word() {
    let files = files();
    assert!(files.len() >= 30);
    let mut wrong = Vec::new();
    for name in &files {
        let (printed, code) = checked(name, 0o600, &[]);
        assert!(!printed.contains("hunter2") && !printed.contains("ijkl"), "{name}: {printed}");
        assert!(!printed.contains("no mistakes found"), "{name}");
        let failed = printed.lines().any(|line| line.contains(": error: ") || line.starts_with("error: "));
        assert_eq!(code, if failed { 78 } else { 0 }, "{name}: {printed}");
        let path = folder().join(name).with_extension("expected");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &printed).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        if expected != printed {
            wrong.push(format!("{name}\n--- expected\n{expected}--- printed\n{printed}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_machine_is_told_the_same() {
    for name in files() {
        let (printed, _) = checked(&name, 0o600, &["--json"]);
        let (told, _) = checked(&name, 0o600, &[]);
        let value: serde_json::Value = serde_json::from_str(&printed).unwrap();
        let diagnoses = value["diagnoses"].as_array().unwrap();
        assert_eq!(diagnoses.len(), told.lines().count() - 1, "{name}");
        for (diagnosis, line) in diagnoses.iter().zip(told.lines()) {
            let severity = diagnosis["severity"].as_str().unwrap();
            assert!(line.contains(&format!("{severity}: ")), "{name}: {line}");
            assert!(diagnosis["kind"].is_string() && diagnosis["what"].is_string(), "{name}");
        }
        let errors = diagnoses.iter().filter(|d| d["severity"] == "error").count();
        assert_eq!(value["errors"], errors, "{name}");
    }
}

#[test]
fn a_secret_that_others_may_read_is_pointed_out_with_its_line() {
    let (printed, code) = checked("33-user-missing.toml", 0o640, &[]);
    let line = "33-user-missing.toml:3: warning: mail.smtp.password: it is a secret, and others may read or change \
                this file (mode 640) -> chmod 600 33-user-missing.toml";
    assert!(printed.lines().any(|l| l == line) && code == 78, "{printed}");
}

#[test]
fn a_good_file_has_no_mistakes_and_one_without_password_is_good() {
    let directory = tempfile::tempdir().unwrap();
    let run = |text: &str, more: &[&str]| {
        std::fs::write(directory.path().join("good.toml"), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
        let done = command.args(["config", "check", "good.toml"]).args(more).current_dir(directory.path());
        let done = done.output().unwrap();
        (String::from_utf8(done.stdout).unwrap(), done.status.code().unwrap())
    };
    let text = "[mail.smtp]\nhost = 'mail.example.org'\nport = 587\nuser = 'me'\n";
    let (printed, code) = run(text, &[]);
    assert_eq!((printed.as_str(), code), ("no mistakes found\n", 0));
    let (printed, code) = run(&format!("{text}auth = true\n"), &[]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("note: mail.smtp.password is not set"), "{printed}");
    let (_, code) = run(text, &["--account", "x"]);
    assert_eq!(code, 78);
}
