use super::*;
use crate::{Layer, LayerKind};

const PORTS: Ports = Ports::new(465, 587, 25);

fn read(text: &str, overrides: &str) -> Result<(u16, TlsMode)> {
    let low = Layer::parse(LayerKind::Account, "file", &format!("mail.x.host=h\n{text}"))?;
    let high = Layer::parse(LayerKind::Overrides, "box", overrides)?;
    let properties = Properties::new([low, high]).scoped(&["x"], Target::PROPERTIES);
    Target::read(&properties, PORTS).map(|t| (t.port, t.tls))
}

#[test]
fn one_choice_is_read_from_all_keys_and_the_port() {
    use TlsMode::{Implicit, None, StartTls, StartTlsIfOffered};
    for (text, overrides, want) in [
        ("", "", (465, Implicit)),
        ("mail.x.port=587", "", (587, StartTls)),
        ("mail.x.port=465", "", (465, Implicit)),
        ("mail.x.port=2525", "", (2525, StartTls)),
        ("mail.x.tls=none", "", (25, None)),
        ("mail.x.tls=starttls", "", (587, StartTls)),
        ("mail.x.ssl.enable=true", "", (465, Implicit)),
        ("mail.x.ssl.enable=true\nmail.x.port=587", "", (587, StartTls)),
        ("mail.x.ssl.enable=true\nmail.x.port=2525", "", (2525, Implicit)),
        ("mail.x.starttls.enable=true\nmail.x.port=465", "", (465, Implicit)),
        ("mail.x.starttls.enable=true", "", (587, StartTls)),
        ("mail.x.starttls.enable=true\nmail.x.starttls.required=false", "", (587, StartTlsIfOffered)),
        ("mail.x.starttls.enable=false\nmail.x.port=25", "", (25, None)),
        ("mail.x.starttls.enable=false\nmail.x.port=465", "", (465, Implicit)),
        ("mail.x.socketFactory.class=javax.net.ssl.SSLSocketFactory", "", (465, Implicit)),
        (
            "mail.x.port=25\nmail.x.socketFactory.class=javax.net.ssl.SSLSocketFactory\n\
             mail.x.socketFactory.port=465",
            "",
            (465, Implicit),
        ),
        (
            "mail.x.socketFactory.class=javax.net.ssl.SSLSocketFactory\nmail.x.socketFactory.port=465",
            "mail.x.port=2525",
            (2525, Implicit),
        ),
        (
            "mail.x.socketFactory.class=javax.net.ssl.SSLSocketFactory\nmail.x.socketFactory.port=465",
            "mail.x.tls=starttls",
            (587, StartTls),
        ),
        ("mail.x.port=25\nmail.x.socketFactory.port=465", "", (25, StartTls)),
        ("mail.x.ssl.enable=true", "mail.x.starttls.enable=true", (587, StartTls)),
        ("mail.x.ssl.enable=true", "mail.x.tls=none", (25, None)),
        ("mail.x.tls=none", "mail.x.ssl.enable=true", (465, Implicit)),
        ("mail.x.ssl.enable=true", "mail.x.ssl.enable=false", (465, Implicit)),
        ("mail.x.starttls.required=true\nmail.x.port=25", "mail.x.starttls.enable=false", (25, StartTls)),
    ] {
        assert_eq!(read(text, overrides).unwrap(), want, "{text} / {overrides}");
    }
}

#[test]
fn a_locked_choice_is_not_undone_by_another_key_above_it() {
    for (locked, overrides) in [
        ("tls=implicit", "starttls.enable=true\nmail.x.starttls.required=false"),
        ("tls=starttls", "ssl.enable=true"),
        ("starttls.required=true", "tls=none"),
        ("ssl.enable=true", "tls=none"),
    ] {
        let text = format!("mail.x.host=h\nmail.x.{locked}");
        let mut low = Layer::parse(LayerKind::System, "file", &text).unwrap();
        let want = Target::read(&Properties::new([low.clone()]).scoped(&["x"], &[]), PORTS).unwrap();
        low.lock(&format!("mail.x.{}", locked.split_once('=').unwrap().0));
        let high = Layer::parse(LayerKind::Overrides, "box", &format!("mail.x.{overrides}")).unwrap();
        let got = Target::read(&Properties::new([low, high]).scoped(&["x"], &[]), PORTS).unwrap();
        assert_eq!((got.tls, got.port), (want.tls, want.port), "{locked} / {overrides}");
    }
}

#[test]
fn a_name_that_means_tls_from_the_start_keeps_its_meaning_beside_starttls() {
    use TlsMode::{Implicit, StartTls};
    // What a portal's form writes: the secure protocol's name, and "enable StartTLS" as it stands by default.
    for (text, want) in [
        ("starttls.enable=true", (465, Implicit)),
        ("starttls.enable=true\nmail.xs.port=2525", (2525, Implicit)),
        ("starttls.enable=true\nmail.xs.port=587", (587, StartTls)),
        ("tls=starttls", (587, StartTls)),
    ] {
        let preset = Layer::new(LayerKind::Preset, "xs").with("mail.xs.ssl.enable", "true");
        let text = format!("mail.xs.host=h\nmail.xs.{text}");
        let form = Layer::parse(LayerKind::Account, "form", &text).unwrap();
        let properties = Properties::new([preset, form]).scoped(&["xs", "x"], Target::PROPERTIES);
        let target = Target::read(&properties, PORTS).unwrap();
        assert_eq!((target.port, target.tls), want, "{text}");
    }
}

#[test]
fn a_bad_host_or_port_names_its_key_and_place() {
    for (text, part) in [
        ("mail.x.port=0", "mail.x.port"),
        ("mail.x.port=99999", "file:2"),
        ("mail.x.host=-oProxyCommand=x", "file:2"),
        ("mail.x.host=a b", "mail.x.host"),
        ("mail.x.host=mail.example.org:25", "mail.x.host"),
        ("mail.x.socketFactory.class=com.example.Mine", "Java"),
        ("mail.x.tls=maybe", "implicit, starttls"),
    ] {
        let error = read(text, "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
        assert!(error.to_string().contains(part), "{text}: {error}");
    }
}
