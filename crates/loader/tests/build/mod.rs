//! Builds the plugins these tests load, and puts them where nobody else can write.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A folder of this user's alone.
pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A library of `tests/plugins`, built by `toolchain` if one is named.
pub fn cargo(package: &str, toolchain: Option<&str>) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugins");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(toolchain.unwrap_or("plugins"));
    let mut command = match toolchain {
        Some(name) => {
            let mut command = Command::new("rustup");
            command.args(["run", name, "cargo"]).env_remove("RUSTC").env_remove("RUSTDOC");
            command
        }
        None => Command::new(env!("CARGO")),
    };
    command.args(["build", "--quiet", "--package", package]).current_dir(source);
    command.arg("--target-dir").arg(&target).env("CARGO_INCREMENTAL", "0").env_remove("RUSTFLAGS");
    assert!(command.status().unwrap().success(), "{package} does not build");
    target.join(format!("debug/lib{package}.so"))
}

/// A copy with the rights a plugin should have.
pub fn installed(library: &Path, folder: &TempDir) -> PathBuf {
    let to = folder.path().join(library.file_name().unwrap());
    std::fs::copy(library, &to).unwrap();
    std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o755)).unwrap();
    to
}

fn kept(package: &str) -> PathBuf {
    // As long as the program: a library's file is not taken away from under it.
    let folder = folder().keep();
    let library = cargo(package, None);
    let to = folder.join(library.file_name().unwrap());
    std::fs::copy(&library, &to).unwrap();
    std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o755)).unwrap();
    to
}

/// The library with the odd transports.
pub fn odd() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| kept("odd"))
}

/// A plugin with `panic = "abort"` in its profile, and an initialiser that ends the process it is opened in.
pub fn aborting() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugins");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--package", "aborting", "--profile", "aborting", "--target-dir"]);
    command.arg(&target).current_dir(source).env("CARGO_INCREMENTAL", "0").env_remove("RUSTFLAGS");
    assert!(command.status().unwrap().success(), "aborting does not build");
    let to = folder().keep().join("libaborting.so");
    std::fs::copy(target.join("aborting/libaborting.so"), &to).unwrap();
    std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o755)).unwrap();
    to
}

/// The library with our own transports.
pub fn real() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| kept("real"))
}

/// `tests/plugins/wrong.rs` with this `cfg`.
pub fn wrong(case: &str, folder: &TempDir, more: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugins/wrong.rs");
    let to = folder.path().join(format!("lib{case}.so"));
    let mut command = Command::new("rustc");
    command.args([
        "--edition",
        "2024",
        "--crate-type",
        "cdylib",
        "--crate-name",
        "wrong",
        "--cap-lints",
        "allow",
    ]);
    command.args(["--cfg", case]).args(more).arg("-o").arg(&to).arg(source);
    assert!(command.status().unwrap().success(), "{case} does not build");
    std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o755)).unwrap();
    to
}
