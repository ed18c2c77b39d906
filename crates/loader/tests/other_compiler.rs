//! A plugin built by another compiler than the host.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod build;

use postrider_core::{Body, Envelope, ErrorKind, Layer, LayerKind, Properties, Registry};
use postrider_loader::{LoadExt, Policy};
use postrider_net::TokioHost;
use std::process::Command;
use std::sync::Arc;

#[tokio::test]
async fn a_plugin_of_the_nightly_compiler_works_where_there_is_one() {
    let there = Command::new("rustup").args(["run", "nightly", "rustc", "--version"]).output();
    let Some(version) = there.ok().filter(|output| output.status.success()) else {
        println!("no nightly toolchain on this machine: not tested");
        return;
    };
    println!("{}", String::from_utf8_lossy(&version.stdout));
    let folder = build::folder();
    let library = build::installed(&build::cargo("odd", Some("nightly")), &folder);
    let mut registry = Registry::empty();
    registry.load(&library, &Policy::new()).unwrap();
    let host = Arc::new(TokioHost::new());
    let envelope = Envelope::parse(None, ["a@x.example"]).unwrap();
    let mode = |mode| Properties::new([Layer::new(LayerKind::Host, "test").with("mail.odd-out.mode", mode)]);
    let mut transport = registry.outgoing("odd-out", &mode("plain"), Arc::clone(&host) as _).unwrap();
    let receipt = transport.send(&envelope, Body::from_bytes(vec![0; 9])).await.unwrap();
    assert_eq!(receipt.reply.text(), "9 bytes of Some(9)");
    let mut transport = registry.outgoing("odd-out", &mode("panic-send"), host).unwrap();
    assert_eq!(transport.send(&envelope, "x".into()).await.unwrap_err().kind(), ErrorKind::Plugin);
}
