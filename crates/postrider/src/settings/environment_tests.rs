use super::*;
use postrider_core::Properties;
use proptest::prelude::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::new(pairs.iter().map(|(name, value)| (OsString::from(*name), OsString::from(*value))))
}

fn told(layers: Vec<Layer>) -> Vec<(String, String, String)> {
    let tell =
        |e: postrider_core::Explained| (e.key, e.value, e.origin.map_or_else(String::new, |o| o.to_string()));
    Properties::new(layers).explain().into_iter().filter(|e| e.origin.is_some()).map(tell).collect()
}

#[test]
fn a_variable_sets_the_key_its_name_says_and_is_its_position() {
    let layer = environment(&[
        ("POSTRIDER_MAIL_SMTP_HOST", "h"),
        ("POSTRIDER_MAIL_SMTP_AUTH_MECHANISMS", "PLAIN"),
        ("POSTRIDER_MAIL_GMAIL__POP3_USER", "u"),
        ("POSTRIDER_MAIL_smtp_socketFactory_class", "c"),
        ("POSTRIDER_FILE", "accounts.toml"),
        ("PATH", "/bin"),
    ])
    .layer()
    .unwrap();
    let got = told(vec![layer.clone()]);
    let got: Vec<_> = got.iter().map(|(k, v, o)| (k.as_str(), v.as_str(), o.as_str())).collect();
    assert_eq!(
        got,
        [
            ("mail.gmail-pop3.user", "u", "POSTRIDER_MAIL_GMAIL__POP3_USER (environment)"),
            ("mail.smtp.auth.mechanisms", "PLAIN", "POSTRIDER_MAIL_SMTP_AUTH_MECHANISMS (environment)"),
            ("mail.smtp.host", "h", "POSTRIDER_MAIL_SMTP_HOST (environment)"),
            ("mail.smtp.socketFactory.class", "c", "POSTRIDER_MAIL_smtp_socketFactory_class (environment)"),
        ]
    );
    assert!(layer.notes().is_empty());
}

#[test]
fn names_that_make_no_key_are_errors_and_a_forgotten_mail_is_noted() {
    for (name, part) in [
        ("POSTRIDER_MAIL_", "POSTRIDER_MAIL_: an underscore at the beginning"),
        ("POSTRIDER_MAIL_SMTP___HOST", "three in a row"),
        ("POSTRIDER_MAIL_SMTP_HOST_", "or the end"),
        ("POSTRIDER_MAIL__SMTP", "at the beginning"),
        ("POSTRIDER_MAIL_SMTP.HOST", "only letters"),
    ] {
        let error = environment(&[(name, "hunter2")]).layer().unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.advice().unwrap().contains("POSTRIDER_MAIL_SMTP_HOST"));
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    let layer = environment(&[("POSTRIDER_SMTP_PASSWORD", "hunter2")]).layer().unwrap();
    assert_eq!(
        layer.notes()[0].to_string(),
        "POSTRIDER_SMTP_PASSWORD: POSTRIDER_SMTP_PASSWORD: it is not used: the name of a setting goes on with MAIL_ \
         -> write POSTRIDER_MAIL_SMTP_PASSWORD"
    );
}

#[test]
fn two_variables_for_one_key_and_a_value_that_is_no_text_are_errors() {
    let error =
        environment(&[("POSTRIDER_MAIL_HOST", "a"), ("POSTRIDER_mail_host", "b")]).layer().unwrap_err();
    assert!(
        error.to_string().contains("POSTRIDER_mail_host and POSTRIDER_MAIL_HOST both set mail.host"),
        "{error}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(vec![0xff]);
        let error = Environment::new([("POSTRIDER_MAIL_HOST".into(), value)]).layer().unwrap_err();
        assert!(error.to_string().contains("POSTRIDER_MAIL_HOST is not Unicode"), "{error}");
    }
}

#[test]
fn every_mistake_can_be_listed_and_the_rest_be_read() {
    let pairs = [("POSTRIDER_MAIL_A_", "1"), ("POSTRIDER_MAIL_B", "2"), ("POSTRIDER_MAIL_C___D", "3")];
    let (layer, mistakes) = environment(&pairs).layer_all();
    assert_eq!(layer.keys().collect::<Vec<_>>(), ["mail.b"]);
    let told: Vec<_> = mistakes.iter().map(|e| e.message().split(':').next().unwrap()).collect();
    assert_eq!(told, ["POSTRIDER_MAIL_A_", "POSTRIDER_MAIL_C___D"]);
}

#[test]
fn a_portals_variables_are_decoded_and_taken_as_its_file_is() {
    let layers = environment(&[
        ("LIFERAY_MAIL_PERIOD_SESSION_PERIOD_MAIL_PERIOD_SMTP_PERIOD_HOST", "h"),
        ("LIFERAY_MAIL_PERIOD_SESSION_PERIOD_MAIL_PERIOD_SMTP_PERIOD_SOCKET_UPPERCASEF_ACTORY_PERIOD_CLASS", "c"),
        ("LIFERAY_MAIL_46_SESSION_46_MAIL_46_POP3_46_PASSWORD", "hunter2"),
        ("LIFERAY_MAIL_PERIOD_SESSION_PERIOD_MAIL_PERIOD_ADVANCED_PERIOD_PROPERTIES", "mail.smtp.port=1"),
        ("LIFERAY_POP_PERIOD_SERVER_PERIOD_SUBDOMAIN", "a@b"),
        ("LIFERAY_MAIL_PERIDO_SESSION", "x"),
        ("LIFERAY_JDBC_PERIOD_DEFAULT_PERIOD_PASSWORD", "hunter3"),
        ("LIFERAY_HOME", "/opt"),
    ])
    .portal_layers()
    .unwrap();
    let notes: Vec<String> = layers[0].notes().iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "LIFERAY_MAIL_PERIDO_SESSION: mail_perido_session: it is not used: _PERIDO_ is the name of no character -> \
         write _PERIOD_ for a dot and _MINUS_ for a hyphen",
            "LIFERAY_POP_PERIOD_SERVER_PERIOD_SUBDOMAIN: pop.server.subdomain: it is not used: which address a reply \
         goes to is up to the program",
        ]
    );
    let got = told(layers);
    let got: Vec<_> = got.iter().map(|(k, v, o)| (k.as_str(), v.as_str(), o.as_str())).collect();
    assert_eq!(
        got,
        [
            (
                "mail.pop3.password",
                "***",
                "LIFERAY_MAIL_46_SESSION_46_MAIL_46_POP3_46_PASSWORD (environment)"
            ),
            (
                "mail.smtp.host",
                "h",
                "LIFERAY_MAIL_PERIOD_SESSION_PERIOD_MAIL_PERIOD_SMTP_PERIOD_HOST (environment)"
            ),
            (
                "mail.smtp.port",
                "1",
                "LIFERAY_MAIL_PERIOD_SESSION_PERIOD_MAIL_PERIOD_ADVANCED_PERIOD_PROPERTIES, additional properties:1 \
             (overrides)"
            ),
            (
                "mail.smtp.socketFactory.class",
                "c",
                "LIFERAY_MAIL_PERIOD_SESSION_PERIOD_MAIL_PERIOD_SMTP_PERIOD_SOCKET_UPPERCASEF_ACTORY_PERIOD_CLASS \
             (environment)"
            ),
            ("mail.store.protocol", "pop3", "the portal's default (environment)"),
        ]
    );
}

#[test]
fn debug_shows_names_and_no_values() {
    let shown = format!("{:?}", environment(&[("POSTRIDER_MAIL_SMTP_PASSWORD", "hunter2")]));
    assert_eq!(shown, r#"["POSTRIDER_MAIL_SMTP_PASSWORD"]"#);
}

proptest! {
    #[test]
    fn every_key_that_has_a_variable_is_set_by_it_and_by_no_other(
        key in "mail\\.[a-zA-Z0-9._-]{0,12}", other in "mail\\.[a-zA-Z0-9.-]{0,12}"
    ) {
        if let Some(name) = Environment::variable(&key) {
            let layer = environment(&[(&name, "v")]).layer().unwrap();
            prop_assert_eq!(layer.keys().collect::<Vec<_>>(), [key.as_str()]);
            prop_assert!(key == other || Environment::variable(&other) != Some(name));
        }
    }

    #[test]
    fn no_name_makes_the_reader_panic(name in "\\PC{0,20}", rest in "[A-Za-z_0-9é]{0,20}") {
        for name in [format!("POSTRIDER_{name}"), format!("LIFERAY_{name}"), format!("POSTRIDER_MAIL_{rest}"),
            format!("LIFERAY_MAIL_{rest}")] {
            if name.contains('\0') { continue; }
            let _ = environment(&[(&name, "v")]).layer();
            let _ = environment(&[(&name, "v")]).portal_layers();
        }
    }
}
