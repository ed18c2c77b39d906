//! Sending: what it costs in round trips and instructions.

use crate::contender::{Check, Contender, Count, Metric, Plan, Program, Server};
use crate::rows::limit;

const NOTHING: Plan = Plan {
    id: "",
    title: "",
    target: "",
    facts: "",
    unit: "instructions/message",
    metric: Metric::Instructions,
    contenders: Vec::new(),
    checks: Vec::new(),
};

pub fn plans() -> Vec<Plan> {
    vec![rounds(), set_up(), small(), large(), resumed(), by_mailer()]
}

fn rounds() -> Plan {
    let (two, fewer) = (Count::Two(10, 210), Count::Two(5, 55));
    let contenders = vec![
        Contender::new("ours, PIPELINING", Program::Ours("smtp"), Server::Pipelining, two),
        Contender::new("ours, CHUNKING", Program::Ours("smtp"), Server::Chunking, two),
        limit("limit cross", "cross", Server::Pipelining, two),
        limit("limit bdat", "bdat", Server::Chunking, two),
        Contender::new("lettre", Program::RustPeer("lettre"), Server::Chunking, fewer),
        Contender::new("mail-send", Program::RustPeer("mail-send"), Server::Chunking, fewer),
        Contender::new("smtplib", Program::Python("smtplib"), Server::Chunking, fewer),
        Contender::new("Nodemailer", Program::Nodemailer, Server::Chunking, fewer),
        Contender::new("curl", Program::CurlSmtp, Server::Chunking, fewer),
    ];
    Plan {
        id: "smtp-rounds",
        title: "Round trips a message, counted at the relay over 200 messages on one connection",
        target: "PIPELINING at most 1, CHUNKING at most 0.1",
        facts: "lettre 5, mail-send 4, Nodemailer 2",
        unit: "round trips/message",
        metric: Metric::Rounds,
        contenders: contenders.into_iter().map(|c| c.rtt(10)).collect(),
        checks: vec![Check::AtMost("ours, PIPELINING", 1.0), Check::AtMost("ours, CHUNKING", 0.1)],
    }
}

fn set_up() -> Plan {
    let one = Count::Exactly(1);
    let contenders = vec![
        Contender::new("ours, plain", Program::Ours("connect"), Server::Chunking, one),
        Contender::new("ours, TLS", Program::Ours("connect"), Server::ChunkingTls, one),
    ];
    Plan {
        id: "smtp-set-up-rounds",
        title: "Round trips to set a connection up: TCP, TLS from the first byte, EHLO",
        target: "at most 4 to set a connection up",
        unit: "round trips",
        metric: Metric::AllRounds(1.0),
        contenders: contenders.into_iter().map(|c| c.rtt(10).with("--no-quit")).collect(),
        checks: vec![Check::AtMost("ours, plain", 4.0), Check::AtMost("ours, TLS", 4.0)],
        ..NOTHING
    }
}

fn small() -> Plan {
    let (two, fewer) = (Count::Two(200, 1_200), Count::Two(10, 60));
    Plan {
        id: "smtp-instructions",
        title: "SMTP instructions, plain, a message of 4 KiB",
        target: "at most 8 k",
        facts: "lettre 131 k, limit 1.5 k (BDAT) to 4 k (DATA)",
        contenders: vec![
            Contender::new("ours, DATA", Program::Ours("smtp"), Server::Pipelining, two),
            Contender::new("ours, BDAT", Program::Ours("smtp"), Server::Chunking, two),
            limit("limit cross, DATA", "cross", Server::Pipelining, two),
            limit("limit bdat", "bdat", Server::Chunking, two),
            Contender::new("lettre", Program::RustPeer("lettre"), Server::Chunking, fewer),
            Contender::new("mail-send", Program::RustPeer("mail-send"), Server::Chunking, fewer),
        ],
        checks: vec![Check::AtMost("ours, DATA", 8_000.0), Check::AtMost("ours, BDAT", 8_000.0)],
        ..NOTHING
    }
}

fn large() -> Plan {
    let two = Count::Two(4, 24);
    let contenders = vec![
        Contender::new("ours, DATA", Program::Ours("smtp"), Server::Pipelining, two),
        Contender::new("ours, BDAT", Program::Ours("smtp"), Server::Chunking, two),
        limit("limit cross, DATA", "cross", Server::Pipelining, two),
        limit("limit bdat", "bdat", Server::Chunking, two),
        Contender::new("lettre", Program::RustPeer("lettre"), Server::Chunking, two),
        Contender::new("mail-send", Program::RustPeer("mail-send"), Server::Chunking, two),
    ];
    Plan {
        id: "smtp-instructions-1mib",
        title: "SMTP instructions a byte, plain, at 1 MiB",
        target: "at most 0.6 a byte",
        facts: "lettre 22 a byte, limit 0.4",
        unit: "instructions/byte",
        metric: Metric::InstructionsByte,
        contenders: contenders.into_iter().map(|c| c.size(1 << 20)).collect(),
        checks: vec![Check::AtMost("ours, DATA", 0.6), Check::AtMost("ours, BDAT", 0.6)],
    }
}

fn resumed() -> Plan {
    let two = Count::Two(5, 45);
    Plan {
        id: "smtp-tls-resumed",
        title: "A resumed TLS connection: connect, EHLO, QUIT",
        target: "at most 0.5 of a fresh one",
        facts: "fresh 2.6 M instructions, resumed 1.1 M",
        unit: "instructions/connection",
        contenders: vec![
            Contender::new("ours, fresh", Program::Ours("connect"), Server::FreshTls, two),
            Contender::new("ours, resumed", Program::Ours("connect"), Server::ChunkingTls, two),
        ],
        checks: vec![Check::AtMostOf("ours, resumed", "ours, fresh", 0.5)],
        ..NOTHING
    }
}

fn by_mailer() -> Plan {
    let two = Count::Two(1_000, 5_000);
    let ours = |name, server| Contender::new(name, Program::Ours("smtp"), server, two);
    Plan {
        id: "smtp-mailer-instructions",
        title: "Sending through Session and Mailer instead of the plugin's own type",
        target: "at most 1 % more instructions",
        contenders: vec![
            ours("type, DATA", Server::Pipelining).with("--via messages"),
            ours("Mailer, DATA", Server::Pipelining).with("--via mailer"),
            ours("tasks, DATA", Server::Pipelining).with("--via tasks --tasks 256"),
            ours("type, BDAT", Server::Chunking).with("--via messages"),
            ours("Mailer, BDAT", Server::Chunking).with("--via mailer"),
            ours("tasks, BDAT", Server::Chunking).with("--via tasks --tasks 256"),
        ],
        checks: vec![
            Check::AtMostOf("Mailer, DATA", "type, DATA", 1.01),
            Check::AtMostOf("Mailer, BDAT", "type, BDAT", 1.01),
        ],
        ..NOTHING
    }
}
