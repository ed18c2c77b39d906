//! Our own transports, as they are, in a library.

postrider_abi::export_plugin!(
    postrider_smtp::FACTORY,
    postrider_pop3::FACTORY,
    postrider_imap::FACTORY,
    postrider_maildir::OUTGOING,
    postrider_maildir::INCOMING,
);
