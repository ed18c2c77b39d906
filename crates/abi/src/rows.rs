//! What a factory says of itself, as bytes in the library: it can be read before any of its code runs.
//!
//! Written by the compiler, read by the host, in the form of [`value`](crate::value).

use crate::value::{Malformed, Read, Reader, Value, Writer, tags};
use postrider_core::{Capability, Make, PropertySpec, TransportFactory, ValueType};

/// The bytes of a factory's description, or with `N` = 0 only their number.
pub struct Written<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

// The compiler does this: an index that is out of bounds does not get into a library.
#[allow(clippy::indexing_slicing)]
impl<const N: usize> Written<N> {
    /// Writes a description.
    pub const fn new(factory: &TransportFactory) -> Self {
        let mut w = Self { bytes: [0; N], at: 0 };
        w.text(factory.about);
        w.length(factory.aliases.len());
        let mut i = 0;
        while i < factory.aliases.len() {
            w.text(factory.aliases[i].name);
            w.pairs(factory.aliases[i].preset);
            i += 1;
        }
        w.length(factory.prefixes.len());
        let mut i = 0;
        while i < factory.prefixes.len() {
            w.text(factory.prefixes[i]);
            i += 1;
        }
        w.pairs(factory.preset);
        let mut i = 0;
        let mut count = 0;
        while i < factory.properties.len() {
            count += factory.properties[i].len();
            i += 1;
        }
        w.length(count);
        let mut i = 0;
        while i < factory.properties.len() {
            let mut k = 0;
            while k < factory.properties[i].len() {
                w.property(&factory.properties[i][k]);
                k += 1;
            }
            i += 1;
        }
        w.length(factory.capabilities.len());
        let mut i = 0;
        while i < factory.capabilities.len() {
            w.byte(capability_number(factory.capabilities[i]));
            i += 1;
        }
        w
    }

    /// How many bytes there are.
    pub const fn length_of(factory: &TransportFactory) -> usize {
        Written::<0>::new(factory).at
    }

    /// The bytes.
    pub const fn bytes(&self) -> [u8; N] {
        self.bytes
    }

    const fn property(&mut self, spec: &PropertySpec) {
        self.text(spec.name);
        self.text(spec.doc);
        self.byte(type_number(spec.value));
        match spec.default {
            Some(text) => {
                self.byte(1);
                self.text(text);
            }
            None => self.byte(0),
        }
        self.text(spec.since);
        self.byte(spec.shared as u8);
    }

    const fn pairs(&mut self, pairs: &[(&str, &str)]) {
        self.length(pairs.len());
        let mut i = 0;
        while i < pairs.len() {
            self.text(pairs[i].0);
            self.text(pairs[i].1);
            i += 1;
        }
    }

    const fn text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        self.length(bytes.len());
        let mut i = 0;
        while i < bytes.len() {
            self.byte(bytes[i]);
            i += 1;
        }
    }

    const fn length(&mut self, length: usize) {
        let bytes = (length as u32).to_le_bytes();
        let mut i = 0;
        while i < 4 {
            self.byte(bytes[i]);
            i += 1;
        }
    }

    const fn byte(&mut self, byte: u8) {
        if N > 0 {
            self.bytes[self.at] = byte;
        }
        self.at += 1;
    }
}

const fn capability_number(capability: Capability) -> u8 {
    match capability {
        Capability::Connect => 1,
        Capability::Recipients => 2,
        Capability::Batch => 3,
        Capability::Unseen => 4,
        Capability::Seen => 5,
        Capability::Move => 6,
        Capability::Delete => 7,
        _ => 0,
    }
}

/// One that this side does not know yet is nothing it could use.
fn capability(number: u8) -> Option<Capability> {
    const ALL: [Capability; 7] = [
        Capability::Connect,
        Capability::Recipients,
        Capability::Batch,
        Capability::Unseen,
        Capability::Seen,
        Capability::Move,
        Capability::Delete,
    ];
    ALL.into_iter().find(|known| capability_number(*known) == number)
}

const fn type_number(value: ValueType) -> u8 {
    match value {
        ValueType::Text => 1,
        ValueType::Boolean => 2,
        ValueType::Number => 3,
        ValueType::Duration => 4,
        ValueType::Size => 5,
        ValueType::Words => 6,
        ValueType::File => 7,
        ValueType::Address => 8,
        ValueType::Secret => 9,
        ValueType::Tls => 10,
        _ => 0,
    }
}

tags!(ValueType: Text = 1, Boolean = 2, Number = 3, Duration = 4, Size = 5, Words = 6, File = 7, Address = 8,
    Secret = 9, Tls = 10);

/// 1 for incoming, 2 for outgoing.
pub(crate) const fn direction_number(factory: &TransportFactory) -> u32 {
    match factory.make {
        Make::Incoming(_) => 1,
        Make::Outgoing(_) => 2,
        _ => 0,
    }
}

/// A description as the host reads it.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) about: String,
    pub(crate) aliases: Vec<(String, Vec<(String, String)>)>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) preset: Vec<(String, String)>,
    pub(crate) properties: Vec<PropertyRow>,
    pub(crate) capabilities: Vec<Capability>,
}

#[derive(Debug)]
pub(crate) struct PropertyRow {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) value: ValueType,
    pub(crate) default: Option<String>,
    pub(crate) since: String,
    pub(crate) shared: bool,
}

impl Value for PropertyRow {
    fn write(&self, w: &mut Writer) {
        w.text(&self.name).text(&self.doc).put(&self.value).put(&self.default).text(&self.since);
        w.put(&self.shared);
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        Ok(Self {
            name: r.get()?,
            doc: r.get()?,
            value: r.get()?,
            default: r.get()?,
            since: r.get()?,
            shared: r.get()?,
        })
    }
}

impl Description {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        Ok(Self {
            about: r.get()?,
            aliases: r.get()?,
            prefixes: r.get()?,
            preset: r.get()?,
            properties: r.get()?,
            // Added later than the rest: an empty rest is none.
            capabilities: match r.is_empty() {
                true => Vec::new(),
                false => r.bytes()?.iter().copied().filter_map(capability).collect(),
            },
        })
    }
}
