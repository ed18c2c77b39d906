//! Killed at random times and at every named point, and started again until all is handled.

use crate::host::{End, Host, Mode, Random};
use crate::{report, trials};
use postrider_tests::mailbox::Mailbox;
use postrider_tests::servers::or_skip;
use std::time::{Duration, Instant};

const MESSAGES: usize = 60;
const POINTS: &[&str] = &["fetched", "handing", "working", "answered", "recorded", "settled"];
/// Kills of one trial.
const KILLS: u64 = 4;

/// What came of the trials of one kind.
#[derive(Default)]
struct Sum {
    kills: usize,
    lost: usize,
    repeated: usize,
    left: usize,
}

fn trial(protocol: &str, mode: Mode, number: usize, mailbox: &Mailbox, sum: &mut Sum) {
    let servers = or_skip("killed").expect("they run");
    let mut random = Random(number as u64 * 1_000 + protocol.len() as u64);
    for n in 0..MESSAGES {
        mailbox.deposit(format!("From: <them@example.test>\r\nSubject: m{n:03}\r\n\r\n{n}\r\n").as_bytes());
    }
    let more = format!("mail.watch.ahead={}", [1, 8, 64][number % 3]);
    let host = Host::new(servers, mailbox, protocol, mode, &more);
    let mut done = false;
    for _ in 0..1 + random.below(KILLS) {
        let end = if random.below(2) == 0 {
            End::After(Duration::from_millis(random.below(250)))
        } else {
            let point = POINTS[random.below(POINTS.len() as u64) as usize];
            // Settled in batches: there are fewer.
            let most = if point == "settled" { 3 } else { MESSAGES as u64 / 2 };
            End::At(format!("{point}:{}", 1 + random.below(most)))
        };
        done = host.run(&end);
        if done {
            break;
        }
        sum.kills += 1;
    }
    if !done {
        assert!(host.run(&End::Done));
    }
    let work = host.work();
    sum.lost += MESSAGES - work.len();
    let repeats: usize = work.values().map(|count| count - 1).sum();
    sum.repeated += repeats;
    sum.left += mailbox.files("INBOX").len();
    mailbox.clear("INBOX");
    assert_eq!(work.len(), MESSAGES, "{protocol} {mode:?} trial {number} lost messages: {}", host.log());
}

fn all_trials(protocol: &'static str, mode: Mode) {
    let name = format!("{MESSAGES} messages over {protocol}, {mode:?}");
    let Some(servers) = or_skip(&name) else { return };
    let begun = Instant::now();
    let mailbox = Mailbox::claim(servers);
    let (mut sum, trials) = (Sum::default(), trials(50));
    for number in 0..trials {
        trial(protocol, mode, number, &mailbox, &mut sum);
    }
    report(&format!(
        "{protocol}, {mode:?}: {trials} trials of {MESSAGES} messages, {} kills: {} lost, {} handled again, {} left on the \
         server; {:.0} s",
        sum.kills,
        sum.lost,
        sum.repeated,
        sum.left,
        begun.elapsed().as_secs_f64()
    ));
    assert_eq!((sum.lost, sum.left), (0, 0));
    match mode {
        Mode::Transaction | Mode::Postgres { .. } => assert_eq!(sum.repeated, 0),
        Mode::File => assert!(sum.repeated <= sum.kills, "{} repeats for {} kills", sum.repeated, sum.kills),
    }
}

#[test]
fn pop3_loses_and_repeats_nothing_with_the_key_in_the_handlers_transaction() {
    all_trials("pop3", Mode::Transaction);
}

#[test]
fn imap_loses_and_repeats_nothing_with_the_key_in_the_handlers_transaction() {
    all_trials("imap", Mode::Transaction);
}

#[test]
fn pop3_loses_nothing_and_repeats_at_most_one_message_a_kill_with_a_file_ledger() {
    all_trials("pop3", Mode::File);
}

#[test]
fn imap_loses_nothing_and_repeats_at_most_one_message_a_kill_with_a_file_ledger() {
    all_trials("imap", Mode::File);
}
