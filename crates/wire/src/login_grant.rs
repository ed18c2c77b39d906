//! The properties of a refresh-token grant.

use postrider_core::{
    Credential, LayerKind, Properties, Property, PropertyValue, Result, Target, TlsMode, TokenGrant,
};
use std::sync::Arc;

pub(crate) const TOKEN_URL: Property<String> = Property::new(
    "oauth.tokenurl",
    "Token endpoint that access tokens are asked for with oauth.refreshtoken (RFC 6749 §6). https, unless it is this \
     machine.",
);
pub(crate) const CLIENT_ID: Property<String> =
    Property::new("oauth.clientid", "Who this program is to the authorization server (RFC 6749 §2.2).");
pub(crate) const CLIENT_SECRET: Property<Credential> = Property::new(
    "oauth.clientsecret",
    "What the program proves that with, where the authorization server wants it: itself or where it is kept, as for \
     password. It goes into the request's body.",
);
pub(crate) const REFRESH_TOKEN: Property<Credential> = Property::new(
    "oauth.refreshtoken",
    "Refresh token to get access tokens with, instead of auth.token: itself or where it is kept, as for password. A \
     new one from the server is saved where it is a file, and otherwise known only while the program runs.",
);
pub(crate) const SCOPE: Property<String> = Property::new(
    "oauth.scope",
    "Scopes to ask for, apart by blanks. Unset: those that were granted with the refresh token.",
);

/// Reads the grant, if there is a refresh token. The way out to `target` is that to the token endpoint too, unless
/// that is this machine. `has_token` says that there is an access token already.
pub(crate) fn read(
    properties: &Properties,
    target: &Target,
    has_token: bool,
) -> Result<Option<Arc<TokenGrant>>> {
    let (url, id) = (properties.read(&TOKEN_URL)?, properties.read(&CLIENT_ID)?);
    let (client_secret, scope) = (properties.read(&CLIENT_SECRET)?, properties.read(&SCOPE)?);
    let Some(refresh_token) = properties.read(&REFRESH_TOKEN)? else {
        if is_set(properties, &TOKEN_URL)
            || is_set(properties, &CLIENT_ID)
            || is_set(properties, &CLIENT_SECRET)
            || is_set(properties, &SCOPE)
        {
            let why = "it is not set, and without it the other properties oauth.… do nothing";
            return Err(properties.fault(&REFRESH_TOKEN, why));
        }
        return Ok(None);
    };
    if has_token {
        let why = "there is an access token in auth.token already";
        return Err(properties.fault(&REFRESH_TOKEN, why).with_advice(
            "take one of the two away: auth.token is used as it is, oauth.refreshtoken gets fresh ones",
        ));
    }
    let Some(url) = url else {
        return Err(properties.fault(&TOKEN_URL, "it is not set, and oauth.refreshtoken needs it"));
    };
    let Some(id) = id else {
        return Err(properties.fault(&CLIENT_ID, "it is not set, and oauth.refreshtoken needs it"));
    };
    let mut grant = TokenGrant::new(&url, id, refresh_token)
        .map_err(|error| properties.fault(&TOKEN_URL, error.message()))?;
    (grant.client_secret, grant.scope) = (client_secret, scope);
    if grant.endpoint.tls == TlsMode::Implicit {
        grant.endpoint.proxy.clone_from(&target.proxy);
    }
    Ok(Some(Arc::new(grant)))
}

/// True if a person set it: what a preset says asks for nothing by itself.
fn is_set<T: PropertyValue>(properties: &Properties, property: &Property<T>) -> bool {
    matches!(properties.place(property), (_, Some(origin)) if origin.kind != LayerKind::Preset)
}
