//! 100 MiB from IMAP to SMTP in constant memory.

use postrider_tests::mailbox::{Mailbox, until};
use postrider_tests::servers::or_skip;
use postrider_tests::workspace::{cargo, output};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Command;

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
    let settings = servers.folder().join(format!("relay-{}.toml", from.user()));
    let mut file = fs::File::create(&settings).unwrap();
    writeln!(file, "[mail]\nfrom = 'relay@example.test'\nstore.protocol = 'imap'").unwrap();
    for (transport, server, tls, user) in [
        ("imap", "DOVECOT_IMAPS", "implicit", from.user()),
        ("smtp", "POSTFIX_SUBMISSION", "starttls", "bob"),
    ] {
        writeln!(
            file,
            "{transport}.host = 'localhost'\n{transport}.port = {}\n{transport}.tls = '{tls}'\n{transport}.user = '{user}'\n{transport}.password = '{}'\n\
             {transport}.ssl.cafile = '{}'",
            servers.port(server),
            servers.password(),
            servers.setting("CA_FILE")
        )
        .unwrap();
    }
    writeln!(file, "imap.maxsize = '200MiB'").unwrap();
    drop(file);

    let relay = example();
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

/// Builds examples/relay and gives its path.
fn example() -> String {
    let messages = output(cargo().args(["build", "--package", "relay", "--message-format", "json"]));
    let built = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut found = built.filter_map(|m| m["executable"].as_str().map(str::to_owned));
    found.next_back().expect("cargo names the executable")
}
