//! What the command does for authors: a scaffold that works, and a look at what was built.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::run;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Writes a crate, runs its tests, and builds its library where nobody else can write.
async fn scaffold(folder: &TempDir, name: &str, direction: &str) -> PathBuf {
    let home = folder.path().join(name);
    let path = home.to_str().unwrap();
    run(&["plugin", "new", name, direction, "--path", path, "--postrider-path", CHECKOUT], b"")
        .await
        .ended(0);
    // The versions that were tested here, so that nothing is asked of a registry.
    std::fs::copy(Path::new(CHECKOUT).join("Cargo.lock"), home.join("Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scaffold");
    let cargo = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(args).arg("--target-dir").arg(&target).current_dir(&home);
        command.env("CARGO_NET_OFFLINE", "true").env("CARGO_INCREMENTAL", "0").env_remove("RUSTFLAGS");
        let out = command.output().unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "{name}: {text}");
        text
    };
    // Its own two crates: with --all it would be those in this checkout too.
    let formatted = Command::new(env!("CARGO"))
        .args(["fmt", "--check", "--package", name, "--package", &format!("{name}-plugin")])
        .current_dir(&home)
        .output();
    assert!(formatted.unwrap().status.success(), "{name} is not formatted");
    let tested = cargo(&["test"]);
    for test in ["linked::keeps_its_promises ... ok", "keeps_its_promises_when_it_is_loaded ... ok"] {
        assert!(tested.contains(test) && !tested.contains("warning"), "{tested}");
    }
    cargo(&["build", "--package", &format!("{name}-plugin")]);
    let file = format!("lib{}_plugin.so", name.replace('-', "_"));
    let library = folder.path().join(&file);
    std::fs::copy(target.join("debug").join(file), &library).unwrap();
    std::fs::set_permissions(&library, std::fs::Permissions::from_mode(0o755)).unwrap();
    library
}

async fn checked(library: &str) -> Value {
    let value = run(&["plugin", "check", library, "--json"], b"").await.ended(0).json().remove(0);
    assert_eq!((&value["broken"], &value["version"]), (&false.into(), &"0.1.0".into()));
    let promises = value["transports"][0]["promises"].as_array().unwrap();
    for promise in promises {
        assert!(["kept", "not-tried"].contains(&promise["result"].as_str().unwrap()), "{promise}");
    }
    let kept: Vec<&str> =
        promises.iter().filter(|p| p["result"] == "kept").map(|p| p["name"].as_str().unwrap()).collect();
    for name in ["without-settings", "properties", "make-without-io"] {
        assert!(kept.contains(&name), "{value}");
    }
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn both_scaffolds_pass_the_suite_are_checked_and_carry_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let out = scaffold(&folder, "out-folder", "--outgoing").await;
    let inn = scaffold(&folder, "in-folder", "--incoming").await;
    let (out, inn) = (out.to_str().unwrap(), inn.to_str().unwrap());

    let value = checked(out).await;
    assert_eq!(
        (&value["package"], &value["transports"][0]["name"]),
        (&"out-folder-plugin".into(), &"out-folder".into())
    );
    assert_eq!(value["transports"][0]["without_settings"]["made"], false);
    let value = checked(inn).await;
    assert_eq!(value["transports"][0]["direction"], "incoming");
    assert_eq!(value["transports"][0]["capabilities"], serde_json::json!(["delete"]));
    let people = run(&["plugin", "check", out], b"").await.ended(0).text();
    for part in [
        "out-folder-plugin 0.1.0",
        "mail.out-folder.folder",
        "Making it does no I/O",
        "Capabilities: -",
        "Not tried, for they take a server that answers",
    ] {
        assert!(people.contains(part), "{people}");
    }

    let listed = run(&["plugins", "--load", out, "--load", inn, "--json"], b"").await.ended(0).json();
    let loaded: Vec<&Value> =
        listed[0]["transports"].as_array().unwrap().iter().filter(|t| t["loaded"] == true).collect();
    assert_eq!((&loaded[0]["origin"], &loaded[1]["origin"]), (&inn.into(), &out.into()));

    let loaded = ["explain", "--load", out, "-p", "mail.transport.protocol=out-folder", "--set"];
    let explained =
        run(&[&loaded[..], &["-p", "mail.out-folder.folder=/f"]].concat(), b"").await.ended(0).text();
    let line = explained.lines().find(|line| line.contains("mail.out-folder.folder")).unwrap();
    assert!(line.contains("/f") && line.contains("yes"), "{explained}");
    let mail = folder.path().join("mail");
    std::fs::create_dir(&mail).unwrap();
    let letter = b"Subject: by plugin\r\n\r\nhello\r\n";
    let set = |key: &str| format!("mail.{key}.folder={}", mail.display());
    let send = ["--from", "me@example.org", "--to", "you@example.org", "--raw", "-"];
    let chosen = [
        "-p",
        "mail.transport.protocol=out-folder",
        "-p",
        &set("out-folder"),
        "-p",
        "mail.send.allowreserved=true",
    ];
    run(&[&["send", "--load", out][..], &chosen, &send].concat(), letter).await.ended(0);
    let to = folder.path().join("fetched");
    let chosen =
        ["-p", "mail.store.protocol=in-folder", "-p", &set("in-folder"), "--output", to.to_str().unwrap()];
    run(&[&["fetch", "--load", inn][..], &chosen].concat(), b"").await.ended(0);
    let file = std::fs::read_dir(&to).unwrap().next().unwrap().unwrap().path();
    let text = String::from_utf8(common::read(file)).unwrap();
    assert!(text.ends_with("Subject: by plugin\r\n\r\nhello\r\n"), "{text}");
}

/// The odd one of the loader's tests: it documents nothing.
fn odd(folder: &TempDir) -> PathBuf {
    built(folder, "odd")
}

/// A library of the loader's tests.
fn built(folder: &TempDir, package: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scaffold");
    let source = Path::new(CHECKOUT).join("crates/loader/tests/plugins");
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--offline", "--package", package, "--target-dir"]).arg(&target);
    command.current_dir(source).env("CARGO_INCREMENTAL", "0").env_remove("RUSTFLAGS");
    assert!(command.status().unwrap().success());
    let file = format!("lib{package}.so");
    let library = folder.path().join(&file);
    std::fs::copy(target.join("debug").join(file), &library).unwrap();
    std::fs::set_permissions(&library, std::fs::Permissions::from_mode(0o755)).unwrap();
    library
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_promise_is_named_and_no_secret_is_taken_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let odd = odd(&folder);
    let odd = odd.to_str().unwrap();
    let value = run(&["plugin", "check", odd, "--json"], b"").await.ended(70).json().remove(0);
    assert_eq!((&value["broken"], &value["package"]), (&true.into(), &"odd".into()));
    let promises = value["transports"][0]["promises"].as_array().unwrap();
    let broken = promises.iter().find(|promise| promise["result"] == "broken").unwrap();
    assert!(broken["seen"].as_str().unwrap().contains("has no documentation"), "{broken}");
    let people = run(&["plugin", "check", odd], b"").await.ended(70).text();
    assert!(people.contains("BROKEN: the property"), "{people}");
    let transports = value["transports"].as_array().unwrap();
    let of = |t: &Value| format!("mail.{}.", t["name"].as_str().unwrap());
    let secret = transports.iter().find_map(|t| {
        let spec = t["properties"].as_array().unwrap().iter().find(|p| p["value"] == "secret")?;
        Some(format!("{}{}=x", of(t), spec["name"].as_str().unwrap()))
    });
    run(&["plugin", "check", odd, "-p", &secret.unwrap()], b"").await.ended(64).says(&["is a secret"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_blocks_or_ends_its_process_is_told_with_what_it_was_doing() {
    let folder = tempfile::tempdir().unwrap();
    let odd = odd(&folder);
    let odd = odd.to_str().unwrap();
    for (mode, kind, during) in [
        ("block-make", "blocked", "odd-out (outgoing): "),
        ("block-poll", "blocked", "odd-out (outgoing): cuts"),
        ("exit-make", "ended", "odd-out (outgoing): "),
        ("exit-poll", "ended", "odd-out (outgoing): cuts"),
    ] {
        let set = format!("mail.odd-out.mode={mode}");
        let check = ["plugin", "check", odd, "--patience", "2", "-p", &set];
        let value = run(&[&check[..], &["--json"]].concat(), b"").await.ended(70).json().remove(0);
        let told = value[kind].as_str().unwrap_or_else(|| panic!("{mode}: {value}"));
        assert!(told.starts_with(during) && value["message"].as_str().unwrap().contains(odd), "{value}");
        run(&check, b"").await.ended(70).says(&[odd, during]);
    }
}

/// Our own transports in a library.
fn real(folder: &TempDir) -> PathBuf {
    built(folder, "real")
}

#[tokio::test(flavor = "multi_thread")]
async fn transports_of_known_protocols_are_tried_whole_and_without_a_server_as_far_as_that_goes() {
    let folder = tempfile::tempdir().unwrap();
    let real = real(&folder);
    let real = real.to_str().unwrap();
    let value = run(&["plugin", "check", real, "--json"], b"").await.ended(0).json().remove(0);
    for name in ["smtp", "imap", "pop3"] {
        let result = |promise: &str| result(&value, name, promise);
        for promise in
            ["cuts", "cancellation", "deadlines", "limits", "unreachable", "close", "errors", "secrets"]
        {
            assert_eq!(result(promise), "kept", "{name}: {promise}: {value}");
        }
        assert_eq!((result("starttls"), result("injection")), ("not-tried".into(), "not-tried".into()));
    }
    // Those that connect to nothing are not asked to do anything in earnest.
    assert_eq!(result(&value, "maildir", "cuts"), "not-tried");
    let check = ["plugin", "check", real, "--only", "pop3", "--speaks", "pop3", "--json"];
    let value = run(&check, b"").await.ended(0).json().remove(0);
    for promise in
        ["lists", "fetches", "prefetch", "cuts", "cancellation", "delete", "starttls", "capabilities"]
    {
        assert_eq!(result(&value, "pop3", promise), "kept", "{promise}: {value}");
    }
}

/// What became of a promise of a transport.
fn result(value: &Value, transport: &str, promise: &str) -> String {
    let transports = value["transports"].as_array().unwrap().iter();
    let of = |t: &&Value| t["name"] == transport;
    let mut promises = transports.filter(of).flat_map(|t| t["promises"].as_array().unwrap());
    let found = promises.rfind(|p| p["name"] == promise).unwrap_or_else(|| panic!("no {promise}: {value}"));
    found["result"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_no_plugin_is_refused_with_file_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.so");
    std::fs::write(&text, "no library").unwrap();
    let text = text.to_str().unwrap();
    for (file, reason) in
        [("relative.so", "relative-path"), ("/no/such.so", "unreadable"), (text, "not-a-library")]
    {
        let value = run(&["plugin", "check", file, "--json"], b"").await.ended(78).json().remove(0);
        assert_eq!((&value["refused"], &value["file"]), (&reason.into(), &file.into()));
        run(&["plugin", "check", file], b"").await.ended(78).says(&[file, "->"]);
        run(&["plugins", "--load", file], b"").await.ended(78).says(&[file, "->"]);
        run(&["explain", "--load", file, "-p", "mail.host=h"], b"").await.ended(78).says(&[file, "->"]);
    }
}

#[tokio::test]
async fn a_scaffold_writes_over_nothing_and_refuses_a_bad_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    run(&["plugin", "new", "pigeon", "--outgoing", "--path", path], b"").await.ended(73).says(&[path]);
    run(&["plugin", "new", "Pigeon", "--outgoing"], b"").await.ended(64).says(&["Pigeon"]);
    run(&["plugin", "new", "smtp", "--outgoing"], b"").await.ended(64).says(&["postrider-smtp"]);
    run(&["plugin", "new", "store", "--incoming"], b"").await.ended(64).says(&["reserved"]);
    run(&["plugin", "new", "pigeon"], b"").await.ended(64);
    run(&["plugin", "new", "pigeon", "--outgoing", "--incoming"], b"").await.ended(64);
}
