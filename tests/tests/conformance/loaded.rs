//! Our own transports out of a shared library (crates/loader/tests/plugins), on the benches that the linked ones have.
//!
//! The memory transport is not among them: the library's memory is not the bench's, so there is nothing to look at.

use crate::maildir;
use crate::server::Embedded;
use postrider_core::{Direction, TransportFactory};
use postrider_loader::{Policy, load};
use postrider_server::Server;
use postrider_testkit::conformance::{self, ScriptedImap, ScriptedPop3, ScriptedSmtp};
use postrider_tests::workspace::{cargo, root};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::OnceLock;

/// The library, as the loader's own tests build it: into the same folder, so it is built once for both.
fn built() -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    let mut build = cargo();
    build.args(["build", "--quiet", "--locked", "--package", "real", "--target-dir"]).arg(&target);
    build.current_dir(root().join("crates/loader/tests/plugins")).env("CARGO_INCREMENTAL", "0");
    assert!(build.status().unwrap().success(), "the library does not build");
    target.join(format!("debug/{DLL_PREFIX}real{DLL_SUFFIX}"))
}

fn factories() -> &'static [&'static TransportFactory] {
    static FACTORIES: OnceLock<Vec<&'static TransportFactory>> = OnceLock::new();
    FACTORIES.get_or_init(|| {
        // A copy with the rights a plugin should have; open once, it needs no name.
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("real.so");
        std::fs::copy(built(), &library).unwrap();
        std::fs::set_permissions(&library, std::fs::Permissions::from_mode(0o755)).unwrap();
        load(&library, &Policy::new()).unwrap().plugin.factories
    })
}

fn loaded(direction: Direction, name: &str) -> &'static TransportFactory {
    factories().iter().find(|f| f.direction() == direction && f.name == name).unwrap()
}

fn outgoing(name: &str) -> &'static TransportFactory {
    loaded(Direction::Outgoing, name)
}

fn incoming(name: &str) -> &'static TransportFactory {
    loaded(Direction::Incoming, name)
}

conformance::outgoing!(smtp: *outgoing("smtp"), ScriptedSmtp::new);
conformance::incoming!(imap: *incoming("imap"), ScriptedImap::new);
conformance::incoming!(pop3: *incoming("pop3"), ScriptedPop3::new);
conformance::outgoing!(maildir_outgoing: *outgoing("maildir"), maildir::Backend::new);
conformance::incoming!(maildir_incoming: *incoming("maildir"), maildir::Backend::new);
conformance::outgoing!(smtp_sockets: *outgoing("smtp"), || Embedded::new([Server::smtps_port, Server::smtp_port]));
conformance::incoming!(imap_sockets: *incoming("imap"), || Embedded::new([Server::imaps_port, Server::imap_port]));
conformance::incoming!(pop3_sockets: *incoming("pop3"), || Embedded::new([Server::pop3s_port, Server::pop3_port]));
