//! In a host: a library's descriptor, checked, and its transports as factories of ours.

use crate::buf::Text;
use crate::call::{Failure, Given, status};
use crate::descriptor::{ABI_MAJOR, CheckFunction, Descriptor, MAGIC, MakeFunction, Transport};
use crate::guard::malformed;
use crate::object::Object;
use crate::rows::{Description, PropertyRow};
use crate::{host, incoming, outgoing, settings, value};
use postrider_core::{
    Alias, Check, Error, Host, IncomingTransport, OutgoingTransport, Properties, PropertySpec, Result,
    TransportFactory,
};
use std::fmt;
use std::mem::offset_of;
use std::sync::Arc;

/// Why a library is refused before any call into it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incompatible {
    /// What is exported is no descriptor.
    Magic,
    /// It speaks another major version.
    Major(u32),
    /// The descriptor is too short to be one: that many bytes.
    Short(u64),
    /// Its panics end the process.
    Aborts,
    /// What it says of its transports can't be understood.
    Malformed(String),
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => write!(f, "what it exports as {} is no plugin descriptor", crate::SYMBOL),
            Self::Major(theirs) => write!(f, "it speaks plugin ABI {theirs}, this program {ABI_MAJOR}"),
            Self::Short(size) => write!(f, "its descriptor is too short, {size} bytes"),
            Self::Aborts => {
                write!(f, "it was built with panic=abort: a mistake in it would end this program")
            }
            Self::Malformed(what) => write!(f, "its descriptor is malformed: {what}"),
        }
    }
}

impl std::error::Error for Incompatible {}

/// What the head of a descriptor says; it can be read from the file too.
///
/// # Errors
/// What speaks against the library. `head` has at least 40 bytes, or is too short.
pub fn check_head(head: &[u8]) -> Result<(), Incompatible> {
    let number = |at: usize| {
        let bytes = head.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_ne_bytes(*bytes))
    };
    let short = Incompatible::Short(head.len() as u64);
    if head.get(..16) != Some(&MAGIC) {
        return Err(Incompatible::Magic);
    }
    let major = number(offset_of!(Descriptor, major)).ok_or(short.clone())?;
    if major != ABI_MAJOR {
        return Err(Incompatible::Major(major));
    }
    let size = head.get(offset_of!(Descriptor, size)..).and_then(|rest| rest.first_chunk::<8>());
    let size = u64::from_ne_bytes(*size.ok_or(short.clone())?);
    if size < size_of::<Descriptor>() as u64 || size > 1 << 16 {
        return Err(Incompatible::Short(size));
    }
    match number(offset_of!(Descriptor, panic)).ok_or(short)? {
        1 => Ok(()),
        2 => Err(Incompatible::Aborts),
        other => Err(Incompatible::Malformed(format!("{other} stands for no way to panic"))),
    }
}

/// A library that has been checked.
#[derive(Debug)]
#[non_exhaustive]
pub struct Plugin {
    /// The package it was built from.
    pub package: String,
    /// That package's version.
    pub version: String,
    /// The version of the contract it was built with.
    pub contract: String,
    /// Its transports. They and what they say are kept for ever, as is the library.
    pub factories: Vec<&'static TransportFactory>,
}

/// Checks a descriptor and makes factories of what it describes. Calls nothing.
///
/// # Errors
/// What speaks against the library.
///
/// # Safety
/// `descriptor` is a library's exported symbol of the name [`SYMBOL`](crate::SYMBOL), aligned, and the library is never
/// unloaded. If its head says that it is a descriptor of our version, it is believed.
pub unsafe fn read(descriptor: *const Descriptor) -> Result<Plugin, Incompatible> {
    // SAFETY: the caller's; a symbol that is no descriptor is a mistake of its library or an attack, and a library
    // that means harm has had its way when it was opened.
    let head = unsafe { std::slice::from_raw_parts(descriptor.cast::<u8>(), 40) };
    check_head(head)?;
    // SAFETY: the head is right, so it has all the fields, which are constants.
    let descriptor = unsafe { &*descriptor };
    let bad = |what: &str| Incompatible::Malformed(what.to_owned());
    let stride = usize::try_from(descriptor.stride).unwrap_or(usize::MAX);
    let stride_fits = (size_of::<Transport>()..=1 << 16).contains(&stride);
    if descriptor.transports.is_null() || !stride_fits || !stride.is_multiple_of(align_of::<Transport>()) {
        return Err(bad("its transports can't be found"));
    }
    if !(1..=64).contains(&descriptor.count) {
        return Err(bad("it has no transports, or too many"));
    }
    let mut factories = Vec::new();
    for index in 0..descriptor.count as usize {
        // SAFETY: `count` transports lie there, `stride` bytes apart, by the descriptor's word.
        let transport =
            unsafe { descriptor.transports.cast::<u8>().add(index * stride).cast::<Transport>().read() };
        factories.push(factory(&transport)?);
    }
    // SAFETY: constants of the library, which stays.
    let text = |text: Text| unsafe { text.text() };
    Ok(Plugin {
        package: text(descriptor.package),
        version: text(descriptor.version),
        contract: text(descriptor.contract),
        factories,
    })
}

fn factory(transport: &Transport) -> Result<&'static TransportFactory, Incompatible> {
    let bad = |what: &str| Incompatible::Malformed(what.to_owned());
    // SAFETY: constants of the library, which stays.
    let (name, rows) = unsafe { (transport.name.bytes::<'static>(), transport.rows.bytes::<'static>()) };
    let name = std::str::from_utf8(name).map_err(|_| bad("a transport's name is not UTF-8"))?;
    let (Some(make), Some(check)) = (transport.make, transport.check) else {
        return Err(bad("a transport can't be made"));
    };
    let description = Description::read(rows).map_err(|why| bad(&why.0))?;
    let factory = match transport.direction {
        1 => TransportFactory::incoming(name, leak(incoming_of(make))),
        2 => TransportFactory::outgoing(name, leak(outgoing_of(make))),
        other => return Err(bad(&format!("{other} stands for no direction"))),
    };
    let properties: Vec<PropertySpec> =
        (0..).zip(description.properties).map(|(number, row)| spec(row, number, check)).collect();
    let aliases: Vec<Alias> =
        description.aliases.into_iter().map(|(name, preset)| Alias::new(kept(name), pairs(preset))).collect();
    let prefixes: Vec<&str> = description.prefixes.into_iter().map(kept).collect();
    let factory = factory
        .about(kept(description.about))
        .aliases(aliases.leak())
        .prefixes(prefixes.leak())
        .preset(pairs(description.preset))
        .capabilities(description.capabilities.leak())
        .properties(leak([&*properties.leak()]));
    Ok(leak(factory))
}

// A library is never unloaded, and neither is what it said.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn kept(text: String) -> &'static str {
    text.leak()
}

fn pairs(pairs: Vec<(String, String)>) -> &'static [(&'static str, &'static str)] {
    pairs.into_iter().map(|(key, text)| (kept(key), kept(text))).collect::<Vec<_>>().leak()
}

fn spec(row: PropertyRow, number: u32, check: CheckFunction) -> PropertySpec {
    let check: &'static Check = leak(move |text: &str| {
        // SAFETY: a function of a checked library; the text is lent for the call.
        let answer = unsafe { check(number, Text::new(text.as_bytes())) };
        match answer.status {
            status::READY => Ok(()),
            status::FAILED => Err(String::from_utf8_lossy(answer.value.bytes()).into_owned()),
            _ => Err("the plugin failed when it looked at this value".to_owned()),
        }
    });
    let spec = PropertySpec::loaded(kept(row.name), kept(row.doc), row.value, kept(row.since), check);
    let spec = match row.default {
        Some(text) => spec.with_default(kept(text)),
        None => spec,
    };
    if row.shared { spec.with_shared() } else { spec }
}

fn incoming_of(
    make: MakeFunction,
) -> impl Fn(&Properties, Arc<dyn Host>) -> Result<Box<dyn IncomingTransport>> {
    move |properties, host| incoming::foreign(made(make, properties, host)?)
}

fn outgoing_of(
    make: MakeFunction,
) -> impl Fn(&Properties, Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    move |properties, host| outgoing::foreign(made(make, properties, host)?)
}

fn made(make: MakeFunction, properties: &Properties, host: Arc<dyn Host>) -> Result<Object> {
    // SAFETY: a function of a checked library, which takes both objects over.
    let answer = unsafe { make(host::lend(host), settings::lend(properties)) };
    let (read, transport): Given = match answer.read() {
        Ok(given) => given,
        Err(Failure::Told(error) | Failure::Broken(error)) => return Err(error),
    };
    // Whoever explains the settings wants to know which ones were looked at.
    let keys: Vec<String> = value::decode(&read).map_err(|error: Error| malformed(error.message()))?;
    for key in keys {
        properties.note_read(&key);
    }
    Ok(transport)
}
