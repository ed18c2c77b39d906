//! The example `relay`, from Dovecot's IMAP to Postfix: in constant memory, and killed in the middle.

use postrider_tests::mailbox::{Mailbox, until};
use postrider_tests::servers::{Servers, or_skip};
use postrider_tests::workspace::{executable, output};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The example, and the most memory it may have had resident, in KiB (VmHWM).
const LIMIT: u64 = 32 << 10;

/// Runs the arguments and prints, as the last line, the most memory the child ever had resident, in KiB: the
/// kernel's own high-water mark, which is VmHWM as it stood when the child ended.
const MEASURED: &str = r#"
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"#;

#[test]
fn a_message_of_100_mib_is_relayed_in_32_mib_of_memory() {
    let Some(servers) = or_skip("a_message_of_100_mib_is_relayed_in_32_mib_of_memory") else { return };
    let (from, to) = (Mailbox::claim(servers), Mailbox::claim(servers));
    from.deposit(&large());
    let settings = settings(servers, &from);
    let relay = executable("relay");
    let mut run = Command::new("python3");
    let printed = output(run.args(["-c", MEASURED]).arg(relay).arg(&settings).arg(to.address()));
    let peak: u64 = printed.lines().last().and_then(|line| line.parse().ok()).expect("a number");
    println!("peak: {peak} KiB\n{printed}");
    assert!(peak < LIMIT, "the relay had {peak} KiB resident");
    assert!(printed.contains("passed on imap:"), "{printed}");

    until("the message", || to.files("INBOX").len() == 1);
    assert!(from.files("INBOX").is_empty(), "what has been passed on is deleted");
    same(&to);
}

/// The account file of a relay out of this mailbox.
fn settings(servers: &Servers, from: &Mailbox) -> PathBuf {
    let path = servers.folder().join(format!("relay-{}.toml", from.user()));
    let mut text =
        "[mail]\nfrom = 'relay@example.test'\nsend.allowreserved = true\nstore.protocol = 'imap'\nimap.maxsize = '200MiB'\n"
            .to_owned();
    let (password, ca) = (servers.password(), servers.setting("CA_FILE"));
    for (transport, server, tls, user) in [
        ("imap", "DOVECOT_IMAPS", "implicit", from.user()),
        ("smtp", "POSTFIX_SUBMISSION", "starttls", "bob"),
    ] {
        let port = servers.port(server);
        text += &format!(
            "{transport}.host = 'localhost'\n{transport}.port = {port}\n{transport}.tls = '{tls}'\n\
             {transport}.user = '{user}'\n{transport}.password = '{password}'\n{transport}.ssl.cafile = '{ca}'\n"
        );
    }
    fs::write(&path, text).unwrap();
    path
}

/// Lines of different lengths with dots where they hurt.
fn large() -> Vec<u8> {
    let mut message = b"Subject: large\n\n".to_vec();
    let mut n = 0usize;
    while message.len() < 100 << 20 {
        let line = format!("{}{n:010} {}\n", ".".repeat(n % 3), "0123456789".repeat(n % 12));
        message.extend_from_slice(line.as_bytes());
        n += 1;
    }
    message
}

fn same(mailbox: &Mailbox) {
    let mut file = BufReader::new(fs::File::open(&mailbox.files("INBOX")[0]).unwrap());
    let mut line = String::new();
    while line != "Subject: large\n" {
        line.clear();
        assert!(file.read_line(&mut line).unwrap() > 0, "the message is not there");
    }
    let mut rest = line.into_bytes();
    std::io::copy(&mut file, &mut rest).unwrap();
    assert!(rest == large(), "the message changed on its way");
}

#[test]
fn a_relay_that_is_killed_again_and_again_loses_no_message() {
    let Some(servers) = or_skip("a_relay_that_is_killed_again_and_again_loses_no_message") else { return };
    let (from, to) = (Mailbox::claim(servers), Mailbox::claim(servers));
    const COUNT: usize = 60;
    for n in 0..COUNT {
        let filler = ".a line with a dot\n".repeat(2_000 * (n % 5));
        from.deposit(format!("Subject: number {n}.\n\n{filler}end of {n}.\n").as_bytes());
    }
    let (relay, settings) = (executable("relay"), settings(servers, &from));
    let mut runs = 0u64;
    while !from.files("INBOX").is_empty() {
        let mut run = Command::new(&relay)
            .arg(&settings)
            .arg(to.address())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Lives a little longer each time, so that each kill meets it elsewhere and the mailbox is emptied in the end.
        std::thread::sleep(Duration::from_millis(20 + runs * 7));
        run.kill().unwrap();
        run.wait().unwrap();
        runs += 1;
        assert!(runs < 300, "{} messages never leave", from.files("INBOX").len());
    }
    let arrived = to.settled();
    for n in 0..COUNT {
        let whole = |m: &&Vec<u8>| {
            let text = String::from_utf8_lossy(m);
            text.contains(&format!("Subject: number {n}.\n")) && text.ends_with(&format!("\nend of {n}.\n"))
        };
        assert!(arrived.iter().any(|m| whole(&m)), "number {n} is lost after {runs} runs");
    }
    // Between Postfix's yes and the deletion a kill may double a message; each kill one at most.
    assert!(arrived.len() as u64 <= COUNT as u64 + runs, "{} messages of {COUNT}", arrived.len());
    println!("{runs} runs, {} messages of {COUNT}", arrived.len());
}
