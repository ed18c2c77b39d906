//! The servers and the relays before them, each started when it is first needed.

use crate::contender::{Server, User};
use crate::programs::Programs;
use crate::{Result, mailboxes, process};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// Messages in the mailboxes of the sources.
pub const IMAP_SOURCE: u64 = 2_000_000;
pub const POP3_SOURCE: u64 = 50_000;

/// Something that prints where it listens, and then a line of JSON for each connection that ended.
pub struct Listening {
    child: Child,
    pub address: String,
    lines: Arc<Mutex<Vec<Value>>>,
}

impl Listening {
    fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let out = BufReader::new(child.stdout.take().ok_or("no output")?);
        let lines: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (told, address) = mpsc::channel();
        let kept = Arc::clone(&lines);
        thread::spawn(move || {
            for line in out.lines().map_while(std::result::Result::ok) {
                if let Some(address) = line.strip_prefix("listening ") {
                    let _ = told.send(address.to_owned());
                } else if let (Ok(value), Ok(mut lines)) = (serde_json::from_str(&line), kept.lock()) {
                    lines.push(value);
                }
            }
        });
        let address =
            address.recv_timeout(Duration::from_secs(10)).map_err(|_| "it does not say where it listens")?;
        Ok(Self { child, address, lines })
    }

    /// What the connections told that ended since the last call, once it comes to `enough`; after 5 s whatever there is.
    pub fn told(&self, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            if let Ok(mut lines) = self.lines.lock()
                && (enough(&lines) || Instant::now() > end)
            {
                return std::mem::take(&mut lines);
            }
            sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a client finds its server.
#[derive(Clone, Default)]
pub struct Place {
    pub address: String,
    pub ca: Option<PathBuf>,
    pub user: Option<(String, String)>,
}

pub struct Servers<'a> {
    programs: &'a Programs,
    pub quick: bool,
    sinks: HashMap<(Server, bool), Listening>,
    relays: HashMap<(String, u32), Listening>,
    smtp_sink: Option<(Child, String)>,
    real: Option<HashMap<String, String>>,
}

impl<'a> Servers<'a> {
    pub fn new(programs: &'a Programs, quick: bool) -> Self {
        Self { programs, quick, sinks: HashMap::new(), relays: HashMap::new(), smtp_sink: None, real: None }
    }

    /// Where this server is, started if need be, with a relay before it if there is to be a round trip.
    pub fn place(&mut self, server: Server, pinned: bool, rtt: Option<u32>) -> Result<Place> {
        let mut place = match server {
            Server::SmtpSink => Place { address: self.smtp_sink()?, ..Place::default() },
            Server::Postfix => Place { address: self.real_port("POSTFIX_SMTP")?, ..Place::default() },
            Server::Imap(user) => self.mailbox("DOVECOT_IMAP", user)?,
            Server::ImapTls(user) => self.mailbox("DOVECOT_IMAPS", user)?,
            Server::Pop3(user) => self.mailbox("DOVECOT_POP3", user)?,
            sink => Place { address: self.sink(sink, pinned)?.address.clone(), ..Place::default() },
        };
        if let Server::ImapSource | Server::Pop3Source = server {
            place.user = Some(("u001".to_owned(), "any".to_owned()));
        }
        place.ca = match server {
            Server::PipeliningTls | Server::ChunkingTls | Server::FreshTls => Some(self.ca(server, pinned)),
            Server::ImapTls(_) => self.real.as_ref().and_then(|env| env.get("CA_FILE")).map(PathBuf::from),
            _ => None,
        };
        if let Some(rtt) = rtt {
            place.address = self.relay(&place.address, rtt)?.address.clone();
        }
        if place.ca.is_some() {
            // The certificate names it.
            place.address = place.address.replace("127.0.0.1", "localhost");
        }
        Ok(place)
    }

    /// The sink or source, to ask it what it counted.
    pub fn counting(&self, server: Server, pinned: bool) -> Option<&Listening> {
        self.sinks.get(&(server, pinned))
    }

    /// The relay that listens here.
    pub fn relay_at(&self, address: &str) -> Option<&Listening> {
        let port = address.rsplit(':').next()?;
        self.relays.values().find(|relay| relay.address.ends_with(&format!(":{port}")))
    }

    fn ca(&self, server: Server, pinned: bool) -> PathBuf {
        self.programs.dir.join(format!("{server:?}-{pinned}.pem"))
    }

    fn sink(&mut self, server: Server, pinned: bool) -> Result<&Listening> {
        if !self.sinks.contains_key(&(server, pinned)) {
            let mut command = match server {
                Server::ImapSource => source(self.programs, pinned, "imap", IMAP_SOURCE),
                Server::Pop3Source => source(self.programs, pinned, "pop3", POP3_SOURCE),
                _ => self.smtp(server, pinned),
            };
            self.sinks.insert((server, pinned), Listening::start(&mut command)?);
        }
        self.sinks.get(&(server, pinned)).ok_or_else(|| "no sink".into())
    }

    fn smtp(&self, server: Server, pinned: bool) -> Command {
        let mut command = self.programs.command("sink", pinned);
        command.arg("--pipelining");
        if matches!(server, Server::Chunking | Server::ChunkingTls | Server::FreshTls) {
            command.arg("--chunking");
        }
        if matches!(server, Server::PipeliningTls | Server::ChunkingTls | Server::FreshTls) {
            command.arg("--tls").arg("--ca").arg(self.ca(server, pinned));
        }
        if server == Server::FreshTls {
            command.arg("--no-resumption");
        }
        command
    }

    fn relay(&mut self, to: &str, rtt: u32) -> Result<&Listening> {
        let key = (to.to_owned(), rtt);
        if !self.relays.contains_key(&key) {
            let mut command = self.programs.command("relay", false);
            command.args(["--to", to, "--rtt", &rtt.to_string()]);
            self.relays.insert(key.clone(), Listening::start(&mut command)?);
        }
        self.relays.get(&key).ok_or_else(|| "no relay".into())
    }

    fn smtp_sink(&mut self) -> Result<String> {
        if let Some((_, address)) = &self.smtp_sink {
            return Ok(address.clone());
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let child = Command::new("smtp-sink").args(["-u", "nobody", &free, "64"]).spawn()?;
        self.smtp_sink = Some((child, free.clone()));
        reachable(&free)?;
        Ok(free)
    }

    fn mailbox(&mut self, name: &str, user: User) -> Result<Place> {
        let address = self.real_port(name)?;
        let env = self.real.as_ref().ok_or("no servers")?;
        mailboxes::fill(&PathBuf::from(&env["SERVERS_DIR"]).join("mail"), user, self.quick)?;
        Ok(Place { address, user: Some((user.name().to_owned(), env["MAIL_PASSWORD"].clone())), ca: None })
    }

    fn real_port(&mut self, name: &str) -> Result<String> {
        if self.real.is_none() {
            self.real = Some(start_real(self.programs)?);
        }
        let port =
            self.real.as_ref().and_then(|env| env.get(&format!("{name}_PORT"))).ok_or("no such server")?;
        Ok(format!("127.0.0.1:{port}"))
    }

    /// Waits until Postfix has delivered everything, so that it does not do that while the next client is measured,
    /// and throws it away.
    pub fn drain_postfix(&self) -> Result<()> {
        let dir = PathBuf::from(&self.real.as_ref().ok_or("no servers")?["SERVERS_DIR"]);
        let end = Instant::now() + Duration::from_secs(300);
        let queues = ["maildrop", "incoming", "active", "deferred"];
        while queues.iter().any(|queue| holds_files(&dir.join("postfix/queue").join(queue))) {
            if Instant::now() > end {
                return Err("Postfix does not get its queue empty".into());
            }
            sleep(Duration::from_millis(50));
        }
        for part in ["new", "cur"] {
            let _ = std::fs::remove_dir_all(dir.join("mail/alice").join(part));
        }
        Ok(())
    }
}

impl Drop for Servers<'_> {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.smtp_sink {
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Some(env) = &self.real {
            let _ = Command::new(self.programs.root.join("tests/servers/run"))
                .args(["stop", &env["SERVERS_DIR"]])
                .status();
            let _ = std::fs::remove_dir_all(&env["SERVERS_DIR"]);
        }
    }
}

fn source(programs: &Programs, pinned: bool, protocol: &str, mailbox: u64) -> Command {
    let mut command = programs.command("source", pinned);
    command.args(["--protocol", protocol, "--mailbox", &mailbox.to_string()]);
    command
}

fn holds_files(dir: &PathBuf) -> bool {
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() { holds_files(&path) } else { true }
    })
}

fn start_real(programs: &Programs) -> Result<HashMap<String, String>> {
    let script = programs.root.join("tests/servers/run");
    let env = process::output(&script.to_string_lossy(), &["start", &programs.servers])
        .ok_or("tests/servers/run start failed")?;
    let text = std::fs::read_to_string(env)?;
    Ok(text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect())
}

fn reachable(address: &str) -> Result<()> {
    for _ in 0..100 {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(20));
    }
    Err(format!("nobody listens at {address}").into())
}

/// Starts all and tells where they are, until it is ended.
pub fn serve(programs: &Programs) -> Result<()> {
    let mut servers = Servers::new(programs, false);
    let all = [
        ("SINK_PIPELINING", Server::Pipelining),
        ("SINK_PIPELINING_TLS", Server::PipeliningTls),
        ("SINK_CHUNKING", Server::Chunking),
        ("SINK_CHUNKING_TLS", Server::ChunkingTls),
        ("POSTFIX", Server::Postfix),
        ("IMAP_10000_OF_4KIB", Server::Imap(User::Many)),
        ("IMAPS_10000_OF_4KIB", Server::ImapTls(User::Many)),
        ("IMAP_100_OF_5MIB", Server::Imap(User::Large)),
        ("IMAP_10_FOLDERS_OF_100", Server::Imap(User::Folders)),
        ("POP3_10000_OF_4KIB", Server::Pop3(User::Many)),
        ("IMAP_SOURCE", Server::ImapSource),
        ("POP3_SOURCE", Server::Pop3Source),
    ];
    for (name, server) in all {
        for rtt in [None, Some(10), Some(50)] {
            let place = servers.place(server, false, rtt)?;
            let ca = place.ca.map_or(String::new(), |ca| format!(" --ca {}", ca.display()));
            let user =
                place.user.map_or(String::new(), |(user, word)| format!(" --user {user} --password {word}"));
            let delay = rtt.map_or(String::new(), |rtt| format!("_{rtt}MS"));
            println!("{name}{delay}=\"--server {}{ca}{user}\"", place.address);
        }
    }
    println!("# ready, until Ctrl-C");
    loop {
        thread::park();
    }
}
