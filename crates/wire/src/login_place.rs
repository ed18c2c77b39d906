//! Where credentials were set, for errors that come up when they are looked up.

use crate::login::{PASSWORD, TOKEN};
use crate::login_grant::{CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, SCOPE, TOKEN_URL};
use postrider_core::{Error, Origin, Phase, Properties};
use std::sync::Arc;

/// The full keys of properties and the origins of their values. Empty for a typed configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<[Place]>);

#[derive(Clone, Debug)]
struct Place {
    name: &'static str,
    key: String,
    origin: Option<Origin>,
}

impl Places {
    pub(crate) fn of(properties: &Properties) -> Self {
        let place = |name, (key, origin)| Place { name, key, origin };
        Self(Arc::from([
            place(PASSWORD.name(), properties.place(&PASSWORD)),
            place(TOKEN.name(), properties.place(&TOKEN)),
            place(TOKEN_URL.name(), properties.place(&TOKEN_URL)),
            place(CLIENT_ID.name(), properties.place(&CLIENT_ID)),
            place(CLIENT_SECRET.name(), properties.place(&CLIENT_SECRET)),
            place(REFRESH_TOKEN.name(), properties.place(&REFRESH_TOKEN)),
            place(SCOPE.name(), properties.place(&SCOPE)),
        ]))
    }

    /// From now on the token's place is that of the password.
    pub(crate) fn token_is_password(&mut self) {
        let Some(password) = self.find(PASSWORD.name()).cloned() else { return };
        let others = self.0.iter().filter(|place| place.name != TOKEN.name()).cloned();
        self.0 = others.chain([Place { name: TOKEN.name(), ..password }]).collect();
    }

    /// The error as one about this property, unless it names another one; in the phase of authentication.
    pub(crate) fn explain(&self, name: &str, error: Error) -> Error {
        let name = error.property().map_or(name, |(name, _)| name);
        let (key, origin) = match self.find(name) {
            Some(place) => (place.key.clone(), place.origin.clone()),
            None => (name.to_owned(), None),
        };
        let told = Error::new(error.kind(), Phase::Authenticate, format!("{key}: {}", error.message()))
            .with_property(key, origin)
            .with_repeat(error.repeat());
        match error.advice() {
            Some(advice) => told.with_advice(advice),
            None => told,
        }
    }

    fn find(&self, name: &str) -> Option<&Place> {
        self.0.iter().find(|place| place.name == name)
    }
}
