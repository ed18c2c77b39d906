//! A settings file's name for errors, and its bytes.

use postrider_core::{Error, ErrorKind, Phase, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Settings are small: what is larger is some other file.
const LIMIT: u64 = 4 * 1024 * 1024;

/// The path as it may stand in errors and positions: no line breaks or terminal sequences.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string().escape_debug().to_string()
}

pub(crate) fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    let name = shown(path);
    let fault = |e: std::io::Error| {
        Error::new(ErrorKind::Configuration, Phase::Configure, format!("{name} can't be read: {e}"))
            .with_advice(format!("give the path of {what}"))
            .with_source(e)
    };
    let mut bytes = Vec::new();
    File::open(path).map_err(fault)?.take(LIMIT + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > LIMIT {
        let message = format!("{name} is larger than {} MiB", LIMIT / 1024 / 1024);
        return Err(Error::new(ErrorKind::Configuration, Phase::Configure, message)
            .with_advice(format!("give the path of {what}")));
    }
    Ok(bytes)
}
