//! `mail.smtp.<name>`.

use super::{Row, fixed, honoured, refused};

const NTLM: &str = "there is no NTLM here, which is broken beyond repair";
const DIGEST: &str = "there is no DIGEST-MD5 here, which RFC 6331 moved to historic";
const OTHER_MECHANISM: &str =
    "name mechanisms by auth.mechanisms: SCRAM-SHA-256, OAUTHBEARER, XOAUTH2, PLAIN, LOGIN";
const REALM: &str = "only DIGEST-MD5 has realms, and RFC 6331 moved that to historic";

const NOT_ASKED: &str = "no connection is asked whether it is alive: the next message finds out, and one that was closed while it was \
     idle is replaced without an error";

pub(super) const KEYS: &[Row] = &[
    honoured("from"),
    honoured("localhost"),
    honoured("ehlo"),
    honoured("auth"),
    fixed("auth.digest-md5.disable", &["true"], DIGEST, OTHER_MECHANISM),
    honoured("submitter"),
    honoured("dsn.notify"),
    honoured("dsn.ret"),
    fixed(
        "allow8bitmime",
        &["false"],
        "a message goes out as it was made: to encode its parts anew would break signatures",
        "remove it; bytes above 127 in a message are sent where the server offers 8BITMIME, and announced",
    ),
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
    fixed(
        "reportsuccess",
        &["true", "false"],
        "what became of each recipient is in the receipt of every message, and success is no error",
        "remove it",
    ),
    honoured("mailextension"),
    fixed("userset", &["true", "false"], NOT_ASKED, "remove it"),
    fixed("noop.strict", &["true", "false"], NOT_ASKED, "remove it"),
    honoured("chunksize"),
    refused("auth.ntlm.unicode", NTLM, OTHER_MECHANISM),
    refused("auth.ntlm.lmcompat", NTLM, OTHER_MECHANISM),
];
