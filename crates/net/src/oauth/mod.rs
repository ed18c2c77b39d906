//! Access tokens by refresh token (RFC 6749 §6): kept until shortly before they expire, asked for once for
//! everybody who wants one meanwhile. A new refresh token is safe before the access token beside it is used.

mod answer;
mod grant_key;
mod request;

use crate::TokioHost;
use crate::secrets::{Flights, file};
use answer::{Answer, Refusal};
use grant_key::GrantKey;
use postrider_core::{Credential, Error, ErrorKind, Host, Phase, Result, Secret, SecretRef, TokenGrant};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long before its end a token counts as expired; one that lives shortly has a quarter of its life.
const MARGIN: Duration = Duration::from_secs(60);
/// With more grants than this, those that can be had again are forgotten.
const MOST: usize = 10_000;

/// The tokens of a host.
#[derive(Default)]
pub(crate) struct Tokens {
    flights: Flights<GrantKey>,
    known: Mutex<HashMap<GrantKey, Known>>,
}

/// What is known of a grant.
#[derive(Clone, Default)]
struct Known {
    access: Option<Access>,
    /// A refresh token that is newer than the one of the property, which is beside it.
    rotated: Option<(Secret, Secret)>,
    /// The rotated one belongs into its file and is not in there.
    unsaved: bool,
}

#[derive(Clone)]
struct Access {
    token: Secret,
    /// `None` if the server did not say.
    until: Option<Instant>,
}

impl Tokens {
    pub(crate) async fn find(
        self: &Arc<Self>,
        host: &TokioHost,
        grant: &TokenGrant,
        refused: Option<&Secret>,
    ) -> Result<Secret> {
        let key = GrantKey::of(grant);
        if let Some(token) = self.usable(&key, refused) {
            return Ok(token);
        }
        let refresh = Refresh {
            tokens: Arc::clone(self),
            host: host.clone(),
            grant: grant.clone(),
            key: key.clone(),
            refused: refused.cloned(),
        };
        self.flights.join(&key, refresh.run()).await
    }

    /// The token that is there, unless it is about to expire, was refused, or is not safe to use yet.
    fn usable(&self, key: &GrantKey, refused: Option<&Secret>) -> Option<Secret> {
        let known = self.known();
        let known = known.get(key).filter(|known| !known.unsaved)?;
        let access = known.access.as_ref()?;
        let fresh = access.until.is_none_or(|until| Instant::now() < until);
        let other = refused.is_none_or(|refused| refused.expose() != access.token.expose());
        (fresh && other).then(|| access.token.clone())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<GrantKey, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, key: &GrantKey, new: Known) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, known| known.rotated.is_some());
        }
        known.insert(key.clone(), new);
    }
}

/// One refresh, for everybody who waits for it.
struct Refresh {
    tokens: Arc<Tokens>,
    host: TokioHost,
    grant: TokenGrant,
    key: GrantKey,
    refused: Option<Secret>,
}

impl Refresh {
    async fn run(self) -> Result<Secret> {
        let mut known = self.tokens.known().get(&self.key).cloned().unwrap_or_default();
        if known.unsaved {
            self.save(&mut known).await?;
        }
        // Another refresh may have ended just before this one began.
        if let Some(token) = self.tokens.usable(&self.key, self.refused.as_ref()) {
            return Ok(token);
        }
        let client_secret = match &self.grant.client_secret {
            Some(secret) => Some(self.look_up(secret, "oauth.clientsecret").await?),
            None => None,
        };
        let (mut used, mut source) = match known.rotated.clone() {
            // A file holds what was rotated too, or something newer that another program has put there.
            Some((rotated, source)) if self.file().is_none() => (rotated, source),
            _ => {
                let found = self.look_up(&self.grant.refresh_token, "oauth.refreshtoken").await?;
                (found.clone(), found)
            }
        };
        let mut asked = Instant::now();
        let mut answer = request::ask(&self.host, &self.grant, client_secret.as_ref(), &used).await?;
        if matches!(&answer, Err(refusal) if refusal.is_invalid_grant()) {
            // The one in its place may have been changed since, by a person or by another program.
            let found = self.look_up(&self.grant.refresh_token, "oauth.refreshtoken").await?;
            if found.expose() != used.expose() && found.expose() != source.expose() {
                (used, source) = (found.clone(), found);
                asked = Instant::now();
                answer = request::ask(&self.host, &self.grant, client_secret.as_ref(), &used).await?;
            }
        }
        let answer = answer.map_err(Refusal::error)?;
        let token = answer.access_token.clone();
        let mut known = Known {
            access: Some(Access { token: token.clone(), until: until(asked, &answer) }),
            rotated: None,
            unsaved: false,
        };
        match answer.refresh_token {
            Some(new) if new.expose() != used.expose() => {
                known.rotated = Some((new, source));
                known.unsaved = self.file().is_some();
                // First of all it is kept, so that it is not lost if it can't be saved.
                self.tokens.keep(&self.key, known.clone());
                self.save(&mut known).await?;
            }
            // Still the rotated one, where there is one.
            _ if used.expose() != source.expose() => known.rotated = Some((used, source)),
            _ => {}
        }
        self.tokens.keep(&self.key, known);
        tracing::debug!(endpoint = %self.grant.endpoint.host, "got an access token");
        Ok(token)
    }

    /// Puts a rotated refresh token into its file.
    async fn save(&self, known: &mut Known) -> Result<()> {
        let Some((new, _)) = known.rotated.clone() else { return Ok(()) };
        let Some(path) = self.file() else {
            tracing::warn!(
                endpoint = %self.grant.endpoint.host,
                "the authorization server gave a new refresh token, known only until this program ends: keep \
                 oauth.refreshtoken in a file (file:PATH) to have it saved"
            );
            return Ok(());
        };
        let saved = tokio::task::spawn_blocking(move || file::save(&path, &new)).await;
        let broken =
            |_| Err(Error::new(ErrorKind::Plugin, Phase::Authenticate, "saving a refresh token failed"));
        saved.unwrap_or_else(broken).map_err(|error| error.with_property("oauth.refreshtoken", None))?;
        known.unsaved = false;
        self.tokens.keep(&self.key, known.clone());
        Ok(())
    }

    fn file(&self) -> Option<std::path::PathBuf> {
        match self.grant.refresh_token.reference() {
            Some(SecretRef::File(path)) => Some(path.clone()),
            _ => None,
        }
    }

    async fn look_up(&self, credential: &Credential, name: &str) -> Result<Secret> {
        match credential {
            Credential::Value(secret) => Ok(secret.clone()),
            Credential::Reference(reference) => {
                self.host.secret(reference).await.map_err(|error| error.with_property(name, None))
            }
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                Phase::Authenticate,
                "this host does not know such a credential",
            )),
        }
    }
}

/// Until when the token is used.
fn until(asked: Instant, answer: &Answer) -> Option<Instant> {
    let life = answer.expires_in?;
    // Beyond the clock's end is never.
    asked.checked_add(life - MARGIN.min(life / 4))
}
