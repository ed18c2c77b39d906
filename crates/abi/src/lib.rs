//! The Postrider contract in C layout, for plugins loaded at run time.
//!
//! A plugin exports the constant factory that it also registers when it is linked: [`export_plugin!`]. A host opens
//! it with `postrider-loader`. What crosses, and the promises about it:
//!
//! - **Descriptor.** An exported constant: a frozen head (magic, major, minor, size), then what the library is and the
//!   tables of its transports. All of it is data, so that a host can refuse a library before it calls it.
//! - **Objects** (host, connection, body, batch, settings, transport) are a pointer and a table of functions with its size in
//!   front. Tables only grow at the end; a function that the other side does not have is seen as missing.
//! - **Values** (envelopes, errors, listings, targets) are bytes in a small format of our own, in which records grow at
//!   the end too. Every length, text and number is checked when it is read, so a value can be wrong but never
//!   undefined.
//! - **Calls** are a future's pointer with `poll` and `drop`; dropping it cancels the call on the other side.
//! - **Memory** that stays has its own `free` and is never freed by the other side's allocator.
//! - **Panics** are caught on both sides of every function. The first one makes the transport unusable and comes back
//!   as an error of kind `Plugin`, or as `Unsure` if the plugin had the whole message by then.
//!
//! Checks are about compatibility and are no sandbox: a library's code can do whatever the host's can. One that blocks
//! its thread or breaks the rules by its own `unsafe` code can't be held off.

// The boundary is what this crate is for: each use says why it is right.
#![allow(unsafe_code)]

mod batch;
mod body;
mod buf;
mod call;
mod connection;
mod descriptor;
mod guard;
mod host;
mod incoming;
mod letter;
mod log;
mod make;
mod object;
mod outgoing;
mod plugin;
mod rows;
mod settings;
mod value;
mod value_error;
mod value_message;
mod value_reader;
mod value_target;
mod waker;

#[cfg(test)]
mod crossing_tests;

pub use descriptor::{ABI_MAJOR, ABI_MINOR, Descriptor, MAGIC, SYMBOL};
pub use plugin::{Incompatible, Plugin, check_head, read};

/// What the macro of this crate expands to. Not part of the contract.
#[doc(hidden)]
pub mod private {
    pub use crate::buf::Text;
    pub use crate::call::Answer;
    pub use crate::descriptor::{Descriptor, Transport};
    pub use crate::make::{check, make};
    pub use crate::object::Object;
    pub use crate::rows::Written;
    pub use postrider_core::TransportFactory;
}
