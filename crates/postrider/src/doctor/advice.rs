//! What is known to be wrong with settings before anything is tried, and how a correction is said in properties.

use crate::doctor::providers::{Provider, SignIn};
use crate::doctor::report::Finding;
use crate::doctor::settings::{PASSWORD, PORT, Patient, STARTTLS, TLS};
use crate::doctor::spoken::in_words;
use postrider_core::TlsMode;

impl Patient {
    /// Everything that is known to be wrong.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.door().into_iter().collect();
        if let Some((provider, _)) = self.provider {
            findings.extend(self.user_of(provider));
            findings.extend(self.secret_of(provider));
        }
        findings
    }

    /// Is it the provider's right server, and a port at which it listens?
    pub(crate) fn door(&self) -> Option<Finding> {
        let (provider, server) = self.provider?;
        let (speaks, target) = (self.speaks?, self.target()?);
        let Some(server) = server else {
            let Some(right) = provider.server(speaks) else {
                return Some(Finding::new(
                    format!("{} has no server for {speaks}", provider.name),
                    "receive by imap instead: set mail.store.protocol=imap, and its host, user and password",
                ));
            };
            let host = right.hosts.first().copied().unwrap_or_default();
            let cause =
                format!("{} is not {}'s server for {speaks}; that is {host}", target.host, provider.name);
            let (port, mode) =
                *right.doors.iter().find(|(port, _)| *port == target.port).or(right.doors.first())?;
            let next = format!("use {host}, port {port} with {}", in_words(mode));
            let finding = Finding::new(cause, next).correct(self.key("host"), host);
            return Some(self.through(finding, port, mode));
        };
        if server.doors.contains(&(target.port, target.tls)) {
            return None;
        }
        let doors: Vec<String> =
            server.doors.iter().map(|(port, mode)| format!("{port} with {}", in_words(*mode))).collect();
        let mut cause = format!("{}'s {speaks} server listens on {}", provider.name, doors.join(" and on "));
        if server.closed.contains(&target.port) {
            cause = format!("{cause}; nothing answers on {}", target.port);
        }
        let (port, mode) =
            *server.doors.iter().find(|(port, _)| *port == target.port).or(server.doors.first())?;
        let next = format!("use port {port} with {}", in_words(mode));
        Some(self.through(Finding::new(cause, next), port, mode))
    }

    /// Adds what must be set so that this port is used, and encrypted like this.
    pub(crate) fn through(&self, finding: Finding, port: u16, mode: TlsMode) -> Finding {
        let mut finding = finding;
        // A port that is not set follows the kind of encryption, and would move with it.
        let set = self.scope.origin(&PORT).is_some() && self.target().is_some_and(|t| t.port == port);
        if !set {
            finding = finding.correct(self.key("port"), port.to_string());
        }
        // On a registered port the port alone says how, unless a key says otherwise in so many words.
        let said =
            self.scope.origin(&TLS).is_some() || self.scope.read(&STARTTLS).ok().flatten() == Some(false);
        let follows = match mode {
            TlsMode::Implicit => matches!(port, 465 | 993 | 995),
            _ => matches!(port, 25 | 587 | 110 | 143),
        };
        if said || !follows {
            finding = finding.correct(self.key("tls"), mode.to_string());
        }
        finding
    }

    fn user_of(&self, provider: &Provider) -> Option<Finding> {
        if self.user.is_empty() || self.user.contains('@') {
            return None;
        }
        let cause = format!("{} wants the full address as the user name", provider.name);
        let next = format!("set {} to the whole address, such as {}", self.key("user"), provider.user);
        Some(Finding::new(cause, next))
    }

    /// Is what proves who we are of a kind that this provider takes?
    pub(crate) fn secret_of(&self, provider: &Provider) -> Option<Finding> {
        if self.has_token() {
            return None;
        }
        let password = self.credential(&PASSWORD)?;
        match &provider.sign_in {
            // What is kept elsewhere is not looked at.
            SignIn::AppPassword { shape, .. } if password.value().is_none_or(|p| shape.fits(p.expose())) => {
                None
            }
            SignIn::AppPassword { shape, scope, .. } => {
                let or_token = if scope.is_some() { " or an OAuth token" } else { "" };
                let cause = format!(
                    "{} takes an app password{or_token}, not the account's password, and the password that is set does \
                     not look like an app password ({})",
                    provider.name,
                    shape.in_words()
                );
                Some(Finding::new(cause, self.proof_of(provider)))
            }
            SignIn::TokenOnly { .. } => {
                let cause = format!("{} takes no password, only an OAuth token", provider.name);
                Some(Finding::new(cause, self.proof_of(provider)))
            }
            SignIn::Password { .. } => None,
        }
    }

    /// What this provider wants as a proof, in words.
    pub(crate) fn proof_of(&self, provider: &Provider) -> String {
        let (password, token) = (self.key("password"), self.key("auth.token"));
        match &provider.sign_in {
            SignIn::AppPassword { made_at, scope: Some(scope), .. } => format!(
                "make an app password at {made_at} and set {password} to it, or set {token} to an OAuth access token of \
                 scope {scope}"
            ),
            SignIn::AppPassword { made_at, .. } => {
                format!("make an app password at {made_at} and set {password} to it")
            }
            SignIn::TokenOnly { scopes } => {
                let scope = scopes.iter().find(|(speaks, _)| Some(*speaks) == self.speaks);
                let scope = scope.map(|(_, scope)| *scope).unwrap_or_default();
                format!("set {token} to an OAuth access token of scope {scope}, and remove {password}")
            }
            SignIn::Password { first } => format!("{first}; then check {password}"),
        }
    }
}
