//! Programs from packages, and how they are told to receive or send and keep nothing.

use crate::Result;
use crate::contender::{Contender, Program};
use crate::programs::{Programs, fresh, on_core};
use crate::servers::Place;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

pub fn command(
    programs: &Programs,
    program: Program,
    contender: &Contender,
    place: &Place,
    count: u64,
) -> Result<Command> {
    let (host, port) = place.address.rsplit_once(':').ok_or("no port")?;
    let (user, password) = place.user.clone().unwrap_or_default();
    match program {
        Program::CurlSmtp => curl_smtp(programs, contender, place, count),
        Program::CurlImap => {
            let url = format!("imap://{}/INBOX;UID=[1-{count}]", place.address);
            Ok(curl(contender, &url, &user, &password))
        }
        Program::CurlPop3 => {
            Ok(curl(contender, &format!("pop3://{}/[1-{count}]", place.address), &user, &password))
        }
        Program::SmtpSource => {
            let mut command = on_core("smtp-source", contender.pinned);
            command.args(["-m", &count.to_string(), "-l", &contender.size.to_string()]);
            command.args(["-f", "sender@example.test", "-t", "alice@example.test"]);
            command.args(contender.arguments.split_whitespace()).arg(&place.address);
            Ok(command)
        }
        Program::Mpop => {
            let dir = fresh(&programs.dir, "mpop")?;
            let mut command = on_core("mpop", contender.pinned);
            command.arg("--file=/dev/null").arg(format!("--host={host}")).arg(format!("--port={port}"));
            command.arg(format!("--user={user}")).arg(format!("--passwordeval=echo {password}"));
            command.args([
                "--tls=off",
                "--auth=user",
                "--keep=on",
                "--only-new=off",
                "--delivery=mbox,/dev/null",
            ]);
            command
                .args(["--pipelining=on", "--quiet"])
                .arg(format!("--uidls-file={}", dir.join("uidls").display()));
            command.env("HOME", &dir);
            Ok(command)
        }
        Program::Fetchmail => {
            let dir = fresh(&programs.dir, "fetchmail")?;
            let rc = dir.join("rc");
            let text = format!(
                "poll {host} service {port} protocol pop3 no uidl user \"{user}\" password \"{password}\" \
                 keep fetchall fetchlimit {count} sslproto \"\" bsmtp \"/dev/null\"\n"
            );
            fs::write(&rc, text)?;
            fs::set_permissions(&rc, fs::Permissions::from_mode(0o600))?;
            // 13: there was more than the limit, as there should be.
            let mut command = on_core("sh", contender.pinned);
            command.args(["-c", "fetchmail \"$@\"; code=$?; [ $code = 0 ] || [ $code = 13 ]", "sh"]);
            command
                .arg("-f")
                .arg(rc)
                .args(["--silent", "--nosyslog"])
                .env("FETCHMAILHOME", &dir)
                .env("HOME", &dir);
            Ok(command)
        }
        Program::Mbsync => {
            let dir = fresh(&programs.dir, "mbsync")?;
            // In memory, where there is such a place: what is measured is not a disk.
            let memory = std::path::Path::new("/dev/shm");
            let mail = fresh(if memory.is_dir() { memory } else { &dir }, "postrider-bench-mbsync")?;
            let text = format!(
                "IMAPAccount a\nHost {host}\nPort {port}\nUser {user}\nPass {password}\nSSLType None\nAuthMechs LOGIN\n\n\
                 IMAPStore far\nAccount a\n\nMaildirStore near\nPath {0}/\nInbox {0}/inbox\n\n\
                 Channel c\nFar :far:INBOX\nNear :near:INBOX\nSync Pull\nCreate Near\nSyncState {0}/state\n",
                mail.display()
            );
            let rc = dir.join("rc");
            fs::write(&rc, text)?;
            let mut command = on_core("mbsync", contender.pinned);
            command.arg("-q").arg("-c").arg(rc).arg("c").env("HOME", &dir);
            Ok(command)
        }
        _ => Err("not a program from a package".into()),
    }
}

fn curl(contender: &Contender, url: &str, user: &str, password: &str) -> Command {
    let mut command = on_core("curl", contender.pinned);
    command.args(["--silent", "--show-error", "--fail", "--output", "/dev/null", "--user"]);
    command.arg(format!("{user}:{password}")).arg(url);
    command
}

/// One process and one connection for all messages.
fn curl_smtp(programs: &Programs, contender: &Contender, place: &Place, count: u64) -> Result<Command> {
    let message = programs.message_file(contender.size)?;
    let scheme = if place.ca.is_some() { "smtps" } else { "smtp" };
    let mut one = format!(
        "url = \"{scheme}://{}\"\nmail-from = \"sender@example.test\"\nmail-rcpt = \"alice@example.test\"\n\
         upload-file = \"{}\"\nsilent\n",
        place.address,
        message.display()
    );
    if let Some(ca) = &place.ca {
        let _ = writeln!(one, "cacert = \"{}\"", ca.display());
    }
    let rc = programs.dir.join("curl.rc");
    fs::write(&rc, vec![one; count as usize].join("next\n"))?;
    let mut command = on_core("curl", contender.pinned);
    command.arg("--config").arg(rc);
    Ok(command)
}
