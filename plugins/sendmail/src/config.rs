//! The properties of `sendmail` and the typed configuration read from them once.

use postrider_core::{Milliseconds, Properties, Property, PropertySpec, Result, Words};
use std::path::PathBuf;
use std::time::Duration;

const PROGRAM: Property<PathBuf> =
    Property::new("program", "Absolute path of the program.").default("/usr/sbin/sendmail");
const ARGUMENTS: Property<Words> = Property::new(
    "arguments",
    "Arguments that go before ours, apart by blanks or commas, such as -C /etc/other. No shell reads them. They can be \
     seen by everybody on this machine: no place for a password.",
);
const TIMEOUT: Property<Milliseconds> =
    Property::new("timeout", "Longest time the program may take to read on; it is killed then.")
        .default("60s");
const FINAL_TIMEOUT: Property<Milliseconds> = Property::new(
    "finaltimeout",
    "Longest time the program may take once it has got the whole message; it is killed then, and nobody knows whether \
     the message was accepted.",
)
.default("10m");
const CONVERT: Property<bool> = Property::new(
    "convertlineends",
    "Give the program lines that end in LF, as Unix programs expect. false: bytes go as they are.",
)
.default("true");

/// Everything a sendmail transport can be told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SendmailConfig {
    /// The program, by its absolute path. Default `/usr/sbin/sendmail`.
    pub program: PathBuf,
    /// Arguments before ours. Default none.
    pub arguments: Vec<String>,
    /// Longest time the program may take to read on. Default 60 s.
    pub timeout: Duration,
    /// Longest time from the end of the message to that of the program. Default 10 min.
    pub final_timeout: Duration,
    /// CRLF becomes LF. Default true.
    pub convert_line_ends: bool,
}

impl Default for SendmailConfig {
    fn default() -> Self {
        Self {
            program: "/usr/sbin/sendmail".into(),
            arguments: Vec::new(),
            timeout: Duration::from_secs(60),
            final_timeout: Duration::from_secs(600),
            convert_line_ends: true,
        }
    }
}

impl SendmailConfig {
    /// The properties that [`SendmailConfig::read`] reads.
    pub const PROPERTIES: &'static [PropertySpec] =
        &[PROGRAM.spec(), ARGUMENTS.spec(), TIMEOUT.spec(), FINAL_TIMEOUT.spec(), CONVERT.spec()];

    /// Reads it from the properties of this transport's scope.
    ///
    /// # Errors
    /// `Configuration` naming the key and where its value came from.
    pub fn read(properties: &Properties) -> Result<Self> {
        let program = properties.require(&PROGRAM)?;
        if !program.is_absolute() {
            let why = "an absolute path is expected: which program runs must not depend on PATH";
            return Err(properties.fault(&PROGRAM, why));
        }
        Ok(Self {
            program,
            arguments: properties.read(&ARGUMENTS)?.unwrap_or_default().0,
            timeout: properties.require(&TIMEOUT)?.0,
            final_timeout: properties.require(&FINAL_TIMEOUT)?.0,
            convert_line_ends: properties.require(&CONVERT)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{Layer, LayerKind};

    fn read(text: &str) -> Result<SendmailConfig> {
        let layer = Layer::parse(LayerKind::Account, "file", text)?;
        SendmailConfig::read(&Properties::new([layer]).scoped(&["sendmail"], SendmailConfig::PROPERTIES))
    }

    #[test]
    fn every_key_reaches_its_field_and_defaults_are_those_of_the_typed_door() {
        assert_eq!(format!("{:?}", read("").unwrap()), format!("{:?}", SendmailConfig::default()));
        let all = "mail.sendmail.program=/bin/x\nmail.sendmail.arguments=-C /etc/other\nmail.sendmail.timeout=1s\n\
                   mail.sendmail.finaltimeout=2s\nmail.sendmail.convertlineends=false";
        let config = read(all).unwrap();
        assert_eq!((config.program.to_str(), config.arguments.len()), (Some("/bin/x"), 2));
        assert_eq!((config.timeout.as_secs(), config.final_timeout.as_secs()), (1, 2));
        assert!(!config.convert_line_ends);
    }

    #[test]
    fn a_program_that_path_would_choose_is_refused_by_key() {
        let error = read("mail.sendmail.program=sendmail").unwrap_err().to_string();
        assert!(error.contains("mail.sendmail.program") && error.contains("PATH"), "{error}");
    }
}
