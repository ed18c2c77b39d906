//! LIST with its extensions, LSUB, STATUS.

use std::collections::BTreeSet;

use super::parse::{self, Args};
use super::{Outcome, Refusal, Session};
use crate::store::Account;

/// What a LIST asks for.
#[derive(Default)]
struct Wanted {
    only_subscribed: bool,
    only_special: bool,
    subscribed: bool,
    /// The items of RETURN (STATUS (…)).
    status: Vec<String>,
}

impl Session<'_> {
    pub(super) fn list(&mut self, mut args: Args<'_>) -> Outcome {
        let mut wanted = Wanted::default();
        let extended = self.options().offers("LIST-EXTENDED");
        let special = self.options().offers("SPECIAL-USE");
        if extended && args.peek() == Some(b'(') {
            for option in args.list(Args::word)? {
                match option.as_str() {
                    "SUBSCRIBED" => wanted.only_subscribed = true,
                    "SPECIAL-USE" if special => wanted.only_special = true,
                    "REMOTE" | "RECURSIVEMATCH" => {}
                    _ => return Err(parse::bad("no such selection option")),
                }
            }
            args.space()?;
        }
        let reference = args.mailbox()?;
        args.space()?;
        let patterns = if extended && args.peek() == Some(b'(') {
            args.list(Args::pattern)?
        } else {
            vec![args.pattern()?]
        };
        if args.eat(b' ') {
            self.return_options(&mut args, &mut wanted)?;
        }
        args.end()?;
        if patterns.iter().all(String::is_empty) {
            self.conn.put("* LIST (\\Noselect) \"/\" \"\"\r\n");
            return Ok("The separator".into());
        }
        let patterns: Vec<String> = patterns.iter().map(|pattern| format!("{reference}{pattern}")).collect();
        let lines = self.with_account(|account| Ok(self.lines(account, &patterns, &wanted, special)))?;
        lines.iter().for_each(|line| self.conn.put(line));
        Ok("That is all".into())
    }

    pub(super) fn lsub(&mut self, mut args: Args<'_>) -> Outcome {
        let reference = args.mailbox()?;
        args.space()?;
        let pattern = format!("{reference}{}", args.pattern()?);
        args.end()?;
        let names: BTreeSet<String> = self.with_account(|account| Ok(account.subscribed.clone()))?;
        for name in names.iter().filter(|name| matches(&pattern, name)) {
            let name = self.mailbox_name(name);
            self.conn.put(format!("* LSUB () \"/\" {name}\r\n"));
        }
        Ok("That is all".into())
    }

    pub(super) fn status(&mut self, mut args: Args<'_>) -> Outcome {
        let name = args.mailbox()?;
        args.space()?;
        let items = args.list(Args::word)?;
        args.end()?;
        let values = self.with_account(|account| status_of(account, &name, &items))?;
        let name = self.mailbox_name(&name);
        self.conn.put(format!("* STATUS {name} ({values})\r\n"));
        Ok("So it is".into())
    }

    fn return_options(&self, args: &mut Args<'_>, wanted: &mut Wanted) -> Result<(), Refusal> {
        if !self.options().offers("LIST-EXTENDED") || args.word()? != "RETURN" {
            return Err(parse::bad("RETURN expected"));
        }
        args.space()?;
        args.list(|args| {
            match args.word()?.as_str() {
                "SUBSCRIBED" => wanted.subscribed = true,
                "CHILDREN" | "SPECIAL-USE" => {}
                "STATUS" if self.options().offers("LIST-STATUS") => {
                    args.space()?;
                    wanted.status = args.list(Args::word)?;
                }
                _ => return Err(parse::bad("no such return option")),
            }
            Ok(())
        })?;
        Ok(())
    }

    fn lines(
        &self,
        account: &mut Account,
        patterns: &[String],
        wanted: &Wanted,
        special: bool,
    ) -> Vec<String> {
        let mut names: BTreeSet<String> = account.mailboxes.keys().cloned().collect();
        if wanted.only_subscribed {
            names = account.subscribed.clone();
        }
        let mut lines = Vec::new();
        for name in names.iter().filter(|name| patterns.iter().any(|pattern| matches(pattern, name))) {
            let below = format!("{name}/");
            let parent =
                account.mailboxes.range(below.clone()..).next().is_some_and(|(n, _)| n.starts_with(&below));
            let exists = account.mailboxes.contains_key(name);
            let special_use = account.find(name).and_then(|mailbox| mailbox.special_use).filter(|_| special);
            if wanted.only_special && special_use.is_none() {
                continue;
            }
            let subscribed =
                wanted.only_subscribed || (wanted.subscribed && account.subscribed.contains(name));
            let attributes = [
                (!exists).then_some("\\NonExistent"),
                Some(if parent { "\\HasChildren" } else { "\\HasNoChildren" }),
                subscribed.then_some("\\Subscribed"),
                special_use,
            ];
            let attributes: Vec<&str> = attributes.into_iter().flatten().collect();
            let spelled = self.mailbox_name(name);
            lines.push(format!("* LIST ({}) \"/\" {spelled}\r\n", attributes.join(" ")));
            if !wanted.status.is_empty()
                && let Ok(values) = status_of(account, name, &wanted.status)
            {
                lines.push(format!("* STATUS {spelled} ({values})\r\n"));
            }
        }
        lines
    }
}

fn status_of(account: &mut Account, name: &str, items: &[String]) -> Result<String, Refusal> {
    let mailbox = account.find(name).ok_or_else(|| Refusal::No("[NONEXISTENT] No such mailbox".into()))?;
    let value = |item: &String| {
        let count = |what: &dyn Fn(&crate::store::Message) -> bool| {
            mailbox.messages.iter().filter(|m| what(m)).count()
        };
        let value = match item.as_str() {
            "MESSAGES" => mailbox.messages.len(),
            "RECENT" => count(&|m| m.recent),
            "UIDNEXT" => usize::try_from(mailbox.next_uid).unwrap_or(usize::MAX),
            "UIDVALIDITY" => usize::try_from(mailbox.validity).unwrap_or(usize::MAX),
            "UNSEEN" => mailbox.unseen(),
            "DELETED" => count(&|m| m.has("\\Deleted")),
            "SIZE" => mailbox.size(),
            "APPENDLIMIT" => return Ok("APPENDLIMIT NIL".to_owned()),
            _ => return Err(parse::bad("no such status item")),
        };
        Ok(format!("{item} {value}"))
    };
    Ok(items.iter().map(value).collect::<Result<Vec<_>, _>>()?.join(" "))
}

/// `*` stands for anything, `%` for anything but the separator. Linear in pattern times name.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern = if pattern.eq_ignore_ascii_case("INBOX") { "INBOX" } else { pattern };
    let name: Vec<char> = name.chars().collect();
    // Which lengths of the name the pattern read so far can stand for.
    let mut reachable = vec![false; name.len() + 1];
    if let Some(start) = reachable.first_mut() {
        *start = true;
    }
    for p in pattern.chars() {
        let mut next = vec![false; name.len() + 1];
        let mut open = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let here = reachable.get(at).copied().unwrap_or(false);
            let previous = at.checked_sub(1).and_then(|i| Some((*reachable.get(i)?, *name.get(i)?)));
            *slot = match p {
                '*' | '%' => {
                    let blocked = p == '%' && previous.is_some_and(|(_, c)| c == '/');
                    open = here || (open && !blocked);
                    open
                }
                _ => previous.is_some_and(|(reached, c)| reached && c == p),
            };
        }
        reachable = next;
    }
    reachable.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards() {
        for (pattern, name) in [
            ("*", "a/b"),
            ("%", "a"),
            ("a/%", "a/b"),
            ("%/b", "a/b"),
            ("inbox", "INBOX"),
            ("*b", "a/b"),
            ("a*", "a"),
            ("**%%", "x"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("%", "a/b"), ("a", "ab"), ("a%", "a/b"), ("", "a"), ("%c", "a/c"), ("b*", "ab")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
