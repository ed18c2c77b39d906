//! `demo --serve`: the server stays up, for any mail client.

use super::narrator::Narrator;
use super::post_office::{ALICE, NOBODY, start};
use super::this_command;
use crate::compose::random_word;
use crate::exit::Failure;
use crate::interrupt::interrupted;
use postrider_server::{Server, Service};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Serves until it is interrupted. Its files are gone then.
pub(crate) async fn serve(say: &mut Narrator<'_>) -> Result<(), Failure> {
    // From here on: whoever reads that we are ready may stop us at once.
    let stop = interrupted();
    let password = random_word()?;
    let server =
        start(Server::builder().require_auth().require_tls().user(ALICE, &password).catch_all(ALICE)).await?;
    server.refuse(NOBODY, 550, "5.1.1 nobody of that name lives here");
    let directory = tempfile::Builder::new().prefix("postrider-demo-").tempdir();
    let directory = directory.map_err(|e| Failure::unwritable("a temporary directory", &e))?;
    let ca = directory.path().join("ca.pem");
    let accounts = directory.path().join("accounts.toml");
    private(&ca, server.ca_pem())?;
    private(&accounts, &account_file(&server, &password, &ca))?;

    print(say, &server, &password, &ca, &accounts)?;
    stop.await;
    server.shutdown().await;
    directory.close().map_err(|e| Failure::unwritable("the demo's temporary directory", &e))?;
    say.line("")?;
    say.line("Stopped; the mail and the files are gone.")
}

fn print(
    say: &mut Narrator<'_>,
    server: &Server,
    password: &str,
    ca: &Path,
    accounts: &Path,
) -> Result<(), Failure> {
    let (host, ca_shown, file) = (server.host(), ca.display(), accounts.display());
    say.line("Postrider demo: a mail server for this machine, with one throw-away account.")?;
    say.step("ready", "Settings for any mail client")?;
    let row = |what: &str, tls: Service, clear: Service, upgrade: &str| {
        vec![
            what.into(),
            host.into(),
            server.port(tls).to_string(),
            format!("{} ({upgrade})", server.port(clear)),
        ]
    };
    say.table(
        &["", "SERVER", "PORT WITH TLS", "OR"],
        vec![
            row("outgoing, SMTP", Service::Smtps, Service::Smtp, "STARTTLS"),
            row("incoming, IMAP", Service::Imaps, Service::Imap, "STARTTLS"),
            row("incoming, POP3", Service::Pop3s, Service::Pop3, "STLS"),
        ],
    )?;
    say.line("")?;
    say.table(
        &["user", ALICE],
        vec![
            vec!["password".into(), password.into()],
            vec!["trust".into(), format!("{ca_shown}  (certificate authority, PEM)")],
            vec!["accounts".into(), format!("{file}  (for postrider send, fetch, check)")],
        ],
    )?;
    let ports = |tls: Service, clear: Service| json!({ "host": host, "tls_port": server.port(tls), "starttls_port": server.port(clear) });
    say.data("smtp", ports(Service::Smtps, Service::Smtp));
    say.data("imap", ports(Service::Imaps, Service::Imap));
    say.data("pop3", ports(Service::Pop3s, Service::Pop3));
    say.data("user", ALICE);
    say.data("password", password);
    say.data("ca_file", ca);
    say.data("account_file", accounts);
    say.step("try", "To try, in another terminal")?;
    let us = this_command();
    say.say(format!("echo 'Hello!' | {us} send --account-file {file} --to {ALICE} --subject Hi"))?;
    say.say(format!("{us} fetch --account-file {file} --list"))?;
    say.say(format!("{us} fetch --account-file {file} --output mail/ --settle delete"))?;
    say.say(format!("{us} check --account-file {file}"))?;
    say.say(format!(
        "Whatever is sent here, to any address, lands in Alice's mailbox; {NOBODY} is refused."
    ))?;
    say.end()?;
    say.line("")?;
    say.line("Ready. Ctrl-C stops it.")
}

/// An account for every way in and out.
fn account_file(server: &Server, password: &str, ca: &Path) -> String {
    let mut text = format!(
        "# The throw-away account of `postrider demo --serve`.\n\
         [accounts.alice.mail]\n\
         from = \"{ALICE}\"\n\
         user = \"{ALICE}\"\n\
         host = \"{}\"\n\
         ssl.cafile = {}\n\
         send.allowreserved = true # example.test is no real domain\n\
         transport.protocol = \"smtp\"\n\
         store.protocol = \"imap\" # or pop3\n",
        server.host(),
        quoted(&ca.display().to_string()),
    );
    for (protocol, service) in [("smtp", Service::Smtps), ("imap", Service::Imaps), ("pop3", Service::Pop3s)]
    {
        let port = server.port(service);
        text.push_str(&format!("\n[accounts.alice.mail.{protocol}]\nport = {port}\ntls = \"implicit\"\npassword = \"{password}\"\n"));
    }
    text
}

/// TOML's basic string.
fn quoted(text: &str) -> String {
    // JSON's escapes are TOML's too.
    json!(text).to_string()
}

/// Writes a file that only its owner can read.
fn private(path: &Path, text: &str) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
    };
    write().map_err(|e| Failure::unwritable(path.display(), &e))
}
