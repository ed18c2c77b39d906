//! The conformance suite over both transports.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::Dir;
use postrider_core::{Host, Properties};
use postrider_maildir::{INCOMING, MaildirConfig, OUTGOING};
use postrider_testkit::conformance::{self, Bench, Delivered, IncomingBench, OutgoingBench, Remaining, Work};
use postrider_testkit::{Hang, run};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) struct Backend {
    dir: Dir,
    next: AtomicU64,
}

impl Backend {
    pub(crate) fn new() -> Self {
        let dir = Dir::new();
        for part in ["tmp", "new", "cur"] {
            fs::create_dir_all(dir.path(".Archive").join(part)).unwrap();
        }
        Self { dir, next: AtomicU64::new(1) }
    }

    /// A file in `new` as another program would name it.
    fn file(&self) -> PathBuf {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        self.dir.path(&format!("new/1700000000.M{n}P1.other"))
    }

    /// The messages of a folder in the order of their names.
    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let mut files = [format!("{folder}cur"), format!("{folder}new")]
            .iter()
            .filter(|part| self.dir.path(part).is_dir())
            .flat_map(|part| self.dir.files(part))
            .collect::<Vec<_>>();
        files.sort_by_key(|file| {
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            let number = name.split_once('M').unwrap().1.split_once('P').unwrap().0.parse::<u64>().unwrap();
            (name.split('.').next().unwrap().to_owned(), number)
        });
        files
    }
}

impl Bench for Backend {
    fn properties(&self, name: &str) -> String {
        format!("mail.{name}.path={}", self.dir.path("").display())
    }

    fn host(&self) -> Arc<dyn Host> {
        Arc::new(self.dir.host.clone())
    }

    fn debug(&self, properties: &Properties) -> Option<String> {
        MaildirConfig::read_outgoing(properties).ok().map(|config| format!("{config:?}"))
    }

    fn drive(&self, work: Work<'_>) -> Result<(), Hang> {
        run(&self.dir.host, work)
    }
}

impl OutgoingBench for Backend {
    fn delivered(&self) -> Vec<Delivered> {
        let files = self.files("").into_iter();
        files.map(|file| Delivered { recipients: Vec::new(), bytes: fs::read(file).unwrap() }).collect()
    }

    fn taken(&self) -> Option<u64> {
        Some(self.dir.files("tmp").iter().map(|file| fs::metadata(file).unwrap().len()).sum())
    }
}

impl IncomingBench for Backend {
    fn deliver(&self, message: &[u8]) {
        fs::write(self.file(), message).unwrap();
    }

    fn remaining(&self) -> Vec<Remaining> {
        let seen =
            |file: &PathBuf| file.to_str().unwrap().rsplit_once(":2,").is_some_and(|(_, f)| f.contains('S'));
        let files = self.files("").into_iter();
        files.map(|file| Remaining { bytes: fs::read(&file).unwrap(), seen: seen(&file) }).collect()
    }

    fn moved(&self, mailbox: &str) -> Option<Vec<Vec<u8>>> {
        let files = self.files(&format!(".{mailbox}/")).into_iter();
        Some(files.map(|file| fs::read(file).unwrap()).collect())
    }

    fn remove(&self, at: usize) -> bool {
        self.files("").get(at).is_some_and(|file| fs::remove_file(file).is_ok())
    }

    fn deliver_large(&self, size: u64) -> bool {
        let mut file = std::io::BufWriter::new(fs::File::create(self.file()).unwrap());
        for _ in 0..size / 64 {
            file.write_all(&[b'x'; 63]).unwrap();
            file.write_all(b"\n").unwrap();
        }
        file.flush().is_ok()
    }
}

conformance::outgoing!(outgoing: OUTGOING, Backend::new);
conformance::incoming!(incoming: INCOMING, Backend::new);
