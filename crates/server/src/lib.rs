//! A small in-process SMTP, POP3 and IMAP server for demos, tests and plugin authors. Never for production.
