use super::*;
use crate::{Layer, LayerKind, Ports, Properties, Target};

fn target(text: &str) -> crate::Result<Target> {
    let layer = Layer::parse(LayerKind::Account, "file", &format!("mail.x.host=h\n{text}"))?;
    Target::read(&Properties::new([layer]).scoped(&["x"], Target::PROPERTIES), Ports::new(465, 587, 25))
}

#[test]
fn nothing_set_means_every_check_and_every_current_suite() {
    let options = target("").unwrap().tls_options;
    assert!(options.check_server_identity);
    assert_eq!(options.trust, Trust::Authorities);
    assert!(options.fingerprints.is_empty() && options.protocols.is_empty());
    assert!(options.cipher_suites.is_empty());
}

#[test]
fn trust_is_everybody_or_the_hosts_that_are_named() {
    assert!(target("mail.x.ssl.trust=*").unwrap().tls_options.trust.is_blind_for("anything"));
    let trust = target("mail.x.ssl.trust=a.example, B.example.").unwrap().tls_options.trust;
    for (host, blind) in [
        ("a.example", true),
        ("A.EXAMPLE.", true),
        ("b.example", true),
        ("c.a.example", false),
        ("example", false),
        ("", false),
    ] {
        assert_eq!(trust.is_blind_for(host), blind, "{host}");
    }
    assert!(!Trust::default().is_blind_for("a.example"));
}

#[test]
fn fingerprints_are_read_however_tools_print_them() {
    let plain = "00112233445566778899aabbccddeeff".repeat(2);
    let bytes: Vec<String> = plain.as_bytes().chunks(2).map(|p| String::from_utf8_lossy(p).into()).collect();
    let colons = bytes.join(":").to_uppercase();
    let want: Fingerprint = plain.parse().unwrap();
    assert_eq!(want.to_string(), colons);
    assert_eq!(want.bytes()[..3], [0x00, 0x11, 0x22]);
    let text = format!("mail.x.ssl.fingerprints={plain} {colons},sha256:{colons}  SHA256:{plain}");
    assert_eq!(target(&text).unwrap().tls_options.fingerprints, vec![want; 4]);
    for bad in ["sha256:", "é", "ééééé", "00", &plain[..62], &"g".repeat(64), &"é".repeat(64)] {
        assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
    }
    assert!(plain[..40].parse::<Fingerprint>().unwrap_err().contains("SHA-1"));
}

#[test]
fn protocols_and_suites_go_together_or_say_why_not() {
    let good = "mail.x.ssl.protocols=TLSv1.2 TLSv1.3\nmail.x.ssl.ciphersuites=TLS_AES_128_GCM_SHA256 \
                TLS_EMPTY_RENEGOTIATION_INFO_SCSV tls_ecdhe_rsa_with_aes_128_gcm_sha256";
    let options = target(good).unwrap().tls_options;
    assert_eq!(options.protocols, [TlsVersion::Tls12, TlsVersion::Tls13]);
    let names: Vec<&str> = options.cipher_suites.iter().map(|suite| suite.name()).collect();
    assert_eq!(names, ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
    for (text, parts) in [
        ("ssl.protocols=TLSv1.1", ["ssl.protocols", "RFC 8996"]),
        ("ssl.protocols=TLSv1 TLSv1.2", ["ssl.protocols", "TLSv1.3"]),
        ("ssl.protocols=SSLv3", ["ssl.protocols", "broken"]),
        ("ssl.protocols=QUIC", ["ssl.protocols", "expected"]),
        ("ssl.ciphersuites=TLS_RSA_WITH_AES_128_CBC_SHA", ["ssl.ciphersuites", "TLS_AES_256_GCM_SHA384"]),
        ("ssl.ciphersuites=TLS_EMPTY_RENEGOTIATION_INFO_SCSV", ["ssl.ciphersuites", "no cipher suite"]),
        (
            "ssl.protocols=TLSv1.3\nmail.x.ssl.ciphersuites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            ["ssl.ciphersuites", "TLSv1.3"],
        ),
        ("ssl.trust=*.example.org", ["ssl.trust", "stands alone"]),
        ("ssl.trust=a * b", ["ssl.trust", "stands alone"]),
        ("ssl.trust=https://a", ["ssl.trust", "host name"]),
        ("ssl.checkserveridentity=no", ["ssl.checkserveridentity", "true or false"]),
        ("localaddress=a b", ["localaddress", "character"]),
    ] {
        let error = target(&format!("mail.x.{text}")).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
    }
}

#[test]
fn a_local_port_counts_only_beside_a_local_address() {
    assert_eq!(target("mail.x.localport=4000").unwrap().local_address, None);
    let local =
        target("mail.x.localaddress=192.0.2.1\nmail.x.localport=4000").unwrap().local_address.unwrap();
    assert_eq!((local.host.as_str(), local.port), ("192.0.2.1", 4000));
    assert_eq!(target("mail.x.localaddress=h").unwrap().local_address.unwrap().port, 0);
}
