//! Patterns of mail addresses.

use postrider_core::Address;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// Addresses by pattern, whatever their case: `you@example.org`, `*@example.org` (everybody at that domain),
/// `*@*.example.org` (everybody at a domain under it), `noreply@*` (that name at any domain).
///
/// A look costs the same whether there are ten patterns or a million. Quotes that a local part does not need
/// change nothing: `"you"@example.org` is `you@example.org`. Domains are compared as they are looked up, beyond ASCII by
/// their A-labels (RFC 5891): `*@exämple.org` is `*@xn--exmple-cua.org`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AddressPatterns {
    exact: BTreeSet<String>,
    domains: BTreeSet<String>,
    parents: BTreeSet<String>,
    locals: BTreeSet<String>,
}

impl AddressPatterns {
    /// Reads patterns.
    ///
    /// # Errors
    /// A sentence that names the first text that is no pattern.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, String> {
        let mut patterns = Self::default();
        for text in texts {
            patterns.add(text.as_ref()).map_err(|why| {
                let text = text.as_ref().escape_debug().to_string();
                format!(
                    "\"{text}\" {why}; write you@example.org, *@example.org, *@*.example.org or noreply@*"
                )
            })?;
        }
        Ok(patterns)
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err("is no pattern of addresses: there is no @".into());
        };
        // Whatever stands in for the stars, the rest must be able to be an address.
        let plain_domain = domain.strip_prefix("*.").unwrap_or(domain);
        let sample = |part: &str, star: &str| if part == "*" { star.to_owned() } else { part.to_owned() };
        let sample = Address::new(format!("{}@{}", sample(local, "x"), sample(plain_domain, "x")))
            .map_err(|e| format!("is no pattern of addresses: {}", e.message()))?;
        let is_star = |part: &str| part == "*" || part.starts_with("*.");
        if plain_domain.contains('*') && plain_domain != "*" || local != "*" && local.contains('*') {
            return Err("has a * inside a word".into());
        }
        match (local, domain) {
            ("*", "*") => return Err("is everybody".into()),
            ("*", _) if domain.starts_with("*.") => self.parents.insert(domain_of(plain_domain).into_owned()),
            ("*", _) => self.domains.insert(domain_of(domain).into_owned()),
            (_, "*") => self.locals.insert(local_of(&sample)),
            (_, domain) if is_star(domain) => {
                return Err("has a name and a * for a part of its domain".into());
            }
            _ => self.exact.insert(whole(&sample)),
        };
        Ok(())
    }

    /// True if there is no pattern.
    pub fn is_empty(&self) -> bool {
        [&self.exact, &self.domains, &self.parents, &self.locals].iter().all(|set| set.is_empty())
    }

    /// The pattern that an address is of, if any.
    pub fn find(&self, address: &Address) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let (whole, local) = (whole(address), local_of(address));
        let domain = domain_of(address.domain()).into_owned();
        if self.exact.contains(&whole) {
            return Some(whole);
        }
        if self.domains.contains(&domain) {
            return Some(format!("*@{domain}"));
        }
        if self.locals.contains(&local) {
            return Some(format!("{local}@*"));
        }
        let parent = parents(&domain).find(|parent| self.parents.contains(*parent))?;
        Some(format!("*@*.{parent}"))
    }
}

/// The domains that a domain is under, nearest first.
fn parents(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(domain.split_once('.'), |(_, rest)| rest.split_once('.')).map(|(_, rest)| rest)
}

fn whole(address: &Address) -> String {
    format!("{}@{}", local_of(address), domain_of(address.domain()))
}

/// A domain as it is looked up: what a transport writes where a server knows ASCII only.
fn domain_of(domain: &str) -> Cow<'_, str> {
    if domain.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        return Cow::Borrowed(domain);
    }
    let lower = || domain.to_ascii_lowercase();
    Cow::Owned(if domain.is_ascii() {
        lower()
    } else {
        idna::domain_to_ascii(domain).unwrap_or_else(|_| lower())
    })
}

/// The local part without case and without the quotes that mean nothing (RFC 5321 §4.1.2).
fn local_of(address: &Address) -> String {
    let local = address.local().to_lowercase();
    let Some(inner) = local.strip_prefix('"').and_then(|l| l.strip_suffix('"')) else { return local };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    out
}

/// The reserved domain that an address is at, if any (RFC 2606, RFC 6761): nobody can be reached there.
pub(crate) fn reserved(address: &Address) -> Option<&'static str> {
    // Asked of each recipient of each message: one in small ASCII letters, which is what they are, costs no copy.
    let domain = address.domain();
    if !domain.is_ascii() {
        return reserved_at(&domain_of(domain));
    }
    reserved_at(domain)
}

fn reserved_at(domain: &str) -> Option<&'static str> {
    let is_one_of = |label: &str, names: &[&'static str]| {
        names.iter().copied().find(|name| name.eq_ignore_ascii_case(label))
    };
    let (above, top) = domain.rsplit_once('.').unwrap_or(("", domain));
    if let Some(name) = is_one_of(top, &["example", "test", "invalid", "localhost"]) {
        return Some(name);
    }
    let next = above.rsplit_once('.').map_or(above, |(_, next)| next);
    if !next.eq_ignore_ascii_case("example") {
        return None;
    }
    let names = ["example.com", "example.net", "example.org"];
    names
        .into_iter()
        .find(|name| name.get("example.".len()..).is_some_and(|end| end.eq_ignore_ascii_case(top)))
}

impl fmt::Display for AddressPatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.exact.iter().cloned();
        let all = all.chain(self.domains.iter().map(|d| format!("*@{d}")));
        let all = all.chain(self.parents.iter().map(|d| format!("*@*.{d}")));
        let mut all = all.chain(self.locals.iter().map(|l| format!("{l}@*")));
        let first: Vec<String> = all.by_ref().take(5).collect();
        f.write_str(&first.join(", "))?;
        if all.next().is_some() { f.write_str(", …") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(patterns: &str, address: &str) -> Option<String> {
        let patterns = AddressPatterns::parse(patterns.split(' ')).unwrap();
        patterns.find(&Address::new(address).unwrap())
    }

    #[test]
    fn patterns_find_their_addresses_whatever_the_case_and_no_others() {
        for (pattern, address) in [
            ("You@Example.ORG", "yOU@example.org"),
            ("you@example.org", "\"you\"@example.org"),
            ("you@example.org", "\"y\\ou\"@example.org"),
            ("\"you\"@example.org", "you@example.org"),
            ("*@example.org", "ANYBODY@EXAMPLE.org"),
            ("*@*.example.org", "x@a.b.Example.org"),
            ("noreply@*", "NoReply@any.where"),
            ("grüße@exämple.org", "GRÜSSE@EXÄMPLE.ORG"),
        ] {
            let same_case = pattern.contains('ü');
            assert!(found(pattern, address).is_some() != same_case, "{pattern} {address}");
        }
        assert!(found("GRÜßE@exämple.org", "grüße@EXÄMPLE.ORG").is_some());
        for (pattern, address) in [
            ("you@example.org", "you@example.org.evil.net"),
            ("you@example.org", "me@example.org"),
            ("*@example.org", "x@a.example.org"),
            ("*@example.org", "x@notexample.org"),
            ("*@*.example.org", "x@example.org"),
            ("*@*.example.org", "x@notexample.org"),
            ("noreply@*", "noreply2@any.where"),
        ] {
            assert_eq!(found(pattern, address), None, "{pattern} {address}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_named() {
        for text in
            ["example.org", "*@*", "a*@example.org", "you@*.org", "*@a.*.org", "*@", "@x", "a b@c", "*"]
        {
            let why = AddressPatterns::parse([text]).unwrap_err();
            assert!(why.contains(text) && why.contains("*@example.org"), "{why}");
        }
    }

    #[test]
    fn reserved_domains_are_those_of_the_rfcs_and_what_is_under_them() {
        for (address, name) in [
            ("x@example.com", Some("example.com")),
            ("x@Mail.Example.NET", Some("example.net")),
            ("x@a.test", Some("test")),
            ("x@localhost", Some("localhost")),
            ("x@a.invalid", Some("invalid")),
            ("x@a.b.EXAMPLE", Some("example")),
            ("x@example", Some("example")),
            ("x@ｅｘａｍｐｌｅ.org", Some("example.org")),
            ("x@example.com.de", None),
            ("x@com", None),
            ("x@example.example.de", None),
            ("x@[127.0.0.1]", None),
            ("x@myexample.com", None),
            ("x@example.de", None),
            ("x@contest", None),
            ("x@test.de", None),
        ] {
            assert_eq!(reserved(&Address::new(address).unwrap()), name, "{address}");
        }
    }

    #[test]
    fn a_long_list_is_searched_as_fast_as_a_short_one() {
        let patterns = AddressPatterns::parse((0..200_000).map(|n| format!("u{n}@x{n}.example"))).unwrap();
        let hits = (0..200_000)
            .filter(|n| patterns.find(&Address::new(format!("U{n}@X{n}.example")).unwrap()).is_some());
        assert_eq!(hits.count(), 200_000);
        assert!(patterns.to_string().ends_with('…'));
    }
}
