//! Incoming transport pop3 for Postrider.
