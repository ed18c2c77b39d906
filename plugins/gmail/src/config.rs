//! Google's servers, the keys that may be set, and the typed configurations.

use postrider_core::{
    Error, ErrorKind, LayerKind, Phase, Properties, Property, PropertySpec, Result, Secret, Target, TlsMode,
};
use postrider_imap::ImapConfig;
use postrider_pop3::Pop3Config;
use postrider_smtp::SmtpConfig;
use postrider_wire::{Login, Timing};

const RECENT: Property<bool> = Property::new(
    "recent",
    "See the mail of the last 30 days, also what a client has read by POP before (user name recent:…). false: Gmail \
     shows each message until one client has read it.",
)
.default("false");

/// What is fixed for one of Google's servers, and what may be set.
pub(crate) struct Preset {
    host: &'static str,
    port: u16,
    /// The transport for everything this one does not let be set.
    plain: &'static str,
    /// The keys that may be set.
    pub(crate) properties: &'static [&'static [PropertySpec]],
    /// The keys that are set.
    pub(crate) preset: &'static [(&'static str, &'static str)],
    /// Every key of the transport underneath.
    all: &'static [&'static [PropertySpec]],
}

const SMTP_KEYS: &[&[PropertySpec]] =
    &[Login::PROPERTIES, Target::PROPERTIES, Timing::PROPERTIES, SmtpConfig::PROPERTIES];
const IMAP_KEYS: &[&[PropertySpec]] =
    &[Login::PROPERTIES, Target::PROPERTIES, Timing::PROPERTIES, ImapConfig::PROPERTIES];
const POP3_KEYS: &[&[PropertySpec]] =
    &[Login::PROPERTIES, Target::PROPERTIES, Timing::PROPERTIES, Pop3Config::PROPERTIES];

/// Google's token endpoint.
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

/// What may be set for each of the three.
const COMMON: &[PropertySpec] = &pick(
    SMTP_KEYS,
    [
        "user",
        "password",
        "auth.token",
        "oauth.tokenurl",
        "oauth.clientid",
        "oauth.clientsecret",
        "oauth.refreshtoken",
        "oauth.scope",
        "ssl.cafile",
        "ssl.timeout",
        "ssl.protocols",
        "ssl.ciphersuites",
        "connectiontimeout",
        "proxy.host",
        "proxy.port",
        "proxy.user",
        "proxy.password",
        "socks.host",
        "socks.port",
        "socks.user",
        "socks.password",
        "localaddress",
        "localport",
        "timeout",
        "writetimeout",
    ],
);

/// `smtp.gmail.com`.
pub(crate) const SMTP: Preset = Preset {
    host: "smtp.gmail.com",
    port: 465,
    plain: "smtp",
    properties: &[COMMON, &pick(SMTP_KEYS, ["localhost", "sendpartial", "finaltimeout"])],
    preset: &[
        ("mail.gmail.host", "smtp.gmail.com"),
        ("mail.gmail.port", "465"),
        ("mail.gmail.tls", "implicit"),
        ("mail.gmail.auth", "true"),
        ("mail.gmail.oauth.tokenurl", TOKEN_URL),
    ],
    all: SMTP_KEYS,
};

/// `imap.gmail.com`.
pub(crate) const IMAP: Preset = Preset {
    host: "imap.gmail.com",
    port: 993,
    plain: "imap",
    properties: &[
        COMMON,
        &pick(
            IMAP_KEYS,
            ["folder", "readonly", "peek", "partialfetch", "fetchsize", "maxsize", "pollinterval"],
        ),
    ],
    preset: &[
        ("mail.gmail.host", "imap.gmail.com"),
        ("mail.gmail.port", "993"),
        ("mail.gmail.tls", "implicit"),
        ("mail.gmail.oauth.tokenurl", TOKEN_URL),
    ],
    all: IMAP_KEYS,
};

/// `pop.gmail.com`.
pub(crate) const POP3: Preset = Preset {
    host: "pop.gmail.com",
    port: 995,
    plain: "pop3",
    properties: &[COMMON, &pick(POP3_KEYS, ["maxsize", "pollinterval"]), &[RECENT.spec()]],
    preset: &[
        ("mail.gmail-pop3.host", "pop.gmail.com"),
        ("mail.gmail-pop3.port", "995"),
        ("mail.gmail-pop3.tls", "implicit"),
        ("mail.gmail-pop3.oauth.tokenurl", TOKEN_URL),
    ],
    all: POP3_KEYS,
};

/// A configuration to send by Gmail; `login` gets the server the credentials are for.
///
/// # Errors
/// `Configuration` if there are no credentials.
pub fn smtp(login: impl FnOnce(&Target) -> Login) -> Result<SmtpConfig> {
    let (target, login) = SMTP.typed(login)?;
    let mut config = SmtpConfig::new(target, login);
    config.auth = Some(true);
    Ok(config)
}

/// A configuration to receive from Gmail by IMAP; `login` as for [`smtp`].
///
/// # Errors
/// `Configuration` if there are no credentials.
pub fn imap(login: impl FnOnce(&Target) -> Login) -> Result<ImapConfig> {
    let (target, login) = IMAP.typed(login)?;
    Ok(ImapConfig::new(target, login))
}

/// A configuration to receive from Gmail by POP3; `login` as for [`smtp`]. `recent` shows the mail of the last 30
/// days, also what a client has read by POP before; otherwise Gmail shows each message until one client has read
/// it, deleted or not. Message keys are the same either way.
///
/// # Errors
/// `Configuration` if there are no credentials.
pub fn pop3(recent: bool, login: impl FnOnce(&Target) -> Login) -> Result<Pop3Config> {
    let (target, login) = POP3.typed(login)?;
    Ok(in_mode(recent, Pop3Config::new(target, login)))
}

pub(crate) fn read_smtp(properties: &Properties) -> Result<SmtpConfig> {
    SMTP.check(properties)?;
    let mut config = SmtpConfig::read(properties)?;
    SMTP.check_read(properties, &config.target, &mut config.login)?;
    Ok(config)
}

pub(crate) fn read_imap(properties: &Properties) -> Result<ImapConfig> {
    IMAP.check(properties)?;
    let mut config = ImapConfig::read(properties)?;
    IMAP.check_read(properties, &config.target, &mut config.login)?;
    Ok(config)
}

pub(crate) fn read_pop3(properties: &Properties) -> Result<Pop3Config> {
    POP3.check(properties)?;
    let mut config = Pop3Config::read(properties)?;
    POP3.check_read(properties, &config.target, &mut config.login)?;
    Ok(in_mode(properties.require(&RECENT)?, config))
}

fn in_mode(recent: bool, mut config: Pop3Config) -> Pop3Config {
    let user = config.login.user.strip_prefix("recent:").unwrap_or(&config.login.user).to_owned();
    config.account = Some(format!("{user}@{}", config.target.host));
    if recent {
        config.login.user = format!("recent:{user}");
    }
    config
}

impl Preset {
    fn typed(&self, login: impl FnOnce(&Target) -> Login) -> Result<(Target, Login)> {
        let target = Target::new(self.host, self.port, TlsMode::Implicit)?;
        let login = login(&target).with_password_form(joined);
        if !login.is_given() {
            return Err(Error::new(
                ErrorKind::Configuration,
                Phase::Configure,
                "there is nothing to sign in to Gmail with",
            )
            .with_advice(CREDENTIALS));
        }
        Ok((target, login))
    }

    /// Refuses the keys of the transport underneath that may not be set here: silence would be a lie.
    fn check(&self, properties: &Properties) -> Result<()> {
        let fixed = |spec: &&PropertySpec| !self.known().any(|known| known.name == spec.name);
        for spec in self.all.iter().flat_map(|table| table.iter()).filter(fixed) {
            let property = Property::<String>::new(spec.name, spec.doc);
            if properties.origin(&property).is_some_and(|origin| origin.kind != LayerKind::Preset) {
                return Err(self.refusal(properties, &property));
            }
        }
        Ok(())
    }

    /// Checks that what was read is for Google's server, whatever keys had a say in it, and that there are
    /// credentials.
    fn check_read(&self, properties: &Properties, target: &Target, login: &mut Login) -> Result<()> {
        if (target.host.as_str(), target.port, target.tls) != (self.host, self.port, TlsMode::Implicit) {
            return Err(self.refusal(properties, &Property::<String>::new("host", "").shared()));
        }
        *login = std::mem::take(login).with_password_form(joined);
        if !login.has_password() && !login.has_token() {
            let property = Property::<Secret>::new("password", "");
            let why = "Gmail lets nobody in without an app password or an OAuth token";
            return Err(properties.fault(&property, why).with_advice(CREDENTIALS));
        }
        Ok(())
    }

    fn known(&self) -> impl Iterator<Item = &PropertySpec> {
        self.properties.iter().flat_map(|table| table.iter())
    }

    fn refusal(&self, properties: &Properties, property: &Property<String>) -> Error {
        let known: Vec<&str> = self.known().map(|spec| spec.name).collect();
        let why = format!("this is fixed for {}", self.host);
        let advice = format!(
            "remove it, or use the transport {} and set host, port and tls yourself; what may be set here: {}",
            self.plain,
            known.join(", ")
        );
        properties.fault(property, &why).with_advice(advice)
    }
}

const CREDENTIALS: &str = "set user and password (an app password: myaccount.google.com/apppasswords), or user and \
                           auth.token (an OAuth 2 access token of scope https://mail.google.com/) or \
                           oauth.refreshtoken and oauth.clientid";

/// An app password as Google shows it, in four groups with blanks between them (plain or non-breaking ones,
/// depending on where it was copied), as the one word it is. Any other password stays as it is.
fn joined(password: &Secret) -> Secret {
    let groups: Vec<&str> = password.expose().split_whitespace().collect();
    let group = |g: &&str| g.len() == 4 && g.bytes().all(|b| b.is_ascii_lowercase());
    if groups.len() == 4 && groups.iter().all(group) {
        Secret::new(groups.concat())
    } else {
        password.clone()
    }
}

/// The declarations of these names. A name that is not there stops the build.
// Evaluated by the compiler: an index that is out of bounds stops the build too.
#[allow(clippy::indexing_slicing)]
const fn pick<const N: usize>(tables: &[&[PropertySpec]], names: [&str; N]) -> [PropertySpec; N] {
    let mut picked = [tables[0][0]; N];
    let mut at = 0;
    while at < N {
        let (mut table, mut found) = (0, false);
        while table < tables.len() {
            let mut row = 0;
            while row < tables[table].len() {
                if same(tables[table][row].name, names[at]) {
                    picked[at] = tables[table][row];
                    found = true;
                }
                row += 1;
            }
            table += 1;
        }
        assert!(found, "no transport underneath has a property of this name");
        at += 1;
    }
    picked
}

// As above.
#[allow(clippy::indexing_slicing)]
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
