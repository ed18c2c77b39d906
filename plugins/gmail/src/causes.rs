//! The table of causes: what Gmail says, and what that means. The first row that fits counts.
//!
//! Wordings: Google's list of SMTP errors (support.google.com/a/answer/3726730) and replies recorded by others.

use crate::cause::Cause;

const APP_PASSWORD: &str = "Google wants an app password here, not the password of the account: make one at \
     myaccount.google.com/apppasswords (the account needs 2-Step Verification) and set password to it, or use an \
     OAuth token (auth.token)";
const BAD_CREDENTIALS: &str = "check user (the whole address) and password: Google takes an app password only \
     (myaccount.google.com/apppasswords; it ends when the account's password changes), never the password of the \
     account; or use a fresh OAuth token (auth.token)";
const WEB_LOGIN: &str = "Google finds this sign-in suspicious: sign in once with a browser, best from the same network, and \
     confirm that it was you; then use an app password or an OAuth token";
const TOO_MANY: &str = "Gmail allows 15 connections to an account at a time: close those of other programs and devices, or \
     use fewer here, and try again in a few minutes";
const BANDWIDTH: &str = "the account has used up its bandwidth (2,500 MB a day by IMAP) or sent too \
     many commands: wait, for up to 24 hours, and look less often";
const RATE: &str = "Google wants less from this account or network for now: wait some minutes, keep connections open rather \
     than signing in for each message, and send more slowly";
const NOT_NOW: &str = "Google has a passing problem: try again in some minutes";
const DOMAIN: &str = "the administrator of this Google Workspace domain has switched the protocol off: ask for it to be \
     switched on";
const TOKEN: &str = "the OAuth token was not accepted: it has expired (they live for an hour), was revoked, belongs to \
     another account than user, or lacks the scope https://mail.google.com/; get a fresh one";

const ANY: Cause = Cause { status: None, code: None, words: &[], token: None, passes: false, advice: "" };

/// The table.
pub(crate) static CAUSES: &[Cause] = &[
    // Passing reasons, before all that looks like a matter of credentials.
    Cause { words: &["too many simultaneous connections"], passes: true, advice: TOO_MANY, ..ANY },
    Cause { words: &["exceeded command or bandwidth limits"], passes: true, advice: BANDWIDTH, ..ANY },
    Cause { words: &["too many login attempts"], passes: true, advice: RATE, ..ANY },
    // Signing in: what the final reply says is more exact than the status of a token.
    Cause { words: &["application-specific password required"], advice: APP_PASSWORD, ..ANY },
    Cause {
        words: &["web login required", "log in via your web browser", "log in with your web browser"],
        advice: WEB_LOGIN,
        ..ANY
    },
    Cause { code: Some("WEBALERT"), advice: WEB_LOGIN, ..ANY },
    Cause {
        words: &["not enabled for imap"],
        advice: "IMAP is switched off for this account: switch it on in Gmail's settings, under Forwarding and POP/IMAP",
        ..ANY
    },
    Cause {
        words: &["not enabled for pop"],
        advice: "POP is switched off for this account: switch it on in Gmail's settings, under Forwarding and POP/IMAP",
        ..ANY
    },
    Cause { words: &["access is disabled for your domain"], advice: DOMAIN, ..ANY },
    Cause {
        words: &["lookup failed"],
        advice: "Gmail is not switched on for this Google Workspace account: ask its administrator",
        ..ANY
    },
    Cause { token: Some(&["400", "401"]), advice: TOKEN, ..ANY },
    Cause { status: Some("535"), code: Some("5.7.8"), advice: BAD_CREDENTIALS, ..ANY },
    Cause { status: Some("NO"), code: Some("AUTHENTICATIONFAILED"), advice: BAD_CREDENTIALS, ..ANY },
    Cause { status: Some("NO"), words: &["invalid credentials"], advice: BAD_CREDENTIALS, ..ANY },
    Cause { status: Some("-ERR"), code: Some("AUTH"), advice: BAD_CREDENTIALS, ..ANY },
    // Sending.
    Cause {
        status: Some("550"),
        code: Some("5.4.5"),
        passes: true,
        advice: "the account has sent all it may in 24 hours (Gmail: 500 recipients, Google Workspace: 2,000): nothing of \
                 this message was sent; wait, the limit lifts little by little within a day",
        ..ANY
    },
    Cause {
        status: Some("550"),
        code: Some("5.7.26"),
        advice: "the domain of the sender's address does not vouch for this mail: send from an address of this account, or \
                 set up SPF and DKIM for the domain",
        ..ANY
    },
    Cause {
        status: Some("552"),
        code: Some("5.2.3"),
        advice: "Gmail takes 25 MB, encoded attachments counted (they grow by a third): send less, or a link",
        ..ANY
    },
    Cause {
        status: Some("552"),
        words: &["message size limits"],
        advice: "Gmail takes 25 MB, encoded attachments counted (they grow by a third): send less, or a link",
        ..ANY
    },
    Cause {
        status: Some("552"),
        code: Some("5.7.0"),
        advice: "Gmail refuses attachments that can run (programs, scripts, archives with them): send a link instead",
        ..ANY
    },
    Cause {
        status: Some("450"),
        code: Some("4.2.1"),
        words: &["smtp relay limit"],
        passes: true,
        advice: RATE,
        ..ANY
    },
    Cause {
        status: Some("450"),
        code: Some("4.2.1"),
        passes: true,
        advice: "the recipient gets more mail than Gmail lets in at present: try again in an hour",
        ..ANY
    },
    Cause {
        status: Some("421"),
        code: Some("4.7.0"),
        words: &["temporary system problem"],
        passes: true,
        advice: NOT_NOW,
        ..ANY
    },
    Cause { status: Some("421"), code: Some("4.7.0"), passes: true, advice: RATE, ..ANY },
    Cause { status: Some("421"), passes: true, advice: NOT_NOW, ..ANY },
    Cause { status: Some("454"), code: Some("4.7.0"), passes: true, advice: NOT_NOW, ..ANY },
    // Receiving.
    Cause { status: Some("-ERR"), code: Some("SYS/TEMP"), passes: true, advice: NOT_NOW, ..ANY },
    Cause {
        status: Some("-ERR"),
        code: Some("IN-USE"),
        passes: true,
        advice: "another client reads this account by POP just now: try again in some minutes",
        ..ANY
    },
    Cause { status: Some("NO"), code: Some("UNAVAILABLE"), passes: true, advice: NOT_NOW, ..ANY },
];
