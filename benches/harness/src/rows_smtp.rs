//! Sending: how fast.

use crate::contender::{Check, Contender, Count, Metric, Plan, Program, Server};
use crate::rows::{limit, ours, senders};

/// In messages a second, of 4 KiB, unless a row says otherwise.
const RATE: Plan = Plan {
    id: "",
    title: "",
    target: "",
    facts: "",
    unit: "messages/s",
    metric: Metric::Rate,
    contenders: Vec::new(),
    checks: Vec::new(),
};

const FIT: Count = Count::Fit(50, 2_000_000);
/// Enough that setting up does not weigh much, over a round trip.
const MANY: Count = Count::Fit(4_000, 2_000_000);

pub fn plans() -> Vec<Plan> {
    vec![
        tls(),
        chunking(),
        chunking_far("smtp-chunking-10ms", "SMTP, 1 connection, 4 KiB, 10 ms, CHUNKING", 10),
        chunking_far("smtp-chunking-50ms", "SMTP, 1 connection, 4 KiB, 50 ms, CHUNKING", 50),
        pipelining_far(),
        large(),
        postfix(),
        smtp_sink(),
    ]
}

fn tls() -> Plan {
    let server = Server::PipeliningTls;
    let mut contenders = ours(server, FIT);
    contenders.push(limit("limit cross", "cross", server, FIT));
    contenders.push(limit("limit pipe", "pipe", server, FIT));
    contenders.push(limit("limit seq", "seq", server, FIT));
    contenders.extend(senders(server));
    Plan {
        id: "smtp-tls",
        title: "SMTP, 1 connection, 4 KiB messages, TLS, 0 ms, PIPELINING without CHUNKING",
        target: "at least 0.7 of the limit client, at least 8 × the best peer library",
        facts: "lettre 22/s, Nodemailer 501/s, smtplib 1,371/s, limit 16,679/s",
        contenders: contenders.into_iter().map(Contender::pinned).collect(),
        checks: vec![Check::AtLeast("ours", "limit cross", 0.7), Check::TimesBestPeer("ours", 8.0)],
        ..RATE
    }
}

fn chunking() -> Plan {
    let server = Server::Chunking;
    let mut contenders = ours(server, FIT);
    contenders.push(
        Contender::new("ours, by tasks", Program::Ours("smtp"), server, FIT).with("--via tasks --tasks 256"),
    );
    contenders.push(limit("limit bdat", "bdat", server, FIT));
    contenders.extend(senders(server));
    Plan {
        id: "smtp-chunking",
        title: "SMTP, 1 connection, 4 KiB messages, plain, 0 ms, CHUNKING",
        target: "at least 0.4 of the limit client",
        facts: "limit 321,463/s",
        contenders: contenders.into_iter().map(Contender::pinned).collect(),
        checks: vec![Check::AtLeast("ours", "limit bdat", 0.4)],
        ..RATE
    }
}

fn chunking_far(id: &'static str, title: &'static str, rtt: u32) -> Plan {
    let server = Server::Chunking;
    let mut contenders = ours(server, MANY);
    contenders.push(
        Contender::new("ours, by tasks", Program::Ours("smtp"), server, MANY).with("--via tasks --tasks 256"),
    );
    contenders.push(
        Contender::new("ours, 1,000 in flight", Program::Ours("smtp"), server, MANY)
            .with("--set mail.smtp.window=1000;mail.smtp.windowsize=16MiB"),
    );
    contenders.push(limit("limit bdat", "bdat", server, MANY));
    contenders.push(limit(
        "limit bdat, 1,000 in flight",
        "bdat --window 1000 --window-bytes 16777216",
        server,
        MANY,
    ));
    contenders.extend(senders(server));
    Plan {
        id,
        title,
        target: "at least 0.8 of the limit client, at least 100 × the best peer library",
        facts: if rtt == 10 {
            "lettre 11/s, Nodemailer 34/s, limit 9,573/s"
        } else {
            "lettre 3/s, Nodemailer 8/s, limit 1,270/s"
        },
        contenders: contenders.into_iter().map(|c| c.rtt(rtt)).collect(),
        checks: vec![Check::AtLeast("ours", "limit bdat", 0.8), Check::TimesBestPeer("ours", 100.0)],
        ..RATE
    }
}

fn pipelining_far() -> Plan {
    let server = Server::Pipelining;
    let mut contenders = ours(server, FIT);
    contenders.push(limit("limit cross", "cross", server, FIT));
    contenders.push(limit("limit pipe", "pipe", server, FIT));
    contenders.push(limit("limit seq", "seq", server, FIT));
    contenders.extend(senders(server));
    Plan {
        id: "smtp-pipelining-10ms",
        title: "SMTP, 1 connection, 4 KiB, 10 ms, PIPELINING only",
        target: "at least 0.9 of the limit client",
        facts: "limit 86/s",
        contenders: contenders.into_iter().map(|c| c.rtt(10)).collect(),
        checks: vec![Check::AtLeast("ours", "limit cross", 0.9)],
        ..RATE
    }
}

fn large() -> Plan {
    let (few, some) = (Count::Fit(4, 400), Count::Fit(20, 400));
    let mut contenders = vec![
        Contender::new("ours, DATA", Program::Ours("smtp"), Server::Pipelining, some),
        Contender::new("ours, BDAT", Program::Ours("smtp"), Server::Chunking, some),
        limit("limit cross, DATA", "cross", Server::Pipelining, some),
        limit("limit pipe, DATA", "pipe", Server::Pipelining, some),
        limit("limit bdat", "bdat", Server::Chunking, some),
    ];
    contenders
        .extend(senders(Server::Chunking).into_iter().map(|contender| Contender { count: few, ..contender }));
    Plan {
        id: "smtp-1mib-50ms",
        title: "SMTP, 1 connection, 1 MiB messages, 50 ms",
        target: "at least 0.8 of the limit client",
        facts: "lettre 2.3 MB/s, Nodemailer 4.0, limit 9.8 (DATA) and 22.9 (BDAT)",
        unit: "MB/s",
        metric: Metric::Megabytes,
        contenders: contenders.into_iter().map(|c| c.rtt(50).size(1 << 20)).collect(),
        checks: vec![
            Check::AtLeast("ours, DATA", "limit cross, DATA", 0.8),
            Check::AtLeast("ours, BDAT", "limit bdat", 0.8),
        ],
    }
}

fn postfix() -> Plan {
    let (server, fit) = (Server::Postfix, Count::Fit(200, 5_000));
    let mut contenders = vec![
        Contender::new("ours", Program::Ours("smtp"), server, fit),
        Contender::new("ours, by tasks", Program::Ours("smtp"), server, fit).with("--via tasks --tasks 256"),
    ];
    contenders.push(limit("limit bdat", "bdat", server, fit));
    contenders.push(limit("limit cross", "cross", server, fit));
    contenders.push(Contender::new("lettre", Program::RustPeer("lettre"), server, fit));
    contenders.push(Contender::new("mail-send", Program::RustPeer("mail-send"), server, fit));
    contenders.push(Contender::new("Nodemailer", Program::Nodemailer, server, fit));
    contenders = contenders.into_iter().map(|contender| contender.connections(8)).collect();
    contenders.push(Contender::new("smtp-source", Program::SmtpSource, server, fit).with("-s 8"));
    Plan {
        id: "smtp-postfix",
        title: "SMTP to real Postfix, 8 connections",
        target: "at least 0.9 of the limit client",
        facts: "lettre 162/s, smtp-source 467/s, limit 598/s",
        contenders,
        checks: vec![Check::AtLeast("ours", "limit bdat", 0.9)],
        ..RATE
    }
}

fn smtp_sink() -> Plan {
    let server = Server::SmtpSink;
    let mut contenders = ours(server, FIT);
    contenders.push(limit("limit cross", "cross", server, FIT));
    contenders.extend(senders(server));
    contenders.push(
        Contender::new("smtp-source", Program::SmtpSource, server, Count::Fit(50, 50_000)).with("-s 1 -d"),
    );
    Plan {
        id: "smtp-smtp-sink",
        title: "SMTP to Postfix's smtp-sink, 1 connection, 4 KiB messages, plain, 0 ms",
        facts: "lettre 22/s, Nodemailer 634/s, smtplib 1,869/s, smtp-source 2,890/s, limit 7,289/s",
        contenders: contenders.into_iter().map(Contender::pinned).collect(),
        ..RATE
    }
}
