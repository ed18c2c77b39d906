//! Postrider transport over lettre's SMTP client.
