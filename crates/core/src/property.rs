//! A declared property: the single source for parsing, help, documentation and explain.

use crate::{PropertyValue, ValueType};
use serde::Serialize;
use std::fmt;
use std::marker::PhantomData;

/// What is declared of a property, as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PropertySpec {
    /// The key after `mail.<transport>.`: `host`, `ssl.cafile`.
    pub name: &'static str,
    /// What it means, in a sentence or two, with its unit and range.
    pub doc: &'static str,
    /// The kind of value.
    pub value: ValueType,
    /// The text that stands where nobody set one.
    pub default: Option<&'static str>,
    /// The version that brought it.
    pub since: &'static str,
    /// True if `mail.<name>` is read where `mail.<transport>.<name>` is not set.
    pub shared: bool,
    #[serde(skip)]
    reader: Reader,
}

impl PropertySpec {
    /// Tries whether a text can be this property's value, as reading it would.
    ///
    /// # Errors
    /// A sentence that says what is expected. It never repeats the text.
    pub fn check(&self, text: &str) -> Result<(), String> {
        let text = if self.is_secret() { text } else { text.trim() };
        if text.is_empty() { Ok(()) } else { (self.reader.0)(text) }
    }

    /// A declaration that is not a constant of this program: a run-time plugin's. `check` stands for its type and
    /// gets a text that is neither empty nor, unless it is a secret, has blanks around it; what it says must not
    /// repeat the text. Without default and not shared.
    pub const fn loaded(
        name: &'static str,
        doc: &'static str,
        value: ValueType,
        since: &'static str,
        check: &'static Check,
    ) -> Self {
        Self { name, doc, value, default: None, since, shared: false, reader: Reader(check) }
    }

    /// The same with a default, as text.
    pub const fn with_default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    /// The same, read from `mail.<name>` where `mail.<transport>.<name>` is not set.
    pub const fn with_shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// True if its value must never be shown.
    pub fn is_secret(&self) -> bool {
        self.value == ValueType::Secret
    }
}

/// Tries whether a text can be a property's value; says otherwise what is expected.
pub type Check = dyn Fn(&str) -> Result<(), String> + Send + Sync;

/// The type a text is read into, as a function: a table holds properties of many types.
#[derive(Clone, Copy)]
struct Reader(&'static Check);

impl Reader {
    const fn of<T: PropertyValue>() -> Self {
        Self(&|text| T::parse(text).map(drop))
    }
}

// Two declarations are the same if they say the same; functions have no identity to compare.
impl PartialEq for Reader {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Reader {}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

/// A property whose text is read into a `T`. Declared as a constant in a plugin's `config.rs`.
///
/// ```
/// # use postrider_core::{Property, PropertySpec};
/// pub const PORT: Property<u16> = Property::new("port", "TCP port of the server").default("465");
/// pub const PROPERTIES: &[PropertySpec] = &[PORT.spec()];
/// ```
pub struct Property<T> {
    spec: PropertySpec,
    value: PhantomData<fn() -> T>,
}

impl<T: PropertyValue> Property<T> {
    /// A property of this name and meaning, without a default.
    pub const fn new(name: &'static str, doc: &'static str) -> Self {
        let reader = Reader::of::<T>();
        let spec =
            PropertySpec { name, doc, value: T::TYPE, default: None, since: "0.1", shared: false, reader };
        Self { spec, value: PhantomData }
    }

    /// Sets the default, as text.
    pub const fn default(mut self, text: &'static str) -> Self {
        self.spec.default = Some(text);
        self
    }

    /// Lets `mail.<name>` stand in for `mail.<transport>.<name>`.
    pub const fn shared(mut self) -> Self {
        self.spec.shared = true;
        self
    }

    /// Sets the version that brought it.
    pub const fn since(mut self, version: &'static str) -> Self {
        self.spec.since = version;
        self
    }

    /// The declaration as data.
    pub const fn spec(&self) -> PropertySpec {
        self.spec
    }

    /// The key after the prefix.
    pub const fn name(&self) -> &'static str {
        self.spec.name
    }
}
