//! POP3 without I/O: what lines mean.

mod capabilities;
mod maildrop;
mod status;

pub use capabilities::Capabilities;
pub(crate) use maildrop::{Maildrop, pair, uid};
pub(crate) use status::{LINE, Status, timestamp};
