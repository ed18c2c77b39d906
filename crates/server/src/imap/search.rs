//! SEARCH and UID SEARCH, plain and extended (RFC 4731, RFC 5182).

use super::parse::{self, Args};
use super::search_keys::{self, Context};
use super::set::compact;
use super::{Outcome, Refusal, Session, no};

/// What RETURN asked for.
#[derive(Default)]
struct Wanted {
    min: bool,
    max: bool,
    count: bool,
    all: bool,
    save: bool,
}

impl Session<'_> {
    pub(super) fn search(&mut self, tag: &str, mut args: Args<'_>, by_uid: bool) -> Outcome {
        let wanted = self.return_of(&mut args)?;
        if let Some(charset) = charset(&mut args)?
            && !["US-ASCII", "UTF-8"].contains(&charset.to_ascii_uppercase().as_str())
        {
            return no("[BADCHARSET (US-ASCII UTF-8)] Not in that one");
        }
        let found = self.found(&mut args)?;
        let numbers: Vec<u32> =
            found.iter().map(|&(number, uid)| if by_uid { uid } else { number }).collect();
        let Some(wanted) = wanted else {
            let list: String = numbers.iter().map(|n| format!(" {n}")).collect();
            self.conn.put(format!("* SEARCH{list}\r\n"));
            return Ok("Searched".into());
        };
        if wanted.save
            && let Some(view) = &mut self.view
        {
            let saved = found.iter().map(|&(_, uid)| uid);
            // With MIN or MAX alone only those are saved (RFC 5182 §2.1).
            view.saved = match (wanted.all || wanted.count, wanted.min, wanted.max) {
                (false, true, false) => saved.take(1).collect(),
                (false, false, true) => saved.rev().take(1).collect(),
                (false, true, true) => {
                    let mut ends: Vec<u32> = saved.clone().take(1).chain(saved.rev().take(1)).collect();
                    ends.dedup();
                    ends
                }
                _ => saved.collect(),
            };
        }
        let mut line = format!("* ESEARCH (TAG \"{tag}\"){}", if by_uid { " UID" } else { "" });
        let ends = |wanted: bool, end: Option<&u32>, name: &str| {
            end.filter(|_| wanted).map(|n| format!(" {name} {n}")).unwrap_or_default()
        };
        line.push_str(&ends(wanted.min, numbers.first(), "MIN"));
        line.push_str(&ends(wanted.max, numbers.last(), "MAX"));
        if wanted.count {
            line.push_str(&format!(" COUNT {}", numbers.len()));
        }
        if wanted.all && !numbers.is_empty() {
            line.push_str(&format!(" ALL {}", compact(&numbers)));
        }
        if wanted.min || wanted.max || wanted.count || wanted.all {
            self.conn.put(format!("{line}\r\n"));
        }
        Ok("Searched".into())
    }

    /// `None` for a search that is answered the old way.
    fn return_of(&self, args: &mut Args<'_>) -> Result<Option<Wanted>, Refusal> {
        let mut look = args.clone();
        if !self.options().offers("ESEARCH") || look.word().ok().as_deref() != Some("RETURN") {
            return Ok(self.rev2.then(|| Wanted { all: true, ..Wanted::default() }));
        }
        look.space()?;
        let mut wanted = Wanted::default();
        for word in look.list(Args::word)? {
            match word.as_str() {
                "MIN" => wanted.min = true,
                "MAX" => wanted.max = true,
                "COUNT" => wanted.count = true,
                "ALL" => wanted.all = true,
                "SAVE" if self.options().offers("SEARCHRES") => wanted.save = true,
                _ => return Err(parse::bad("no such return option")),
            }
        }
        if !(wanted.min || wanted.max || wanted.count || wanted.save) {
            wanted.all = true;
        }
        look.space()?;
        *args = look;
        Ok(Some(wanted))
    }

    fn found(&mut self, args: &mut Args<'_>) -> Result<Vec<(u32, u32)>, Refusal> {
        let Some(view) = &self.view else { return Ok(Vec::new()) };
        let context = Context {
            last_number: u32::try_from(view.entries.len()).unwrap_or(u32::MAX),
            last_uid: view.entries.last().map_or(0, |entry| entry.uid),
            saved: &view.saved,
        };
        let key = search_keys::parse(args, &context)?;
        self.with_account(|account| {
            let Some(mailbox) = account.by_validity(view.validity) else { return Ok(Vec::new()) };
            let mut found = Vec::new();
            for (number, entry) in (1..).zip(&view.entries) {
                if mailbox.by_uid(entry.uid).is_some_and(|message| key.holds(number, entry.recent, message)) {
                    found.push((number, entry.uid));
                }
            }
            Ok(found)
        })
    }
}

fn charset(args: &mut Args<'_>) -> Result<Option<String>, Refusal> {
    let mut look = args.clone();
    if look.word().ok().as_deref() != Some("CHARSET") {
        return Ok(None);
    }
    look.space()?;
    let charset = look.text()?;
    look.space()?;
    *args = look;
    Ok(Some(charset))
}
