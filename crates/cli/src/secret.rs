//! Passwords and tokens: from a file, a command or the terminal, never from an argument.

use crate::args::SettingsArgs;
use crate::exit::{Code, Failure};
use postrider::{Credential, Properties, Property, Secret, TransportFactory};
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The keys under which transports look for what proves who we are.
const PASSWORD: &str = "password";
const TOKEN: &str = "auth.token";
const REFRESH_TOKEN: &str = "oauth.refreshtoken";

/// More than any password or token has.
const MOST: u64 = 64 * 1024;
const COMMAND_LIMIT: Duration = Duration::from_secs(120);

/// A secret, the key it belongs under, and where it came from.
pub(crate) struct Found {
    pub(crate) key: String,
    pub(crate) secret: Secret,
    pub(crate) origin: &'static str,
}

/// Finds the secret for the transport called `name`: from the source that was given, else, where a user is
/// set and nothing else proves who that is, from the terminal.
pub(crate) fn find(
    args: &SettingsArgs,
    factory: &TransportFactory,
    name: &str,
    scope: &Properties,
) -> Result<Option<Found>, Failure> {
    let (kind, secret, origin) = if let Some(path) = &args.password_file {
        (PASSWORD, from_file(path)?, "--password-file")
    } else if let Some(command) = &args.password_command {
        (PASSWORD, from_command(command, "--password-command")?, "--password-command")
    } else if let Some(path) = &args.token_file {
        (TOKEN, from_file(path)?, "--token-file")
    } else if let Some(command) = &args.token_command {
        (TOKEN, from_command(command, "--token-command")?, "--token-command")
    } else {
        match prompt(factory, name, scope)? {
            Some(secret) => (PASSWORD, secret, "the terminal"),
            None => return Ok(None),
        }
    };
    if !factory.specs().any(|spec| spec.name == kind && spec.is_secret()) {
        return Err(Failure::new(
            Code::Config,
            format!("the transport \"{name}\" takes no {kind}, but {origin} gives one"),
        ));
    }
    // It is the secret, not the place where one is kept, whatever it begins with.
    let secret = Credential::text(&secret);
    Ok(Some(Found { key: format!("mail.{name}.{kind}"), secret, origin }))
}

/// Asks on the terminal, if a password is needed and nothing else serves.
fn prompt(factory: &TransportFactory, name: &str, scope: &Properties) -> Result<Option<Secret>, Failure> {
    // The declarations every transport that signs in shares; only the names matter for reading.
    const USER: Property<String> = Property::new("user", "").shared();
    const SECRETS: [Property<Credential>; 3] =
        [Property::new(PASSWORD, ""), Property::new(TOKEN, ""), Property::new(REFRESH_TOKEN, "")];
    const AUTH: Property<String> = Property::new("auth", "");
    const CERTIFICATE: Property<String> = Property::new("ssl.certfile", "").shared();
    const HOST: Property<String> = Property::new("host", "").shared();

    if !factory.specs().any(|spec| spec.name == PASSWORD && spec.is_secret()) {
        return Ok(None);
    }
    let Some(user) = scope.read(&USER)? else { return Ok(None) };
    for property in &SECRETS {
        if scope.read(property)?.is_some() {
            return Ok(None);
        }
    }
    let unwanted = scope.read(&AUTH)?.is_some_and(|v| v.eq_ignore_ascii_case("false"));
    if unwanted || scope.read(&CERTIFICATE)?.is_some() {
        return Ok(None);
    }
    let host = scope.read(&HOST)?.unwrap_or_else(|| name.to_owned());
    match rpassword::prompt_password(format!("Password of {user} at {host}: ")) {
        Ok(text) if !text.is_empty() => Ok(Some(Secret::new(text))),
        // There was a terminal, and somebody who thought better of it.
        Ok(_) => Err(Failure::new(Code::Config, "no password was given")),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Failure::new(Code::Config, "no password was given"))
        }
        Err(_) => Err(Failure::new(
            Code::Config,
            format!(
                "mail.{name}.user is {user}, but there is no password and no terminal to ask for one; \
                 add --password-file FILE or --password-command COMMAND"
            ),
        )),
    }
}

fn from_file(path: &Path) -> Result<Secret, Failure> {
    let shown = path.display();
    let file = std::fs::File::open(path).map_err(|e| Failure::unreadable(&shown, &e))?;
    let bytes = read(file).map_err(|e| Failure::unreadable(&shown, &e))?;
    secret(bytes, &shown.to_string())
}

/// Runs the command and takes what it prints. It gets no stdin, which may be the message; its stderr is ours.
fn from_command(command: &str, option: &str) -> Result<Secret, Failure> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| Failure::new(Code::NoInput, format!("{option} can't be run: {e}")))?;
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || sender.send(read(stdout)));
    }
    let Ok(printed) = receiver.recv_timeout(COMMAND_LIMIT) else {
        end(&mut child);
        let seconds = COMMAND_LIMIT.as_secs();
        return Err(Failure::new(Code::NoInput, format!("{option} did not end within {seconds} s")));
    };
    let printed = printed.map_err(|e| Failure::unreadable(format!("what {option} prints"), &e))?;
    // Its stdout is at its end; a command that goes on after that is given no time.
    let status = child.wait().map_err(|e| Failure::unreadable(option, &e))?;
    if !status.success() {
        return Err(Failure::new(Code::NoInput, format!("{option} failed: {status}")));
    }
    secret(printed, &format!("what {option} prints"))
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads to the end, or to an end: nobody's password is longer.
fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MOST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What was read without one line break at its end. Errors never quote it.
fn secret(bytes: Vec<u8>, source: &str) -> Result<Secret, Failure> {
    let fault = |why: &str| Failure::new(Code::Config, format!("{source} is no password or token: {why}"));
    if bytes.len() as u64 > MOST {
        return Err(fault("it is longer than 64 KiB"));
    }
    // The error holds the bytes, and is dropped unseen.
    let text = Secret::new(String::from_utf8(bytes).map_err(|_| fault("it is not UTF-8"))?);
    let plain = text.expose();
    let plain = plain.strip_suffix('\n').map_or(plain, |line| line.strip_suffix('\r').unwrap_or(line));
    if plain.is_empty() {
        return Err(fault("it is empty"));
    }
    if plain.contains(['\n', '\r', '\0']) {
        return Err(fault("it has more than one line"));
    }
    Ok(Secret::new(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_at_the_end_is_dropped_and_no_error_quotes_the_secret() {
        for text in ["hunter2", "hunter2\n", "hunter2\r\n"] {
            assert_eq!(secret(text.into(), "x").unwrap().expose(), "hunter2");
        }
        assert_eq!(secret(b" a b ".into(), "x").unwrap().expose(), " a b ");
        for bad in [&b""[..], b"\n", b"hunter2\n\n", b"hun\nter2", b"hunter2\xff"] {
            let failure = secret(bad.into(), "x").unwrap_err();
            assert!(!format!("{failure:?}").contains("hun"), "{failure:?}");
        }
    }

    #[test]
    fn a_command_is_heard_and_its_failure_named() {
        assert_eq!(from_command("printf 'a b'", "--password-command").unwrap().expose(), "a b");
        let failure = from_command("echo hunter2; exit 3", "--password-command").unwrap_err();
        assert!(
            failure.message.contains("exit status: 3") && !failure.message.contains("hunter2"),
            "{failure}"
        );
    }
}
