//! What a mailbox name is as a directory of Maildir++: `Archive/2026` is `.Archive.2026`, and `INBOX` the maildir
//! itself. Names that are not ASCII stand in modified UTF-7 (RFC 3501 §5.1.3), as Dovecot and Courier have them.

/// The name of the directory below the maildir, `None` for the maildir itself; or what is wrong with the name. It
/// is a single component that begins with a dot and is neither `.` nor `..`, so it can't lead out.
pub(crate) fn directory(mailbox: &str) -> Result<Option<String>, String> {
    if mailbox.eq_ignore_ascii_case("INBOX") {
        return Ok(None);
    }
    let mut name = String::new();
    for level in mailbox.split('/') {
        if level.is_empty() {
            return Err("each level of a folder's name needs a character".into());
        }
        if level.contains('.') || level.chars().any(char::is_control) {
            return Err(
                "a folder's name has no dots and no control characters; levels are apart by a slash".into()
            );
        }
        name.push('.');
        name.push_str(&utf7(level));
    }
    if name.len() > 250 {
        return Err("a folder's name of at most 250 bytes is expected".into());
    }
    Ok(Some(name))
}

/// The one spelling of a mailbox name that keys have.
pub(crate) fn canonical(mailbox: &str) -> &str {
    if mailbox.eq_ignore_ascii_case("INBOX") { "INBOX" } else { mailbox }
}

fn utf7(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut foreign = Vec::new();
    for c in text.chars() {
        if (' '..='~').contains(&c) {
            shift(&mut foreign, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            foreign.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    shift(&mut foreign, &mut out);
    out
}

/// Writes what has gathered, in base64 with a comma for the slash and without padding.
fn shift(bytes: &mut Vec<u8>, out: &mut String) {
    if bytes.is_empty() {
        return;
    }
    out.push('&');
    let (mut bits, mut count) = (0u32, 0);
    for byte in bytes.drain(..) {
        bits = bits << 8 | u32::from(byte);
        count += 8;
        while count >= 6 {
            count -= 6;
            out.push(digit(bits >> count));
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        out.push(digit(bits << (6 - count)));
    }
    out.push('-');
}

fn digit(bits: u32) -> char {
    let value = (bits & 0x3f) as u8;
    char::from(match value {
        0..26 => b'A' + value,
        26..52 => b'a' + value - 26,
        52..62 => b'0' + value - 52,
        62 => b'+',
        _ => b',',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_one_component_as_other_programs_write_it() {
        for (mailbox, want) in [
            ("Archive/2026", ".Archive.2026"),
            ("Entwürfe", ".Entw&APw-rfe"),
            ("A&B", ".A&-B"),
            ("台北/日本語", ".&U,BTFw-.&ZeVnLIqe-"), // RFC 3501 §5.1.3
            ("😀", ".&2D3eAA-"),
        ] {
            assert_eq!(directory(mailbox).unwrap().unwrap(), want);
        }
        assert_eq!(directory("inbox"), Ok(None));
    }

    #[test]
    fn no_name_leads_out_of_the_maildir() {
        for bad in
            ["", "/", "/etc", "..", "../x", "a/../b", "a//b", "a/", ".", "a.b", "a\0", "a\n", "cur/../.."]
        {
            assert!(directory(bad).is_err(), "{bad:?}");
        }
        assert!(directory(&"x".repeat(300)).is_err());
    }
}
