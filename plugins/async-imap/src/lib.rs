//! Postrider transport over async-imap's client.
