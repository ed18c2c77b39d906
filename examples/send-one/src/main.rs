//! Sends one message, made by the builder, over SMTP.
//!
//! ```console
//! $ MAIL_PASSWORD=… cargo run -p send-one -- settings.toml you@example.org
//! accepted for you@example.org: 250 2.0.0 Ok: queued as 4XyZ
//! ```
//!
//! `settings.toml` has the keys of an account (`postrider demo --serve` writes one to try):
//!
//! ```toml
//! [mail]
//! from = "me@example.org"
//! smtp.host = "mail.example.org"
//! smtp.user = "me@example.org"
//! ```
//!
//! A file that does not end in `.toml` holds the same keys as `mail.smtp.host=mail.example.org` lines. The
//! password may stand in the file or in the environment; it is never an argument, where every user of the
//! machine could read it.

// A program for the command line speaks on stdout and stderr.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use postrider::message::Message;
use postrider::{AccountFile, Layer, LayerKind, Outcome, Session};
use std::path::Path;
use std::process::ExitCode;

type Failure = Box<dyn std::error::Error>;

// One connection needs no thread pool.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [settings, to] = arguments.as_slice() else {
        eprintln!("usage: send-one SETTINGS TO");
        return ExitCode::from(64);
    };
    match send(settings, to).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            explain(error.as_ref())
        }
    }
}

async fn send(settings: &str, to: &str) -> Result<(), Failure> {
    let session = session(Path::new(settings))?;
    // Every mistake in the settings shows here: no connection is made before a message is sent.
    let mailer = session.mailer()?;
    let from = mailer.from().ok_or("set mail.from, the address the message is from")?;

    let message = Message::builder()
        .from(from.as_str().parse()?)
        .to(to.parse().map_err(|e| format!("\"{}\" is no address: {e}", to.escape_debug()))?)
        .subject("Hello from Postrider")
        .body("This message was sent by examples/send-one.\n".to_owned())?;
    let receipt = mailer.send_message(&message).await?;

    // The server has taken responsibility for these. It says so for each recipient.
    for recipient in &receipt.recipients {
        println!("accepted for {}: {}", recipient.address, receipt.reply);
    }
    // Waits for the answer to QUIT. Without it the connection would just be cut.
    mailer.close().await;
    Ok(())
}

/// Settings from a file, beaten by the password of the environment if there is one.
fn session(path: &Path) -> Result<Session, Failure> {
    let mut builder = Session::builder();
    if path.extension().is_some_and(|e| e == "toml") {
        for layer in AccountFile::load(path)?.layers(None)? {
            builder = builder.layer(layer);
        }
    } else {
        let text = std::fs::read_to_string(path)?;
        builder = builder.layer(Layer::parse(LayerKind::Account, &path.display().to_string(), &text)?);
    }
    if let Ok(password) = std::env::var("MAIL_PASSWORD") {
        let mut environment = Layer::new(LayerKind::Environment, "environment");
        environment.set_at("mail.smtp.password", password, "MAIL_PASSWORD");
        builder = builder.layer(environment);
    }
    Ok(builder.build()?)
}

/// What a caller can do about it, as an exit status: a program that sends again by itself must know when it
/// may.
fn explain(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    let Some(error) = error.downcast_ref::<postrider::Error>() else { return ExitCode::from(64) };
    ExitCode::from(match error.outcome() {
        // Nothing was accepted, and a later try may work.
        Outcome::Deferred => 75,
        Outcome::NotSent if error.repeat() == postrider::Repeat::Safe => 75,
        // It may have been accepted: only a person can tell. A repeat could send it twice.
        Outcome::Unsure => 70,
        // Refused for good, or something has to change first.
        _ => 69,
    })
}
