//! POP3 without I/O: what the server's lines mean and what is to be remembered of them.

pub(crate) mod capabilities;
pub(crate) mod deletions;
pub(crate) mod listing;
pub(crate) mod maildrop;
pub(crate) mod news;
pub(crate) mod pipelining;
pub(crate) mod reply;
pub(crate) mod window;
