use super::*;
use crate::{Layer, LayerKind, Target};

fn read(low: &str, high: &str) -> Result<Option<Proxy>> {
    let low = Layer::parse(LayerKind::Account, "file", low)?;
    let high = Layer::parse(LayerKind::Overrides, "box", high)?;
    Proxy::read(&Properties::new([low, high]).scoped(&["x"], Target::PROPERTIES))
}

fn shown(low: &str, high: &str) -> String {
    let proxy = read(low, high).unwrap();
    proxy.map_or("none".into(), |p| format!("{} {} {}", p.kind, p.host, p.port))
}

#[test]
fn host_and_port_are_read_in_both_forms_and_each_kind_has_its_usual_port() {
    for (text, want) in [
        ("", "none"),
        ("mail.x.proxy.host=p", "HTTP p 80"),
        ("mail.x.proxy.host=p:3128", "HTTP p 3128"),
        ("mail.x.proxy.host=p\nmail.x.proxy.port=8080", "HTTP p 8080"),
        ("mail.x.proxy.host=p:3128\nmail.x.proxy.port=8080", "HTTP p 8080"),
        ("mail.x.proxy.host=[::1]:3128", "HTTP [::1] 3128"),
        ("mail.x.proxy.host=[::1]", "HTTP [::1] 80"),
        ("mail.x.proxy.host=::1", "HTTP ::1 80"),
        ("mail.x.socks.host=s", "SOCKS s 1080"),
        ("mail.x.socks.host=s:9050", "SOCKS s 9050"),
        ("mail.socks.host=s:9050", "SOCKS s 9050"),
        ("mail.x.proxy.port=8080", "none"),
    ] {
        assert_eq!(shown(text, ""), want, "{text}");
    }
}

#[test]
fn http_beats_socks_in_one_layer_and_the_higher_layer_beats_both() {
    let both = "mail.x.proxy.host=p\nmail.x.socks.host=s";
    assert_eq!(shown(both, ""), "HTTP p 80");
    assert_eq!(shown(both, "mail.x.socks.host=other"), "SOCKS other 1080");
    assert_eq!(shown("mail.x.socks.host=s", "mail.x.proxy.host=p"), "HTTP p 80");
    assert_eq!(shown(both, "mail.x.proxy.host="), "SOCKS s 1080");
    assert_eq!(shown("mail.x.proxy.host=p", "mail.x.proxy.host="), "none");
    assert_eq!(shown("mail.x.proxy.host=p\nmail.x.proxy.port=1", "mail.x.proxy.host=q:2"), "HTTP q 2");
}

#[test]
fn each_kind_has_a_login_of_its_own_and_nothing_shows_the_password() {
    let text = "mail.x.proxy.user=a\nmail.x.proxy.password=hush\nmail.x.socks.host=s";
    let proxy = read(text, "").unwrap().unwrap();
    assert_eq!((proxy.user, proxy.password.is_none()), (None, true));
    let proxy = read(text, "mail.x.proxy.host=p").unwrap().unwrap();
    assert_eq!(proxy.user.as_deref(), Some("a"));
    assert!(!format!("{proxy:?}").contains("hush"));
    assert_ne!(proxy, read(text, "mail.x.proxy.host=p\nmail.x.proxy.password=other").unwrap().unwrap());
}

#[test]
fn what_can_t_be_a_proxy_or_a_login_names_its_key_and_not_the_password() {
    let long = "x".repeat(256);
    for (text, parts) in [
        ("mail.x.proxy.host=http://p:80".into(), ["mail.x.proxy.host", "scheme"]),
        ("mail.x.proxy.host=p:99999".into(), ["mail.x.proxy.host", "65535"]),
        ("mail.x.proxy.host=p:".into(), ["mail.x.proxy.host", "port"]),
        ("mail.x.socks.host=a b".into(), ["mail.x.socks.host", "character"]),
        ("mail.x.proxy.host=p\nmail.x.proxy.port=0".into(), ["mail.x.proxy.port", "65535"]),
        ("mail.x.proxy.host=p\nmail.x.proxy.user=a:b".into(), ["mail.x.proxy.user", "colon"]),
        ("mail.x.proxy.host=p\nmail.x.proxy.password=hush".into(), ["mail.x.proxy.user", "no name"]),
        (format!("mail.x.socks.host=s\nmail.x.socks.user={long}"), ["mail.x.socks.user", "255"]),
        (
            format!("mail.x.socks.host=s\nmail.x.socks.user=a\nmail.x.socks.password=hush{long}"),
            ["mail.x.socks.password", "255"],
        ),
    ] {
        let error = read(&text, "").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
        let said = format!("{error:?}");
        assert!(parts.iter().all(|part| said.contains(part)) && !said.contains("hush"), "{text}: {said}");
    }
    assert!(Proxy::new(ProxyKind::Http, "a/b", 80).is_err() && Proxy::new(ProxyKind::Http, "a", 0).is_err());
    assert!(Proxy::new(ProxyKind::Http, "a", 80).unwrap().with_login("a:b", "c").is_err());
}
