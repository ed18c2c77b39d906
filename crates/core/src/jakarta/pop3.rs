//! `mail.pop3.<name>`.

use super::{Row, fixed, honoured, refused};

const NTLM: &str = "there is no NTLM here, which is broken beyond repair";
const OTHER_MECHANISM: &str =
    "name mechanisms by auth.mechanisms: SCRAM-SHA-256, OAUTHBEARER, XOAUTH2, PLAIN, LOGIN";
const STREAM: &str = "a message is streamed and nothing of it is kept";
const SPOOL: &str = "receive the message whole (Inbox::receive); a file is used only above a size";

pub(super) const KEYS: &[Row] = &[
    honoured("rsetbeforequit"),
    refused("message.class", "it names a Java class, and none can be loaded here", "remove it"),
    honoured("apop.enable"),
    fixed(
        "auth.digest-md5.disable",
        &["true"],
        "there is no DIGEST-MD5 here, which RFC 6331 moved to historic",
        OTHER_MECHANISM,
    ),
    honoured("auth.xoauth2.two.line.authentication.format"),
    honoured("sasl.authorizationid"),
    honoured("disabletop"),
    honoured("disablecapa"),
    honoured("pipelining"),
    fixed("forgettopheaders", &["true"], "what RETR sends is all that counts of a message", "remove it"),
    fixed("filecache.enable", &["false"], STREAM, SPOOL),
    refused("filecache.dir", STREAM, "set TMPDIR for where messages are spooled"),
    fixed("cachewriteto", &["false"], STREAM, SPOOL),
    fixed("keepmessagecontent", &["false"], STREAM, SPOOL),
    fixed(
        "finalizecleanclose",
        &["false"],
        "an inbox that is dropped drops its connection, and the server deletes nothing",
        "close the inbox: that sends QUIT",
    ),
    refused("auth.ntlm.unicode", NTLM, OTHER_MECHANISM),
    refused("auth.ntlm.lmcompat", NTLM, OTHER_MECHANISM),
];
