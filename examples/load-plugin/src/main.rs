//! Loads a transport at run time, shows what there is then, and sends one message through it.
//!
//! ```console
//! $ (cd examples/third-party-plugin && cargo build --workspace --release)
//! $ cargo run -p load-plugin -- "$PWD"/examples/third-party-plugin/target/release/libpostrider_lmtp_plugin.so \
//!       lmtp settings.properties me@example.org you@example.org < letter.txt
//! outgoing lmtp (/home/me/postrider/examples/third-party-plugin/target/release/libpostrider_lmtp_plugin.so)
//! you@example.org: accepted: 250 2.0.0 saved
//! ```
//!
//! The path is absolute, and neither the file nor a folder on the way to it may be writable by others. `settings.properties`
//! has lines such as `mail.lmtp.port=24`.

// A program for the command line speaks on stdout and stderr.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use postrider::{Body, Envelope, Layer, LayerKind, RecipientOutcome, Registry, Session, Verdict};
use postrider_loader::{LoadExt, Policy};
use std::process::ExitCode;

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [plugin, name, settings, from, to @ ..] = arguments.as_slice() else {
        eprintln!("usage: load-plugin PLUGIN NAME SETTINGS FROM TO... < MESSAGE");
        return ExitCode::from(64);
    };
    match send(plugin, name, settings, from, to).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            if let Some(error) = error.downcast_ref::<postrider::Error>() {
                show(error.recipients());
            }
            ExitCode::FAILURE
        }
    }
}

// docs: load
/// Opens the library by its path and gives every transport there is then.
fn registry(plugin: &str) -> Result<Registry, Failure> {
    let mut registry = Registry::linked()?;
    // All of its transports or none; what can't be loaded is an error that names the file and the reason.
    registry.load(plugin, &Policy::new())?;
    Ok(registry)
}

/// Sends what comes in on stdin. The loaded transport is one like any other.
async fn send(plugin: &str, name: &str, settings: &str, from: &str, to: &[String]) -> Result<(), Failure> {
    let registry = registry(plugin)?;
    for (transport, origin) in registry.iter() {
        println!("{} {} ({origin})", transport.direction(), transport.name);
    }
    let text = std::fs::read_to_string(settings)?;
    let session = Session::builder()
        .registry(registry)
        .layer(Layer::parse(LayerKind::Account, settings, &text)?)
        .property("mail.transport.protocol", name)
        .build()?;
    let envelope = Envelope::parse(Some(from), to.iter().map(String::as_str))?;
    let mailer = session.mailer()?;
    let receipt = mailer.send(&envelope, Body::from_reader(tokio::io::stdin())).await?;
    show(&receipt.recipients);
    mailer.close().await;
    Ok(())
}
// docs: end

fn show(recipients: &[RecipientOutcome]) {
    for recipient in recipients {
        let what = match &recipient.verdict {
            Verdict::Accepted(reply) => format!("accepted: {reply}"),
            Verdict::Refused(reply) => format!("refused: {reply}"),
            Verdict::Deferred(reply) => format!("not now: {reply}"),
            other => format!("{other:?}"),
        };
        println!("{}: {what}", recipient.address);
    }
}
