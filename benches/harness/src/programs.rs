//! The programs there are, and how each is told what to do.

use crate::contender::{Contender, Program};
use crate::servers::Place;
use crate::{Result, process};
use bench_common::{Arguments, message};
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Programs {
    bin: PathBuf,
    pub root: PathBuf,
    /// For certificates, profiles and what peers need.
    pub dir: PathBuf,
    /// What was built.
    pub commit: String,
    /// For Dovecot and Postfix; whoever started this ends them if this is ended.
    pub servers: String,
    python: Option<String>,
    node_modules: Option<PathBuf>,
}

impl Programs {
    pub fn find(given: &Arguments) -> Result<Self> {
        let dir = PathBuf::from(given.text("dir", "/tmp/postrider-bench"));
        std::fs::create_dir_all(&dir)?;
        // The interpreter itself: what a version manager puts before it takes longer than some runs.
        let python = process::output("python3", &["-c", "import sys; print(sys.executable)"]);
        let node_modules =
            given.given("node-modules").map(PathBuf::from).filter(|dir| dir.join("nodemailer").exists());
        Ok(Self {
            bin: given.text("bin", "target/release").into(),
            root: given.text("root", "..").into(),
            dir,
            commit: given.text("commit", "unknown"),
            servers: given.text("servers", &format!("/tmp/postrider-bench-{}", std::process::id())),
            python,
            node_modules,
        })
    }

    /// One of ours, on the core that is shared by client and server or on any.
    pub fn command(&self, name: &str, pinned: bool) -> Command {
        on_core(&self.bin.join(name).to_string_lossy(), pinned)
    }

    /// Versions of the peers, and which could not be had.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let tools: [(&str, &str, &[&str]); 9] = [
            ("Python", self.python.as_deref().unwrap_or("python3"), &["--version"]),
            ("Node", "node", &["--version"]),
            ("curl", "curl", &["--version"]),
            ("mpop", "mpop", &["--version"]),
            ("fetchmail", "fetchmail", &["--version"]),
            ("mbsync", "mbsync", &["--version"]),
            ("Dovecot", "dovecot", &["--version"]),
            ("Postfix", "postconf", &["-d", "-h", "mail_version"]),
            ("Valgrind", "valgrind", &["--version"]),
        ];
        for (name, program, arguments) in tools {
            let version = process::output(program, arguments);
            let first = version.as_deref().and_then(|text| text.lines().next()).map(str::to_owned);
            notes.push(format!("{name}: {}", first.unwrap_or_else(|| "not there".to_owned())));
        }
        let nodemailer = self.node_modules.as_ref().map(|dir| dir.join("nodemailer/package.json"));
        let version = nodemailer.and_then(|path| std::fs::read(path).ok()).and_then(|text| {
            let value: serde_json::Value = serde_json::from_slice(&text).ok()?;
            Some(value.get("version")?.as_str()?.to_owned())
        });
        notes.push(format!(
            "Nodemailer: {}",
            version.unwrap_or_else(|| "could not be installed by npm".to_owned())
        ));
        for name in ["lettre", "mail-send", "async-imap"] {
            notes.push(format!("{name}: {}", self.locked(name).unwrap_or_default()));
        }
        notes
    }

    fn locked(&self, name: &str) -> Option<String> {
        let lock = std::fs::read_to_string(self.root.join("benches/Cargo.lock")).ok()?;
        let rest = lock.split(&format!("name = \"{name}\"\nversion = \"")).nth(1)?;
        Some(rest.split('"').next()?.to_owned())
    }

    /// The command that does so many messages of this contender's work.
    pub fn work(&self, contender: &Contender, place: &Place, count: u64) -> Result<Command> {
        let mut command = match contender.program {
            Program::Ours(what) => self.own("ours", what, contender.pinned),
            Program::Limit(what) => self.own("limit", what, contender.pinned),
            Program::RustPeer(what) => self.own("peer", what, contender.pinned),
            Program::Python(what) => {
                let python = self.python.as_deref().ok_or("there is no Python")?;
                let mut command = on_core(python, contender.pinned);
                command.arg(self.root.join("benches/python/peer.py")).arg(what);
                command
            }
            Program::Nodemailer => {
                let modules = self.node_modules.as_ref().ok_or("Nodemailer could not be installed")?;
                let mut command = on_core("node", contender.pinned);
                command.env("NODE_PATH", modules).arg(self.root.join("benches/node/peer.js"));
                command
            }
            other => return crate::foreign::command(self, other, contender, place, count),
        };
        command.args(["--server", &place.address, "--messages", &count.to_string()]);
        command.args(["--size", &contender.size.to_string(), "--to", "alice@example.test"]);
        // Only `ours connect` counts connections; the others do not look.
        if contender.program == Program::Ours("connect") {
            command.args(["--count", &count.to_string()]);
        }
        if let Some(ca) = &place.ca {
            command.arg("--ca").arg(ca);
        }
        if let Some((user, password)) = &place.user {
            command.args(["--user", user, "--password", password]);
        }
        command.args(contender.arguments.split_whitespace());
        Ok(command)
    }

    fn own(&self, name: &str, what: &str, pinned: bool) -> Command {
        let mut command = self.command(name, pinned);
        command.arg(what);
        command
    }

    /// A file with a message of this size.
    pub fn message_file(&self, size: u64) -> Result<PathBuf> {
        let path = self.dir.join(format!("message-{size}"));
        std::fs::write(&path, message(size as usize))?;
        Ok(path)
    }
}

/// The program, on the first core or wherever the kernel likes.
pub fn on_core(program: &str, pinned: bool) -> Command {
    if !pinned {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", "0", program]);
    command
}

/// An empty directory of this name.
pub fn fresh(dir: &Path, name: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path)?;
    Ok(path)
}
