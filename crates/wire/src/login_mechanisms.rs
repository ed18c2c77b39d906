//! The properties that say which mechanisms may be used.

use crate::sasl::Mechanism;
use postrider_core::{Properties, Property, Result, Words};

pub(crate) const MECHANISMS: Property<Words> = Property::new(
    "auth.mechanisms",
    "SASL mechanisms that may be used, in order of preference. Unset: all of EXTERNAL, SCRAM-SHA-256-PLUS, \
     SCRAM-SHA-256, OAUTHBEARER, XOAUTH2, PLAIN, LOGIN, strongest first. If only OAUTHBEARER or XOAUTH2 are named \
     and there is no auth.token, the password is taken for the token, as Jakarta Mail has it.",
);
pub(crate) const SASL: Property<bool> = Property::new(
    "sasl.enable",
    "true: sign in by SASL alone, by what sasl.mechanisms names, and never by IMAP's command LOGIN or by POP3's APOP, \
     USER and PASS. Otherwise SASL goes first and those are for servers without a mechanism that fits.",
)
.default("false");
pub(crate) const SASL_MECHANISMS: Property<Words> = Property::new(
    "sasl.mechanisms",
    "The same as auth.mechanisms, for sasl.enable=true: one of the two is enough.",
);
pub(crate) const DISABLE_LOGIN: Property<bool> = Property::new(
    "auth.login.disable",
    "Do without the mechanism LOGIN, also where auth.mechanisms names it, and without POP3's USER and PASS. IMAP's \
     command LOGIN stays, unless PLAIN is disabled too.",
)
.default("false");
pub(crate) const DISABLE_PLAIN: Property<bool> = Property::new(
    "auth.plain.disable",
    "Do without the mechanism PLAIN, also where auth.mechanisms names it.",
)
.default("false");
pub(crate) const DISABLE_XOAUTH2: Property<bool> = Property::new(
    "auth.xoauth2.disable",
    "Do without the mechanism XOAUTH2, also where auth.mechanisms names it. false lets it be used where there is an \
     access token; a password is taken for one only if auth.mechanisms names nothing else.",
)
.default("false");

/// What the properties say.
pub(crate) struct Choice {
    pub(crate) allowed: Vec<Mechanism>,
    pub(crate) disabled: Vec<Mechanism>,
    pub(crate) sasl_only: bool,
}

/// Reads it.
///
/// # Errors
/// `Configuration` for an unknown mechanism, for two lists that differ, for `sasl.mechanisms` without `sasl.enable`,
/// and if nothing is left of a list.
pub(crate) fn read(properties: &Properties) -> Result<Choice> {
    let sasl_only = properties.require(&SASL)?;
    let mut allowed = named(properties, &MECHANISMS)?;
    let by_sasl = named(properties, &SASL_MECHANISMS)?;
    if !by_sasl.is_empty() {
        if !sasl_only {
            return Err(properties
                .fault(&SASL_MECHANISMS, "it counts only with sasl.enable=true")
                .with_advice(
                    "set sasl.enable=true of the same transport, or write auth.mechanisms instead",
                ));
        }
        // Neither goes before the other: one may be locked, or be meant to replace the other from a higher layer.
        if !allowed.is_empty() && allowed != by_sasl {
            let (key, origin) = properties.place(&MECHANISMS);
            let from = origin.map(|origin| format!(" ({origin})")).unwrap_or_default();
            return Err(properties
                .fault(&SASL_MECHANISMS, &format!("{key}{from} names others"))
                .with_advice("set one of the two, where the other is set now"));
        }
        allowed = by_sasl;
    }
    let mut disabled = Vec::new();
    for (property, mechanism) in [
        (&DISABLE_LOGIN, Mechanism::Login),
        (&DISABLE_PLAIN, Mechanism::Plain),
        (&DISABLE_XOAUTH2, Mechanism::XOAuth2),
    ] {
        if properties.require(property)? {
            disabled.push(mechanism);
        }
    }
    if !allowed.is_empty() && allowed.iter().all(|m| disabled.contains(m)) {
        let list = if properties.origin(&MECHANISMS).is_some() { &MECHANISMS } else { &SASL_MECHANISMS };
        return Err(properties.fault(list, "all of them are disabled").with_advice(
            "take auth.login.disable, auth.plain.disable or auth.xoauth2.disable away, or name more",
        ));
    }
    Ok(Choice { allowed, disabled, sasl_only })
}

fn named(properties: &Properties, list: &Property<Words>) -> Result<Vec<Mechanism>> {
    let words = properties.read(list)?.unwrap_or_default().0;
    let mechanism = |word: &String| {
        Mechanism::parse(word).ok_or_else(|| {
            let known = Mechanism::ALL.map(Mechanism::name).join(", ");
            let what = format!("there is no mechanism \"{}\"; there are {known}", word.escape_debug());
            properties.fault(list, &what)
        })
    };
    words.iter().map(mechanism).collect()
}

#[cfg(test)]
mod tests {
    use crate::Login;
    use crate::sasl::Mechanism;
    use postrider_core::{Layer, LayerKind, Properties, Result, Target, TlsMode};

    fn read(text: &str) -> Result<Login> {
        let account = Layer::parse(LayerKind::Account, "file", "mail.x.user=me\nmail.x.password=hunter2")?;
        let overrides = Layer::parse(LayerKind::Overrides, "form", text)?;
        let target = Target::new("h", 465, TlsMode::Implicit)?;
        Login::read(&Properties::new([account, overrides]).scoped(&["x"], Login::PROPERTIES), &target)
    }

    #[test]
    fn jakarta_s_two_lists_are_one_and_sasl_enable_is_needed_for_its_own() {
        use Mechanism::{Plain, ScramSha256};
        for (text, allowed, sasl_only) in [
            ("", vec![], false),
            ("mail.x.sasl.enable=false", vec![], false),
            ("mail.x.sasl.enable=true", vec![], true),
            ("mail.x.auth.mechanisms=PLAIN", vec![Plain], false),
            ("mail.x.sasl.enable=true\nmail.x.auth.mechanisms=PLAIN", vec![Plain], true),
            (
                "mail.x.sasl.enable=true\nmail.x.sasl.mechanisms=plain, SCRAM-SHA-256",
                vec![Plain, ScramSha256],
                true,
            ),
            (
                "mail.x.sasl.enable=true\nmail.x.sasl.mechanisms=PLAIN\nmail.x.auth.mechanisms=PLAIN",
                vec![Plain],
                true,
            ),
        ] {
            let login = read(text).unwrap();
            assert_eq!((login.allowed, login.sasl_only), (allowed, sasl_only), "{text}");
        }
        for (text, key, why) in [
            ("mail.x.sasl.mechanisms=PLAIN", "mail.x.sasl.mechanisms", "sasl.enable=true"),
            (
                "mail.x.sasl.enable=true\nmail.x.sasl.mechanisms=PLAIN\nmail.x.auth.mechanisms=LOGIN",
                "mail.x.sasl.mechanisms",
                "mail.x.auth.mechanisms (form:3",
            ),
            ("mail.x.sasl.enable=true\nmail.x.sasl.mechanisms=GSSAPI", "mail.x.sasl.mechanisms", "GSSAPI"),
            ("mail.x.sasl.enable=perhaps", "mail.x.sasl.enable", "true"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.property().unwrap().0, key, "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn what_is_disabled_is_off_even_where_it_is_named_and_something_must_be_left() {
        let off = "mail.x.auth.plain.disable=true\nmail.x.auth.login.disable=true\n";
        let left = read(off).unwrap().mechanisms();
        assert!(left.contains(&Mechanism::ScramSha256) && left.contains(&Mechanism::XOAuth2));
        assert!(!left.contains(&Mechanism::Plain) && !left.contains(&Mechanism::Login));
        let named = read("mail.x.auth.xoauth2.disable=true\nmail.x.auth.mechanisms=XOAUTH2 PLAIN").unwrap();
        assert_eq!(named.mechanisms(), [Mechanism::Plain]);
        let error = read(&format!("{off}mail.x.auth.mechanisms=PLAIN LOGIN")).unwrap_err();
        assert_eq!(error.property().unwrap().0, "mail.x.auth.mechanisms");
        assert!(error.advice().unwrap().contains("auth.plain.disable"), "{error}");
    }
}
