//! A watch inside the test, over a real server: what arrives around IDLE, a link that goes silent, a mailbox that is
//! rebuilt, a ledger on a full disk.

use crate::host::Random;
use crate::{report, trials};
use postrider::ledger::SqliteLedger;
use postrider::{Answer, Arrival, Handler, Health, Session, Status, Watch, WatchHandle};
use postrider_tests::mailbox::{Mailbox, until};
use postrider_tests::servers::{Servers, or_skip};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A watch in a thread of its own, and how often it handled each subject.
struct Watching {
    handle: WatchHandle,
    thread: Option<JoinHandle<()>>,
    handled: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Watching {
    fn start(servers: &Servers, mailbox: &Mailbox, port: u16, ledger: &Path, more: &str) -> Self {
        let text = format!(
            "mail.store.protocol=imap\nmail.imap.host=localhost\nmail.imap.port={port}\nmail.imap.tls=none\n\
             mail.imap.user={}\nmail.imap.password={}\nmail.watch.backoff=50ms\nmail.watch.backoffmax=200ms\n{more}\n",
            mailbox.user(),
            servers.password(),
        );
        let session = Session::builder().overrides(&text).unwrap().build().unwrap();
        let handled = Arc::default();
        let ledger = Arc::new(SqliteLedger::open(ledger).unwrap());
        let watch = Watch::new(&session, ledger, noting(&handled)).unwrap();
        let handle = watch.handle();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(watch.run()).unwrap();
        });
        Self { handle, thread: Some(thread), handled }
    }

    fn status(&self) -> Status {
        self.handle.status()
    }

    fn count(&self) -> usize {
        self.handled.lock().unwrap().len()
    }

    fn stop(mut self) -> BTreeMap<String, usize> {
        self.handle.stop();
        self.thread.take().unwrap().join().unwrap();
        self.handled.lock().unwrap().clone()
    }
}

fn noting(handled: &Arc<Mutex<BTreeMap<String, usize>>>) -> impl Handler + 'static {
    let handled = Arc::clone(handled);
    move |arrival: Arrival| {
        let subject = arrival.headers().unwrap().subject().unwrap_or_default().to_owned();
        *handled.lock().unwrap().entry(subject).or_default() += 1;
        async { Ok(Answer::Done) }
    }
}

fn deposit(mailbox: &Mailbox, n: usize) {
    mailbox.deposit(format!("From: <them@example.test>\r\nSubject: n{n:05}\r\n\r\n{n}\r\n").as_bytes());
}

#[test]
fn what_arrives_around_the_start_and_the_end_of_idle_is_noticed_without_the_wait_of_a_poll() {
    let Some(servers) = or_skip("what_arrives_around_the_start_and_the_end_of_idle") else { return };
    let (mailbox, folder) = (Mailbox::claim(servers), tempfile::tempdir().unwrap());
    // Nothing else than the server's word ends a wait within this test.
    let more = "mail.watch.probe=4h\nmail.watch.settle=delete";
    let port = servers.port("DOVECOT_IMAP");
    let watching = Watching::start(servers, &mailbox, port, &folder.path().join("ledger.db"), more);
    let (mut random, total, mut sent) = (Random(9), if trials(50) >= 500 { 1_000 } else { 120 }, 0);
    let mut slowest = Duration::ZERO;
    while sent < total {
        // Some while it waits, some while it begins or ends to, and each of them wakes it for the next.
        for _ in 0..=random.below(5) {
            deposit(&mailbox, sent);
            sent += 1;
            std::thread::sleep(Duration::from_micros(random.below(40_000)));
        }
        let begun = Instant::now();
        until("the last of them to be handled", || watching.count() == sent);
        slowest = slowest.max(begun.elapsed());
    }
    let handled = watching.stop();
    assert!(handled.len() == sent && handled.values().all(|count| *count == 1));
    report(&format!(
        "{sent} messages around the start and the end of IDLE: 0 missed, 0 handled again, the slowest noticed after {:.2} s",
        slowest.as_secs_f64()
    ));
}

#[test]
fn no_message_is_handled_twice_and_no_wrong_one_deleted_when_uidvalidity_changes() {
    let Some(servers) = or_skip("no_message_is_handled_twice_when_uidvalidity_changes") else { return };
    let (mut random, resets) = (Random(3), if trials(50) >= 500 { 100 } else { 12 });
    let port = servers.port("DOVECOT_IMAP");
    let mut all = 0;
    for settle in ["delete", "keep"] {
        let (mailbox, folder) = (Mailbox::claim(servers), tempfile::tempdir().unwrap());
        let more = format!("mail.watch.probe=1s\nmail.watch.settle={settle}");
        let watching = Watching::start(servers, &mailbox, port, &folder.path().join("ledger.db"), &more);
        let mut sent = 0;
        for reset in 0..resets {
            for _ in 0..=random.below(3) {
                deposit(&mailbox, sent);
                sent += 1;
            }
            std::thread::sleep(Duration::from_millis(random.below(120)));
            rebuild(servers, &mailbox, reset);
            std::thread::sleep(Duration::from_millis(random.below(250)));
        }
        until("all to be handled", || watching.count() == sent);
        if settle == "delete" {
            until("all to be deleted", || mailbox.files("INBOX").is_empty());
        } else {
            assert_eq!(mailbox.files("INBOX").len(), sent);
        }
        let handled = watching.stop();
        let repeated: Vec<_> = handled.iter().filter(|(_, count)| **count > 1).collect();
        assert!(repeated.is_empty(), "{settle}: {repeated:?}");
        all += sent;
    }
    report(&format!(
        "{} resets of UIDVALIDITY, {all} messages: 0 lost, 0 handled again, no wrong one deleted",
        2 * resets
    ));
}

/// The mailbox gets another UIDVALIDITY from its server, as after a rebuild: no key that was given is good any more.
fn rebuild(servers: &Servers, mailbox: &Mailbox, number: usize) {
    let configuration = servers.folder().join("dovecot/dovecot.conf");
    let validity = (2_000_000_000 + number).to_string();
    let update = ["mailbox", "update", "-u", mailbox.user(), "--uid-validity", &validity, "INBOX"];
    let done = Command::new("doveadm").arg("-c").arg(configuration).args(update).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_link_that_goes_silent_without_closing_is_noticed_within_the_probe_interval() {
    let Some(servers) = or_skip("a_link_that_goes_silent_without_closing") else { return };
    let (mailbox, folder) = (Mailbox::claim(servers), tempfile::tempdir().unwrap());
    let wire = Wire::to(servers.port("DOVECOT_IMAP"));
    let ledger = folder.path().join("ledger.db");
    let watching = Watching::start(servers, &mailbox, wire.port, &ledger, "mail.watch.probe=3s");
    let is = |wanted: fn(&Health) -> bool| move |watching: &Watching| wanted(&watching.status().health);
    let (idle, backing) = (is(|h| *h == Health::Idle), is(|h| matches!(h, Health::BackingOff { .. })));
    until("it to wait", || idle(&watching));
    // Neither end hears of it: the bytes just don't come any more.
    wire.silent.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    until("it to notice", || backing(&watching));
    let noticed = begun.elapsed();
    wire.silent.store(false, Ordering::Relaxed);
    deposit(&mailbox, 0);
    until("it to be back", || watching.count() == 1);
    watching.stop();
    report(&format!(
        "a link that went silent was noticed after {:.1} s, the probe interval is 3 s",
        noticed.as_secs_f64()
    ));
}

/// A wire that can be made silent. New connections work whatever the old ones do.
struct Wire {
    port: u16,
    silent: Arc<AtomicBool>,
}

impl Wire {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, silent) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
        let cut = Arc::clone(&silent);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = TcpStream::connect(("127.0.0.1", server)).unwrap();
                // Each connection goes silent for good.
                let dead = Arc::new(AtomicBool::new(false));
                copy(near.try_clone().unwrap(), far.try_clone().unwrap(), &cut, &dead);
                copy(far, near, &cut, &dead);
            }
        });
        Self { port, silent }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, cut: &Arc<AtomicBool>, dead: &Arc<AtomicBool>) {
    let (cut, dead) = (Arc::clone(cut), Arc::clone(dead));
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut bytes) {
            if cut.load(Ordering::Relaxed) {
                dead.store(true, Ordering::Relaxed);
            }
            if !dead.load(Ordering::Relaxed) && to.write_all(&bytes[..n]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

#[test]
fn a_ledger_on_a_full_or_read_only_disk_stops_the_handing_over_and_nothing_is_lost() {
    let Some(servers) = or_skip("a_ledger_on_a_full_or_read_only_disk") else { return };
    let Some(disk) = Disk::mount() else { return };
    let mailbox = Mailbox::claim(servers);
    let more = "mail.watch.settle=delete\nmail.watch.probe=1s";
    let port = servers.port("DOVECOT_IMAP");
    let watching = Watching::start(servers, &mailbox, port, &disk.path().join("ledger.db"), more);
    deposit(&mailbox, 0);
    until("the first to be handled", || watching.status().counts.settled == 1);
    let filler = disk.path().join("filler");
    let mut full = fs::File::create(&filler).unwrap();
    while full.write_all(&[0; 512]).is_ok() {}
    drop(full);
    let why = |watching: &Watching| match watching.status().health {
        Health::BackingOff { why, .. } => why,
        _ => String::new(),
    };
    // A little may still fit into what the log has.
    let mut sent = 1;
    until("the disk to be full", || {
        if !why(&watching).contains("make room") && sent < 2_000 {
            deposit(&mailbox, sent);
            sent += 1;
        }
        why(&watching).contains("make room") && why(&watching).contains("ledger.db")
    });
    assert!(!mailbox.files("INBOX").is_empty(), "what can't be written down is not deleted");
    fs::remove_file(&filler).unwrap();
    until("all to be handled", || watching.count() == sent && mailbox.files("INBOX").is_empty());
    let handled = watching.stop();
    assert!(handled.values().all(|count| *count == 1), "{handled:?}");

    disk.remount("ro");
    let error = SqliteLedger::open(disk.path().join("ledger.db")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("ledger.db") && text.contains("let this user write"), "{text}");
    disk.remount("rw");
    SqliteLedger::open(disk.path().join("ledger.db")).unwrap();
}

/// A small disk of the test's own.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "none"]).arg(folder.path()).output();
        if mounted.is_ok_and(|done| done.status.success()) {
            return Some(Self(folder));
        }
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: a_ledger_on_a_full_or_read_only_disk: nothing may be mounted here"
        );
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, how: &str) {
        let how = format!("remount,{how}");
        assert!(Command::new("mount").args(["-o", &how]).arg(self.path()).status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}
