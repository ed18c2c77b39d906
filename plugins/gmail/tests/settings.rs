//! What may be set, what is fixed, and what is said to those who set it anyway.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use common::*;
use postrider_core::*;
use postrider_testkit::{Dialogue, VirtualHost, run, secrets};
use std::sync::Arc;

fn make(name: &str, direction: Direction, text: &str) -> Result<()> {
    let host = Arc::new(VirtualHost::play(&Dialogue::parse("REFUSE\n").unwrap()));
    match direction {
        Direction::Incoming => registry().incoming(name, &properties(text), host).map(drop),
        Direction::Outgoing => registry().outgoing(name, &properties(text), host).map(drop),
    }
}

const ALL: [(&str, Direction); 3] =
    [("gmail", Direction::Outgoing), ("gmail", Direction::Incoming), ("gmail-pop3", Direction::Incoming)];

#[test]
fn a_user_and_an_app_password_or_a_token_are_all_that_is_needed() {
    for (name, direction) in ALL {
        make(name, direction, &login()).unwrap();
        make(name, direction, "mail.gmail.user=me@gmail.com\nmail.gmail.auth.token=ya29.x").unwrap();
        make(name, direction, "mail.user=me@gmail.com\nmail.gmail.password=x\nmail.host=mail.example.org")
            .unwrap();
        for missing in ["", "mail.gmail.user=me@gmail.com", "mail.gmail.password=x"] {
            let error = make(name, direction, missing).unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Configuration, Phase::Configure));
            secrets::assert_absent(&format!("{error:?}"), &[APP_PASSWORD, JOINED]);
        }
    }
}

#[test]
fn what_is_fixed_can_not_be_set_and_the_error_names_key_line_and_way_out() {
    for (name, direction) in ALL {
        for key in ["host=evil.example", "port=25", "tls=none", "starttls.enable=true", "auth.cleartext=true"]
        {
            for prefix in ["gmail", name] {
                let error = make(name, direction, &format!("{}mail.{prefix}.{key}", login())).unwrap_err();
                let text = error.to_string();
                let (key, _) = key.split_once('=').unwrap();
                assert!(text.contains(&format!("mail.{prefix}.{key}")) && text.contains("file:3"), "{text}");
                assert!(text.contains("use the transport") && text.contains("gmail.com"), "{text}");
            }
        }
    }
    // An empty value is a value too: without a server nothing would be dialed.
    assert!(make("gmail", Direction::Outgoing, &format!("{}mail.gmail.host=", login())).is_err());
}

#[test]
fn a_server_for_all_transports_does_not_bend_the_preset_even_if_it_is_locked() {
    let mut layer = Layer::new(LayerKind::System, "system").with("mail.host", "mail.example.org");
    layer.lock("mail.host");
    let account = Layer::parse(LayerKind::Account, "file", &login()).unwrap();
    let dialed = Dialed::new(&VirtualHost::play(&Dialogue::parse("REFUSE\n").unwrap()));
    let properties = Properties::new([layer, account]);
    let mut gmail = registry().incoming("gmail", &properties, Arc::new(dialed.clone())).unwrap();
    assert!(run(&dialed.0, gmail.list(&Query::all())).unwrap().is_err());
    assert_eq!(*dialed.1.lock().unwrap(), [("imap.gmail.com".to_owned(), 993, TlsMode::Implicit)]);
}

#[test]
fn every_key_that_may_be_set_can_be_read_and_no_other_is_known() {
    let more = "mail.gmail.ssl.timeout=1s\nmail.gmail.connectiontimeout=1s\nmail.gmail.timeout=1s\n\
                mail.gmail.writetimeout=1s\nmail.gmail.localhost=me.example\nmail.gmail.sendpartial=true\n\
                mail.gmail.folder=Archive\nmail.gmail.readonly=true\nmail.gmail.peek=true\nmail.gmail.maxsize=1KiB\n\
                mail.gmail.finaltimeout=20m\nmail.gmail.partialfetch=true\nmail.gmail.fetchsize=1MiB\n\
                mail.gmail.pollinterval=5s\nmail.gmail.ssl.cafile=/ca.pem\nmail.gmail-pop3.recent=true\n";
    let text = format!("{}{more}", login());
    for (name, direction) in ALL {
        make(name, direction, &text).unwrap();
    }
    assert!(registry().unknown_keys(&properties(&text), &[]).is_empty());
    let unknown = registry().unknown_keys(&properties("mail.gmail.host=x\nmail.gmail-pop3.port=1"), &[]);
    assert_eq!(unknown.len(), 2);
    for (key, value) in [("sendpartial", "maybe"), ("timeout", "soon")] {
        let error =
            make("gmail", Direction::Outgoing, &format!("{}mail.gmail.{key}={value}", login())).unwrap_err();
        assert!(error.to_string().contains(&format!("mail.gmail.{key}")), "{error}");
    }
    assert!(
        make("gmail-pop3", Direction::Incoming, &format!("{}mail.gmail-pop3.recent=2", login())).is_err()
    );
}

#[test]
fn a_refresh_token_needs_no_url_and_google_is_asked() {
    let user = "mail.gmail.user=me@gmail.com\n";
    for (name, direction) in ALL {
        let grant = "mail.gmail.oauth.clientid=id\nmail.gmail.oauth.refreshtoken=file:/x";
        make(name, direction, &format!("{user}{grant}")).unwrap();
        let local = format!("{user}{grant}\nmail.gmail.oauth.tokenurl=http://192.0.2.1/");
        assert!(make(name, direction, &local).unwrap_err().message().contains("oauth.tokenurl"));
        for (half, missing) in grant.lines().zip(["oauth.refreshtoken", "oauth.clientid"]) {
            let error = make(name, direction, &format!("{user}mail.gmail.password=x\n{half}")).unwrap_err();
            assert!(error.message().contains(missing), "{error}");
        }
    }
}

#[test]
fn the_typed_door_leads_to_the_same_room() {
    let smtp =
        postrider_gmail::smtp(|server| postrider_wire::Login::password(server, "me@gmail.com", APP_PASSWORD));
    let smtp = smtp.unwrap();
    assert_eq!((smtp.target.host.as_str(), smtp.target.port), ("smtp.gmail.com", 465));
    assert_eq!((smtp.target.tls, smtp.login.host.as_str()), (TlsMode::Implicit, "smtp.gmail.com"));
    assert_eq!(smtp.login.plain_password().unwrap().expose(), JOINED);
    let imap =
        postrider_gmail::imap(|server| postrider_wire::Login::token(server, "me@gmail.com", "t")).unwrap();
    assert_eq!((imap.target.host.as_str(), imap.target.port), ("imap.gmail.com", 993));
    for recent in [false, true] {
        let pop3 = postrider_gmail::pop3(recent, |s| postrider_wire::Login::password(s, "me@gmail.com", "x"))
            .unwrap();
        assert_eq!((pop3.target.host.as_str(), pop3.target.port), ("pop.gmail.com", 995));
        assert_eq!(pop3.login.user, if recent { "recent:me@gmail.com" } else { "me@gmail.com" });
        assert_eq!(pop3.account.as_deref(), Some("me@gmail.com@pop.gmail.com"));
    }
    assert!(postrider_gmail::smtp(postrider_wire::Login::none).is_err());
}
