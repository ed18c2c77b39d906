//! Deletions between DELE and the QUIT that commits them (RFC 1939 §6).

use std::collections::BTreeMap;

/// What was to be deleted and is not known to be gone.
#[derive(Debug, Default)]
pub(crate) struct Deletions {
    // Stable keys; true once DELE was accepted in the present session.
    kept: BTreeMap<String, bool>,
    // Unstable ones accepted in the present session: they can't be asked for again in another.
    fleeting: usize,
    // Unstable ones whose session ended without a commit.
    lost: usize,
}

impl Deletions {
    /// The server accepted a DELE.
    pub(crate) fn accepted(&mut self, name: &str, stable: bool) {
        if stable {
            self.kept.insert(name.to_owned(), true);
        } else {
            self.fleeting += 1;
        }
    }

    /// The message of this name is gone.
    pub(crate) fn gone(&mut self, name: &str) {
        self.kept.remove(name);
    }

    /// The message of this name can't be told from another any more.
    pub(crate) fn blurred(&mut self, name: &str) {
        if self.kept.remove(name).is_some() {
            self.lost += 1;
        }
    }

    /// The session ended in good order.
    pub(crate) fn committed(&mut self) {
        self.kept.retain(|_, issued| !*issued);
        self.fleeting = 0;
    }

    /// The session ended otherwise, or its marks were taken back.
    pub(crate) fn session_lost(&mut self) {
        for issued in self.kept.values_mut() {
            *issued = false;
        }
        self.lost += std::mem::take(&mut self.fleeting);
    }

    /// That many unstable ones that were counted as lost have been accepted again.
    pub(crate) fn regained(&mut self, count: usize) {
        self.lost = self.lost.saturating_sub(count);
    }

    /// The names to ask for in the present session.
    pub(crate) fn to_issue(&self) -> Vec<String> {
        self.kept.iter().filter(|(_, issued)| !**issued).map(|(name, _)| name.clone()).collect()
    }

    /// How many hang on the QUIT of the present session.
    pub(crate) fn issued(&self) -> usize {
        self.kept.values().filter(|issued| **issued).count() + self.fleeting
    }

    /// True if another session could commit some.
    pub(crate) fn any_kept(&self) -> bool {
        !self.kept.is_empty()
    }

    /// How many are not known to be committed.
    pub(crate) fn open(&self) -> usize {
        self.kept.len() + self.fleeting + self.lost
    }

    /// How many can't be committed any more; told once.
    pub(crate) fn take_lost(&mut self) -> usize {
        std::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_ones_outlive_their_session_and_others_are_counted_as_lost() {
        let mut d = Deletions::default();
        d.accepted("a", true);
        d.accepted("b", false);
        assert_eq!((d.issued(), d.open()), (2, 2));
        d.session_lost();
        assert_eq!((d.issued(), d.open(), d.to_issue()), (0, 2, vec!["a".to_owned()]));
        d.accepted("a", true);
        d.committed();
        assert_eq!((d.any_kept(), d.open(), d.take_lost(), d.open()), (false, 1, 1, 0));
    }
}
