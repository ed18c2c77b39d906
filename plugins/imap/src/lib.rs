//! Incoming transport imap for Postrider.
