//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE.

use super::parse::Args;
use super::{Outcome, Refusal, Session, no};
use crate::store::{NameError, State};

impl Session<'_> {
    pub(super) fn create(&mut self, mut args: Args<'_>) -> Outcome {
        let name = args.mailbox()?;
        args.end()?;
        self.with_state(|state, user| {
            create_parents(state, user, &name)?;
            let validity = state.take_validity();
            let account = state.account(user).ok_or(NameError::Missing)?;
            account.create(&name, validity).map(drop)
        })
        .map_err(refusal)?;
        Ok("Created".into())
    }

    pub(super) fn delete(&mut self, mut args: Args<'_>) -> Outcome {
        let name = args.mailbox()?;
        args.end()?;
        self.with_account(|account| {
            let below = format!("{name}/");
            if account.mailboxes.keys().any(|other| other.starts_with(&below)) {
                return no("[HASCHILDREN] There are mailboxes below it");
            }
            account.delete(&name).map_err(refusal)
        })?;
        self.shared.store.ring();
        Ok("Deleted".into())
    }

    pub(super) fn rename(&mut self, mut args: Args<'_>) -> Outcome {
        let from = args.mailbox()?;
        args.space()?;
        let to = args.mailbox()?;
        args.end()?;
        self.with_state(|state, user| {
            let account = state.account(user).ok_or(NameError::Missing)?;
            if account.find(&from).is_none() {
                return Err(NameError::Missing);
            }
            create_parents(state, user, &to)?;
            let validity = state.take_validity();
            state.account(user).ok_or(NameError::Missing)?.rename(&from, &to, validity)
        })
        .map_err(refusal)?;
        self.shared.store.ring();
        Ok("Renamed".into())
    }

    pub(super) fn subscribe(&mut self, mut args: Args<'_>, to: bool) -> Outcome {
        let name = args.mailbox()?;
        args.end()?;
        self.with_account(|account| {
            if to {
                return account.subscribe(&name).map_err(refusal);
            }
            account.unsubscribe(&name);
            Ok(())
        })?;
        Ok("Noted".into())
    }
}

/// Mailboxes above a new one come into being with it, so that none hangs in the air.
fn create_parents(state: &mut State, user: &str, name: &str) -> Result<(), NameError> {
    let name = name.strip_suffix('/').unwrap_or(name);
    for (at, _) in name.match_indices('/') {
        let validity = state.take_validity();
        let account = state.account(user).ok_or(NameError::Missing)?;
        match account.create(name.get(..at).unwrap_or_default(), validity) {
            Ok(_) | Err(NameError::Exists) => {}
            Err(why) => return Err(why),
        }
    }
    Ok(())
}

fn refusal(why: NameError) -> Refusal {
    Refusal::No(
        match why {
            NameError::Exists => "[ALREADYEXISTS] That one is there already",
            NameError::Missing => "[NONEXISTENT] No such mailbox",
            NameError::Invalid => "[CANNOT] Not with that name",
            NameError::TooMany => "[LIMIT] There are too many",
        }
        .into(),
    )
}
