use super::*;
use postrider_core::Explained;
use postrider_core::Properties;

fn secure(json: &str) -> SecureForm {
    serde_json::from_str(json).unwrap()
}

fn protocol(json: &str) -> ProtocolForm {
    serde_json::from_str(json).unwrap()
}

fn told(layers: &[Layer]) -> Vec<String> {
    let tell = |e: Explained| {
        format!("{}={} {}", e.key, e.value, e.origin.map_or_else(String::new, |o| o.to_string()))
    };
    Properties::new(layers.to_vec()).explain().into_iter().filter(|e| e.origin.is_some()).map(tell).collect()
}

fn notes(layers: &[Layer]) -> Vec<String> {
    layers.iter().flat_map(Layer::notes).map(ToString::to_string).collect()
}

#[test]
fn every_field_is_a_key_whose_position_is_its_name() {
    let form = secure(
        r#"{"incoming": {"server": "pop.example.org", "port": 995, "secure": true, "user": "me", "password": "hunter2"},
            "outgoing": {"server": "smtp.example.org", "port": "587", "startTls": true, "user": "me"},
            "additionalProperties": "\n\nmail.smtp.timeout=5s"}"#,
    );
    let layers = form.layers(LayerKind::Instance, &[], &Registry::empty()).unwrap();
    assert_eq!(
        told(&layers),
        [
            "mail.pop3.host=pop.example.org form: incoming.server (instance)",
            "mail.pop3.password=*** form: incoming.password (instance)",
            "mail.pop3.port=995 form: incoming.port (instance)",
            "mail.pop3.ssl.enable=true form: incoming.secure (instance)",
            "mail.pop3.user=me form: incoming.user (instance)",
            "mail.smtp.host=smtp.example.org form: outgoing.server (instance)",
            "mail.smtp.port=587 form: outgoing.port (instance)",
            "mail.smtp.starttls.enable=true form: outgoing.startTls (instance)",
            "mail.smtp.timeout=5s additional properties:3 (overrides)",
            "mail.smtp.user=me form: outgoing.user (instance)",
            "mail.store.protocol=pop3 form: incoming.server (instance)",
            "mail.transport.protocol=smtp form: outgoing.server (instance)",
        ]
    );
    assert!(notes(&layers).is_empty(), "{:?}", notes(&layers));
}

#[test]
fn a_portals_configuration_is_read_under_its_own_names_with_its_own_defaults() {
    let form = protocol(
        r#"{"enablePOPServerNotifications": true, "incomingPOPServer": "imap.example.org", "incomingPOPPort": 993,
            "storeProtocol": "IMAPS", "popUserName": "me", "popPassword": "hunter2", "enableIncomingStartTLS": true,
            "outgoingSMTPServer": "smtp.example.org", "smtpUserName": "me", "smtpPassword": "hunter2",
            "additionalJavaMailProperties": "mail.smtp.port=587"}"#,
    );
    assert!(form.enable_notifications);
    let layers = form.layers(LayerKind::System, &[], &Registry::empty()).unwrap();
    assert_eq!(
        told(&layers),
        [
            "mail.imaps.host=imap.example.org form: incomingPOPServer (system)",
            "mail.imaps.password=*** form: popPassword (system)",
            "mail.imaps.port=993 form: incomingPOPPort (system)",
            "mail.imaps.starttls.enable=true form: enableIncomingStartTLS (system)",
            "mail.imaps.user=me form: popUserName (system)",
            "mail.smtp.host=smtp.example.org form: outgoingSMTPServer (system)",
            "mail.smtp.password=*** form: smtpPassword (system)",
            "mail.smtp.port=587 additional properties:1 (overrides)",
            "mail.smtp.starttls.enable=true form: enableStartTLS (system)",
            "mail.smtp.user=me form: smtpUserName (system)",
            "mail.store.protocol=imaps form: storeProtocol (system)",
            "mail.transport.protocol=smtp form: transportProtocol (system)",
        ]
    );
    assert_eq!(
        notes(&layers),
        [
            "form: storeProtocol: mail.store.protocol: \"IMAPS\" is read as \"imaps\"",
            "form: enableIncomingStartTLS: mail.imaps.starttls.enable: port 993 is encrypted from the start, without \
         STARTTLS",
        ]
    );
    let defaults = protocol("{}");
    let shown = serde_json::to_value(&defaults).unwrap();
    assert_eq!(shown["incomingPOPPort"], "110");
    assert_eq!(shown["enableStartTLS"], true);
}

#[test]
fn overriding_a_protocol_takes_the_forms_values_along() {
    let form = secure(
        r#"{"incoming": {"server": "in.example.org", "user": "me", "password": "x", "secure": true},
            "outgoing": {"server": "out.example.org"}, "additionalProperties": "mail.store.protocol=imap"}"#,
    );
    let code = Layer::new(LayerKind::Host, "code").with("mail.transport.protocol", "pigeon");
    let all = told(&form.layers(LayerKind::System, &[code], &Registry::empty()).unwrap());
    for key in ["mail.imap.host=in", "mail.imap.user=me", "mail.imap.ssl.enable=true", "mail.pigeon.host=out"]
    {
        assert!(all.iter().any(|line| line.starts_with(key)), "{key}: {all:?}");
    }
    assert!(
        !all.iter().any(|line| line.starts_with("mail.pop3.") || line.starts_with("mail.smtp.")),
        "{all:?}"
    );
}

#[test]
fn a_locked_protocol_of_a_lower_layer_decides_the_prefix_too() {
    let mut system = Layer::new(LayerKind::System, "file").with("mail.store.protocol", "imap");
    system.lock("mail.store.protocol");
    let form = secure(r#"{"incoming": {"server": "in.example.org"}}"#);
    let all = told(&form.layers(LayerKind::Account, &[system], &Registry::empty()).unwrap());
    assert!(all.iter().any(|line| line.starts_with("mail.imap.host=in")), "{all:?}");
}

#[test]
fn the_secure_flag_knows_the_port_and_says_what_it_means() {
    for (fields, keys, note) in [
        (
            r#""port": 110, "secure": true"#,
            vec!["mail.pop3.ssl.enable=true"],
            "on port 110 it means STARTTLS",
        ),
        (r#""port": 995, "secure": true"#, vec!["mail.pop3.ssl.enable=true"], ""),
        (r#""port": 2995, "secure": true"#, vec!["mail.pop3.ssl.enable=true"], ""),
        (r#""port": 995"#, vec![], "port 995 is encrypted from the start all the same"),
        (r#""port": 110"#, vec![], "mail.pop3.tls=none among the additional properties allows clear text"),
        (r#""startTls": true, "port": 110"#, vec!["mail.pop3.starttls.enable=true"], ""),
    ] {
        let form = secure(&format!(r#"{{"incoming": {{"server": "pop.example.org", {fields}}}}}"#));
        let layers = form.layers(LayerKind::System, &[], &Registry::empty()).unwrap();
        let all = told(&layers);
        let tls: Vec<_> = all
            .iter()
            .filter(|line| line.contains("ls.enable") || line.contains("tls=") || line.contains("ssl"))
            .collect();
        assert_eq!(tls.len(), keys.len(), "{fields}: {tls:?}");
        assert!(keys.iter().all(|key| tls.iter().any(|line| line.starts_with(key))), "{fields}: {tls:?}");
        let notes = notes(&layers).join("\n");
        assert!(notes.contains(note) && notes.is_empty() == note.is_empty(), "{fields}: {notes}");
    }
}

#[test]
fn without_the_secure_flag_only_this_machine_is_spoken_to_in_clear_text() {
    for server in ["localhost", "127.0.0.1", "[::1]"] {
        let form = secure(&format!(r#"{{"outgoing": {{"server": "{server}", "port": 25}}}}"#));
        let layers = form.layers(LayerKind::System, &[], &Registry::empty()).unwrap();
        assert!(
            told(&layers).iter().any(|l| l == "mail.smtp.tls=none form: outgoing.secure (system)"),
            "{server}"
        );
        assert!(notes(&layers).is_empty());
    }
    let form = secure(r#"{"outgoing": {"server": "localhost.example.org", "port": 25}}"#);
    let all = told(&form.layers(LayerKind::System, &[], &Registry::empty()).unwrap());
    assert!(!all.iter().any(|l| l.contains("tls")), "{all:?}");
}

#[test]
fn an_empty_direction_is_not_configured() {
    let layers = secure("{}").layers(LayerKind::System, &[], &Registry::empty()).unwrap();
    assert!(told(&layers).is_empty());
    let layers = protocol(r#"{"incomingPOPServer": "", "incomingPOPPort": null}"#)
        .layers(LayerKind::System, &[], &Registry::empty())
        .unwrap();
    assert!(!told(&layers).iter().any(|line| line.contains("mail.store") || line.contains("pop3")));
}

#[test]
fn one_protocol_for_both_directions_can_not_have_two_users() {
    let json = r#"{"storeProtocol": "gmail", "transportProtocol": "gmail", "incomingPOPServer": "",
        "incomingPOPPort": "", "outgoingSMTPServer": "", "outgoingSMTPPort": "", "popUserName": "a",
        "smtpUserName": "b", "popPassword": "hunter2", "smtpPassword": "hunter2"}"#;
    let error = protocol(json).layers(LayerKind::System, &[], &Registry::empty()).unwrap_err();
    assert_eq!(
        error.message(),
        "form: smtpUserName and form: popUserName are both mail.gmail.user, and say different things"
    );
    let same = json.replace(r#""b""#, r#""a""#);
    let all = told(&protocol(&same).layers(LayerKind::System, &[], &Registry::empty()).unwrap());
    assert!(all.iter().any(|l| l == "mail.gmail.user=a form: popUserName (system)"), "{all:?}");
}

#[test]
fn passwords_are_serialised_as_a_placeholder_unless_asked_for_and_come_back_as_they_were() {
    let stored =
        secure(r#"{"incoming": {"server": "s", "password": "hunter2"}, "outgoing": {"password": ""}}"#);
    let shown = serde_json::to_string(&stored).unwrap();
    assert!(shown.contains(r#""password":"(unchanged)""#) && shown.contains(r#""password":"""#), "{shown}");
    assert!(!format!("{shown} {stored:?} {:?}", stored.reveal()).contains("hunter2"));

    let mut back = secure(&shown);
    let error = back.layers(LayerKind::System, &[], &Registry::empty()).unwrap_err();
    assert!(error.to_string().contains("form: incoming.password is the placeholder"), "{error}");
    back.keep_passwords(&stored);
    assert_eq!(back.incoming.password.given().unwrap().expose(), "hunter2");
    assert!(serde_json::to_string(&back.reveal()).unwrap().contains("hunter2"));

    let mut new = secure(r#"{"incoming": {"password": "hunter3"}}"#);
    new.keep_passwords(&stored);
    assert_eq!(new.incoming.password.given().unwrap().expose(), "hunter3");

    let stored = protocol(r#"{"popPassword": "hunter2", "smtpPassword": "hunter3"}"#);
    let mut back = protocol(&serde_json::to_string(&stored).unwrap());
    back.keep_passwords(&stored);
    let kept = serde_json::to_string(&back.reveal()).unwrap();
    assert!(kept.contains("hunter2") && kept.contains("hunter3"));
}

#[test]
fn a_form_that_can_not_be_read_is_refused_without_repeating_a_password() {
    for json in [
        r#"{"incoming": {"password": 48151623}}"#,
        r#"{"incoming": {"password": -48151623}}"#,
        r#"{"incoming": {"password": 48151623.5}}"#,
        r#"{"incoming": {"password": ["48151623"]}}"#,
        r#"{"incomming": {"password": "48151623"}}"#,
        r#"{"incoming": {"pasword": "48151623"}}"#,
    ] {
        let error = serde_json::from_str::<SecureForm>(json).unwrap_err();
        assert!(!error.to_string().contains("48151623"), "{error}");
    }
    let error = secure(r#"{"additionalProperties": "\n=x"}"#)
        .layers(LayerKind::System, &[], &Registry::empty())
        .unwrap_err();
    assert!(error.to_string().contains("additional properties:2"), "{error}");
}
