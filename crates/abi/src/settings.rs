//! Settings on their way to a plugin: text, and each secret in a call of its own.
//!
//! A plugin gets what its own keys say and no more: `mail.<prefix>.…` for each of its prefixes, and `mail.<name>` for
//! what it declares as shared or what belongs to every session.

use crate::buf::Buf;
use crate::guard::{guard, malformed};
use crate::object::{Header, Object, Table, end, kind};
use crate::value::{self, Read, Reader, Value, Writer};
use postrider_core::{Layer, LayerKind, Properties, PropertySpec, Result, Secret, session_property};

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct SettingsTable {
    header: Header,
    /// Prefixes and layers, without the secrets' texts.
    text: Option<unsafe extern "C" fn(*mut ()) -> Buf>,
    /// The text of a secret: number of the layer and number of the entry in it.
    secret: Option<unsafe extern "C" fn(*mut (), u32, u32) -> Buf>,
}

// SAFETY: repr(C), a header and optional functions.
unsafe impl Table for SettingsTable {
    const KIND: u32 = kind::SETTINGS;
}

static TABLE: SettingsTable = SettingsTable {
    header: Header { size: size_of::<SettingsTable>(), kind: kind::SETTINGS, drop: Some(end::<Lent>) },
    text: Some(text),
    secret: Some(secret),
};

struct Lent {
    text: Settings,
    secrets: Vec<Vec<Option<Secret>>>,
}

struct Settings {
    prefixes: Vec<String>,
    layers: Vec<Rows>,
}

struct Rows {
    kind: LayerKind,
    name: String,
    rows: Vec<Row>,
}

struct Row {
    key: String,
    position: String,
    locked: bool,
    /// None for a secret.
    text: Option<String>,
}

impl Value for Settings {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.list(&self.prefixes).list(&self.layers);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        Ok(Self { prefixes: r.get()?, layers: r.get()? })
    }
}

impl Value for Rows {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&self.kind).put(&self.name).list(&self.rows);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        Ok(Self { kind: r.get()?, name: r.get()?, rows: r.get()? })
    }
}

impl Value for Row {
    fn write(&self, w: &mut Writer) {
        w.record(|w| {
            w.put(&self.key).put(&self.position).put(&self.locked).put(&self.text);
        });
    }

    fn read(r: &mut Reader<'_>) -> Read<Self> {
        let mut r = r.record()?;
        Ok(Self { key: r.get()?, position: r.get()?, locked: r.get()?, text: r.get()? })
    }
}

/// Lends the settings of a transport's scope.
pub(crate) fn lend(properties: &Properties) -> Object {
    let mut secrets = Vec::new();
    let mut layers = Vec::new();
    for layer in properties.layers() {
        let (mut rows, mut hidden) = (Vec::new(), Vec::new());
        for key in layer.keys() {
            let (Some(spec), Some(value)) = (declared(properties, key), layer.value(key)) else { continue };
            // What is not declared might be a secret too.
            let open = spec.is_some_and(|spec| !spec.is_secret());
            hidden.push((!open).then(|| value.clone()));
            rows.push(Row {
                key: key.to_owned(),
                position: layer.position(key).unwrap_or_default().to_owned(),
                locked: layer.is_locked(key),
                text: open.then(|| value.expose().to_owned()),
            });
        }
        layers.push(Rows { kind: layer.kind(), name: layer.name().to_owned(), rows });
        secrets.push(hidden);
    }
    let text = Settings { prefixes: properties.prefixes().to_vec(), layers };
    Object::new(Lent { text, secrets }, &TABLE)
}

/// If the transport may read this key: what is declared of it, as far as anything is.
fn declared<'a>(properties: &'a Properties, key: &str) -> Option<Option<&'a PropertySpec>> {
    let bare = key.strip_prefix("mail.")?;
    let named = |name: &str, shared: bool| {
        let all = properties.specs().iter().chain(session_property::PROPERTIES);
        all.filter(|spec| spec.shared || !shared).find(|spec| spec.name == name)
    };
    let own = properties.prefixes().iter().find_map(|prefix| bare.strip_prefix(prefix)?.strip_prefix('.'));
    match own {
        Some(name) => Some(named(name, false)),
        None => named(bare, true).map(Some),
    }
}

unsafe extern "C" fn text(data: *mut ()) -> Buf {
    // SAFETY: `data` is what `Object::new` made of a Lent, and is not ended yet.
    guard(|| value::encode(unsafe { &(*data.cast::<Lent>()).text })).unwrap_or_else(|_| Buf::empty())
}

unsafe extern "C" fn secret(data: *mut (), layer: u32, row: u32) -> Buf {
    let found = guard(|| {
        // SAFETY: as above.
        let lent = unsafe { &*data.cast::<Lent>() };
        let secret = lent.secrets.get(layer as usize)?.get(row as usize)?.as_ref()?;
        Some(Buf::of_secret(secret))
    });
    found.ok().flatten().unwrap_or(Buf::empty())
}

/// The settings behind an object, as a plugin's own.
pub(crate) fn foreign(object: &Object, specs: &[PropertySpec]) -> Result<Properties> {
    let table = object.table::<SettingsTable>()?;
    let (Some(text), Some(secret)) = (table.text, table.secret) else {
        return Err(malformed("the settings can't be read"));
    };
    // SAFETY: the object is there.
    let settings = value::decode::<Settings>(&unsafe { text(object.data()) })?;
    let mut layers = Vec::new();
    for (layer_number, rows) in (0..).zip(settings.layers) {
        let mut layer = Layer::new(rows.kind, &rows.name);
        for (row_number, row) in (0..).zip(rows.rows) {
            let value = match row.text {
                Some(text) => Secret::new(text),
                None => {
                    // SAFETY: as above.
                    let secret = unsafe { secret(object.data(), layer_number, row_number) };
                    let text = std::str::from_utf8(secret.bytes());
                    Secret::new(text.map_err(|_| malformed("a secret is not UTF-8"))?)
                }
            };
            layer.set_at(row.key.clone(), value, row.position);
            if row.locked {
                layer.lock(&row.key);
            }
        }
        layers.push(layer);
    }
    let prefixes: Vec<&str> = settings.prefixes.iter().map(String::as_str).collect();
    Ok(Properties::new(layers).scoped(&prefixes, specs))
}

/// What crosses as text.
#[cfg(test)]
pub(crate) fn text_of(object: &Object) -> Buf {
    // SAFETY: it is a settings object of ours.
    unsafe { text(object.data()) }
}
