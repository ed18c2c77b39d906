//! Rust source without its comments and texts, so that a word in it is a word of the program.

use std::path::{Path, PathBuf};

/// The code of a file up to its `#[cfg(test)]`: comments, strings and characters are blanked, lines stay.
pub fn code(source: &str) -> String {
    let code = blanked(source);
    match code.find("#[cfg(test)]") {
        Some(tests) => code[..tests].to_owned(),
        None => code,
    }
}

/// The whole of a file with comments, strings and characters blanked.
pub fn blanked(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let skipped = comment(rest)
            .or_else(|| raw_text(rest, out.chars().last()))
            .or_else(|| text(rest))
            .or_else(|| character(rest));
        let Some(skipped) = skipped else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        out.push(' ');
        out.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
        rest = &rest[skipped..];
    }
    out
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    // They nest.
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest.as_bytes().get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(rest.len())
}

fn raw_text(rest: &str, before: Option<char>) -> Option<usize> {
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let body = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inside = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end).map_or(inside.len(), |n| n + end.len());
    Some(rest.len() - inside.len() + length)
}

fn text(rest: &str) -> Option<usize> {
    if !rest.starts_with('"') {
        return None;
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// A character, not a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.strip_prefix('\'')?.char_indices();
    let (_, first) = chars.next()?;
    if first == '\\' {
        let (after, _) = chars.next()?;
        return rest[1 + after + 1..].find('\'').map(|n| 1 + after + 1 + n + 1);
    }
    let (at, second) = chars.next()?;
    (second == '\'').then_some(1 + at + 1)
}

/// True if `word` stands in `code` as a whole word.
pub fn has_word(code: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word)
        .any(|(at, _)| !part(code[..at].chars().next_back()) && !part(code[at + word.len()..].chars().next()))
}

/// Every `.rs` file below a folder, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("a folder that can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_program_is_left() {
        let source = "fn a<'a>(x: &'a str) -> char { // unsafe\n /* a /* nested */ unsafe */ \"un\\\"safe\" }\n\
                      const B: &[u8] = br#\"uns\"afe\"#; let c = '\\''; let d = '\"'; let e = '\\u{1F600}'; unsafe_fn()";
        let code = blanked(source);
        assert!(
            !has_word(&code, "unsafe") && !code.contains("afe\"") && code.ends_with("unsafe_fn()"),
            "{code}"
        );
        assert_eq!(code.lines().count(), source.lines().count());
        assert!(has_word(&blanked("x = '\"'; unsafe { y(\"\") }"), "unsafe"));
        assert_eq!(super::code("a\n#[cfg(test)]\nmod tests"), "a\n");
    }
}
