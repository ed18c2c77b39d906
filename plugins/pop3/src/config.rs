//! The properties of `pop3` and the typed configuration read from them once.

use postrider_core::{
    Bytes, Milliseconds, Ports, Properties, Property, PropertySpec, Result, Target, session_property,
};
use postrider_wire::{Login, Timing};
use std::time::Duration;

const APOP: Property<bool> = Property::new(
    "apop.enable",
    "Sign in by APOP (MD5) where the server's greeting allows it, before any SASL mechanism.",
)
.default("false");
const TWO_LINES: Property<bool> = Property::new(
    "auth.xoauth2.two.line.authentication.format",
    "Send XOAUTH2's token on a line of its own, as Outlook and Office 365 want it.",
)
.default("false");
const DISABLE_TOP: Property<bool> = Property::new("disabletop", "Never use TOP.").default("false");
const DISABLE_CAPA: Property<bool> = Property::new(
    "disablecapa",
    "Never ask for capabilities: STLS is tried where it is required, and auth.mechanisms says what the server offers.",
)
.default("false");
const RSET: Property<bool> = Property::new(
    "rsetbeforequit",
    "Send RSET before QUIT, for servers that delete what was merely read. Deletions asked for are asked for again.",
)
.default("false");
const PIPELINING: Property<bool> = Property::new(
    "pipelining",
    "Send several commands at a time; false never does. Unset: if the server offers it.",
);
const WINDOW: Property<u32> = Property::new(
    "window",
    "With pipelining: most commands sent before their answers have been read, from 1 up.",
)
.default("1000");
const WINDOW_BYTES: Property<Bytes> = Property::new(
    "windowsize",
    "With pipelining: messages are asked for ahead while less than this is still to come, by the sizes the server \
     lists. Best above the link's rate times its round trip.",
)
.default("8MiB");
const MAX_SIZE: Property<Bytes> =
    Property::new("maxsize", "Largest message that is read, in bytes or with a unit.").default("50MiB");
const POLL_INTERVAL: Property<Milliseconds> = Property::new(
    "pollinterval",
    "Time between two looks at the maildrop while waiting for news; a longer LOGIN-DELAY of the server is respected.",
)
.default("60s");

/// The registered ports: 995 with TLS, 110 otherwise (RFC 8314 §3.2, RFC 1939 §3).
pub(crate) const PORTS: Ports = Ports::new(995, 110, 110);

/// Everything a POP3 transport can be told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Pop3Config {
    /// The server.
    pub target: Target,
    /// Who we are. A maildrop can't be seen without signing in.
    pub login: Login,
    /// Deadlines.
    pub timing: Timing,
    /// Sign in by APOP where the greeting has a timestamp (RFC 1939 §7). Default false.
    pub apop: bool,
    /// Send XOAUTH2's token on a line of its own. Default false.
    pub xoauth2_two_lines: bool,
    /// Never use TOP. Default false.
    pub disable_top: bool,
    /// Never ask for capabilities. Default false.
    pub disable_capa: bool,
    /// Send RSET before QUIT. Default false.
    pub rset_before_quit: bool,
    /// Send several commands at a time; `None` if the server offers it (RFC 2449 §6.6).
    pub pipelining: Option<bool>,
    /// Most commands sent before their answers have been read, where several may be sent at all. Default 1,000; 0
    /// counts as 1.
    pub window: usize,
    /// Messages are asked for ahead while fewer bytes than this are still to come. Default 8 MiB.
    pub window_bytes: u64,
    /// Largest message that is read, in bytes. Default 50 MiB.
    pub max_size: u64,
    /// Time between two looks at the maildrop while waiting. Default 60 s.
    pub poll_interval: Duration,
    /// Write the dialogue to `tracing`. Default false.
    pub debug: bool,
    /// The first part of every message key; `None` is `user@host`. For a user name that also says how to look
    /// at the maildrop, so that the keys do not depend on that.
    pub account: Option<String>,
}

impl Pop3Config {
    /// The properties of POP3's own that [`Pop3Config::read`] reads, beside those of [`Target`], [`Login`] and
    /// [`Timing`]: for a transport that is built on this one.
    pub const PROPERTIES: &'static [PropertySpec] = &[
        APOP.spec(),
        TWO_LINES.spec(),
        DISABLE_TOP.spec(),
        DISABLE_CAPA.spec(),
        RSET.spec(),
        PIPELINING.spec(),
        WINDOW.spec(),
        WINDOW_BYTES.spec(),
        MAX_SIZE.spec(),
        POLL_INTERVAL.spec(),
    ];

    /// A server and who we are there; all else as by default.
    pub fn new(target: Target, login: Login) -> Self {
        Self {
            target,
            login,
            timing: Timing::default(),
            apop: false,
            xoauth2_two_lines: false,
            disable_top: false,
            disable_capa: false,
            rset_before_quit: false,
            pipelining: None,
            window: 1_000,
            window_bytes: 8 << 20,
            max_size: 50 << 20,
            poll_interval: Duration::from_secs(60),
            debug: false,
            account: None,
        }
    }

    /// Reads it from the properties of this transport's scope.
    ///
    /// # Errors
    /// `Configuration` naming the key and where its value came from.
    pub fn read(properties: &Properties) -> Result<Self> {
        let target = Target::read(properties, PORTS)?;
        let login = Login::read(properties, &target)?;
        if login.sasl_only && properties.require(&APOP)? {
            return Err(properties.fault(&APOP, "with sasl.enable=true there is no APOP, which is no SASL"));
        }
        Ok(Self {
            timing: Timing::read(properties)?,
            apop: properties.require(&APOP)?,
            xoauth2_two_lines: properties.require(&TWO_LINES)?,
            disable_top: properties.require(&DISABLE_TOP)?,
            disable_capa: properties.require(&DISABLE_CAPA)?,
            rset_before_quit: properties.require(&RSET)?,
            pipelining: properties.read(&PIPELINING)?,
            window: match properties.require(&WINDOW)? {
                0 => return Err(properties.fault(&WINDOW, "a window of no commands sends none")),
                window => window as usize,
            },
            window_bytes: properties.require(&WINDOW_BYTES)?.0,
            max_size: properties.require(&MAX_SIZE)?.0,
            poll_interval: properties.require(&POLL_INTERVAL)?.0,
            debug: properties.require(&session_property::DEBUG)?,
            ..Self::new(target, login)
        })
    }

    /// The first part of every message key.
    pub(crate) fn account(&self) -> String {
        if let Some(account) = &self.account {
            return account.clone();
        }
        format!("{}@{}", self.login.user, self.target.host.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Layer, LayerKind, TlsMode};

    fn read(prefix: &str, text: &str) -> Result<Pop3Config> {
        let layer = Layer::parse(LayerKind::Account, "file", text)?;
        let specs: Vec<PropertySpec> = crate::FACTORY.specs().copied().collect();
        Pop3Config::read(&Properties::new([layer]).scoped(&[prefix], &specs))
    }

    #[test]
    fn every_key_reaches_its_field_and_defaults_are_safe() {
        let config = read("pop3", "mail.host=POP.example\nmail.user=u\nmail.pop3.password=p").unwrap();
        assert_eq!((config.target.port, config.target.tls), (995, TlsMode::Implicit));
        assert_eq!((config.apop, config.pipelining, config.max_size), (false, None, 50 << 20));
        assert_eq!(config.account(), "u@pop.example");
        let all = "mail.pop3.host=h\nmail.pop3.port=110\nmail.pop3.apop.enable=true\nmail.pop3.disabletop=true\n\
                   mail.pop3.disablecapa=true\nmail.pop3.rsetbeforequit=true\nmail.pop3.pipelining=false\n\
                   mail.pop3.window=7\nmail.pop3.windowsize=2KiB\n\
                   mail.pop3.maxsize=1KiB\nmail.pop3.pollinterval=5s\nmail.debug=true\n\
                   mail.pop3.auth.xoauth2.two.line.authentication.format=true";
        let c = read("pop3", all).unwrap();
        assert_eq!(c.target.tls, TlsMode::StartTls);
        assert!(
            c.apop && c.disable_top && c.disable_capa && c.rset_before_quit && c.xoauth2_two_lines && c.debug
        );
        assert_eq!((c.window, c.window_bytes), (7, 2048));
        assert_eq!((c.pipelining, c.max_size, c.poll_interval.as_secs()), (Some(false), 1024, 5));
    }

    #[test]
    fn a_bad_value_names_its_key() {
        let none = "mail.host=h\nmail.pop3.window=0";
        assert!(read("pop3", none).unwrap_err().to_string().contains("mail.pop3.window"));
        let both = "mail.host=h\nmail.pop3.apop.enable=true\nmail.pop3.sasl.enable=true";
        assert!(read("pop3", both).unwrap_err().to_string().contains("mail.pop3.apop.enable"));
        let error = read("pop3", "mail.host=h\nmail.pop3.pollinterval=soon").unwrap_err().to_string();
        assert!(error.contains("mail.pop3.pollinterval") && error.contains("file:2"), "{error}");
    }
}
