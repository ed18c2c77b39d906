//! Code in documents is code that is tested: a block that names its file (` ```rust file=src/lib.rs#factory `) is what stands
//! there, between the lines `// docs: factory` and `// docs: end`, or all of it.
//!
//! `UPDATE=1 cargo test -p postrider-tests --test documents` writes the blocks anew.
#![allow(clippy::unwrap_used, clippy::panic)]

use postrider_tests::workspace::root;
use std::fs;

const DOCUMENTS: &[&str] = &["docs/writing-a-transport.md"];

#[test]
fn every_block_of_code_is_what_stands_in_the_file_it_names() {
    for name in DOCUMENTS {
        let path = root().join(name);
        let text = fs::read_to_string(&path).unwrap();
        let read = |file: &str| fs::read_to_string(root().join(file)).map_err(|e| format!("{file}: {e}"));
        let (now, blocks) = filled(&text, read).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(blocks > 0, "{name} includes nothing");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, now).unwrap();
        } else {
            assert!(now == text, "{name} is not up to date: run this test with UPDATE=1");
        }
    }
}

#[test]
fn every_block_of_rust_in_them_names_its_file() {
    for name in DOCUMENTS {
        let text = fs::read_to_string(root().join(name)).unwrap();
        for line in text.lines().filter(|line| line.starts_with("```rust") || line.starts_with("```toml")) {
            assert!(line.contains(" file="), "{name}: {line}");
        }
    }
}

#[test]
fn a_stale_block_is_replaced_and_a_missing_place_is_an_error() {
    let source = "a\n    // docs: part\n    b\n      c\n    // docs: end\nd\n";
    let read = |file: &str| if file == "f.rs" { Ok(source.to_owned()) } else { Err(format!("no {file}")) };
    let stale = "one\n```rust file=f.rs#part\nold\n```\ntwo\n```text\nkept\n```\n";
    let fresh = "one\n```rust file=f.rs#part\nb\n  c\n```\ntwo\n```text\nkept\n```\n";
    assert_eq!(filled(stale, read), Ok((fresh.to_owned(), 1)));
    assert_eq!(filled(fresh, read), Ok((fresh.to_owned(), 1)));
    let whole = "```rust file=f.rs\na\nb\n  c\nd\n```\n";
    assert_eq!(filled(whole, read).unwrap().0, "```rust file=f.rs\na\n    b\n      c\nd\n```\n");
    for bad in ["```rust file=f.rs#gone\n```\n", "```rust file=gone.rs\n```\n", "```rust file=f.rs\n"] {
        assert!(filled(bad, read).is_err(), "{bad}");
    }
}

/// The document with the blocks as they should be, and how many there are.
fn filled(text: &str, read: impl Fn(&str) -> Result<String, String>) -> Result<(String, usize), String> {
    let (mut out, mut blocks) = (String::new(), 0);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let Some((_, place)) = line.strip_prefix("```").and_then(|info| info.split_once(" file=")) else {
            continue;
        };
        if !lines.by_ref().any(|line| line == "```") {
            return Err(format!("the block of {place} does not end"));
        }
        let (file, region) = place.split_once('#').map_or((place, None), |(file, name)| (file, Some(name)));
        out.push_str(&part(&read(file)?, region).ok_or_else(|| format!("{file} has no region {region:?}"))?);
        out.push_str("```\n");
        blocks += 1;
    }
    Ok((out, blocks))
}

/// A region without its indentation, or the whole file without the marks.
fn part(source: &str, region: Option<&str>) -> Option<String> {
    let mark = |line: &str| {
        let line = line.trim_start();
        let comment = line.strip_prefix("// ").or_else(|| line.strip_prefix("# "))?;
        comment.strip_prefix("docs: ").map(str::to_owned)
    };
    let lines: Vec<&str> = match region {
        None => source.lines().filter(|line| mark(line).is_none()).collect(),
        Some(name) => {
            let mut rest = source.lines().skip_while(|line| mark(line).as_deref() != Some(name));
            rest.next()?;
            rest.take_while(|line| mark(line).is_none()).collect()
        }
    };
    let depth = |line: &&str| line.len() - line.trim_start().len();
    let depth = lines.iter().filter(|line| !line.trim().is_empty()).map(depth).min()?;
    Some(lines.iter().map(|line| line.get(depth..).unwrap_or_default().to_owned() + "\n").collect())
}
