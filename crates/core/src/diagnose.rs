//! All that is wrong with settings, at once.

use crate::diagnose_choice::{Choice, choices};
use crate::diagnose_use::Uses;
use crate::diagnose_value::{better, unquoted};
use crate::shown::without_login;
use crate::{
    Diagnosis, DiagnosisKind, ErrorKind, Layer, LayerKind, Origin, Properties, PropertySpec, Registry,
    Severity, diagnose_make, diagnose_tls,
};

impl Registry {
    /// Everything that is wrong with settings or should be known about them: unknown and refused keys, values
    /// that can't be read, what beats what, keys that no chosen transport reads, contradictions about encryption,
    /// and what the chosen transports say when they are made. In the order of layers and lines.
    ///
    /// `elsewhere` is as for [`unknown_keys`](Self::unknown_keys). No I/O happens, and nothing counts as read.
    pub fn diagnose(&self, properties: &Properties, elsewhere: &[&str]) -> Vec<Diagnosis> {
        // A copy of its own: what is tried here is not what a transport has read.
        let properties = Properties::new(properties.layers().iter().cloned());
        let mut found = Vec::new();
        let chosen = choices(self, &properties, &mut found);
        let mut wrong_keys = 0;
        for layer in properties.layers().iter().filter(|layer| layer.kind() != LayerKind::Preset) {
            self.values(layer, &chosen, elsewhere, &mut wrong_keys, &mut found);
        }
        Uses::of(&properties, &chosen).diagnose(self, &properties, &mut found);
        for choice in &chosen {
            diagnose_tls::diagnose(choice, &mut found);
            diagnose_make::diagnose(self, choice, &properties, &mut found);
        }
        found.sort();
        found.dedup();
        found
    }

    /// Keys and values of one layer, each by itself.
    fn values(
        &self,
        layer: &Layer,
        chosen: &[Choice],
        elsewhere: &[&str],
        wrong_keys: &mut usize,
        found: &mut Vec<Diagnosis>,
    ) {
        for entry in layer.entries() {
            let origin = layer.origin(entry);
            if let Some(fault) = self.key_fault(&entry.key, &entry.value, elsewhere, *wrong_keys) {
                *wrong_keys += 1;
                let diagnosis = Diagnosis::new(Severity::Error, fault.kind, fault.what);
                found.push(diagnosis.at(entry.key.clone(), Some(origin)).with_advice(fault.advice));
                continue;
            }
            let Some(spec) = self.spec(&entry.key, chosen) else { continue };
            let text = entry.value.expose();
            let fault = spec.check(text).err();
            if let Some(why) = &fault {
                let shown = match spec.is_secret() {
                    true => String::new(),
                    false => format!(" is \"{}\"", without_login(text).escape_debug()),
                };
                let what = format!("{}{shown}: {why}", entry.key);
                let diagnosis = Diagnosis::new(Severity::Error, DiagnosisKind::BadValue, what);
                let advice = better(&spec, text).unwrap_or_else(|| format!("{}: {}", spec.value, spec.doc));
                found.push(diagnosis.at(entry.key.clone(), Some(origin)).with_advice(advice));
            } else if let Some((kind, what, advice)) = odd(&spec, text) {
                let diagnosis = Diagnosis::new(Severity::Warning, kind, what);
                found.push(diagnosis.at(entry.key.clone(), Some(origin)).with_advice(advice));
            }
        }
        for note in layer.notes() {
            let origin = Origin::new(layer.kind(), note.position.as_str());
            found.push(Diagnosis::of_note(note, origin));
        }
    }

    /// The declaration of a full key: that of a chosen transport before that of others.
    fn spec(&self, key: &str, chosen: &[Choice]) -> Option<PropertySpec> {
        let of_choice = chosen.iter().find_map(|choice| choice.spec(key));
        of_choice.or_else(|| self.property(key))
    }
}

/// What is strange about a value that can be read.
fn odd(spec: &PropertySpec, text: &str) -> Option<(DiagnosisKind, String, String)> {
    if spec.is_secret() {
        let around = text != text.trim() && !text.trim().is_empty();
        let quoted = unquoted(text).is_some();
        return if around {
            let what = "it begins or ends with a blank, which counts as part of the secret";
            Some((DiagnosisKind::Blanks, what.into(), "remove the blank if it is not meant".into()))
        } else if quoted {
            let what = "it stands in quotes, which count as part of the secret";
            Some((DiagnosisKind::Quotes, what.into(), "remove the quotes if they are not meant".into()))
        } else {
            None
        };
    }
    let bare = unquoted(text.trim())?;
    let what = "it stands in quotes, which count as part of the value";
    Some((DiagnosisKind::Quotes, what.into(), format!("write {}", without_login(bare).escape_debug())))
}

/// True if this key has an error already: one is enough to begin with.
pub(crate) fn has_error(found: &[Diagnosis], key: &str) -> bool {
    found.iter().any(|d| d.severity == Severity::Error && d.key.as_deref() == Some(key))
}

/// The kind of finding an error about settings is.
pub(crate) fn kind_of(error: &crate::Error) -> DiagnosisKind {
    match error.property() {
        Some((_, None)) if error.kind() == ErrorKind::Configuration => DiagnosisKind::Missing,
        _ => DiagnosisKind::BadValue,
    }
}
