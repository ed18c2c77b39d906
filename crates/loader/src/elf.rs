//! A look into an ELF file before the system opens it: opening runs a library's initialisers, and mapping one that
//! stops short would end the program with SIGBUS.
//!
//! Only 64-bit little-endian files are looked into (System V gABI, chapters 4 and 5).

use std::ops::Range;

const HEADER: usize = 64;
const DYNAMIC_OBJECT: u16 = 3;
const LOAD: u32 = 1;
const DYNAMIC_SYMBOLS: u32 = 11;

/// What a file is.
pub(crate) enum Look {
    /// No whole library of this machine, and why.
    Not(String),
    /// A library without the symbol.
    Without,
    /// One with it, and the bytes that lie at it in the file.
    With(Vec<u8>),
    /// One whose symbols can't be seen from outside.
    Unknown,
}

/// Looks for a symbol in a file.
pub(crate) fn look(file: &[u8], symbol: &str) -> Look {
    match whole(file) {
        Ok(()) => find(file, symbol).unwrap_or(Look::Unknown),
        Err(why) => Look::Not(why.to_owned()),
    }
}

fn number<const N: usize>(file: &[u8], at: usize) -> Option<[u8; N]> {
    file.get(at..)?.first_chunk::<N>().copied()
}

fn short(file: &[u8], at: usize) -> Option<u16> {
    number(file, at).map(u16::from_le_bytes)
}

fn word(file: &[u8], at: usize) -> Option<u32> {
    number(file, at).map(u32::from_le_bytes)
}

fn long(file: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(number(file, at)?)).ok()
}

fn machine() -> Option<u16> {
    match std::env::consts::ARCH {
        "x86_64" => Some(62),
        "aarch64" => Some(183),
        "riscv64" => Some(243),
        _ => None,
    }
}

/// A table: where each of its entries begins.
fn table(file: &[u8], start: usize, size: usize, count: usize) -> Option<impl Iterator<Item = usize>> {
    let end = start.checked_add(size.checked_mul(count)?)?;
    (end <= file.len() && size > 0).then(|| (0..count).map(move |index| start + index * size))
}

fn segments(file: &[u8]) -> Option<impl Iterator<Item = usize>> {
    let size = short(file, 54)?;
    if size < 56 {
        return None;
    }
    table(file, long(file, 32)?, size.into(), short(file, 56)?.into())
}

fn whole(file: &[u8]) -> Result<(), &'static str> {
    if file.get(..4) != Some(b"\x7fELF") {
        return Err("it is not an ELF file");
    }
    if file.len() < HEADER {
        return Err("it stops short in its header");
    }
    if file.get(4..6) != Some(&[2, 1]) {
        return Err("it is not a 64-bit little-endian one");
    }
    if short(file, 16) != Some(DYNAMIC_OBJECT) {
        return Err("it is a program or an object file, not a shared library");
    }
    if machine().is_some_and(|ours| short(file, 18) != Some(ours)) {
        return Err("it is for another processor");
    }
    let mut loaded = false;
    for at in segments(file).ok_or("it stops short in its segments")? {
        if word(file, at) == Some(LOAD) {
            loaded = true;
            let end =
                long(file, at + 8).zip(long(file, at + 32)).and_then(|(from, size)| from.checked_add(size));
            if end.is_none_or(|end| end > file.len()) {
                return Err("it stops short: a part to be loaded is missing");
            }
        }
    }
    if loaded { Ok(()) } else { Err("there is nothing to load in it") }
}

/// The part of the file that is loaded at an address, up to the end of its segment.
fn place(file: &[u8], address: usize) -> Option<Range<usize>> {
    segments(file)?.find_map(|at| {
        let (from, to, size) = (long(file, at + 8)?, long(file, at + 16)?, long(file, at + 32)?);
        let inside = address.checked_sub(to).filter(|inside| *inside < size)?;
        (word(file, at) == Some(LOAD)).then(|| from + inside..from + size)
    })
}

fn find(file: &[u8], symbol: &str) -> Option<Look> {
    let size = short(file, 58)?;
    if size < 64 {
        return None;
    }
    let start = long(file, 40)?;
    let mut sections = table(file, start, size.into(), short(file, 60)?.into())?;
    let symbols = sections.find(|at| word(file, at + 4) == Some(DYNAMIC_SYMBOLS))?;
    let names = start.checked_add(usize::from(size).checked_mul(word(file, symbols + 40)? as usize)?)?;
    let names = long(file, names.checked_add(24)?)?;
    let each = long(file, symbols + 56).filter(|each| *each >= 24)?;
    for at in table(file, long(file, symbols + 24)?, each, long(file, symbols + 32)? / each)? {
        let name = file.get(names.checked_add(word(file, at)? as usize)?..)?;
        let named = name.strip_prefix(symbol.as_bytes()).is_some_and(|rest| rest.first() == Some(&0));
        // Section 0: it is wanted from another library, not given by this one.
        if named && short(file, at + 6) != Some(0) {
            let bytes = place(file, long(file, at + 8)?)?;
            return Some(Look::With(file.get(bytes)?.iter().take(40).copied().collect()));
        }
    }
    Some(Look::Without)
}
