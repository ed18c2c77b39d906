//! Gmail presets for Postrider, over its smtp, imap and pop3 transports.
