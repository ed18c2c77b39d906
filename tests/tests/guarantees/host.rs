//! The host app that is killed, its mailbox and its work.

use postrider::ledger::sqlite::rusqlite;
use postrider_tests::mailbox::Mailbox;
use postrider_tests::servers::Servers;
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The longest that a host may take for a mailbox. Far more than it needs, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the work is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// With the key, in one transaction.
    Transaction,
    /// Somewhere else, before the key.
    File,
    /// With the key, in one transaction of the database at this URL, in this table.
    Postgres { url: &'static str, table: &'static str },
}

/// A host with a mailbox, and a folder for its ledger and its work.
pub(crate) struct Host {
    folder: tempfile::TempDir,
    mode: Mode,
}

/// How a run of the host ends.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// By itself, when all is handled.
    Done,
    /// Killed after this time.
    After(Duration),
    /// Killed at this point.
    At(String),
}

impl Host {
    pub(crate) fn new(
        servers: &'static Servers,
        mailbox: &Mailbox,
        protocol: &str,
        mode: Mode,
        more: &str,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = if protocol == "imap" { "DOVECOT_IMAP" } else { "DOVECOT_POP3" };
        let text = format!(
            "mail.store.protocol={protocol}\nmail.{protocol}.host=localhost\nmail.{protocol}.port={}\n\
             mail.{protocol}.tls=none\nmail.{protocol}.user={}\nmail.{protocol}.password={}\n\
             mail.watch.settle=delete\nmail.watch.interruptions=1000\n{more}\n",
            servers.port(server),
            mailbox.user(),
            servers.password(),
        );
        std::fs::write(folder.path().join("settings"), text).unwrap();
        Self { folder, mode }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it, in a process group of its own.
    pub(crate) fn start(&self, end: &End) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watched-host"));
        command.arg(self.path("settings"));
        match self.mode {
            Mode::Transaction => command.args([self.path("ledger.db"), self.path("work")]).arg("transaction"),
            Mode::File => command.args([self.path("ledger.db"), self.path("work")]).arg("file"),
            Mode::Postgres { url, table } => command.args([url, table, "postgres"]).env("HOST_STAYS", "1"),
        };
        if let End::At(place) = end {
            command.env("HOST_ENDS_AT", place);
        }
        let log = std::fs::OpenOptions::new().append(true).create(true).open(self.path("log")).unwrap();
        command.env("HOST_TELLS", "1").env("RUST_BACKTRACE", "0").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    /// Runs it to the end that is meant for it, or to its own. True if it came to its own.
    pub(crate) fn run(&self, end: &End) -> bool {
        let mut child = self.start(end);
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if let End::After(time) = end
                && begun.elapsed() >= *time
            {
                kill_group(&child);
                break child.wait().unwrap();
            }
            assert!(begun.elapsed() < PATIENCE, "the host hangs: {}", self.log());
            std::thread::sleep(Duration::from_millis(1));
        };
        self.judge(status);
        status.success()
    }

    /// It ends well, or killed; never by a failure of its own.
    fn judge(&self, status: ExitStatus) {
        use std::os::unix::process::ExitStatusExt as _;
        assert!(status.success() || status.signal() == Some(9), "{status}: {}", self.log());
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// How often each message was worked on, by its subject.
    pub(crate) fn work(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        let lines: Vec<String> = match self.mode {
            Mode::Postgres { .. } => panic!("the test looks into the database itself"),
            Mode::File => {
                std::fs::read_to_string(self.path("work")).unwrap().lines().map(str::to_owned).collect()
            }
            Mode::Transaction => {
                let connection = rusqlite::Connection::open(self.path("ledger.db")).unwrap();
                let mut all = connection.prepare("SELECT what FROM work").unwrap();
                let rows = all.query_map([], |row| row.get::<_, String>(0)).unwrap();
                rows.map(Result::unwrap).collect()
            }
        };
        for line in lines {
            *counts.entry(line).or_default() += 1;
        }
        counts
    }
}

/// Kills the whole group, as a shell's or a supervisor's kill does.
pub(crate) fn kill_group(child: &Child) {
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
}

/// Numbers from a seed: a trial can be run again.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `most`; splitmix64.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }
}
