//! Our own transports in a shared library (crates/loader/tests/plugins), loaded.

use postrider_core::{Direction, TransportFactory};
use postrider_loader::{Policy, load};
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

/// A way out of the library.
pub(crate) fn outgoing(name: &str) -> &'static TransportFactory {
    loaded(Direction::Outgoing, name)
}

/// A way in.
pub(crate) fn incoming(name: &str) -> &'static TransportFactory {
    loaded(Direction::Incoming, name)
}
