//! The settings that a command line comes to, for both doors.

use crate::Result;
use bench_common::Arguments;
use postrider::{Layer, LayerKind, Properties, PropertySpec, TransportFactory};

/// Lines of properties for this transport.
pub fn lines(given: &Arguments, name: &str) -> Result<String> {
    let server = given.text("server", "127.0.0.1:25");
    let (host, port) = server.rsplit_once(':').ok_or("--server HOST:PORT is expected")?;
    let mut lines = format!("mail.{name}.host={host}\nmail.{name}.port={port}\n");
    match given.given("ca") {
        None => lines += &format!("mail.{name}.tls=none\n"),
        Some(ca) => lines += &format!("mail.{name}.tls=implicit\nmail.{name}.ssl.cafile={ca}\n"),
    }
    if let Some(user) = given.given("user") {
        let password = given.text("password", "");
        lines += &format!("mail.{name}.user={user}\nmail.{name}.password={password}\n");
    }
    lines += &given.text("set", "").replace(';', "\n");
    Ok(lines)
}

/// The same, as the plugin's own type reads them.
pub fn scoped(lines: &str, name: &str, factory: &TransportFactory) -> Result<Properties> {
    let layer = Layer::parse(LayerKind::Account, "command line", lines)?;
    let specs: Vec<PropertySpec> = factory.specs().copied().collect();
    Ok(Properties::new([layer]).scoped(&[name], &specs))
}
