//! A process of its own for one library: what it does with it, and what it must say.
#![allow(unreachable_pub)]

use postrider_core::{
    Envelope, IncomingTransport, Layer, LayerKind, OutgoingTransport, Properties, Query, Registry,
};
use postrider_loader::{LoadExt, Policy};
use postrider_net::TokioHost;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// What the child does: loads, makes, calls twice, ends.
pub fn main() {
    let Ok(path) = std::env::var("ODD_PATH") else { return };
    let (name, mode) = (std::env::var("ODD_NAME").unwrap(), std::env::var("ODD_MODE").unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if mode.starts_with("block") {
        left_behind(path, name, mode);
    } else {
        runtime.block_on(tries(&path, &name, &mode));
    }
    println!("ALIVE");
}

/// What blocks can't be ended in this process, and a timeout is only looked at between two polls: a host that
/// must go on gives it a thread of its own and leaves that behind.
fn left_behind(path: String, name: String, mode: String) {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn({
        let path = path.clone();
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(tries(&path, &name, &mode));
            tell.send(())
        }
    });
    let heard = told.recv_timeout(Duration::from_millis(500));
    println!("BLOCKED {}", heard.is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Timeout));
    // The same library meanwhile, in another thread: one that blocks holds nothing that others need.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(tries(&path, "odd-out", "plain"));
}

async fn tries(path: &str, name: &str, mode: &str) {
    let mut registry = Registry::empty();
    if let Err(error) = registry.load(path, &Policy::new()) {
        println!("LOAD {error}\nREASON {:?}", error.reason());
        println!("AS {:?}", postrider_core::Error::from(error));
        return;
    }
    if mode == "twice" {
        println!("AGAIN {}", registry.load(path, &Policy::new()).unwrap_err());
    }
    let layer = Layer::new(LayerKind::Host, "test").with(format!("mail.{name}.mode"), mode);
    let (properties, host) = (Properties::new([layer]), Arc::new(TokioHost::new()));
    if name == "odd-in" {
        match registry.incoming(name, &properties, host) {
            Ok(transport) => receives(transport).await,
            Err(error) => println!("MAKE {error:?}"),
        }
    } else {
        match registry.outgoing(name, &properties, host) {
            Ok(mut transport) if mode.starts_with("block") => {
                let limit = Duration::from_millis(50);
                println!("CONNECT {:?}", tokio::time::timeout(limit, transport.connect()).await.is_err());
            }
            Ok(transport) => sends(transport).await,
            Err(error) => println!("MAKE {error:?}"),
        }
    }
}

async fn sends(mut transport: Box<dyn OutgoingTransport>) {
    let envelope = Envelope::parse(None, ["a@x.example"]).unwrap();
    for call in ["SEND", "THEN"] {
        let sent = transport.send(&envelope, "hello".into());
        match tokio::time::timeout(Duration::from_millis(100), sent).await {
            Ok(Ok(receipt)) => println!("{call} ok {}", receipt.reply.text()),
            Ok(Err(error)) => println!("{call} {error:?}"),
            Err(_) => println!("{call} timed out"),
        }
    }
    drop(transport);
}

async fn receives(mut transport: Box<dyn IncomingTransport>) {
    let id = transport.list(&Query::all()).await.unwrap().messages.remove(0).id;
    match transport.fetch(&id).await {
        Ok(body) => println!("BODY {:?}", body.read_all(1 << 30).await.map(|all| all.len())),
        Err(error) => println!("FETCH {error:?}"),
    }
    println!("THEN {:?}", transport.list(&Query::all()).await.map(|page| page.more));
    println!("CLOSE {:?}", transport.close().await.map_err(|error| error.message().to_owned()));
}

/// Runs a child: it must live to its end.
pub fn run(path: &str, name: &str, mode: &str) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "in_the_child", "--ignored", "--nocapture"]);
    command.env("ODD_PATH", path).env("ODD_NAME", name).env("ODD_MODE", mode).env("RUST_BACKTRACE", "0");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{path} {mode}: {}\n{text}\n{errors}", output.status);
    assert!(text.contains("ALIVE"), "{path} {mode}: {text}\n{errors}");
    text
}

/// The library is refused for this reason, in words too, and the file is named.
pub fn refused(path: &Path, reason: &str, words: &str) {
    let path = path.to_str().unwrap();
    let text = run(path, "wrong", "plain");
    assert!(text.contains(&format!("REASON {reason}")), "{path}: {text}");
    assert!(text.contains(&format!("the plugin {path} was not loaded")) && text.contains(words), "{text}");
    assert!(text.contains("AS Configuration(Never)") && text.contains(" -> "), "no advice: {text}");
}
