//! `mail.<name>`.

use super::{Row, fixed, honoured, refused};

const MASKED: &str = "what proves who we are is masked in the log, always";
const LOOK: &str = "remove it; the transcript shows which mechanism was used and what the server answered";
const EVENTS: &str = "there are no listeners and no event threads: every call returns its outcome";
const ADDRESS_TYPE: &str = "every recipient is an Internet address: there is nothing to choose by";
const REPLY: &str = "replies are written by the program that sends them";

pub(super) const KEYS: &[Row] = &[
    honoured("debug"),
    honoured("from"),
    honoured("host"),
    honoured("user"),
    honoured("store.protocol"),
    honoured("transport.protocol"),
    refused("transport.protocol.rfc822", ADDRESS_TYPE, "write mail.transport.protocol"),
    refused("transport.protocol.news", ADDRESS_TYPE, "write mail.transport.protocol"),
    fixed("debug.auth", &["false"], MASKED, LOOK),
    fixed("debug.auth.username", &["false"], MASKED, LOOK),
    fixed("debug.auth.password", &["false"], MASKED, LOOK),
    fixed("debug.quote", &["true"], "the log shows control characters escaped, always", "remove it"),
    fixed("socket.debug", &["false"], "the log shows the dialogue, not sockets", "write mail.debug=true"),
    refused("event.scope", EVENTS, "remove it"),
    refused("event.executor", EVENTS, "remove it"),
    refused("alternates", REPLY, "remove it"),
    refused("replyallcc", REPLY, "remove it"),
];
