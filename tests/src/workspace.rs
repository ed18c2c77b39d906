//! The workspace as cargo describes it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// Cargo, and no setting of the one that runs us: a build of our own has its own profile and flags.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG") || name.starts_with("CARGO_MANIFEST") || name == "RUSTFLAGS" {
            cargo.env_remove(&key);
        }
    }
    cargo.current_dir(root());
    cargo
}

/// What `cargo metadata` tells of the workspace and all it depends on, on this platform.
pub fn metadata() -> Value {
    let platform = host_platform();
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", &platform];
    serde_json::from_str(&output(cargo().args(arguments))).expect("cargo metadata writes JSON")
}

/// What a command wrote to its standard output.
///
/// # Panics
/// If it fails; with what it wrote to its standard error.
pub fn output(command: &mut Command) -> String {
    let done = command.output().expect("the command can be started");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8")
}

fn host_platform() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = output(Command::new(rustc).arg("-vV"));
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc -vV names its host").to_owned()
}

/// One crate of the workspace.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its folder, from the workspace's.
    pub folder: PathBuf,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
    /// Names of its features.
    pub features: Vec<String>,
}

/// A dependency as a `Cargo.toml` declares it.
#[derive(Debug)]
pub struct Dependency {
    /// The package's name.
    pub name: String,
    /// True under `[dev-dependencies]`.
    pub dev: bool,
    /// Features asked for.
    pub features: Vec<String>,
    /// With the default features too.
    pub default_features: bool,
}

/// The crates of the workspace.
pub fn members(metadata: &Value) -> Vec<Member> {
    let ids: Vec<&str> = list(&metadata["workspace_members"]).iter().filter_map(Value::as_str).collect();
    let packages = list(&metadata["packages"]);
    packages.iter().filter(|p| ids.contains(&word(&p["id"]).as_str())).map(member).collect()
}

fn member(package: &Value) -> Member {
    let manifest = PathBuf::from(word(&package["manifest_path"]));
    let folder = manifest.parent().and_then(|f| f.strip_prefix(root()).ok());
    Member {
        name: word(&package["name"]),
        folder: folder.expect("a member lies in the workspace").to_owned(),
        dependencies: list(&package["dependencies"]).iter().map(dependency).collect(),
        features: package["features"].as_object().map(|f| f.keys().cloned().collect()).unwrap_or_default(),
    }
}

fn dependency(declared: &Value) -> Dependency {
    Dependency {
        name: word(&declared["name"]),
        dev: declared["kind"] == "dev",
        features: list(&declared["features"]).iter().map(word).collect(),
        default_features: declared["uses_default_features"] == true,
    }
}

/// The items of a JSON array; none if it is something else.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A JSON text; empty if it is something else.
pub fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Builds a program of the workspace and gives its path.
///
/// # Panics
/// If it can't be built.
pub fn executable(package: &str) -> PathBuf {
    let messages =
        output(cargo().args(["build", "--locked", "--package", package, "--message-format", "json"]));
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut paths = built.filter_map(|m| m["executable"].as_str().map(PathBuf::from));
    paths.next_back().expect("cargo names the executable")
}

/// Names of the packages that a program is made of which depends on nothing but this crate of ours, with
/// these features and not the default ones.
pub fn tree(package: &str, features: &str) -> Vec<String> {
    let choice = ["--no-default-features", "--features", features];
    let tree = [
        "tree",
        "--locked",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--package",
        package,
    ];
    let text = output(cargo().args(tree).args(choice));
    let mut names: Vec<String> =
        text.lines().filter_map(|l| l.split(' ').next()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}
