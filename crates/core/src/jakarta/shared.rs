//! `mail.smtp.<name>`, `mail.imap.<name>` and `mail.pop3.<name>`.

use super::{Row, fixed, honoured, refused};

const OBJECT: &str = "its value is a Java object, and there is no Java here";
const CLASS: &str = "it names a Java class, and none can be loaded here";
const NTLM: &str = "there is no NTLM here, which is broken beyond repair";
const OTHER_MECHANISM: &str =
    "name mechanisms by auth.mechanisms: SCRAM-SHA-256, OAUTHBEARER, XOAUTH2, PLAIN, LOGIN";
const FACTORY: &str = "write tls=implicit for TLS from the first byte; ssl.cafile, ssl.certfile and ssl.trust say whom to trust";

pub(super) const KEYS: &[Row] = &[
    honoured("user"),
    honoured("host"),
    honoured("port"),
    honoured("connectiontimeout"),
    honoured("timeout"),
    honoured("writetimeout"),
    refused("executor.writetimeout", OBJECT, "remove it: writetimeout needs no threads"),
    honoured("localaddress"),
    honoured("localport"),
    honoured("ssl.enable"),
    honoured("ssl.checkserveridentity"),
    refused("ssl.hostnameverifier", OBJECT, "pin the server's certificate by ssl.fingerprints"),
    refused("ssl.hostnameverifier.class", CLASS, "pin the server's certificate by ssl.fingerprints"),
    honoured("ssl.trust"),
    refused("ssl.socketFactory", OBJECT, FACTORY),
    fixed(
        "ssl.socketFactory.class",
        &["javax.net.ssl.sslsocketfactory"],
        "TLS is the program's own, and no other Java class can be loaded",
        FACTORY,
    ),
    refused("ssl.socketFactory.port", "a transport has one port", "write it as port"),
    honoured("ssl.protocols"),
    honoured("ssl.ciphersuites"),
    honoured("starttls.enable"),
    honoured("starttls.required"),
    refused("socketFactory", OBJECT, FACTORY),
    honoured("socketFactory.class"),
    fixed(
        "socketFactory.fallback",
        &["false"],
        "when TLS fails nothing is sent in clear text instead",
        "remove it, or write tls=none if clear text is meant",
    ),
    honoured("socketFactory.port"),
    honoured("proxy.host"),
    honoured("proxy.port"),
    honoured("proxy.user"),
    honoured("proxy.password"),
    honoured("socks.host"),
    honoured("socks.port"),
    honoured("auth.mechanisms"),
    honoured("auth.login.disable"),
    honoured("auth.plain.disable"),
    fixed("auth.ntlm.disable", &["true"], NTLM, OTHER_MECHANISM),
    refused("auth.ntlm.domain", NTLM, OTHER_MECHANISM),
    refused("auth.ntlm.flags", NTLM, OTHER_MECHANISM),
    refused("auth.ntlm.v2", NTLM, OTHER_MECHANISM),
    honoured("auth.xoauth2.disable"),
    refused("class", CLASS, "choose a transport by mail.transport.protocol or mail.store.protocol"),
];
