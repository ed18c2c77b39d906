//! A disk that fills up and is emptied again, and one that can't be written: real ones, small.

use crate::host::settings;
use crate::sink::Sink;
use postrider::outbox::{Fault, Letter, Outbox, SqliteOutbox, Storage};
use postrider::{Envelope, Session};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A file system of two megabytes, gone when it is dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None` where this machine does not let us mount.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        mount(&["-t", "tmpfs", "-o", "size=2m", "tmpfs"], folder.path()).then(|| Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn mount(args: &[&str], at: &Path) -> bool {
    Command::new("mount").args(args).arg(at).output().is_ok_and(|out| out.status.success())
}

fn letter(n: usize) -> Letter {
    let envelope = Envelope::parse(Some("shop@example.test"), ["customer@example.test"]).unwrap();
    Letter::new(envelope, format!("Subject: {n}\r\n\r\n{}\r\n", "x".repeat(20_000))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_sent_that_could_not_be_recorded_and_with_room_all_goes() {
    let Some(disk) = Disk::mount() else {
        eprintln!("SKIPPED: no mount here");
        return;
    };
    let file = disk.path("shop.db");
    let storage: Arc<dyn Storage> = Arc::new(SqliteOutbox::open(&file).unwrap());
    let ballast = disk.path("ballast");
    std::fs::write(&ballast, vec![0; 1_000_000]).unwrap();
    let mut kept = 0;
    let error = loop {
        match storage.enqueue(&letter(kept)).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(Fault::of(&error), Some(Fault::Full), "{error}");
    assert!(error.to_string().contains("shop.db") && kept > 5, "{error}");
    // Not a byte is left, also not for what is small.
    let mut rest = std::fs::File::create(disk.path("rest")).unwrap();
    while std::io::Write::write(&mut rest, &[0; 4096]).is_ok_and(|n| n > 0) {}

    let (sink, port) = Sink::start().await;
    let session = Session::builder().overrides(&settings(port)).unwrap().build().unwrap();
    let (troubles, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
    let (count, text) = (Arc::clone(&troubles), Arc::clone(&last));
    let outbox = Outbox::of(&session, Arc::clone(&storage)).unwrap().on_trouble(move |error| {
        count.fetch_add(1, Ordering::SeqCst);
        *text.lock().unwrap() = error.to_string();
    });
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = tokio::spawn(async move { outbox.run(async { drop(stopped.await) }).await });
    while troubles.load(Ordering::SeqCst) < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(last.lock().unwrap().contains("no room left"), "{}", last.lock().unwrap());
    assert!(sink.counts().is_empty(), "nothing goes out that is not on disk as being sent");
    std::fs::remove_file(&ballast).unwrap();
    crate::books::settled(&storage).await;
    stop.send(()).unwrap();
    worker.await.unwrap().unwrap();
    let counts = sink.counts();
    assert!(counts.len() == kept && counts.values().all(|n| *n == 1), "{kept} {counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_can_not_be_written_is_told_and_the_worker_ends() {
    let Some(disk) = Disk::mount() else {
        eprintln!("SKIPPED: no mount here");
        return;
    };
    let file = disk.path("shop.db");
    let outbox = SqliteOutbox::open(&file).unwrap();
    outbox.enqueue(&letter(0)).await.unwrap();
    drop(outbox);
    // The thread closes the file a moment after its handle is dropped.
    while !mount(&["-o", "remount,ro"], disk.0.path()) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let error = SqliteOutbox::open(&file).unwrap_err();
    let fault = Fault::of(&error).unwrap();
    assert!(matches!(fault, Fault::ReadOnly | Fault::Unopened), "{error}");
    assert!(
        error.to_string().contains("shop.db") && error.advice().is_some_and(|a| a.contains("writ")),
        "{error}"
    );
    assert!(mount(&["-o", "remount,rw"], disk.0.path()));
    let outbox = SqliteOutbox::open(&file).unwrap();
    assert_eq!(outbox.counts().await.unwrap()[0].recipients, 1, "and nothing is lost");
}
