//! Address fields, as ENVELOPE wants them.

/// An address, or the start or end of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Address {
    pub(crate) name: Option<String>,
    pub(crate) mailbox: Option<String>,
    pub(crate) host: Option<String>,
}

/// Reads an address list; what can't be read comes out as a mailbox without host.
pub(crate) fn addresses(value: &[u8]) -> Vec<Address> {
    let text = String::from_utf8_lossy(value);
    let mut found = Vec::new();
    let mut pending = Pending::default();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => pending.phrase.push_str(&quoted(&mut characters)),
            '(' => pending.comment = Some(comment(&mut characters)),
            '<' => pending.angle = Some(characters.by_ref().take_while(|&c| c != '>').collect()),
            ':' => {
                let name = std::mem::take(&mut pending).phrase;
                found.push(Address { mailbox: Some(name.trim().to_owned()), ..Default::default() });
            }
            ',' => found.extend(std::mem::take(&mut pending).finish()),
            ';' => {
                found.extend(std::mem::take(&mut pending).finish());
                found.push(Address::default());
            }
            other => pending.phrase.push(other),
        }
    }
    found.extend(pending.finish());
    found
}

#[derive(Default)]
struct Pending {
    phrase: String,
    comment: Option<String>,
    angle: Option<String>,
}

impl Pending {
    fn finish(self) -> Option<Address> {
        let phrase = self.phrase.trim();
        let (name, address) = match &self.angle {
            Some(angle) => (Some(phrase.to_owned()), angle.trim()),
            None => (self.comment, phrase),
        };
        if address.is_empty() {
            return None;
        }
        let (mailbox, host) = match address.rsplit_once('@') {
            Some((mailbox, host)) => (mailbox, Some(host.to_owned())),
            None => (address, None),
        };
        // A mailbox without host would read as the start of a group.
        let host = host.or(Some(String::new()));
        let name = name.filter(|name| !name.is_empty());
        Some(Address { name, mailbox: Some(mailbox.to_owned()), host })
    }
}

fn quoted(characters: &mut std::str::Chars<'_>) -> String {
    let mut text = String::new();
    while let Some(c) = characters.next() {
        match c {
            '"' => break,
            '\\' => text.extend(characters.next()),
            other => text.push(other),
        }
    }
    text
}

fn comment(characters: &mut std::str::Chars<'_>) -> String {
    let (mut text, mut depth) = (String::new(), 1);
    for c in characters {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            other => text.push(other),
        }
        if depth == 0 {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(value: &str) -> Vec<String> {
        let part = |o: &Option<String>| o.clone().unwrap_or("-".into());
        addresses(value.as_bytes())
            .iter()
            .map(|a| format!("{}|{}|{}", part(&a.name), part(&a.mailbox), part(&a.host)))
            .collect()
    }

    #[test]
    fn lists_and_groups() {
        assert_eq!(flat("a@b"), ["-|a|b"]);
        assert_eq!(flat("\"X, Y\" <a@b>, Z <c@d>"), ["X, Y|a|b", "Z|c|d"]);
        assert_eq!(flat("a@b (Some One)"), ["Some One|a|b"]);
        assert_eq!(flat("G: a@b, c@d;"), ["-|G|-", "-|a|b", "-|c|d", "-|-|-"]);
        assert_eq!(flat("undisclosed:;"), ["-|undisclosed|-", "-|-|-"]);
        assert_eq!(flat(" , ,<,("), ["-|,(|"]);
    }
}
