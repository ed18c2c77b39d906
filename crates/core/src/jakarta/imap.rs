//! `mail.imap.<name>`.

use super::{Row, fixed, honoured, refused};

const OTHER_MECHANISM: &str =
    "name mechanisms by auth.mechanisms: SCRAM-SHA-256, OAUTHBEARER, XOAUTH2, PLAIN, LOGIN";
const REALM: &str = "only DIGEST-MD5 has realms, and RFC 6331 moved that to historic";
const POOL: &str = "the connections of an inbox live until the inbox is closed";
const OWN_POOL: &str = "remove it; connectionpoolsize is how many fetch at once";
const STRATEGY: &str = "only the level of compression can be chosen";
const EVENTS: &str = "there are no event objects: news comes from wait(), the dialogue from the log";
const DEBUG: &str = "write mail.debug=true for the dialogue with the server";

pub(super) const KEYS: &[Row] = &[
    honoured("partialfetch"),
    honoured("fetchsize"),
    honoured("peek"),
    fixed(
        "ignorebodystructuresize",
        &["true"],
        "messages are read as long as the server says while it sends them; BODYSTRUCTURE's size is not asked for",
        "remove it",
    ),
    fixed("statuscachetimeout", &["0"], "nothing the server says of a mailbox is cached", "remove it"),
    fixed("appendbuffersize", &["0"], "messages are streamed, never held whole in memory", "remove it"),
    honoured("connectionpoolsize"),
    refused("connectionpooltimeout", POOL, OWN_POOL),
    refused("servertimeout", POOL, "write timeout for how long the server may be silent"),
    refused("pruninginterval", POOL, OWN_POOL),
    fixed("separatestoreconnection", &["false"], POOL, OWN_POOL),
    honoured("allowreadonlyselect"),
    refused(
        "proxyauth.user",
        "PROXYAUTH is one server's own command, and every mechanism has a place for it",
        "write sasl.authorizationid for whose mail to act on",
    ),
    honoured("sasl.enable"),
    honoured("sasl.mechanisms"),
    honoured("sasl.authorizationid"),
    refused("sasl.realm", REALM, OTHER_MECHANISM),
    fixed(
        "sasl.usecanonicalhostname",
        &["false"],
        "mechanisms are given the server's name as it is configured",
        "write the canonical name as host",
    ),
    fixed(
        "sasl.xgwtrustedapphack.enable",
        &["false"],
        "GroupWise's XGWTRUSTEDAPP is no mechanism here",
        OTHER_MECHANISM,
    ),
    fixed("usesocketchannels", &["true"], "no connection ever blocks a thread", "remove it"),
    refused("localhost", "only NTLM would tell the server our name", "remove it"),
    refused(
        "minidletime",
        "IDLE is begun again when there is somebody waiting, and no sooner",
        "remove it; pollinterval is the pace without IDLE",
    ),
    fixed("enableresponseevents", &["false"], EVENTS, DEBUG),
    fixed("enableimapevents", &["false"], EVENTS, "call wait() for news of the mailbox"),
    fixed("throwsearchexception", &["true"], "a search the server can't do is an error", "remove it"),
    refused("folder.class", "it names a Java class, and none can be loaded here", "remove it"),
    fixed(
        "closefoldersonstorefailure",
        &["true"],
        "a lost connection ends what was done over it, with an error that says so",
        "remove it",
    ),
    fixed(
        "finalizecleanclose",
        &["false"],
        "an inbox that is dropped drops its connection",
        "close the inbox for a clean LOGOUT",
    ),
    fixed(
        "referralexception",
        &["false"],
        "a referral is not followed, and signing in succeeded",
        "set host to the server the referral names",
    ),
    honoured("compress.enable"),
    honoured("compress.level"),
    refused("compress.strategy", STRATEGY, "remove it, or set compress.level"),
    fixed(
        "reusetagprefix",
        &["true"],
        "tags need to differ only within a connection, and begin alike in each",
        "remove it",
    ),
    fixed(
        "forcepasswordrefresh",
        &["true"],
        "where a password comes from is asked each time a connection is made",
        "remove it",
    ),
    refused(
        "yahoo.guid",
        "it was an agreement between Yahoo and a few programs",
        "sign in by OAUTHBEARER; id tells the server our name",
    ),
    fixed("connectionpool.debug", &["false"], POOL, DEBUG),
    fixed("messagecache.debug", &["false"], "messages are not cached", DEBUG),
    fixed("parse.debug", &["false"], "the log shows the dialogue, not the parser at work", DEBUG),
];
