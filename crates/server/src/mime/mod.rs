//! A naive look into messages: header fields, parts, addresses. Works on ranges of the original bytes.

mod address;
mod decode;
mod header;
mod part;

pub(crate) use address::{Address, addresses};
pub(crate) use decode::decode;
pub(crate) use header::{ContentType, body_start, content_type, field, fields, unfold};
pub(crate) use part::{Kind, Part, parse};
