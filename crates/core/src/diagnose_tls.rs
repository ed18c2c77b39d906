//! Contradictions about encryption and ports, and what they come to.

use crate::diagnose::has_error;
use crate::diagnose_choice::Choice;
use crate::diagnose_use::family;
use crate::jakarta::Family;
use crate::properties::Found;
use crate::target::is_this_machine;
use crate::{Diagnosis, DiagnosisKind, LayerKind, PropertyValue, Severity, TlsMode, tls};

/// Ports where a connection begins in clear text, and with TLS.
const CLEAR: [u16; 4] = [25, 587, 110, 143];
const TLS: [u16; 3] = [465, 993, 995];

/// Adds what is strange about the encryption of a transport.
pub(crate) fn diagnose(choice: &Choice, found: &mut Vec<Diagnosis>) {
    if !choice.scope.specs().contains(&tls::MODE.spec()) || is_fixed(choice) {
        return;
    }
    let set = choice.find("port");
    let port = set.as_ref().and_then(|f| u16::parse(f.entry.value.expose().trim()).ok());
    let Ok(mode) = TlsMode::read(&choice.scope, port) else { return };
    let mut tell = |severity, found_at: &Found<'_>, what: String, advice: &str| {
        if has_error(found, &found_at.key) {
            return;
        }
        let diagnosis = Diagnosis::new(severity, DiagnosisKind::Encryption, what);
        let origin = found_at.layer.origin(found_at.entry);
        found.push(diagnosis.at(found_at.key.clone(), Some(origin)).with_advice(advice));
    };
    let clear = port.filter(|p| CLEAR.contains(p));
    let by_tls = port.filter(|p| TLS.contains(p));
    let at_once = truth(choice, "ssl.enable", true).or_else(|| choice.find("socketFactory.class"));
    if let (Some(at), Some(port), TlsMode::StartTls) = (&at_once, clear, mode) {
        let what = format!(
            "TLS is asked for on port {port}, where a connection begins in clear text: it is read as required \
             STARTTLS"
        );
        // Where the transport's name asks for it (pop3s), the port is what was set.
        let place = if at.layer.kind() == LayerKind::Preset { set.as_ref().unwrap_or(at) } else { at };
        let advice = format!("write tls=starttls to say so, or {}", tls_port(choice));
        tell(Severity::Note, place, what, &advice);
    }
    let starttls =
        truth(choice, "starttls.required", true).or_else(|| truth(choice, "starttls.enable", true));
    if let (Some(at), TlsMode::Implicit) = (&starttls, mode) {
        let what = match by_tls {
            Some(port) => format!(
                "STARTTLS is asked for on port {port}, which speaks TLS from the first byte, and that is what it comes to"
            ),
            None => "STARTTLS is asked for, and TLS from the first byte too: it is TLS from the first byte"
                .to_owned(),
        };
        tell(
            Severity::Note,
            at,
            what,
            "remove it, or write tls=starttls and the port that begins in clear text",
        );
    }
    if let Some(at) = truth(choice, "ssl.enable", false).filter(|_| mode != TlsMode::None) {
        let what = format!("false does not turn encryption off: it comes to tls={mode}");
        tell(Severity::Note, &at, what, "remove it, or write tls=none if clear text is meant");
    }
    explicit(choice, mode, port, &mut tell);
    ports(choice, port, found);
}

/// A transport whose preset names port and encryption leaves nothing to contradict.
fn is_fixed(choice: &Choice) -> bool {
    choice.find("tls").is_some_and(|found| found.layer.kind() == LayerKind::Preset)
}

/// What `tls=…` itself says.
fn explicit(
    choice: &Choice,
    mode: TlsMode,
    port: Option<u16>,
    tell: &mut impl FnMut(Severity, &Found<'_>, String, &str),
) {
    let Some(at) = choice.find("tls") else {
        if let Some(at) = truth(choice, "starttls.enable", false)
            && mode == TlsMode::None
        {
            clear_text(choice, &at, tell);
        }
        return;
    };
    if TlsMode::parse(at.entry.value.expose().trim()).ok() != Some(mode) {
        return;
    }
    match (mode, port) {
        (TlsMode::Implicit, Some(port)) if CLEAR.contains(&port) => {
            let what =
                format!("port {port} begins in clear text: TLS from the first byte can't be spoken there");
            let advice = format!("write tls=starttls, or {}", tls_port(choice));
            tell(Severity::Warning, &at, what, &advice);
        }
        (TlsMode::StartTls | TlsMode::StartTlsIfOffered, Some(port)) if TLS.contains(&port) => {
            let what = format!("port {port} speaks TLS from the first byte: there is no STARTTLS there");
            tell(Severity::Warning, &at, what, "write tls=implicit");
        }
        (TlsMode::None, Some(port)) if TLS.contains(&port) => {
            let what =
                format!("port {port} speaks TLS from the first byte: clear text can't be spoken there");
            tell(Severity::Warning, &at, what, "write tls=implicit");
        }
        (TlsMode::None, _) => clear_text(choice, &at, tell),
        _ => {}
    }
}

fn clear_text(choice: &Choice, at: &Found<'_>, tell: &mut impl FnMut(Severity, &Found<'_>, String, &str)) {
    let near = choice.find("host").is_some_and(|host| is_this_machine(host.entry.value.expose().trim()));
    let secret = ["password", "auth.token"].iter().any(|name| choice.find(name).is_some());
    if secret && !near && truth(choice, "auth.cleartext", true).is_none() {
        let what = "everything goes in clear text, so password and token are not sent and signing in fails";
        tell(Severity::Warning, at, what.to_owned(), "write tls=starttls or tls=implicit");
    }
}

/// A port that is another protocol's.
fn ports(choice: &Choice, port: Option<u16>, found: &mut Vec<Diagnosis>) {
    let (Some(family), Some(port), Some(at)) = (family(choice.factory), port, choice.find("port")) else {
        return;
    };
    let owner = match port {
        25 | 465 | 587 => Family::Smtp,
        143 | 993 => Family::Imap,
        110 | 995 => Family::Pop3,
        _ => return,
    };
    if owner != family && !has_error(found, &at.key) {
        let (theirs, _) = words(owner);
        let (ours, right) = words(family);
        let what = format!("port {port} is {theirs}'s, and this is {ours}");
        let diagnosis = Diagnosis::new(Severity::Warning, DiagnosisKind::Port, what);
        let origin = at.layer.origin(at.entry);
        found.push(
            diagnosis.at(at.key.clone(), Some(origin)).with_advice(format!("{ours} listens on {right}")),
        );
    }
}

fn words(family: Family) -> (&'static str, &'static str) {
    match family {
        Family::Smtp => ("SMTP", "465 (TLS from the first byte) or 587 (STARTTLS)"),
        Family::Imap => ("IMAP", "993 (TLS from the first byte) or 143 (STARTTLS)"),
        Family::Pop3 => ("POP3", "995 (TLS from the first byte) or 110 (STARTTLS)"),
        Family::Session => ("mail", "a port of its own"),
    }
}

fn tls_port(choice: &Choice) -> &'static str {
    match family(choice.factory) {
        Some(Family::Smtp) => "port 465 for TLS from the first byte",
        Some(Family::Imap) => "port 993 for TLS from the first byte",
        Some(Family::Pop3) => "port 995 for TLS from the first byte",
        _ => "the server's port for TLS from the first byte",
    }
}

/// Where a boolean property is set to this.
fn truth<'a>(choice: &'a Choice, name: &str, want: bool) -> Option<Found<'a>> {
    choice.find(name).filter(|found| bool::parse(found.entry.value.expose().trim()) == Ok(want))
}
