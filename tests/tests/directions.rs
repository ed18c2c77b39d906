//! Who may depend on whom (docs/architecture.md), and what may stand in whose source.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use postrider_tests::source;
use postrider_tests::workspace::{self, Member, metadata, root};
use std::collections::BTreeSet;

const PLUGINS: &[&str] = &[
    "postrider-smtp",
    "postrider-pop3",
    "postrider-imap",
    "postrider-gmail",
    "postrider-maildir",
    "postrider-memory",
    "postrider-sendmail",
];
/// Plugins over other people's clients. Those bring a connector of their own, and tokio's `net` with it; none of it
/// runs, for they are given the host's connections.
const ADAPTERS: &[&str] = &["postrider-lettre", "postrider-async-imap"];
const TOOLS: &[&str] = &["postrider-testkit", "postrider-server", "postrider-net"];

/// Crates of ours that a crate may use, in its program and beyond that in its tests.
fn may_use(name: &str) -> Option<(Vec<&'static str>, Vec<&'static str>)> {
    let all = [PLUGINS, ADAPTERS, TOOLS, &["postrider", "postrider-core", "postrider-wire"]].concat();
    let (core, wire) = ("postrider-core", "postrider-wire");
    Some(match name {
        "postrider-core" => (vec![], vec![]),
        "postrider-wire" | "postrider-net" => (vec![core], vec!["postrider-testkit"]),
        "postrider-smtp" | "postrider-pop3" | "postrider-imap" => (vec![core, wire], TOOLS.to_vec()),
        "postrider-lettre" | "postrider-async-imap" => (vec![core, wire], TOOLS.to_vec()),
        "postrider-gmail" => {
            (vec![core, wire, "postrider-smtp", "postrider-imap", "postrider-pop3"], TOOLS.to_vec())
        }
        "postrider-maildir" | "postrider-memory" | "postrider-sendmail" => (vec![core], TOOLS.to_vec()),
        "postrider-server" => (vec![], all),
        "postrider-testkit" => (vec![core], all),
        "postrider-abi" => (vec![core], TOOLS.to_vec()),
        // Its tests compare what is loaded with what is linked.
        "postrider-loader" => (vec![core, "postrider-abi"], all),
        "postrider-store" => (vec![core], TOOLS.to_vec()),
        "postrider" => {
            ([PLUGINS, ADAPTERS, &[core, wire, "postrider-net", "postrider-store"]].concat(), TOOLS.to_vec())
        }
        // `plugin check` loads a library and tries the suite's promises on it.
        "postrider-cli" => {
            (vec!["postrider", "postrider-server", "postrider-loader", "postrider-testkit"], all)
        }
        // A host app that loads what it does not link.
        "load-plugin" => (vec!["postrider", "postrider-loader"], vec!["postrider-server"]),
        "postrider-tests" => (all.clone(), [&all[..], &["postrider-loader"]].concat()),
        _ => return None,
    })
}

/// A crate of ours: by its name, or one of the examples, which are host apps.
fn is_ours(name: &str) -> bool {
    name == "postrider" || name.starts_with("postrider-")
}

#[test]
fn every_crate_uses_only_what_its_row_allows() {
    for member in workspace::members(&metadata()) {
        let is_example = member.folder.starts_with("examples");
        let (program, tests) = match may_use(&member.name) {
            Some(row) => row,
            // What a host app would see: the facade and nothing behind it; and a server to try it on.
            None if is_example => (vec!["postrider"], vec!["postrider-server"]),
            None => panic!("{} has no row in this test and in docs/architecture.md", member.name),
        };
        for used in member.dependencies.iter().filter(|d| is_ours(&d.name)) {
            let allowed =
                program.contains(&used.name.as_str()) || used.dev && tests.contains(&used.name.as_str());
            assert!(allowed, "{} must not use {} (dev: {})", member.name, used.name, used.dev);
        }
    }
}

#[test]
fn core_has_only_its_vocabulary() {
    let vocabulary = ["async-trait", "bytes", "futures-core", "inventory", "serde", "tokio", "zeroize"];
    let core = named("postrider-core");
    for used in core.dependencies.iter().filter(|d| !d.dev) {
        assert!(vocabulary.contains(&used.name.as_str()), "{}", used.name);
    }
    assert_eq!(tokio_features(&core), BTreeSet::new(), "the contract needs tokio's traits, not its runtime");
}

#[test]
fn transports_have_no_runtime_and_no_tls() {
    let traits = BTreeSet::from(["io-util".to_owned()]);
    for name in [PLUGINS, &["postrider-core", "postrider-wire", "postrider-testkit"]].concat() {
        let features = tokio_features(&named(name));
        assert!(features.is_subset(&traits), "{name} asks for tokio's {features:?}");
        let tree = workspace::tree(name, "");
        for never in ["postrider-net", "postrider", "rustls", "tokio-rustls", "socket2", "mio", "native-tls"]
        {
            assert!(!tree.iter().any(|used| used == never), "{name} depends on {never}, if through others");
        }
    }
}

/// As for the others, but for what their client brings itself. TLS never: that is the host's.
#[test]
fn adapters_ask_for_no_runtime_and_bring_no_tls() {
    for name in ADAPTERS {
        assert_eq!(tokio_features(&named(name)), BTreeSet::new(), "{name} needs tokio's traits alone");
        let tree = workspace::tree(name, "");
        for never in ["postrider-net", "postrider", "rustls", "tokio-rustls", "native-tls", "async-std"] {
            assert!(!tree.iter().any(|used| used == never), "{name} depends on {never}, if through others");
        }
    }
}

#[test]
fn features_live_on_the_facade_and_there_is_none_for_tls_or_a_runtime() {
    for member in workspace::members(&metadata()) {
        let features: BTreeSet<&str> =
            member.features.iter().map(String::as_str).filter(|f| *f != "default").collect();
        match member.name.as_str() {
            "postrider" => assert!(features.is_superset(&BTreeSet::from([
                "smtp",
                "pop3",
                "imap",
                "gmail",
                "maildir",
                "memory",
                "sendmail",
                "lettre",
                "async-imap"
            ]))),
            "postrider-store" => {}
            name => assert!(features.is_empty(), "{name} has {features:?}"),
        }
        for word in ["tls", "rustls", "tokio", "async-std", "smol"] {
            assert!(!features.contains(word), "{} has a feature {word}", member.name);
        }
    }
}

#[test]
fn unsafe_stands_only_in_abi_and_loader() {
    for member in workspace::members(&metadata()) {
        let manifest = std::fs::read_to_string(root().join(&member.folder).join("Cargo.toml")).unwrap();
        let lints = manifest.split("[lints]").nth(1).unwrap_or_default().trim_start();
        assert!(lints.starts_with("workspace = true"), "{} has lints of its own", member.name);
        if ["postrider-abi", "postrider-loader"].contains(&member.name.as_str()) {
            continue;
        }
        for file in source::files(&root().join(&member.folder)) {
            let code = source::blanked(&std::fs::read_to_string(&file).unwrap());
            assert!(!source::has_word(&code, "unsafe"), "{}", file.display());
            assert!(!source::has_word(&code, "unsafe_code"), "{} changes the lint", file.display());
        }
    }
}

#[test]
fn only_net_and_the_embedded_server_open_sockets() {
    let sockets = ["TcpStream", "TcpListener", "TcpSocket", "UdpSocket", "UnixStream", "UnixListener"];
    let lookups = ["lookup_host", "ToSocketAddrs", "socket2"];
    for member in workspace::members(&metadata()) {
        if ["postrider-net", "postrider-server"].contains(&member.name.as_str()) {
            continue;
        }
        for (file, code) in programs(&member) {
            for name in sockets.iter().chain(&lookups) {
                assert!(!source::has_word(&code, name), "{file} uses {name}: a host lends connections");
            }
        }
    }
}

#[test]
fn plugins_await_only_in_transport_and_session_and_start_nothing() {
    for member in workspace::members(&metadata()).iter().filter(|m| m.folder.starts_with("plugins")) {
        for (file, code) in programs(member) {
            let name = file.rsplit('/').next().unwrap_or_default();
            let drives = name == "transport.rs" || name.starts_with("session");
            assert!(drives || !source::has_word(&code, "await"), "{file} awaits: engines are pure");
            for word in ["spawn", "block_on", "Instant", "SystemTime", "std::thread", "tokio::time"] {
                // What this one starts is a program, which is what it is for.
                let is_program = word == "spawn" && file.ends_with("plugins/sendmail/src/process.rs");
                assert!(
                    is_program || !source::has_word(&code, word),
                    "{file} uses {word}: a host lends time and runs tasks"
                );
            }
        }
    }
}

#[test]
fn every_protocol_plugin_has_the_same_files() {
    for name in ["smtp", "pop3", "imap"] {
        let folder = root().join("plugins").join(name).join("src");
        for file in ["lib.rs", "config.rs", "transport.rs", "session.rs", "auth.rs"] {
            assert!(folder.join(file).is_file(), "{name} has no {file}");
        }
        let is_pure = |part: &str| folder.join(part).exists();
        assert!(
            is_pure("engine") || is_pure("codec") || is_pure("codec.rs"),
            "{name} has no engine and no codec"
        );
    }
}

fn named(name: &str) -> Member {
    let members = workspace::members(&metadata());
    members.into_iter().find(|m| m.name == name).unwrap_or_else(|| panic!("no crate {name}"))
}

fn tokio_features(member: &Member) -> BTreeSet<String> {
    let tokio = member.dependencies.iter().filter(|d| d.name == "tokio" && !d.dev);
    tokio
        .flat_map(|d| {
            assert!(!d.default_features, "{}: tokio with its default features", member.name);
            d.features.iter().cloned()
        })
        .collect()
}

/// The source of a crate's program, without tests, comments and texts.
fn programs(member: &Member) -> Vec<(String, String)> {
    let files = source::files(&root().join(&member.folder).join("src"));
    let read = |file: &std::path::PathBuf| {
        (file.display().to_string(), source::code(&std::fs::read_to_string(file).unwrap()))
    };
    files.iter().filter(|f| !f.to_string_lossy().ends_with("_tests.rs")).map(read).collect()
}
