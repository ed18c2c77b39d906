//! What a row is made of: who does which work, at which server, and what is asked of the figures.

use serde::{Deserialize, Serialize};

/// One row.
pub struct Plan {
    pub id: &'static str,
    pub title: &'static str,
    pub target: &'static str,
    pub facts: &'static str,
    pub unit: &'static str,
    pub metric: Metric,
    pub contenders: Vec<Contender>,
    pub checks: Vec<Check>,
}

/// What is measured of a run.
#[derive(Clone, Copy, PartialEq)]
pub enum Metric {
    /// Messages a second, of the whole process.
    Rate,
    /// 10^6 bytes a second.
    Megabytes,
    /// Round trips a message, counted at the relay: the difference of two runs.
    Rounds,
    /// All round trips of a run, with that of TCP, over this number.
    AllRounds(f64),
    /// Instructions a message: the difference of two runs.
    Instructions,
    /// Instructions a byte.
    InstructionsByte,
    /// KiB of peak memory above what it was before the first body.
    Memory,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Who {
    Ours,
    Limit,
    /// A library.
    Peer,
    /// A program.
    Tool,
}

/// Somebody who does the work.
pub struct Contender {
    pub name: &'static str,
    pub who: Who,
    pub server: Server,
    /// Round trip of the relay between, in milliseconds; none: straight to the server.
    pub rtt: Option<u32>,
    pub program: Program,
    /// Its arguments beyond server and number.
    pub arguments: String,
    pub size: u64,
    pub count: Count,
    /// Client and server share one core.
    pub pinned: bool,
    /// At a time; a run has no fewer messages.
    pub connections: u64,
}

/// How many messages a run has.
#[derive(Clone, Copy)]
pub enum Count {
    /// As many as the time allows, between these.
    Fit(u64, u64),
    /// This number, or fewer if that would take very long.
    AllOf(u64),
    /// A fixed number.
    Exactly(u64),
    /// The two numbers whose difference is taken.
    Two(u64, u64),
}

/// Which program, and so how it is told what to do.
#[derive(Clone, Copy, PartialEq)]
pub enum Program {
    Ours(&'static str),
    Limit(&'static str),
    RustPeer(&'static str),
    Python(&'static str),
    Nodemailer,
    CurlSmtp,
    CurlImap,
    CurlPop3,
    SmtpSource,
    Mpop,
    Fetchmail,
    Mbsync,
}

/// Who is spoken to. Sinks and sources on one core serve clients on the same one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Server {
    /// The fast sink with PIPELINING.
    Pipelining,
    PipeliningTls,
    /// And with CHUNKING.
    Chunking,
    ChunkingTls,
    /// TLS without tickets.
    FreshTls,
    SmtpSink,
    Postfix,
    /// The fast source of IMAP, with a mailbox of as many messages as anybody takes.
    ImapSource,
    /// That of POP3, with 50,000.
    Pop3Source,
    /// Dovecot, in the maildrop of this user.
    Imap(User),
    ImapTls(User),
    Pop3(User),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum User {
    /// 10,000 messages of 4 KiB.
    Many,
    /// 100 messages of 5 MiB.
    Large,
    /// Ten mailboxes of 100 messages of 4 KiB.
    Folders,
}

/// What is asked of the figures of a row.
pub enum Check {
    /// The first over the second.
    AtLeast(&'static str, &'static str, f64),
    AtMostOf(&'static str, &'static str, f64),
    /// Over the fastest library.
    TimesBestPeer(&'static str, f64),
    /// The figure itself.
    AtMost(&'static str, f64),
}

impl Metric {
    /// Whether it is a matter of time.
    pub fn is_rate(self) -> bool {
        matches!(self, Self::Rate | Self::Megabytes)
    }
}

impl Contender {
    pub fn new(name: &'static str, program: Program, server: Server, count: Count) -> Self {
        let who = match program {
            Program::Ours(_) => Who::Ours,
            Program::Limit(_) => Who::Limit,
            Program::RustPeer(_) | Program::Python(_) | Program::Nodemailer => Who::Peer,
            _ => Who::Tool,
        };
        Self {
            name,
            who,
            server,
            rtt: None,
            program,
            arguments: String::new(),
            size: 4096,
            count,
            pinned: false,
            connections: 1,
        }
    }

    pub fn with(mut self, arguments: &str) -> Self {
        self.arguments = arguments.to_owned();
        self
    }

    pub fn connections(mut self, number: u64) -> Self {
        self.arguments += &format!(" --connections {number}");
        self.connections = number;
        self
    }

    pub fn rtt(mut self, milliseconds: u32) -> Self {
        self.rtt = Some(milliseconds);
        self
    }

    pub fn size(mut self, bytes: u64) -> Self {
        self.size = bytes;
        self
    }

    pub fn pinned(mut self) -> Self {
        self.pinned = true;
        self
    }
}
