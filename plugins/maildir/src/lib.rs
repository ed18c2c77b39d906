//! Postrider transport for a local maildir, incoming and outgoing.
