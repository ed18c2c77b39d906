//! Receiving.

use crate::contender::{Check, Contender, Count, Metric, Plan, Program, Server, User};
use crate::servers::{IMAP_SOURCE, POP3_SOURCE};

const NOTHING: Plan = Plan {
    id: "",
    title: "",
    target: "",
    facts: "",
    unit: "messages/s",
    metric: Metric::Rate,
    contenders: Vec::new(),
    checks: Vec::new(),
};

const TWO: Count = Count::Two(200, 1_200);
const TEN_THOUSAND: Count = Count::Exactly(10_000);

pub fn plans() -> Vec<Plan> {
    vec![
        imap_instructions(
            "imap-instructions",
            "IMAP fetch of 4 KiB messages, plain",
            Server::Imap(User::Many),
        ),
        imap_instructions(
            "imap-tls-instructions",
            "IMAP fetch of 4 KiB messages, TLS",
            Server::ImapTls(User::Many),
        ),
        mailboxes(),
        imap_large(),
        imap_memory(),
        pop3_instructions(),
        pop3_far("pop3-10ms", "POP3 of 4 KiB messages, 10 ms", 10),
        pop3_far("pop3-50ms", "POP3 of 4 KiB messages, 50 ms", 50),
        imap_far(),
        imap_near(),
        pop3_near(),
        imap_source(),
        pop3_source(),
    ]
}

fn imap_instructions(id: &'static str, title: &'static str, server: Server) -> Plan {
    let tls = matches!(server, Server::ImapTls(_));
    // Making keys takes a random number of instructions: more messages make less of that.
    let (two, made) = if tls {
        (Count::Two(200, 5_200), "--ids made --made 5200")
    } else {
        (TWO, "--ids made --made 1200")
    };
    Plan {
        id,
        title,
        target: if tls { "at most 19,000" } else { "at most 2,500" },
        facts: if tls {
            "async-imap 47,081, limit 15,418"
        } else {
            "async-imap 32,788, limit with parsing 399"
        },
        unit: "instructions/message",
        metric: Metric::Instructions,
        contenders: vec![
            Contender::new("ours", Program::Ours("imap"), server, two).with(made),
            Contender::new("ours, listing included", Program::Ours("imap"), server, two),
            Contender::new("limit", Program::Limit("imap"), server, two),
            Contender::new("async-imap", Program::RustPeer("async-imap"), server, two),
        ],
        checks: vec![Check::AtMost("ours", if tls { 19_000.0 } else { 2_500.0 })],
    }
}

fn mailboxes() -> Plan {
    const PLAIN: &str = " --set mail.imap.auth.mechanisms=PLAIN";
    let fetch = |name, program, arguments: &str| {
        Contender::new(name, program, Server::Imap(User::Folders), Count::Exactly(1_000))
            .with(&format!("--folders 10 {arguments}"))
            .rtt(10)
    };
    let ours = |name, messages: u64, set: &str| {
        fetch(name, Program::Ours("imap"), &format!("--messages {messages}{set}"))
    };
    Plan {
        id: "imap-mailboxes",
        title: "Fetch ten mailboxes of 100 messages: round trips a mailbox, everything included: TCP (1), signing in, leaving",
        target: "at most 5",
        facts: "one by one 100 and more. Ours opens a connection for each mailbox, async-imap one for all ten",
        unit: "round trips/mailbox",
        metric: Metric::AllRounds(10.0),
        contenders: vec![
            ours("ours, signing in by SCRAM", 100, ""),
            ours("ours, signing in by PLAIN", 100, PLAIN),
            ours("ours, SCRAM, only connecting and leaving", 0, ""),
            ours("ours, PLAIN, only connecting and leaving", 0, PLAIN),
            fetch("async-imap, all at once", Program::RustPeer("async-imap"), "--messages 100"),
            fetch("async-imap, one by one", Program::RustPeer("async-imap"), "--messages 100 --mode one"),
        ],
        checks: vec![Check::AtMost("ours, signing in by PLAIN", 5.0)],
    }
}

fn imap_large() -> Plan {
    let (server, two) = (Server::Imap(User::Large), Count::Two(2, 12));
    let contenders = vec![
        Contender::new("ours", Program::Ours("imap"), server, two).with("--ids made --made 12"),
        Contender::new("limit", Program::Limit("imap"), server, two),
        Contender::new("async-imap", Program::RustPeer("async-imap"), server, two),
    ];
    Plan {
        id: "imap-5mib-instructions",
        title: "IMAP fetch of 5 MiB messages, plain: instructions",
        target: "at most 400 k",
        facts: "async-imap 5.3 M a message, limit 16 k",
        unit: "instructions/message",
        metric: Metric::Instructions,
        contenders: contenders.into_iter().map(|c| c.size(5 << 20)).collect(),
        checks: vec![Check::AtMost("ours", 400_000.0)],
    }
}

fn imap_memory() -> Plan {
    let (server, count) = (Server::Imap(User::Large), Count::Exactly(20));
    let contenders = vec![
        Contender::new("ours", Program::Ours("imap"), server, count),
        Contender::new("limit", Program::Limit("imap"), server, count),
        Contender::new("async-imap", Program::RustPeer("async-imap"), server, count),
        Contender::new("imaplib", Program::Python("imaplib"), server, count),
    ];
    Plan {
        id: "imap-5mib-memory",
        title: "IMAP fetch of 5 MiB messages, plain: peak memory above that before the first body (of others: all of it)",
        target: "within 4 MiB of idle",
        facts: "async-imap 8.7 MiB, imaplib 526 MiB, limit 3.2 MiB in all",
        unit: "KiB",
        metric: Metric::Memory,
        contenders: contenders.into_iter().map(|c| c.size(5 << 20)).collect(),
        checks: vec![Check::AtMost("ours", 4096.0)],
    }
}

fn pop3_instructions() -> Plan {
    let server = Server::Pop3(User::Many);
    Plan {
        id: "pop3-instructions",
        title: "POP3 of 4 KiB messages, plain",
        target: "at most 6,500",
        facts: "async-pop 54,694 a message, limit 3,224",
        unit: "instructions/message",
        metric: Metric::Instructions,
        contenders: vec![
            Contender::new("ours", Program::Ours("pop3"), server, TWO),
            Contender::new("limit", Program::Limit("pop3"), server, TWO),
        ],
        checks: vec![Check::AtMost("ours", 6_500.0)],
    }
}

fn pop3_peers() -> Vec<Contender> {
    let many = Server::Pop3(User::Many);
    let fit = Count::Fit(20, 10_000);
    vec![
        Contender::new("poplib", Program::Python("poplib"), many, fit),
        Contender::new("curl", Program::CurlPop3, many, fit),
        Contender::new("fetchmail", Program::Fetchmail, many, fit),
        // It takes all there is, which is as many.
        Contender::new("mpop", Program::Mpop, many, TEN_THOUSAND),
    ]
}

fn pop3_far(id: &'static str, title: &'static str, rtt: u32) -> Plan {
    let server = Server::Pop3(User::Many);
    let mut contenders = vec![
        Contender::new("ours", Program::Ours("pop3"), server, Count::AllOf(10_000)),
        Contender::new("limit", Program::Limit("pop3"), server, TEN_THOUSAND).with("--window 1000"),
        Contender::new("limit, window 200", Program::Limit("pop3"), server, TEN_THOUSAND)
            .with("--window 200"),
    ];
    contenders.extend(pop3_peers());
    Plan {
        id,
        title,
        target: "at least 0.6 of the limit client, at least 4 × mpop",
        facts: if rtt == 10 {
            "poplib 82/s, mpop (pipelined) 1,519/s, limit 11,281/s"
        } else {
            "poplib 18/s, mpop (pipelined) 453/s, limit 5,295/s"
        },
        contenders: contenders.into_iter().map(|c| c.rtt(rtt)).collect(),
        checks: vec![Check::AtLeast("ours", "limit", 0.6), Check::AtLeast("ours", "mpop", 4.0)],
        ..NOTHING
    }
}

fn imap_peers(server: Server) -> Vec<Contender> {
    vec![
        Contender::new("async-imap, one FETCH", Program::RustPeer("async-imap"), server, TEN_THOUSAND),
        Contender::new("imaplib, one FETCH", Program::Python("imaplib"), server, TEN_THOUSAND),
        Contender::new("imaplib, one by one", Program::Python("imaplib"), server, Count::Fit(20, 10_000))
            .with("--mode one"),
        Contender::new("curl", Program::CurlImap, server, Count::Fit(20, 10_000)),
        Contender::new("mbsync", Program::Mbsync, server, TEN_THOUSAND),
    ]
}

fn imap_clients(server: Server) -> Vec<Contender> {
    let mut contenders = vec![
        Contender::new("ours", Program::Ours("imap"), server, Count::AllOf(10_000)).with("--ids made"),
        Contender::new("ours, listing included", Program::Ours("imap"), server, Count::AllOf(10_000)),
        Contender::new("limit", Program::Limit("imap"), server, TEN_THOUSAND),
        Contender::new("limit, windows of 100", Program::Limit("imap"), server, TEN_THOUSAND)
            .with("--mode windows"),
        Contender::new("limit, 2 connections", Program::Limit("imap"), server, TEN_THOUSAND)
            .with("--connections 2"),
    ];
    contenders.extend(imap_peers(server));
    contenders
}

const BY_PLAIN: &str = "ours, signing in by PLAIN";

fn imap_far() -> Plan {
    let server = Server::Imap(User::Many);
    let mut contenders = imap_clients(server);
    // The limit client signs in by LOGIN, which takes as long; SCRAM takes two round trips more, and Dovecot's time for keys.
    let plain = "--ids made --set mail.imap.auth.mechanisms=PLAIN";
    contenders
        .insert(1, Contender::new(BY_PLAIN, Program::Ours("imap"), server, Count::AllOf(10_000)).with(plain));
    Plan {
        id: "imap-10ms",
        title: "IMAP fetch of 10,000 messages of 4 KiB, 10 ms, memory bounded by windows; signing in by PLAIN, as limit by LOGIN",
        target: "at least 0.9 of the limit client",
        facts: "async-imap 11,043/s (one FETCH), limit 13,452/s; windows of 100 waited for one by one 3,467/s",
        contenders: contenders.into_iter().map(|c| c.rtt(10)).collect(),
        checks: vec![Check::AtLeast(BY_PLAIN, "limit", 0.9)],
        ..NOTHING
    }
}

fn imap_near() -> Plan {
    Plan {
        id: "imap-0ms",
        title: "IMAP fetch of 10,000 messages of 4 KiB, plain, 0 ms",
        facts: "async-imap 25,427/s, limit 26,750/s",
        contenders: imap_clients(Server::Imap(User::Many)),
        ..NOTHING
    }
}

fn pop3_near() -> Plan {
    let server = Server::Pop3(User::Many);
    let mut contenders = vec![
        Contender::new("ours", Program::Ours("pop3"), server, Count::AllOf(10_000)),
        Contender::new("limit", Program::Limit("pop3"), server, TEN_THOUSAND).with("--window 200"),
    ];
    contenders.extend(pop3_peers());
    Plan {
        id: "pop3-0ms",
        title: "POP3 of 4 KiB messages, plain, 0 ms",
        facts: "poplib 2,608/s, mpop 10,422/s, fetchmail 1,289/s, limit 18,376/s",
        contenders,
        ..NOTHING
    }
}

fn imap_source() -> Plan {
    let server = Server::ImapSource;
    let (fit, fewer) = (Count::Fit(20, IMAP_SOURCE), Count::Fit(20, 20_000));
    let contenders = vec![
        Contender::new("ours", Program::Ours("imap"), server, fit).with("--ids made"),
        Contender::new("ours, listing included", Program::Ours("imap"), server, fit),
        Contender::new("limit", Program::Limit("imap"), server, fit),
        Contender::new("async-imap, one FETCH", Program::RustPeer("async-imap"), server, fit),
        // It keeps them all.
        Contender::new("imaplib, one FETCH", Program::Python("imaplib"), server, fewer),
        Contender::new("imaplib, one by one", Program::Python("imaplib"), server, fewer).with("--mode one"),
        Contender::new("curl", Program::CurlImap, server, fewer),
    ];
    Plan {
        id: "imap-source-0ms",
        title: "IMAP fetch of 4 KiB messages from the fast source, plain, 0 ms, one core",
        contenders: contenders.into_iter().map(Contender::pinned).collect(),
        ..NOTHING
    }
}

fn pop3_source() -> Plan {
    let server = Server::Pop3Source;
    let (all, fewer) = (Count::Exactly(POP3_SOURCE), Count::Fit(20, POP3_SOURCE));
    let contenders = vec![
        Contender::new("ours", Program::Ours("pop3"), server, all),
        Contender::new("limit", Program::Limit("pop3"), server, all).with("--window 1000"),
        Contender::new("poplib", Program::Python("poplib"), server, fewer),
        Contender::new("curl", Program::CurlPop3, server, fewer),
        Contender::new("mpop", Program::Mpop, server, all),
    ];
    Plan {
        id: "pop3-source-0ms",
        title: "POP3 of 4 KiB messages from the fast source, 50,000 in the maildrop, plain, 0 ms, one core",
        contenders: contenders.into_iter().map(Contender::pinned).collect(),
        ..NOTHING
    }
}
