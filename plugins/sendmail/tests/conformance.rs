//! The conformance suite over a script that keeps what it gets.
#![allow(missing_docs, clippy::unwrap_used)]

use postrider_core::{Host, Properties};
use postrider_net::TokioHost;
use postrider_sendmail::{FACTORY, SendmailConfig};
use postrider_testkit::Hang;
use postrider_testkit::conformance::{self, Bench, Condition, Delivered, OutgoingBench, Work};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

struct Script {
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

/// Keeps each message in a directory of its own; a message whose input breaks off never gets its final name.
const KEEP: &str = r#"
n=$(mktemp -d "$D/part.XXXXXX")
while [ "$1" != -- ]; do shift; done
shift
printf '%s\n' "$@" >"$n/recipients"
cat >"$n/message"
keep() { c=$(ls "$D" | grep -c '^sent'); mv "$n" "$D/sent.$(printf %03d "$c")"; }
"#;

impl Script {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let script = Self { dir: tempfile::tempdir().unwrap(), runtime };
        script.write("keep");
        script
    }

    /// What the script does with a whole message.
    fn write(&self, then: &str) {
        let text = format!("D={}\n{KEEP}\n{then}\n", self.dir.path().display());
        fs::write(self.dir.path().join("script"), text).unwrap();
    }

    fn directories(&self, kind: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.dir.path()).unwrap().map(|e| e.unwrap().path());
        let mut found: Vec<PathBuf> =
            entries.filter(|p| p.file_name().unwrap().to_str().unwrap().starts_with(kind)).collect();
        found.sort();
        found
    }
}

impl Bench for Script {
    fn properties(&self, name: &str) -> String {
        let script = self.dir.path().join("script");
        format!("mail.{name}.program=/bin/sh\nmail.{name}.arguments={}", script.display())
    }

    fn host(&self) -> Arc<dyn Host> {
        Arc::new(TokioHost::new())
    }

    fn arrange(&mut self, condition: &Condition) -> bool {
        let end = |code: u8| format!("echo 'not by me' >&2; exit {code}");
        match condition {
            Condition::RefuseMessage => self.write(&end(69)),
            Condition::DeferMessage => self.write(&end(75)),
            // Once, for the next session is a good one.
            Condition::LoseReply => self.write("keep; [ -e $D/lost ] || { touch $D/lost; kill -9 $$; }"),
            _ => return false,
        }
        true
    }

    fn debug(&self, properties: &Properties) -> Option<String> {
        SendmailConfig::read(properties).ok().map(|config| format!("{config:?}"))
    }

    fn drive(&self, work: Work<'_>) -> Result<(), Hang> {
        self.runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await.map_err(|_| Hang) })
    }
}

impl OutgoingBench for Script {
    fn delivered(&self) -> Vec<Delivered> {
        let sent = self.directories("sent").into_iter();
        sent.map(|dir| Delivered {
            recipients: fs::read_to_string(dir.join("recipients"))
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect(),
            bytes: fs::read(dir.join("message")).unwrap(),
        })
        .collect()
    }
}

conformance::outgoing!(sendmail: FACTORY, Script::new);
