//! Which grant is which, without keeping its secrets.

use postrider_core::{Credential, TokenGrant};
use sha2::{Digest, Sha256};

/// A digest of all that makes two grants the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct GrantKey([u8; 32]);

impl GrantKey {
    pub(crate) fn of(grant: &TokenGrant) -> Self {
        let mut digest = Sha256::new();
        let mut add = |part: &str| {
            // Each with its length: parts don't run into each other.
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        };
        add(&grant.endpoint.host);
        add(&grant.endpoint.port.to_string());
        add(&grant.path);
        add(&grant.client_id);
        add(grant.scope.as_deref().unwrap_or_default());
        for credential in [Some(&grant.refresh_token), grant.client_secret.as_ref()] {
            match credential {
                Some(Credential::Value(secret)) => {
                    add("value");
                    add(secret.expose());
                }
                Some(Credential::Reference(postrider_core::SecretRef::Command { program, arguments })) => {
                    add("command");
                    add(program);
                    add(&arguments.len().to_string());
                    arguments.iter().for_each(|argument| add(argument));
                }
                Some(Credential::Reference(postrider_core::SecretRef::Keyring { service, user })) => {
                    add("keyring");
                    add(service);
                    add(user);
                }
                Some(other) => {
                    add("reference");
                    add(&format!("{other:?}"));
                }
                None => add(""),
            }
        }
        Self(digest.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_core::{PropertyValue, SecretRef};

    #[test]
    fn grants_that_differ_in_anything_have_keys_of_their_own() {
        let grant =
            |token: &str| TokenGrant::new("https://h/t", "id", Credential::parse(token).unwrap()).unwrap();
        let mut all = vec![
            grant("a"),
            grant("b"),
            grant("file:a"),
            grant("env:a"),
            grant("command:a"),
            grant("command:a b"),
            grant("command:a 'b c'"),
            grant("command:a b c"),
            TokenGrant::new("https://h/u", "id", "a").unwrap(),
            TokenGrant::new("https://h:444/t", "id", "a").unwrap(),
            TokenGrant::new("https://h/t", "other", "a").unwrap(),
        ];
        for (secret, scope) in [(Some("s"), None), (None, Some("s")), (Some("s"), Some("s"))] {
            let mut one = grant("a");
            one.client_secret = secret.map(Credential::from);
            one.scope = scope.map(str::to_owned);
            all.push(one);
        }
        let keys: std::collections::HashSet<_> = all.iter().map(GrantKey::of).collect();
        assert_eq!(keys.len(), all.len());
        assert!(GrantKey::of(&grant("a")) == GrantKey::of(&grant("a")));
        // Host code may put a slash where a text ends the service.
        let keyring = |service: &str, user: &str| {
            let (service, user) = (service.to_owned(), user.to_owned());
            TokenGrant::new("https://h/t", "id", SecretRef::Keyring { service, user }).unwrap()
        };
        assert!(GrantKey::of(&keyring("a/b", "c")) != GrantKey::of(&keyring("a", "b/c")));
    }
}
