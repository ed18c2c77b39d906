//! `mail.smtp.<name>`.

use super::{Row, fixed, honoured, refused};

const NTLM: &str = "there is no NTLM here, which is broken beyond repair";
const DIGEST: &str = "there is no DIGEST-MD5 here, which RFC 6331 moved to historic";
const OTHER_MECHANISM: &str =
    "name mechanisms by auth.mechanisms: SCRAM-SHA-256, OAUTHBEARER, XOAUTH2, PLAIN, LOGIN";
const REALM: &str = "only DIGEST-MD5 has realms, and RFC 6331 moved that to historic";

pub(super) const KEYS: &[Row] = &[
    honoured("from"),
    honoured("localhost"),
    honoured("ehlo"),
    honoured("auth"),
    fixed("auth.digest-md5.disable", &["true"], DIGEST, OTHER_MECHANISM),
    honoured("submitter"),
    honoured("dsn.notify"),
    honoured("dsn.ret"),
    honoured("allow8bitmime"),
    honoured("sendpartial"),
    honoured("sasl.enable"),
    honoured("sasl.mechanisms"),
    honoured("sasl.authorizationid"),
    refused("sasl.realm", REALM, OTHER_MECHANISM),
    refused("saslrealm", REALM, OTHER_MECHANISM),
    fixed(
        "sasl.usecanonicalhostname",
        &["false"],
        "mechanisms are given the server's name as it is configured",
        "write the canonical name as host",
    ),
    honoured("quitwait"),
    honoured("quitonsessionreject"),
    honoured("reportsuccess"),
    honoured("mailextension"),
    honoured("userset"),
    honoured("noop.strict"),
    honoured("chunksize"),
    refused("auth.ntlm.unicode", NTLM, OTHER_MECHANISM),
    refused("auth.ntlm.lmcompat", NTLM, OTHER_MECHANISM),
];
