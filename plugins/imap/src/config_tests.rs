use super::*;
use postrider_core::{Layer, LayerKind, TlsMode};

fn read(prefix: &str, text: &str) -> Result<ImapConfig> {
    let layer = Layer::parse(LayerKind::Account, "file", text)?;
    let specs: Vec<PropertySpec> = crate::FACTORY.specs().copied().collect();
    ImapConfig::read(&Properties::new([layer]).scoped(&[prefix], &specs))
}

#[test]
fn every_key_reaches_its_field_and_defaults_are_those_of_the_typed_door() {
    let config = read("imap", "mail.host=IMAP.example\nmail.user=u\nmail.imap.password=p").unwrap();
    assert_eq!((config.target.port, config.target.tls), (993, TlsMode::Implicit));
    assert_eq!(config.account(), "u@imap.example");
    let same = ImapConfig::new(config.target.clone(), config.login.clone());
    assert_eq!(format!("{config:?}"), format!("{same:?}"));
    let all = "mail.imap.host=h\nmail.imap.port=143\nmail.imap.folder=Entwürfe\nmail.imap.readonly=true\n\
               mail.imap.peek=false\nmail.imap.maxsize=1KiB\nmail.imap.idle=false\n\
               mail.imap.fetchsize=64KiB\nmail.imap.allowreadonlyselect=true\n\
               mail.imap.pollinterval=5s\nmail.imap.id=false\nmail.imap.expungeothers=true\nmail.debug=true";
    let c = read("imap", all).unwrap();
    assert_eq!((c.target.tls, c.folder.as_str()), (TlsMode::StartTls, "Entwürfe"));
    assert!(c.read_only && !c.peek && !c.idle && !c.id && c.expunge_others && c.debug);
    assert_eq!((c.max_size, c.poll_interval.as_secs()), (1024, 5));
    assert!(c.allow_read_only && c.fetch_size.unwrap().get() == 65_536);
    let ahead = "mail.host=h\nmail.imap.window=9\nmail.imap.windowsize=1KiB\nmail.imap.connectionpoolsize=2\n\
                 mail.imap.pipelining=false\nmail.imap.compress.enable=true\nmail.imap.compress.level=9";
    let c = read("imap", ahead).unwrap();
    assert_eq!((c.window, c.window_bytes, c.connections), (9, 1024, 2));
    assert!(!c.pipelining && c.compress && c.compress_level == Some(9));
}

#[test]
fn messages_come_by_one_command_unless_pieces_are_asked_for() {
    for (text, size) in [
        ("peek=true", None),
        ("partialfetch=true", Some(16_384)),
        ("partialfetch=true\nmail.imap.fetchsize=1MiB", Some(1 << 20)),
        ("fetchsize=100000", Some(100_000)),
        ("partialfetch=false\nmail.imap.fetchsize=100000", None),
    ] {
        let config = read("imap", &format!("mail.host=h\nmail.imap.{text}")).unwrap();
        assert_eq!(config.fetch_size.map(NonZeroU32::get), size, "{text}");
    }
    for bad in ["0", "4294967296", "-1"] {
        let error = read("imap", &format!("mail.host=h\nmail.imap.fetchsize={bad}")).unwrap_err().to_string();
        assert!(error.contains("mail.imap.fetchsize"), "{error}");
    }
}

#[test]
fn a_bad_value_names_its_key() {
    let long = format!("mail.imap.folder={}", "x".repeat(1001));
    for (text, part) in
        [("mail.imap.pollinterval=soon", "mail.imap.pollinterval"), (long.as_str(), "mail.imap.folder")]
    {
        let error = read("imap", &format!("mail.host=h\n{text}")).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("file:2"), "{error}");
    }
}

#[test]
fn numbers_out_of_bounds_name_their_key() {
    for (key, value) in [
        ("window", "0"),
        ("window", "100001"),
        ("connectionpoolsize", "0"),
        ("connectionpoolsize", "17"),
        ("compress.level", "10"),
        ("compress.level", "-2"),
        ("compress.level", "best"),
    ] {
        let error = read("imap", &format!("mail.host=h\nmail.imap.{key}={value}")).unwrap_err().to_string();
        assert!(error.contains(&format!("mail.imap.{key}")), "{error}");
    }
}

#[test]
fn names_that_no_mailbox_has_are_refused() {
    for bad in ["", "a\r\nb", "a\0", "a\u{7f}", "a\u{85}b", &"x".repeat(1001)] {
        assert_eq!(mailbox_name(bad, Phase::Settle).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(mailbox_name("inBox", Phase::Settle).unwrap(), "INBOX");
}
