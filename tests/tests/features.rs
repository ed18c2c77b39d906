//! A feature of the facade links its transport and no other, in every profile: a host crate is made for each
//! choice of features, built and run. What it is built into stays in `target/tmp`, so only the first run is slow.
#![allow(clippy::unwrap_used)]

use postrider_tests::workspace::{cargo, output, root, tree};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Prints what is registered, sorted; with an argument what comes of choosing that incoming transport.
const HOST: &str = r#"
fn main() {
    let registry = postrider::Registry::linked().unwrap();
    if let Some(name) = std::env::args().nth(1) {
        let refused = registry.factory(postrider::Direction::Incoming, &name).map(|f| f.name).unwrap_err();
        println!("{refused}");
        return;
    }
    let mut lines: Vec<String> =
        registry.iter().map(|(factory, _)| format!("{} {}", factory.direction(), factory.name)).collect();
    lines.sort();
    lines.iter().for_each(|line| println!("{line}"));
}
"#;

const PROTOCOLS: &[&str] = &[
    "postrider-smtp",
    "postrider-pop3",
    "postrider-imap",
    "postrider-gmail",
    "postrider-maildir",
    "postrider-memory",
    "postrider-sendmail",
    "postrider-lettre",
    "postrider-async-imap",
];

/// Without `net`: no TLS library is compiled, and what is linked does not depend on it.
fn host(features: &[&str]) -> PathBuf {
    let name = format!("host-{}", if features.is_empty() { "none".to_owned() } else { features.join("-") });
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
    fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         postrider = {{ path = {:?}, default-features = false, features = {features:?} }}\n",
        root().join("crates/postrider")
    );
    write(&folder.join("Cargo.toml"), &manifest);
    write(&folder.join("src/main.rs"), HOST);
    // The versions of the workspace, so that nothing is looked up.
    write(&folder.join("Cargo.lock"), &fs::read_to_string(root().join("Cargo.lock")).unwrap());
    folder
}

/// Writes what has changed; what has not is not built again.
fn write(file: &Path, text: &str) {
    if fs::read_to_string(file).is_ok_and(|old| old == text) {
        return;
    }
    fs::write(file, text).unwrap();
}

fn registered(features: &[&str], profile: &[&str]) -> Vec<String> {
    run(features, profile, &[])
}

fn run(features: &[&str], profile: &[&str], arguments: &[&str]) -> Vec<String> {
    let manifest = host(features).join("Cargo.toml");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hosts");
    let mut run = cargo();
    run.args(["run", "--quiet", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(target)
        .args(profile);
    run.arg("--").args(arguments);
    lines(&mut run)
}

fn lines(command: &mut Command) -> Vec<String> {
    output(command).lines().map(str::to_owned).collect()
}

const DEBUG: &[&str] = &[];
const RELEASE: &[&str] = &["--release"];
const LTO: &[&str] =
    &["--release", "--config", "profile.release.lto=\"fat\"", "--config", "profile.release.codegen-units=1"];

#[test]
fn smtp_alone_is_one_factory_in_debug_release_and_lto() {
    for profile in [DEBUG, RELEASE, LTO] {
        assert_eq!(registered(&["smtp"], profile), ["outgoing smtp"], "{profile:?}");
    }
}

#[test]
fn each_feature_brings_its_own_and_nothing_else() {
    assert_eq!(registered(&[], DEBUG), [""; 0]);
    assert_eq!(registered(&["pop3"], DEBUG), ["incoming pop3"]);
    assert_eq!(registered(&["imap"], DEBUG), ["incoming imap"]);
    assert_eq!(registered(&["smtp", "imap"], DEBUG), ["incoming imap", "outgoing smtp"]);
    assert_eq!(
        registered(&["maildir", "memory", "sendmail"], DEBUG),
        ["incoming maildir", "incoming memory", "outgoing maildir", "outgoing memory", "outgoing sendmail"]
    );
    assert_eq!(registered(&["lettre", "async-imap"], DEBUG), ["incoming async-imap", "outgoing lettre"]);
    let gmail = registered(&["gmail"], DEBUG);
    let all = [
        "incoming gmail",
        "incoming gmail-pop3",
        "incoming imap",
        "incoming pop3",
        "outgoing gmail",
        "outgoing smtp",
    ];
    assert_eq!(gmail, all, "gmail is made of the three protocols and brings their names too");
    assert_eq!(registered(&["smtp", "pop3", "imap", "gmail"], LTO), all);
}

#[test]
fn a_transport_that_is_not_linked_is_told_with_the_feature_that_brings_it() {
    let said = run(&["smtp"], DEBUG, &["imap"]).join(" ");
    for word in ["\"imap\"", "features", "postrider"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert!(run(&["smtp"], DEBUG, &["smtp"]).join(" ").contains("outgoing"), "the other direction");
}

#[test]
fn the_example_with_smtp_only_says_so() {
    let printed = lines(cargo().args(["run", "--quiet", "--package", "smtp-only"]));
    assert_eq!(printed.iter().filter(|line| line.contains("smtp")).count(), 1, "{printed:?}");
    for other in ["pop3", "imap", "gmail"] {
        assert!(!printed.iter().any(|line| line.contains(other)), "{printed:?}");
    }
}

#[test]
fn no_code_of_another_protocol_is_in_the_tree() {
    for (features, want) in [
        ("", &[][..]),
        ("net", &[]),
        ("smtp", &["postrider-smtp"]),
        ("net,smtp", &["postrider-smtp"]),
        ("pop3", &["postrider-pop3"]),
        ("imap", &["postrider-imap"]),
        ("net,imap,smtp", &["postrider-imap", "postrider-smtp"]),
        ("maildir", &["postrider-maildir"]),
        ("memory", &["postrider-memory"]),
        ("sendmail", &["postrider-sendmail"]),
        ("lettre", &["postrider-lettre"]),
        ("async-imap", &["postrider-async-imap"]),
        ("gmail", &["postrider-gmail", "postrider-imap", "postrider-pop3", "postrider-smtp"]),
    ] {
        let tree = tree("postrider", features);
        let linked: Vec<&str> =
            tree.iter().map(String::as_str).filter(|name| PROTOCOLS.contains(name)).collect();
        assert_eq!(linked, want, "{features}");
        // Those two clients bring sockets of their own, which nobody opens.
        let sockets = if ["lettre", "async-imap"].contains(&features) { "rustls" } else { "mio" };
        let has_runtime = tree.iter().any(|name| name == sockets || name == "rustls");
        assert_eq!(
            has_runtime,
            features.contains("net"),
            "{features}: a runtime and TLS come with a host only"
        );
    }
    let example =
        output(cargo().args(["tree", "--edges", "normal", "--prefix", "none", "--package", "smtp-only"]));
    for other in ["pop3", "imap", "gmail", "async-imap", "imap-codec"] {
        assert!(!example.contains(other), "{example}");
    }
}
