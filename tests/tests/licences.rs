//! Where the dependencies come from, and under which licences.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use postrider_tests::workspace::{list, metadata, root, word};
use std::collections::{BTreeMap, BTreeSet};

/// Licences that a program may come under without giving its own source away.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[test]
fn every_dependency_comes_from_crates_io_under_a_permissive_licence() {
    let metadata = metadata();
    let mut refused = BTreeMap::new();
    for package in list(&metadata["packages"]) {
        let licence = word(&package["license"]);
        if !is_permissive(&licence) {
            refused.insert(word(&package["name"]), licence);
        }
        let source = package["source"].as_str();
        let index = "registry+https://github.com/rust-lang/crates.io-index";
        assert!(source.is_none_or(|s| s == index), "{} is from {source:?}", package["name"]);
    }
    assert!(refused.is_empty(), "{refused:?}");
    assert!(is_permissive("(MIT OR AGPL-3.0) AND Unicode-3.0") && is_permissive("MIT/GPL-2.0"));
    assert!(!is_permissive("GPL-3.0") && !is_permissive("MIT AND AGPL-3.0") && !is_permissive(""));
}

#[test]
fn deny_toml_allows_the_same_licences() {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let allowed: BTreeSet<&str> = text
        .split_once("allow = [")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(list, _)| {
            list.split(',').map(|l| l.trim().trim_matches('"')).filter(|l| !l.is_empty()).collect()
        })
        .unwrap();
    assert_eq!(allowed, LICENCES.iter().copied().collect());
}

/// True if the expression (SPDX, or cargo's old `/`) can be met by permissive licences alone.
fn is_permissive(expression: &str) -> bool {
    let expression = expression.trim().replace('/', " OR ");
    let one_of = split(&expression, " OR ");
    if one_of.len() > 1 {
        return one_of.iter().any(|part| is_permissive(part));
    }
    let all_of = split(&expression, " AND ");
    if all_of.len() > 1 {
        return all_of.iter().all(|part| is_permissive(part));
    }
    match expression.strip_prefix('(').and_then(|e| e.strip_suffix(')')) {
        Some(inner) => is_permissive(inner),
        None => LICENCES.contains(&expression.split_whitespace().collect::<Vec<_>>().join(" ").as_str()),
    }
}

/// Splits at an operator outside of brackets.
fn split<'a>(expression: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (at, c) in expression.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && at >= begin && expression[at..].starts_with(operator) => {
                parts.push(&expression[begin..at]);
                begin = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&expression[begin..]);
    parts
}
