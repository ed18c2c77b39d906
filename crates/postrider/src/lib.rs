//! Plugin-based mail transport framework: sessions built from properties, transports chosen by name.
