//! A transport's description: data, and one function that makes it.

use crate::{Capability, Host, IncomingTransport, OutgoingTransport, Properties, PropertySpec, Result};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// Whether messages come in or go out by a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Messages come in.
    Incoming,
    /// Messages go out.
    Outgoing,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        })
    }
}

/// Makes an incoming transport from the properties of its scope. Synchronous and without I/O, so that a
/// host can check every account when it starts.
pub type MakeIncoming =
    &'static (dyn Fn(&Properties, Arc<dyn Host>) -> Result<Box<dyn IncomingTransport>> + Send + Sync);

/// Makes an outgoing transport, as [`MakeIncoming`].
pub type MakeOutgoing =
    &'static (dyn Fn(&Properties, Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> + Send + Sync);

/// What a factory makes.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Make {
    /// An incoming transport.
    Incoming(MakeIncoming),
    /// An outgoing transport.
    Outgoing(MakeOutgoing),
}

/// Another name of a transport that brings a preset: `smtps` is `smtp` with `ssl.enable=true`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Alias {
    /// The other name.
    pub name: &'static str,
    /// Full keys and texts that stand in the preset layer when this name is chosen.
    pub preset: &'static [(&'static str, &'static str)],
}

impl Alias {
    /// A name and the preset it brings.
    pub const fn new(name: &'static str, preset: &'static [(&'static str, &'static str)]) -> Self {
        Self { name, preset }
    }
}

/// What a transport is called, what it can be told and how it is made. A constant in the plugin's crate,
/// given to [`register!`](crate::register).
///
/// ```
/// # use postrider_core::*; use std::sync::Arc;
/// # fn make(_: &Properties, _: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> { unimplemented!() }
/// pub const FACTORY: TransportFactory =
///     TransportFactory::outgoing("pigeon", &make).about("By bird (RFC 1149)").properties(&[Target::PROPERTIES]);
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct TransportFactory {
    /// Its name: lower-case letters, digits and hyphens; also the prefix of its properties.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [Alias],
    /// Further prefixes whose properties it reads after its own.
    pub prefixes: &'static [&'static str],
    /// The tables of all properties it reads.
    pub properties: &'static [&'static [PropertySpec]],
    /// Full keys and texts that stand in the preset layer.
    pub preset: &'static [(&'static str, &'static str)],
    /// What it can do beyond what every transport must.
    pub capabilities: &'static [Capability],
    /// How it is made.
    pub make: Make,
}

impl TransportFactory {
    /// A factory of an incoming transport.
    pub const fn incoming(name: &'static str, make: MakeIncoming) -> Self {
        Self::new(name, Make::Incoming(make))
    }

    /// A factory of an outgoing transport.
    pub const fn outgoing(name: &'static str, make: MakeOutgoing) -> Self {
        Self::new(name, Make::Outgoing(make))
    }

    const fn new(name: &'static str, make: Make) -> Self {
        Self {
            name,
            about: "",
            aliases: &[],
            prefixes: &[],
            properties: &[],
            preset: &[],
            capabilities: &[],
            make,
        }
    }

    /// Says in a line what it is.
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Adds other names.
    pub const fn aliases(mut self, aliases: &'static [Alias]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Adds prefixes whose properties are read after its own.
    pub const fn prefixes(mut self, prefixes: &'static [&'static str]) -> Self {
        self.prefixes = prefixes;
        self
    }

    /// Declares the properties it reads.
    pub const fn properties(mut self, tables: &'static [&'static [PropertySpec]]) -> Self {
        self.properties = tables;
        self
    }

    /// Adds a preset.
    pub const fn preset(mut self, preset: &'static [(&'static str, &'static str)]) -> Self {
        self.preset = preset;
        self
    }

    /// Says what it can do beyond what every transport must.
    pub const fn capabilities(mut self, capabilities: &'static [Capability]) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Whether messages come in or go out.
    pub fn direction(&self) -> Direction {
        match self.make {
            Make::Incoming(_) => Direction::Incoming,
            Make::Outgoing(_) => Direction::Outgoing,
        }
    }

    /// Every name it answers to, its own first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        std::iter::once(self.name).chain(self.aliases.iter().map(|a| a.name))
    }

    /// Every property it declares.
    pub fn specs(&self) -> impl Iterator<Item = &'static PropertySpec> + '_ {
        self.properties.iter().flat_map(|table| table.iter())
    }
}

impl fmt::Debug for TransportFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportFactory({} {})", self.direction(), self.name)
    }
}

/// Registers a constant [`TransportFactory`] so that [`Registry::linked`](crate::Registry::linked) finds it.
///
/// The crate must also be named somewhere in the program (`use my_transport as _;`): a dependency that
/// nobody names is not linked at all.
#[macro_export]
macro_rules! register {
    ($factory:expr) => {
        $crate::private::inventory::submit! {
            $crate::private::Registered {
                factory: &$factory,
                origin: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")),
            }
        }
    };
}
