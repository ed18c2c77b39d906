//! What SMTP can be told.

use crate::config_window::{CHUNK_SIZE, CHUNKING, WINDOW, WINDOW_SIZE, Window};
use crate::engine::{MailParameters, NotifyWord, RetWord, is_hello_name};
use postrider_core::{
    Address, Milliseconds, Notify, Ports, Properties, Property, PropertySpec, PropertyValue, Result,
    ReturnContent, Target, TlsMode, ValueType, session_property,
};
use postrider_wire::dot::LineEnds;
use postrider_wire::{Login, Timing};
use std::time::Duration;

const LOCALHOST: Property<HelloName> =
    Property::new("localhost", "Name or address literal to introduce ourselves with in EHLO.")
        .default("[127.0.0.1]");
const EHLO: Property<bool> = Property::new(
    "ehlo",
    "Say EHLO; false says HELO and does without every extension, TLS and sign-in included.",
)
.default("true");
const AUTH: Property<bool> = Property::new(
    "auth",
    "true: there must be credentials. false: do not sign in even if there are. Unset: sign in if there are.",
);
const SEND_PARTIAL: Property<bool> = Property::new(
    "sendpartial",
    "Send to the recipients that are accepted even if others are refused. false: one refusal cancels the message.",
)
.default("false");
const DSN_NOTIFY: Property<NotifyWord> = Property::new(
    "dsn.notify",
    "When a delivery report is wished for, where the envelope does not say: NEVER, or any of SUCCESS, FAILURE, DELAY.",
);
const DSN_RET: Property<RetWord> = Property::new(
    "dsn.ret",
    "How much of the message a failure report carries, where the envelope does not say: FULL or HDRS.",
);
const QUIT_WAIT: Property<bool> =
    Property::new("quitwait", "Wait for the answer to QUIT, at most 5 s; false closes right behind it.")
        .default("true");
const QUIT_ON_REJECT: Property<bool> = Property::new(
    "quitonsessionreject",
    "Say QUIT to a server that does not want to talk (RFC 5321 §3.1), instead of closing at once.",
)
.default("false");
const MAIL_EXTENSION: Property<MailParameters> = Property::new(
    "mailextension",
    "Parameters that go behind those of MAIL FROM as they stand here: NAME or NAME=VALUE, apart by blanks (RFC 5321 \
     §4.1.2). One that has the name of ours (SIZE, BODY, SMTPUTF8, RET, ENVID, AUTH) takes its place.",
);
const FINAL_TIMEOUT: Property<Milliseconds> = Property::new(
    "finaltimeout",
    "Longest wait for the answer to the end of a message (RFC 5321 §4.5.3.2.6). A server may scan it meanwhile; to give \
     up earlier is not to know whether it was accepted, so timeout does not count here.",
)
.default("10m");
const SUBMITTER: Property<Address> =
    Property::new("submitter", "Address that goes into the AUTH parameter of MAIL FROM (RFC 4954 §5).");
const PIPELINING: Property<bool> = Property::new(
    "pipelining",
    "Send commands without waiting for each answer where the server offers PIPELINING (RFC 2920).",
)
.default("true");
const LINE_ENDS: Property<LineEndsWord> = Property::new(
    "lineends",
    "What becomes of a CR or LF that is not part of a CRLF: normalise makes it CRLF, refuse fails the message.",
)
.default("normalise");

/// Everything an SMTP transport can be told, typed. Each field is the property of the same meaning.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SmtpConfig {
    /// The server.
    pub target: Target,
    /// Who we are; without credentials no sign-in happens.
    pub login: Login,
    /// Deadlines.
    pub timing: Timing,
    /// Name to say EHLO with: a host name or an address literal.
    pub hello: String,
    /// Say EHLO rather than HELO.
    pub ehlo: bool,
    /// `Some(true)`: credentials must be there; `Some(false)`: never sign in.
    pub auth: Option<bool>,
    /// Send to accepted recipients even if others are refused.
    pub send_partial: bool,
    /// NOTIFY where the envelope has none.
    pub notify: Option<Notify>,
    /// RET where the envelope has none.
    pub returned: Option<ReturnContent>,
    /// Wait for the answer to QUIT.
    pub quit_wait: bool,
    /// Say QUIT to a server that does not want to talk.
    pub quit_on_reject: bool,
    /// Further parameters of MAIL FROM.
    pub mail_extension: Option<MailParameters>,
    /// Longest wait for the answer to the end of data, whatever [`Timing::timeout`] says. Default 10 min.
    pub final_timeout: Duration,
    /// AUTH parameter of MAIL FROM.
    pub submitter: Option<Address>,
    /// Use PIPELINING where offered.
    pub pipelining: bool,
    /// How much may be under way at once, and BDAT.
    pub window: Window,
    /// What becomes of lone CR and LF.
    pub line_ends: LineEnds,
    /// Write the dialogue to the transcript.
    pub debug: bool,
}

impl SmtpConfig {
    /// The properties of SMTP's own that [`SmtpConfig::read`] reads, beside those of [`Target`], [`Login`] and
    /// [`Timing`]: for a transport that is built on this one.
    pub const PROPERTIES: &'static [PropertySpec] = &[
        LOCALHOST.spec(),
        EHLO.spec(),
        AUTH.spec(),
        SEND_PARTIAL.spec(),
        DSN_NOTIFY.spec(),
        DSN_RET.spec(),
        QUIT_WAIT.spec(),
        QUIT_ON_REJECT.spec(),
        MAIL_EXTENSION.spec(),
        FINAL_TIMEOUT.spec(),
        SUBMITTER.spec(),
        PIPELINING.spec(),
        WINDOW.spec(),
        WINDOW_SIZE.spec(),
        CHUNKING.spec(),
        CHUNK_SIZE.spec(),
        LINE_ENDS.spec(),
    ];

    /// A server and credentials, all else as the properties' defaults.
    pub fn new(target: Target, login: Login) -> Self {
        Self {
            target,
            login,
            timing: Timing::default(),
            hello: "[127.0.0.1]".into(),
            ehlo: true,
            auth: None,
            send_partial: false,
            notify: None,
            returned: None,
            quit_wait: true,
            quit_on_reject: false,
            mail_extension: None,
            final_timeout: Duration::from_secs(600),
            submitter: None,
            pipelining: true,
            window: Window::default(),
            line_ends: LineEnds::Normalise,
            debug: false,
        }
    }

    /// Reads everything from the properties of the transport's scope.
    ///
    /// # Errors
    /// `Configuration` naming the key and its origin.
    pub fn read(properties: &Properties) -> Result<Self> {
        let target = Target::read(properties, Ports::new(465, 587, 25))?;
        let login = Login::read(properties, &target)?;
        let mut config = Self::new(target, login);
        config.timing = Timing::read(properties)?;
        config.hello = properties.require(&LOCALHOST)?.0;
        config.ehlo = properties.require(&EHLO)?;
        if !config.ehlo && config.target.tls == TlsMode::StartTls {
            return Err(properties.fault(&EHLO, "STARTTLS is required, and there is none without EHLO"));
        }
        config.auth = properties.read(&AUTH)?;
        if config.auth == Some(true) && !config.login.is_given() {
            return Err(properties
                .fault(&AUTH, "signing in is required but there are no credentials")
                .with_advice("set user and password (or auth.token) of the same transport"));
        }
        config.send_partial = properties.require(&SEND_PARTIAL)?;
        config.notify = properties.read(&DSN_NOTIFY)?.map(|w| w.0);
        config.returned = properties.read(&DSN_RET)?.map(|w| w.0);
        config.quit_wait = properties.require(&QUIT_WAIT)?;
        config.quit_on_reject = properties.require(&QUIT_ON_REJECT)?;
        config.mail_extension = properties.read(&MAIL_EXTENSION)?;
        config.final_timeout = properties.require(&FINAL_TIMEOUT)?.0;
        config.submitter = properties.read(&SUBMITTER)?;
        if config.submitter.as_ref().is_some_and(|s| !s.is_ascii()) {
            return Err(properties.fault(&SUBMITTER, "an ASCII address is expected"));
        }
        config.pipelining = properties.require(&PIPELINING)?;
        config.window = Window::read(properties)?;
        config.line_ends = properties.require(&LINE_ENDS)?.0;
        config.debug = properties.require(&session_property::DEBUG)?;
        Ok(config)
    }
}

/// A name that can stand in EHLO: nothing in it ends the command.
struct HelloName(String);

impl PropertyValue for HelloName {
    const TYPE: ValueType = ValueType::Text;

    fn parse(text: &str) -> Result<Self, String> {
        if !is_hello_name(text) {
            return Err("a host name or an address literal such as [192.0.2.1] is expected".into());
        }
        Ok(Self(text.to_owned()))
    }
}

struct LineEndsWord(LineEnds);

impl PropertyValue for LineEndsWord {
    const TYPE: ValueType = ValueType::Text;

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "normalise" => Ok(Self(LineEnds::Normalise)),
            "refuse" => Ok(Self(LineEnds::Refuse)),
            _ => Err("normalise or refuse is expected".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Layer, LayerKind};

    fn read(text: &str) -> Result<SmtpConfig> {
        let layer = Layer::parse(LayerKind::Account, "file", text)?;
        let specs: Vec<PropertySpec> = crate::FACTORY.specs().copied().collect();
        SmtpConfig::read(&Properties::new([layer]).scoped(&["smtp"], &specs))
    }

    #[test]
    fn every_key_reaches_its_field_and_defaults_are_those_of_the_typed_door() {
        let config = read("mail.host=h").unwrap();
        let same = SmtpConfig::new(config.target.clone(), config.login.clone());
        assert_eq!(format!("{config:?}"), format!("{same:?}"));
        let all = "mail.smtp.host=h\nmail.smtp.localhost=pc\nmail.smtp.ehlo=false\nmail.smtp.tls=implicit\n\
                   mail.smtp.auth=false\nmail.smtp.sendpartial=true\nmail.smtp.dsn.notify=NEVER\n\
                   mail.smtp.dsn.ret=HDRS\nmail.smtp.quitwait=false\nmail.smtp.quitonsessionreject=true\n\
                   mail.smtp.mailextension=HOLDFOR=60\nmail.smtp.finaltimeout=20m\nmail.smtp.submitter=a@b\n\
                   mail.smtp.pipelining=false\nmail.smtp.window=9\n\
                   mail.smtp.windowsize=1KiB\nmail.smtp.chunksize=3\nmail.smtp.lineends=refuse\nmail.smtp.timeout=5000\nmail.debug=true";
        let c = read(all).unwrap();
        assert_eq!((c.hello.as_str(), c.ehlo, c.auth), ("pc", false, Some(false)));
        assert!(c.send_partial && c.quit_on_reject && c.debug && !c.quit_wait && !c.pipelining);
        assert_eq!((c.notify, c.returned), (Some(Notify::Never), Some(ReturnContent::Headers)));
        assert_eq!(c.mail_extension.unwrap().as_str(), "HOLDFOR=60");
        assert_eq!(c.final_timeout, Duration::from_secs(1200));
        assert_eq!(c.timing.timeout, Some(Duration::from_secs(5)));
        assert_eq!((c.window.messages, c.window.bytes), (9, 1024));
        assert_eq!(c.window.chunk.map(usize::from), Some(3));
        for off in ["chunking=false", "chunksize=-1"] {
            assert_eq!(read(&format!("mail.host=h\nmail.smtp.{off}")).unwrap().window.chunk, None);
        }
        assert_eq!((c.submitter.unwrap().as_str(), c.line_ends), ("a@b", LineEnds::Refuse));
    }

    #[test]
    fn a_bad_value_names_its_key() {
        for text in ["mailextension=A B C>", "finaltimeout=soon", "window=0", "chunksize=0", "localhost=a b"]
        {
            let error = read(&format!("mail.host=h\nmail.smtp.{text}")).unwrap_err().to_string();
            let key = text.split('=').next().unwrap();
            assert!(error.contains(key) && error.contains("file:2"), "{error}");
        }
    }
}
